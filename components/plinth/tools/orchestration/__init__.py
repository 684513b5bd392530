"""Tools that run pipelines."""
