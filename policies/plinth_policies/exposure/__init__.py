"""What can be reached from outside, and by whom."""

from __future__ import annotations

from plinth_policies.exposure import aws, kubernetes

__all__ = ["aws", "kubernetes"]
