"""What a command asks the person at the terminal, above all before what cannot be taken back."""

from __future__ import annotations

import sys
from typing import Any

from git_ekf.declared import Abort
from git_ekf.errors import Refused


def require_consent(question: str, *, unasked: str, hint: str) -> None:
    """Asks the person at the terminal. Raises Refused without a yes.

    `unasked` is the error where nobody is there to ask, `hint` the command that needs no question.
    """
    if not sys.stdin.isatty():
        raise Refused(unasked, hint)
    if not confirmed(question):
        raise Refused("nothing was changed")


def confirmed(question: str) -> bool:
    """Whether the person at the terminal says yes. Raises Abort."""
    return bool(_asked("confirm", question))


def asked_for(question: str) -> str:
    """The answer of the person at the terminal; "" where nobody is there."""
    if not sys.stdin.isatty():
        return ""
    return str(_asked("prompt", question, default="", show_default=False)).strip()


def _asked(how: str, question: str, **settings: Any) -> Any:
    import typer  # 30 ms, for a question alone

    try:
        return getattr(typer, how)(question, **settings)
    except typer.Abort:
        raise Abort from None
