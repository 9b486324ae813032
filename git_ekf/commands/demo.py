"""git ekf demo: the whole flow in a sandbox."""

from __future__ import annotations

import os
import tempfile
from typing import Annotated

import typer

from git_ekf.demo import play
from git_ekf.errors import Refused
from git_ekf.output import say


def demo(
    directory: Annotated[str, typer.Argument(metavar="[DIR]", help="Where to keep the sandbox; by default it is thrown away.")] = "",
) -> None:
    """Walk the whole flow in a sandbox, printing each command."""
    if not directory:
        with tempfile.TemporaryDirectory(prefix="git-ekf-demo-") as sandbox:
            play(sandbox)
        say("\nThat was a sandbox and is gone; git ekf demo DIR keeps it.")
        return
    if os.path.lexists(directory) and (not os.path.isdir(directory) or os.listdir(directory)):
        raise Refused(f"{directory} exists already and is not empty", "git ekf demo OTHER")
    os.makedirs(directory, exist_ok=True)
    play(os.path.abspath(directory))
    say(f"\nThe sandbox is in {directory}: cd {os.path.join(directory, 'cluster')}")
