"""Components that are the same on every cloud: the platform, its services, its capabilities."""
