"""What `internal` has: asked there, and what a clone remembers of it corrected by the answer.

A fetch alone never notices what was deleted there, and a push that a server has undone behind its
own answer leaves a wrong memory behind.
"""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.git.name_clash import name_clash
from git_ekf.git.refs import BACKUP, HEADS, RECORDS, SAVED, TAGS, RefUpdate, names_above
from git_ekf.repository import Repository
from git_ekf.shown import shell

# What is asked for.
PATTERNS = (f"{HEADS}*", RECORDS.rstrip("/"), f"{RECORDS}*", "refs/ekf/*")


class Vanished(NamedTuple):
    """Branches and deploy records that `internal` had, and has no longer."""

    branches: list[str]
    records: list[str]


def remember(repo: Repository, listed: dict[str, str]) -> Vanished:
    """Corrects what is remembered of `internal` by what it has: ref -> object id, for PATTERNS.

    A commit that is not here yet is left to a fetch. Returns what has vanished there.
    """
    wanted = {}
    for ref, oid in listed.items():
        if ref.endswith("^{}"):  # the object under a tag
            continue
        if ref.startswith(HEADS):
            wanted[repo.internal_prefix + ref.removeprefix(HEADS)] = oid
        elif ref.startswith(RECORDS):
            wanted[SAVED + ref.removeprefix(TAGS)] = oid
    known = repo.git.ref_values(repo.internal_prefix, SAVED)
    gone = [ref for ref in known if ref not in wanted]
    moved = {ref: oid for ref, oid in wanted.items() if known.get(ref) != oid}
    infos = repo.git.object_infos(moved.values()) if moved else []
    # First, and by themselves: what came in their place may be below one of them.
    repo.git.update_refs(RefUpdate(ref, known[ref], "0" * len(known[ref])) for ref in gone)
    updates = []
    for (ref, oid), info in zip(moved.items(), infos, strict=True):
        if info:
            updates.append(RefUpdate(ref, known.get(ref, "0" * len(oid)), oid))
    repo.git.update_refs(updates, "git-ekf: as internal has it")
    return Vanished(_below(repo.internal_prefix, gone), _below(SAVED, gone))


def _below(prefix: str, refs: list[str]) -> list[str]:
    return [ref.removeprefix(prefix) for ref in refs if ref.startswith(prefix)]


def require_free_names(repo: Repository, refs: list[str], listed: dict[str, str]) -> None:
    """Raises Refused where a ref that `internal` has is in the way of one that it is to get."""
    above = {ref: set(names_above(ref)) for ref in refs if ref not in listed}
    for other in listed:
        if other.endswith("^{}"):
            continue
        for ref in above.keys() & set(names_above(other)) or [
            ref for ref, names in above.items() if other in names
        ]:
            error = name_clash(ref, [other])
            error.message = f"on {repo.config.internal} {error.message}; nothing was saved"
            error.hint = _moved_there(repo.config.internal, other)
            raise error


def _moved_there(internal: str, ref: str) -> str:
    """The command that gives a ref of `internal` another name, and loses nothing of it."""
    new = f"refs/old/{ref.removeprefix('refs/').replace('/', '-')}"
    if ref.startswith(HEADS):
        new = f"{BACKUP}{ref.removeprefix(HEADS).replace('/', '-')}/moved"
    push = f"git push --no-follow-tags {shell(internal)}"
    fetched = f"git fetch {shell(internal, ref)}"
    return f"{fetched} && {push} {shell(f'FETCH_HEAD:{new}')} && {push} {shell(f':{ref}')}"


def lacks_objects(repo: Repository, listed: dict[str, str]) -> bool:
    """Whether `internal` has a branch whose commit is not here."""
    tips = [oid for ref, oid in listed.items() if ref.startswith(HEADS)]
    return not all(repo.git.object_infos(tips)) if tips else False
