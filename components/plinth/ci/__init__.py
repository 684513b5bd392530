"""Pipelines of a platform: the files that describe them, and what runs inside them.

Workflows are written from ``templates/ci`` and hold nothing but calls of ``plinth``: which
environments a change touches, what is said in the pull request and which plan was approved are
decided here, so that they are the same on every platform and can be tried on any machine.
"""
