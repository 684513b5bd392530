"""What the rules found, as people and other programs want it.

:mod:`~plinth_policies.reporting.audit` gathers it as data; the other modules write that down.
"""
