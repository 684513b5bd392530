"""Serves the rules of plinth-baseline to the Pulumi engine."""

from plinth_policies.pack import start
from plinth_policies.packs import PACKS

start(PACKS["plinth-baseline"])
