"""Where a bundle is made from, and what the vendor has as far as is known there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from git_ekf import config as configuration
from git_ekf.airgap.changes import KEPT, WITHDRAWN, RefChange
from git_ekf.airgap.elsewhere import copy_of
from git_ekf.airgap.ref_names import can_carry
from git_ekf.errors import GitFailed, NoSpace, Refused
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS, TAGS
from git_ekf.names import Scheme, without_credentials
from git_ekf.repository import Repository
from git_ekf.vendor import choose_release, last_fetch, read_mirror_state


class Source(NamedTuple):
    """A repository with the vendor's channels.

    `refs` is ref -> object id; `complete`: what is not there, the vendor does not have. `updated`
    is when the vendor was last fetched (seconds since the epoch), None where that is not known.
    """

    git: Git
    complete: bool
    primary: str
    object_format: str
    updated: float | None
    scheme: Scheme
    refs: dict[str, str]


@contextmanager
def opened_source(git: Git, source: str, releases: Sequence[str], folder: str) -> Iterator[Source]:
    """A directory, the repository here (""), or what a URL has, of which a copy is kept.

    Its refs are all, or those of some releases: their channels, and the tags on them. Where no copy
    can be kept there is one below `folder` for as long as it takes. Raises Refused where there is
    no repository, or one without the vendor's channels; UsageError where the vendor has no such
    release.
    """
    if not source or os.path.isdir(source):
        yield _source(git, source or None, releases)
        return
    with _fetched(git, source, releases, folder) as (path, changes):
        refs = {one.ref: one.new for one in changes if one.kind not in (KEPT, WITHDRAWN)}
        refs = {ref: oid for ref, oid in refs.items() if can_carry(ref)}
        # It was fetched just now, whatever the clock is told to be.
        yield _source(git, path, ())._replace(complete=not releases, updated=None, refs=refs)


@contextmanager
def _fetched(
    git: Git, url: str, releases: Sequence[str], folder: str
) -> Iterator[tuple[str, list[RefChange]]]:
    """The copy of what a URL has, and what of it is wanted."""
    # What few need is imported when it is: git does the rest in less time.
    import tempfile

    from git_ekf.airgap.mirror import MirrorOrder, mirror

    scheme = configuration.load(None, git.config_pairs()).scheme
    path = ""
    try:
        path = copy_of(url, "vendor")
        order = MirrorOrder(url, path, releases, [], follows=True)
        changes = mirror(git, scheme, order).changes
    except (OSError, Refused, GitFailed, NoSpace) as error:
        # Another command is at work there, the disk is full, or somebody has damaged it.
        if isinstance(error, GitFailed | NoSpace):
            shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            yield path, changes
        except GitFailed:
            shutil.rmtree(path, ignore_errors=True)  # the next time without what may be damaged
            raise
        return
    with tempfile.TemporaryDirectory(prefix=".git-ekf-", dir=folder) as scratch:
        path = os.path.join(scratch, "mirror.git")
        yield path, mirror(git, scheme, MirrorOrder(url, path, releases, [])).changes


def _source(git: Git, directory: str | None, releases: Sequence[str]) -> Source:
    # Every commit is taken for what it is, whatever `git replace` says.
    repo = Repository(git.variant(directory, {"GIT_NO_REPLACE_OBJECTS": "1"}))
    if repo.place.shallow:
        raise Refused(
            "this repository is shallow: it does not have the whole history",
            "git fetch --unshallow origin" if repo.place.bare else repo.how_to_unshallow(),
        )
    git, place = repo.git, repo.place
    if place.bare:
        scheme, prefix = configuration.load(None, repo.git_config).scheme, HEADS
        state = read_mirror_state(git)
        primary = state.primary if state else repo.git_setting("remote.origin.url") or place.git_dir
        updated = state.updated if state else None
    else:
        scheme, prefix = repo.config.scheme, repo.primary_prefix
        remote = repo.remotes.get(repo.config.primary)
        if remote is None or not remote.urls:
            raise Refused(
                f"there is no remote {repo.config.primary} here",
                "git ekf init --primary URL, or name a mirror with --from",
            )
        primary, updated = remote.urls[0], last_fetch(repo)
    channels = {}
    for ref, oid in git.ref_values(prefix).items():
        name = ref.removeprefix(prefix)
        if scheme.is_release(name) and can_carry(HEADS + name):
            channels[HEADS + name] = oid
    if not channels:
        raise Refused(
            f"this repository has no channel of the vendor ({scheme.pattern})",
            "git fetch origin, or name a mirror with --from",
        )
    is_complete = place.bare and not releases
    if releases:
        known = [ref.removeprefix(HEADS) for ref in channels]
        asked = {HEADS + choose_release(scheme, release, known) for release in releases}
        channels = {ref: oid for ref, oid in channels.items() if ref in asked}
    # In a clone nothing tells a tag of the vendor's from one of the user's, but that it is on the
    # vendor's commits, and no deploy record.
    tags = git.ref_values(TAGS, merged=() if is_complete else channels.values())
    refs = {**channels, **{ref: oid for ref, oid in tags.items() if can_carry(ref)}}
    primary = without_credentials(primary)
    return Source(git, is_complete, primary, place.object_format, updated, scheme, refs)
