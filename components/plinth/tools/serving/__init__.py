"""Tools that serve models."""
