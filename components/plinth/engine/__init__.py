"""The real Pulumi engine: finding or installing its CLI, driving it, and repairing after a crash.

``locate`` and ``install`` provide the CLI, ``workspace`` is the only user of the Automation API,
``host`` is the stand-in language host for machines that have the bare CLI alone.
"""
