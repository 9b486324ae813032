"""git ekf completion: the script that completes `git ekf` in a shell."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from pkgutil import get_data
from typing import Annotated

import typer

from git_ekf.errors import CallFailed


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


# fish loads the first of its two for a line that begins with git-ekf, and the other one when it starts.
_SCRIPTS = {
    Shell.BASH: ("git-ekf.bash",),
    Shell.ZSH: ("_git-ekf",),
    Shell.FISH: ("git-ekf.fish", "git-ekf.conf.fish"),
}


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print the script that completes git ekf in a shell."""
    print("\n".join(map(_script, _SCRIPTS[shell])), end="")


def _script(name: str) -> str:
    # In an installed package, or a file that holds it, the folder lies inside it; in a checkout beside it.
    with suppress(OSError):
        return (get_data("git_ekf", f"completions/{name}") or b"").decode()
    with suppress(OSError):
        return (Path(__file__).resolve().parents[2] / "completions" / name).read_text(
            encoding="utf-8"
        )
    raise CallFailed(
        "the completion scripts are missing from this installation", "reinstall git-ekf"
    )
