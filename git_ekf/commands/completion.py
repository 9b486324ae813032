"""git ekf completion: the script that completes `git ekf` in a shell."""

from __future__ import annotations

from typing import Annotated, Literal

from git_ekf.declared import Argument
from git_ekf.installation import shipped

# fish loads the first of its two for a line that begins with git-ekf, the other when it starts.
_SCRIPTS = {
    "bash": ("git-ekf.bash",),
    "zsh": ("_git-ekf",),
    "fish": ("git-ekf.fish", "git-ekf.conf.fish"),
}


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"], Argument(metavar="SHELL", help="bash, zsh or fish.")
    ],
) -> None:
    """Print the script that completes git ekf in a shell."""
    folder = shipped("completions", "the completion scripts are")
    scripts = [folder.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS[shell]]
    print("\n".join(scripts), end="")
