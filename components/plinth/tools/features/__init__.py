"""Tools that store and serve features."""
