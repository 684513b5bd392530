"""Labels of things whose labels the provider does not add its own to.

The provider's default labels reach the property ``labels``; what is called otherwise has to say
them all (``user_labels`` of databases and of monitoring's things).
"""

from __future__ import annotations

from plinth.clouds.gcp.site import Component
from plinth.naming import gcp_label


def all_labels(component: Component) -> dict[str, str]:
    """The platform's labels and the component's own."""
    tags = component.site.blueprint.tags
    return {gcp_label(key): gcp_label(value) for key, value in tags.items()} | component.labels()
