"""The provider ``plinth-local``: processes, Python environments, ports and folders as resources.

Everything of one environment is below one folder (:class:`plinth.local.home.Home`), and every
process carries that folder in its environment, so that a process is known for the environment's own
by more than its number, which the system gives to others in time.
"""
