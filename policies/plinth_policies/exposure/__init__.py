"""What can be reached from outside, and by whom."""

from __future__ import annotations

from plinth_policies.exposure import aws, azure, gcp, kubernetes

__all__ = ["aws", "azure", "gcp", "kubernetes"]
