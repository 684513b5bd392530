"""Backups, versions, standby copies, and protection from deletion."""

from __future__ import annotations

from plinth_policies.backup import aws, azure, gcp, kubernetes

__all__ = ["aws", "azure", "gcp", "kubernetes"]
