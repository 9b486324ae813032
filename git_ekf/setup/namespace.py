"""Where an internal repository keeps the vendor's commits, told by what it has."""

from __future__ import annotations

from collections.abc import Mapping

from git_ekf.git.refs import HEADS, TAGS, UPSTREAM, RefNamespace
from git_ekf.repository import Repository

_UPSTREAM = "/upstream/"


def inferred_namespace(repo: Repository, there: Mapping[str, str]) -> str:
    """The namespace below which `internal`, by its refs `there`, keeps commits of the vendor.

    "" where the configuration has chosen one, and where none can be told for sure: what is called
    so has to be the vendor's in fact.
    """
    if repo.config.namespace != RefNamespace().root or any(
        ref.startswith(UPSTREAM) for ref in there
    ):
        return ""
    found: dict[str, set[str]] = {}
    for ref, oid in there.items():
        namespace, _, branch = ref.rpartition(_UPSTREAM)
        is_below = namespace.startswith((HEADS, TAGS))
        if is_below and repo.config.scheme.is_release(branch):
            found.setdefault(f"{namespace}/", set()).add(oid)
    sure = [namespace for namespace, oids in found.items() if _are_the_vendors(repo, oids)]
    return sure[0] if len(sure) == 1 else ""


def _are_the_vendors(repo: Repository, oids: set[str]) -> bool:
    if not all(info and info.type == "commit" for info in repo.git.object_infos(oids)):
        return False
    return not repo.git.commits(oids, globs=[f"{repo.primary_prefix}*"], at_most=1)
