"""Work that no commit has, so that no save can bring it anywhere."""

from __future__ import annotations

from git_ekf.repository import Repository
from git_ekf.terminal.text import counted


def left_behind(repo: Repository) -> list[str]:
    """Sentences on uncommitted and stashed work in this clone; none where all is committed."""
    found = []
    entries = repo.git.asking_status(untracked=True, renames=True).result()
    untracked = sum(entry.code == "??" for entry in entries)
    parts = [(len(entries) - untracked, "changed file"), (untracked, "untracked file")]
    files = [counted(number, noun) for number, noun in parts if number]
    if files:
        found.append(f"{' and '.join(files)} left out: not committed (git status)")
    if repo.git.ref_value("refs/stash"):
        stashes = len(repo.git.reflog("refs/stash")) or 1
        noun = "stash" if stashes == 1 else "stashes"
        found.append(f"{stashes} {noun} left out: only in this clone (git stash list)")
    return found
