"""The resolutions that were agreed to in this clone, by the object ids of their directories.

They are in `ekf/approved` in the common git directory, a line each. The id stands for the question
and every byte of the answer: another answer is another id.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from git_ekf.repository import Repository
from git_ekf.smallfile import STATE, read_small, write_small
from git_ekf.transaction.journal import locked, unreadable


def approved(repo: Repository) -> set[str]:
    """The ids that were agreed to. Raises Refused where the file cannot be read."""
    try:
        content = read_small(_file(repo), STATE)
    except OSError as error:
        raise unreadable(error) from None
    return set(os.fsdecode(content or b"").split("\n")) - {""}


def approve(repo: Repository, trees: Iterable[str]) -> None:
    """Remembers ids beside those agreed to before.

    Raises Refused while another git-ekf command is at work.
    """
    with locked(repo):
        lines = sorted({*approved(repo), *trees})
        write_small(_file(repo), "".join(f"{line}\n" for line in lines).encode())


def _file(repo: Repository) -> str:
    return os.path.join(repo.place.common_dir, "ekf", "approved")
