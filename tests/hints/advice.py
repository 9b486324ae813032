"""Hints that are no command, each with the reason."""

ADVICE: dict[str, str] = {}
