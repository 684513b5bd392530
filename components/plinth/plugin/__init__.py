"""What Plinth's own Pulumi providers share: the protocol's calls, its values, its server."""
