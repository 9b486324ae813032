"""The remotes of a clone: which is the vendor, which is internal, and how each is to be fetched."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple

from git_ekf.errors import Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS, MIRROR, RECORDS, SAVED, UPSTREAM
from git_ekf.names import without_credentials
from git_ekf.repository import Repository

# Records come as tags; what `internal` has is tracked beside them, by git itself, at every fetch and push.
# The tracking one stands first, because a push updates what the first refspec that fits names.
RECORDS_REFSPECS = (
    f"+{RECORDS}*:{SAVED}deploy/*",
    f"{RECORDS}*:{RECORDS}*",
    f"+{UPSTREAM}*:{UPSTREAM}*",
)


# What a mirror says of itself. A pattern, because a fetch has to go well too where there is no such ref.
MIRROR_REFSPEC = "+refs/ekf/mirror/*:refs/ekf/mirror/*"


class SetupStep(NamedTuple):
    """One change: `what` says it in the past tense, `act` makes it; `asks` when the user has to agree to it."""

    what: str
    act: Callable[[], object]
    asks: bool = False


class Roles(NamedTuple):
    """Which remote is which, by the names they have now ("": there is none yet), and URLs to give them ("": keep)."""

    primary: str
    primary_url: str
    internal: str
    internal_url: str


def plan_roles(repo: Repository, primary_url: str, internal_url: str) -> Roles:
    """Tells which of the remotes is the vendor's and which the cluster's own. Raises Refused, UsageError."""
    remotes, config = repo.remotes, repo.config
    if primary_url and internal_url and repo.same_repository(primary_url, internal_url):
        raise UsageError(
            "the primary and the internal repository are the same",
            "give the cluster a repository of its own: git init --bare",
        )
    primary = _by_url(repo, primary_url)
    internal = _by_url(repo, internal_url)
    taken = {primary, internal}
    if not primary and not primary_url:
        primary = _guess_primary(repo, taken)
    taken.add(primary)
    if not internal and not internal_url:
        internal = config.internal if config.internal in remotes else ""
        if not internal and config.primary in remotes and primary != config.primary:
            internal = (
                config.primary
            )  # the habit of forks: origin is one's own, upstream the vendor's
    elif not internal and config.internal in remotes and config.internal not in taken:
        internal = config.internal
    if not primary and not primary_url:
        raise Refused(
            "no remote is the vendor's repository", "git ekf init --primary URL --internal URL"
        )
    if not internal and not internal_url:
        raise Refused(
            f"there is no remote {config.internal} for the cluster's own repository",
            "git ekf init --internal URL",
        )
    if primary and primary == internal:
        raise Refused(
            f"the remote {primary} cannot be both the primary and the internal repository",
            "git ekf init --primary URL --internal URL",
        )
    if not primary and config.primary in remotes and config.primary != internal:
        primary = config.primary
    return Roles(primary, primary_url, internal, internal_url)


def _by_url(repo: Repository, url: str) -> str:
    return next((name for name in repo.remotes if url and _is_at(repo, name, url)), "")


def _is_at(repo: Repository, remote: str, url: str) -> bool:
    """Whether a remote has that URL, as it is configured or as git rewrites it (url.BASE.insteadOf)."""
    return any(
        repo.same_repository(url, own)
        for own in (*repo.remotes[remote].urls, *repo.git_settings(f"remote.{remote}.url"))
    )


def _guess_primary(repo: Repository, taken: set[str]) -> str:
    """`upstream` beside an `origin`, else the remote of the configured name, else the only one that is left."""
    remotes = [name for name in repo.remotes if name not in taken and name != repo.config.internal]
    if "upstream" in remotes and repo.config.internal not in repo.remotes:
        return "upstream"
    if repo.config.primary in remotes:
        return repo.config.primary
    return remotes[0] if len(remotes) == 1 else ""


def plan_remotes(repo: Repository, roles: Roles) -> list[SetupStep]:
    """Renames, additions and new URLs, so that both remotes have their configured names."""
    git, config = repo.git, repo.config
    steps = []
    # The internal one first: in a clone of a fork it has to make room for the name "origin".
    for now, name, url in (
        (roles.internal, config.internal, roles.internal_url),
        (roles.primary, config.primary, roles.primary_url),
    ):
        shown = without_credentials(url)
        if now and now != name:
            if name in repo.remotes and name not in (roles.primary, roles.internal):
                raise Refused(
                    f"a remote {name} exists already and is another repository",
                    f"git remote rename {name} OTHER",
                )
            steps.append(
                SetupStep(
                    f"remote {now} renamed to {name}",
                    partial(git.run, "remote", "rename", "--no-progress", "--", now, name),
                    True,
                )
            )
        if not now:
            steps.append(
                SetupStep(
                    f"remote {name} added: {shown}",
                    partial(git.run, "remote", "add", "--", name, url),
                )
            )
        elif url and not _is_at(repo, now, url):
            steps.append(
                SetupStep(
                    f"remote {name} now points to {shown}",
                    partial(git.run, "remote", "set-url", "--", name, url),
                    True,
                )
            )
    refspecs = repo.git_settings(f"remote.{roles.internal}.fetch") if roles.internal else []
    missing = [refspec for refspec in RECORDS_REFSPECS if refspec not in refspecs]
    if missing:
        steps.append(
            SetupStep(
                f"fetching from {config.internal} brings all deploy records",
                partial(_add_refspecs, git, config.internal, missing),
            )
        )
    return steps


def brings_channels(repo: Repository, remote: str) -> bool:
    """Whether a fetch of the remote brings every release channel, as it does not in a clone of a single branch."""
    sources = (
        refspec.removeprefix("+").partition(":")[0]
        for refspec in repo.git_settings(f"remote.{remote}.fetch")
    )
    return any(
        "*" in source and fnmatchcase(HEADS + repo.config.scheme.branch("99.99"), source)
        for source in sources
    )


def channels_refspec(primary: str) -> str:
    return f"+{HEADS}*:refs/remotes/{primary}/*"


def plan_channels(repo: Repository, now: str) -> list[SetupStep]:
    """Where the primary repository, called `now`, was cloned for a single branch, a fetch brings the other channels too."""
    if not now or brings_channels(repo, now):
        return []
    primary = repo.config.primary
    return [
        SetupStep(
            f"fetching from {primary} brings every channel",
            partial(_add_refspecs, repo.git, primary, [channels_refspec(primary)]),
        ),
        SetupStep(
            f"fetched what {primary} has",
            partial(repo.git.show, "fetch", *progress(), "--", primary),
        ),
    ]


def plan_mirror(repo: Repository, url: str, there: Mapping[str, str]) -> list[SetupStep]:
    """Where the primary repository is a mirror, by the refs that are `there`, a fetch brings what it says of itself."""
    known = repo.git_settings(f"remote.{repo.config.primary}.fetch")
    if MIRROR not in there or MIRROR_REFSPEC in known:
        return []
    add = partial(_add_refspecs, repo.git, repo.config.primary, [MIRROR_REFSPEC])
    return [
        SetupStep(
            f"{without_credentials(url)} is a mirror; fetching from {repo.config.primary} brings its age",
            add,
        )
    ]


def _add_refspecs(git: Git, remote: str, refspecs: list[str]) -> None:
    for refspec in refspecs:
        git.run("config", "--add", f"remote.{remote}.fetch", refspec)


def progress() -> list[str]:
    """How `git fetch` is to report: as it does to a person, or not at all."""
    return ["--progress"] if sys.stderr.isatty() else ["--quiet"]
