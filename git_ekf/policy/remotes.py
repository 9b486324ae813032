"""Rules about the remotes of a clone."""

from __future__ import annotations

from collections.abc import Iterator

from git_ekf.errors import Refused
from git_ekf.git.refs import HEADS, UPSTREAM
from git_ekf.names import without_credentials
from git_ekf.policy.branches import is_allowed
from git_ekf.policy.finding import Finding
from git_ekf.records import saved_records
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.swapped import primary_has_configuration, require_internal, swapped_remotes


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


def remote_swapped(repo: Repository) -> Iterator[Finding]:
    """The internal repository is the cluster's own, and the primary one is not."""
    internal = repo.internal_prefix
    if saved_records(repo) or list(remote_same(repo)):
        return
    known = {
        HEADS + ref.removeprefix(internal): oid
        for ref, oid in repo.refs.items()
        if ref.startswith(internal)
    }
    # Of these nothing tells whether it still has them, so they count where nothing else does.
    if not primary_has_configuration(repo):
        known |= {ref: oid for ref, oid in repo.refs.items() if ref.startswith(UPSTREAM)}
    try:
        require_internal(repo, known, swapped_remotes(repo))
    except Refused as error:
        yield Finding(error.message, error.hint)


def remote_extra(repo: Repository) -> Iterator[Finding]:
    """There is no remote beyond the two and those in `remotes.allow`."""
    known = (repo.config.primary, repo.config.internal, *repo.config.remotes_allow)
    for name in repo.remotes:
        if not is_allowed(name, known):
            allow = repo.how_to_allow("remotes.allow", name)
            yield Finding(
                f"remote {name} is neither the primary nor the internal repository",
                f"git remote remove {shell(name)}, or allow it: {allow}",
            )
