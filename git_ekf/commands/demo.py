"""git ekf demo: the whole flow in a sandbox."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Annotated

from git_ekf.declared import Argument, Option
from git_ekf.demo.tour import play
from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.git.workable import is_free, require_workable
from git_ekf.shown import folder
from git_ekf.terminal.text import say


def demo(
    directory: Annotated[
        str,
        Argument(metavar="[DIR]", help="Where to keep the sandbox; by default it is thrown away."),
    ] = "",
    yes: Annotated[
        bool, Option("--yes", "-y", help="Do not wait for Enter before each command.")
    ] = False,
) -> None:
    """Walk the whole flow in a sandbox, printing each command."""
    pause = not yes and sys.stdin.isatty() and sys.stdout.isatty()
    if pause:
        say(
            "A tour of git-ekf with real repositories, in a sandbox."
            " Enter runs the command that is shown, ^C ends the tour."
        )
    if not directory:
        with tempfile.TemporaryDirectory(prefix="git-ekf-demo-") as sandbox:
            play(sandbox, pause=pause)
        say(
            "",
            "That was a sandbox and is gone; git ekf demo DIR keeps it."
            " The same flow in words: git ekf man workflow",
        )
        return
    require_workable(directory)
    whole = os.path.abspath(directory)
    if not whole.isprintable():
        raise Refused(
            f"the name of {whole} cannot be printed, as the tour does", "git ekf demo DIR"
        )
    _require_outside(os.path.dirname(whole))
    if not is_free(directory):
        raise Refused(f"{directory} exists already and is not empty", "git ekf demo OTHER")
    os.makedirs(directory, exist_ok=True)
    play(whole, pause=pause)
    say("", f"The sandbox is in {directory}: cd {folder(os.path.join(directory, 'cluster'))}")


def _require_outside(parent: str) -> None:
    """Raises Refused where the sandbox would be taken for a part of the repository around it.

    GIT_CEILING_DIRECTORIES keeps them apart, but it cannot hold every path.
    """
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    if os.pathsep in os.path.realpath(parent) and Git(parent).is_inside_repository():
        raise Refused(
            f"{parent} is inside of another repository", "git ekf demo, or name a directory outside"
        )
