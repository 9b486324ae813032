"""Rules about the remotes of a clone."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from git_ekf.names import without_credentials
from git_ekf.policy.finding import Finding
from git_ekf.repository import Repository
from git_ekf.shown import shell


def remote_missing(repo: Repository) -> Iterator[Finding]:
    """The primary and the internal repository are both remotes."""
    for name, option in ((repo.config.primary, "primary"), (repo.config.internal, "internal")):
        if name not in repo.remotes:
            yield Finding(f"there is no remote {name}", f"git ekf init --{option} URL")


def remote_same(repo: Repository) -> Iterator[Finding]:
    """The two remotes point to different repositories, however their URLs are spelt."""
    primary = repo.remotes.get(repo.config.primary)
    internal = repo.remotes.get(repo.config.internal)
    if primary is None or internal is None:
        return
    theirs = {repo.normalise(url) for url in (*primary.urls, *primary.push_urls)}
    for url in (*internal.urls, *internal.push_urls):
        if repo.normalise(url) in theirs:
            yield Finding(
                f"{primary.name} and {internal.name} are the same repository"
                f" ({without_credentials(url)})",
                f"git remote set-url {shell(internal.name)} URL",
            )
            return


def remote_extra(repo: Repository) -> Iterator[Finding]:
    """There is no remote beyond the two and those in `remotes.allow`."""
    known = (repo.config.primary, repo.config.internal, *repo.config.remotes_allow)
    for name in repo.remotes:
        if not any(fnmatchcase(name, pattern) for pattern in known):
            allow = repo.how_to_allow("remotes.allow", name)
            yield Finding(
                f"remote {name} is neither the primary nor the internal repository",
                f"git remote remove {shell(name)}, or allow it: {allow}",
            )
