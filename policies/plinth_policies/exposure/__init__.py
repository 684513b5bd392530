"""What can be reached from outside, and by whom."""

from __future__ import annotations

from plinth_policies.exposure import aws, aws_grants, azure, azure_networks, gcp, kubernetes

__all__ = ["aws", "aws_grants", "azure", "azure_networks", "gcp", "kubernetes"]
