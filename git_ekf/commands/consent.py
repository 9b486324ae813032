"""The question that a command asks before it does what cannot simply be taken back."""

from __future__ import annotations

import sys

import typer

from git_ekf.errors import Refused


def require_consent(question: str, *, unasked: str, hint: str) -> None:
    """Asks the person at the terminal. Raises Refused without a yes.

    `unasked` is the error where nobody is there to ask, `hint` the command that needs no question.
    """
    if not sys.stdin.isatty():
        raise Refused(unasked, hint)
    if not typer.confirm(question):
        raise Refused("nothing was changed")
