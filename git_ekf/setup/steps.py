"""A set-up as a list of steps, planned before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from git_ekf.errors import EkfError
from git_ekf.repository import Repository


class SetupStep(NamedTuple):
    """One change: `done` says it in the past tense, `act` makes it, where there is one to make.

    `asks` when the user has to agree to it, because it moves what the user made.
    """

    done: str
    act: Callable[[], object] | None = None
    asks: bool = False


def run(steps: list[SetupStep]) -> list[str]:
    """Makes the changes in order and says what was done.

    Raises EkfError, with how to go on, when one fails.
    """
    for number, step in enumerate(steps):
        try:
            if step.act:
                step.act()
        except EkfError as error:
            if number and not error.hint:
                error.hint = "what was done before it stays; run git ekf init again to go on"
            raise
    return [step.done for step in steps]


def fetch_step(repo: Repository, remote: str) -> SetupStep:
    """The step that fetches what a remote has, as it is configured by then."""
    return SetupStep(f"fetched what {remote} has", partial(repo.git.show_fetch, remote))
