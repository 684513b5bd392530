"""Encryption in transit."""

from __future__ import annotations

from plinth_policies.transit import aws, kubernetes

__all__ = ["aws", "kubernetes"]
