"""Hints that no scenario follows yet. The list only gets shorter."""

UNCOVERED: list[str] = []
