"""git ekf completion: the script that completes `git ekf` in a shell."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from git_ekf.declared import Argument
from git_ekf.installation import shipped


class Shell(StrEnum):
    """A shell that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


# fish loads the first of its two for a line that begins with git-ekf, the other when it starts.
_SCRIPTS = {
    Shell.BASH: ("git-ekf.bash",),
    Shell.ZSH: ("_git-ekf",),
    Shell.FISH: ("git-ekf.fish", "git-ekf.conf.fish"),
}


def completion(
    shell: Annotated[Shell, Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print the script that completes git ekf in a shell."""
    folder = shipped("completions", "the completion scripts are")
    scripts = [folder.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS[shell]]
    print("\n".join(scripts), end="")
