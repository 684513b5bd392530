"""Plinth: one declarative spec becomes a complete, cloud-agnostic MLOps platform."""
