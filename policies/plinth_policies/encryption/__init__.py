"""Encryption at rest, with keys that the customer manages."""

from __future__ import annotations

from plinth_policies.encryption import aws, azure, gcp, kubernetes

__all__ = ["aws", "azure", "gcp", "kubernetes"]
