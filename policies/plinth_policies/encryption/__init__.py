"""Encryption at rest, with keys that the customer manages."""

from __future__ import annotations

from plinth_policies.encryption import (
    aws,
    aws_stores,
    azure,
    gcp,
    gcp_stores,
    kubernetes,
)

__all__ = ["aws", "aws_stores", "azure", "gcp", "gcp_stores", "kubernetes"]
