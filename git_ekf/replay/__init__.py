"""Commits onto a new base, in memory: what becomes of each, and the commits that come of it. See `forecast` for how."""
