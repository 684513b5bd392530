"""Serves Plinth's baseline rules to the Pulumi engine."""

from plinth_policies.pack import start

start()
