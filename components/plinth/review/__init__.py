"""Reviews: what a change of the spec would do to an environment, and whether it may."""
