"""The lines of configuration commits that deployments are on, and the vendor's commits below."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from git_ekf.repository import Repository


class Lines:
    """Of some commits, each with its own below it along first parents. Two questions for all."""

    def __init__(self, repo: Repository, commits: Iterable[str]) -> None:
        """What is no commit, or is not here, is left out."""
        self._repo = repo
        asked = sorted(set(commits))
        infos = zip(asked, repo.git.object_infos(asked), strict=True)
        self.here = {oid for oid, info in infos if info and info.type == "commit"}
        self._bases: dict[str, str] = {}

    @cached_property
    def _parents(self) -> dict[str, list[str]]:
        return self._repo.own_parents(self.here)

    def base(self, commit: str) -> str:
        """The first commit below (or itself) that is the vendor's, "" where there is none here."""
        if commit not in self.here:
            return ""
        passed = []
        at = commit
        while at not in self._bases and at in self._parents:
            passed.append(at)
            at = next(iter(self._parents[at]), "")
        # Many deployments are on one line: each commit of it is walked once.
        base = self._bases.get(at, at)
        self._bases.update(dict.fromkeys([*passed, commit], base))
        return base

    def own(self, commit: str) -> list[str]:
        """The configuration commits up to one, newest first."""
        found = []
        while commit in self._parents:
            found.append(commit)
            commit = next(iter(self._parents[commit]), "")
        return found
