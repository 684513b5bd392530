"""Serves the rules of plinth-production to the Pulumi engine."""

from plinth_policies.pack import start
from plinth_policies.packs import PACKS

start(PACKS["plinth-production"])
