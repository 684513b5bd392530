"""The rehearsal: simulated clouds behind the real Pulumi engine.

One provider program stands in for the providers of AWS and Kubernetes (and any other package in
:mod:`plinth.rehearsal.packages`).  It knows every type from the installed SDK, refuses what the
real provider's check would refuse, makes up realistic outputs and keeps its cloud in a local
database.  Start it with :func:`plinth.rehearsal.launch.attached`; look into its cloud with
:class:`plinth.rehearsal.cloud.Cloud`; plan outages with :mod:`plinth.rehearsal.faults`.
"""
