"""Encryption in transit."""

from __future__ import annotations

from plinth_policies.transit import aws, azure, gcp, kubernetes, postgres

__all__ = ["aws", "azure", "gcp", "kubernetes", "postgres"]
