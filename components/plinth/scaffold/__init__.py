"""The start of a project: what is asked, what is written from the answers, and the examples.

The command line asks; ``pulumi new`` takes the same files from ``templates/pulumi``.
"""
