"""Encryption at rest, with keys that the customer manages."""

from __future__ import annotations

from plinth_policies.encryption import aws, kubernetes

__all__ = ["aws", "kubernetes"]
