"""Tools that track experiments and register models."""
