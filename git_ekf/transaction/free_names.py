"""Whether refs can have the names that they are to be given."""

from __future__ import annotations

from collections.abc import Iterable

from git_ekf.git.name_clash import name_clash
from git_ekf.git.refs import HEADS, RECORDS, TAGS
from git_ekf.repository import Repository
from git_ekf.shown import shell


def require_free_names(repo: Repository, refs: Iterable[str]) -> None:
    """Raises Refused where other refs are in the way of one that is to be made."""
    require_free(repo, repo.git.refs_around(refs))


def require_free(repo: Repository, around: dict[str, list[str]]) -> None:
    """The same, where it is known which refs are around each (`refs_around`)."""
    for ref, others in around.items():
        taken = repo.git.ref_values(HEADS, TAGS)
        error = name_clash(ref, others, taken)
        if ref.startswith(RECORDS) and any(_is_the_vendors(repo, other) for other in others):
            # Else the next fetch brings it again.
            setting = shell(f"remote.{repo.config.primary}.tagOpt")
            error.hint += f" && git config {setting} --no-tags"
        raise error


def _is_the_vendors(repo: Repository, tag: str) -> bool:
    """Whether a tag is on a commit of the vendor's."""
    commit = repo.git.commit(tag)
    return commit is not None and not repo.git.commits(
        [commit], globs=repo.vendor_globs(), at_most=1
    )
