"""Tools that keep models, datasets and logs."""
