"""Rows of a plan or an outcome, each behind a word that says what it is about; and long lists."""

from __future__ import annotations

from collections.abc import Sequence

from git_ekf.terminal.text import say

# Lines of one kind.
MOST = 20


def print_row(word: str, *lines: str) -> None:
    """Prints a line behind a word of at most nine letters, and further lines below it."""
    for line in lines:
        say(f"  {word:<9} {line}")
        word = ""


def print_rows(word: str, lines: Sequence[str]) -> None:
    """Prints the first of some lines, each behind the word, and how many there are beside them."""
    for line in lines[:MOST]:
        print_row(word, line)
    if len(lines) > MOST:
        print_row("", f"and {len(lines) - MOST:,} more")
