"""Whether what happens is recorded, and kept."""

from __future__ import annotations

from plinth_policies.audit import aws, azure, gcp, retention

__all__ = ["aws", "azure", "gcp", "retention"]
