"""Where the commits of a cluster would go, and whether it can be planned with others."""

from __future__ import annotations

from functools import cached_property

from git_ekf.errors import Refused
from git_ekf.fleet.opened import Opened
from git_ekf.fleet.store import VENDOR, refs_of
from git_ekf.fleet.stored import StoredRepository
from git_ekf.git.calls import Git
from git_ekf.git.questions.about import Paths
from git_ekf.git.refs import HEADS
from git_ekf.trust import SHIPPED
from git_ekf.upgrade.ready import require_linear
from git_ekf.upgrade.target import Target, releases_through, upgrade_of


class StoredClone(StoredRepository):
    """A cluster as a clone has it that was just made, with the branch that it runs checked out."""

    def __init__(self, opened: Opened, name: str, branch: str) -> None:
        """Raises UsageError for what is wrong in its configuration, Refused without the branch."""
        super().__init__(opened.history, opened.theirs[name], *opened.config(name))
        self._path = opened.path
        self.name = name
        self.place = Paths(opened.path, opened.path, "", True, False, "sha1")
        if branch not in self.heads:
            raise Refused(f"it runs {branch}, and has no such branch any more")
        self.head_branch = branch
        self.head = self.heads[branch]

    @cached_property
    def refs(self) -> dict[str, str]:
        """Ref -> object id; of its branches only the one that is checked out is here."""
        everything = super().refs
        here = f"{HEADS}{self.head_branch}"
        return {
            ref: oid for ref, oid in everything.items() if ref == here or not ref.startswith(HEADS)
        }

    def ask_git(self) -> None:
        """Has git answer from now on, in the store: for what is planned alone."""
        self.git = Git(self._path, {"GIT_DIR": self._path})
        self.git_config = self.git.config_pairs()

    def vendor_globs(self) -> list[str]:
        """Globs of refs of the store that together hold every commit known to be the vendor's."""
        kept = self.namespace.upstream.removeprefix("refs/")
        return [f"{VENDOR}heads/*", f"{refs_of(self.name)}{kept}*"]


def target_of(clone: StoredClone, release: str | None) -> Target | None:
    """The upgrade to a release, or to the next one; None for a cluster that needs none.

    Raises Refused where there is none for another reason, UsageError.
    """
    branch = clone.head_branch or ""
    key = clone.config.scheme.key
    goal = clone.config.scheme.parse(release) if release is not None else None
    if goal and key(branch) >= key(goal):
        return None
    if release is None and not any(key(name) > key(branch) for name in clone.channels):
        return None
    target = upgrade_of(clone, branch, release, flatten=False)
    require_linear(clone, target)
    return target


def why_alone(clone: StoredClone, target: Target, shipping: frozenset[str]) -> str:
    """Why a cluster cannot be planned with others; "" where it can.

    `shipping` are the vendor's commits that ship a migration.
    """
    if target.prepared or target.replaced:
        return f"{target.goal} is there already"
    _, *releases = releases_through(clone, target)
    if clone.config.migrations or not shipping.isdisjoint(releases):
        return "it is migrated"
    return "it has upgrade.prefer" if clone.config.preferred else ""


def shipping_channels(git: Git, opened: Opened) -> frozenset[str]:
    """The tips of the vendor's channels that ship a migration."""
    commits = [opened.history.branches[name] for name in opened.channels()]
    found = git.object_infos(f"{commit}:{SHIPPED}" for commit in commits)
    return frozenset(commit for commit, info in zip(commits, found, strict=True) if info)
