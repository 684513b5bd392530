"""Who may do what, and whether they are identities or hold static keys."""

from __future__ import annotations

from plinth_policies.privilege import aws, aws_identities, azure, gcp, kubernetes

__all__ = ["aws", "aws_identities", "azure", "gcp", "kubernetes"]
