"""The vendor, as this repository knows it: releases, a mirror's statement, the last fetch."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from git_ekf.deleted_channels import asks_for_all, note_deleted
from git_ekf.errors import CallFailed, GitFailed, NoSpace, Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.complaints import clash_in
from git_ekf.git.refs import BACKUP, MIRROR, UPSTREAM
from git_ekf.names import AHEAD, Scheme, normalise_url, without_credentials
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.smallfile import STATE, read_small
from git_ekf.terminal.text import MOST_WORDS, shortened


def choose_release(scheme: Scheme, release: str, branches: list[str]) -> str:
    """The release branch that `release` ("1.8", "release-1.8") means.

    Raises UsageError naming those that exist.
    """
    branch = scheme.parse(release)
    if branch not in branches:
        known = ", ".join(sorted(set(branches), key=scheme.key)) or "none"
        raise UsageError(
            f"there is no release {release}; the vendor has {known}",
            "give one of these with --release",
        )
    return branch


# Branches, deploy records with what may be in their way, what a mirror says of itself, and what a
# save keeps: a mirror has none of that.
_ASKED = (
    *("refs/heads/*", "refs/tags/deploy", "refs/tags/deploy/*"),
    *(MIRROR, f"{UPSTREAM}*", f"{BACKUP}*"),
    "refs/tags/*/upstream/*",  # where internal.namespace is below the tags
)


def ask_remote(git: Git, role: str, url: str, *patterns: str) -> dict[str, str]:
    """The refs at a URL; by default those that tell whose repository it is.

    Raises CallFailed with the reason.
    """
    try:
        return git.ls_remote(url, *(patterns or _ASKED))
    except NoSpace:
        raise
    except CallFailed as error:
        raise unreadable(role, url, error) from None


def unreadable(role: str, url: str, error: CallFailed) -> CallFailed:
    """The error for a repository that cannot be read, with the reason in a sentence."""
    shown = without_credentials(url)
    return CallFailed(
        f"cannot read the {role} repository {shown}: {reason_of(error)}",
        f"try it with: git ls-remote {shell(shown)}",
    )


def reason_of(error: CallFailed) -> str:
    """Why a repository cannot be read, in git's words, or in so many of a server's."""
    if not isinstance(error, GitFailed):
        return error.message
    # The first complaint says what is wrong; "Could not read from remote repository" only
    # follows it.
    return shortened(error.first.removeprefix("fatal: ") or error.message, MOST_WORDS)


# Seconds after which a mirror is stale, or a clone that has fetched nothing.
STALE = 28 * 24 * 60 * 60
# The latest time that is taken for one (seconds since 1970): in the year 2242, the last that the
# eleven octal digits of a file's time in ustar hold.
LATEST = 8**11 - 1


class MirrorState(NamedTuple):
    """A mirror's statement of itself.

    `primary` is the vendor's URL, without credentials; `updated` the time when that was last
    fetched (seconds since 1970).
    """

    primary: str
    updated: float

    def text(self) -> str:
        """The content of the blob that keeps it."""
        # To the microsecond, so that two updates are never taken for one: a push goes by it.
        updated = datetime.fromtimestamp(self.updated, UTC).isoformat(timespec="microseconds")
        return f"primary {self.primary}\nupdated {updated}\n"

    def age(self) -> float:
        """Seconds since it was updated; 0 where the clocks of two machines differ."""
        return max(0.0, time.time() - self.updated)

    def is_ahead(self, now: float) -> bool:
        """Whether the clock that it was updated by is ahead of `now`, or this one behind.

        Then it says nothing of what is older.
        """
        return self.updated > now + AHEAD

    def is_of(self, url: str) -> bool:
        """Whether it is a mirror of the repository at a URL, in whatever spelling."""
        return normalise_url(self.primary, os.path.realpath) == normalise_url(url, os.path.realpath)


def parse_mirror_state(text: str) -> MirrorState | None:
    """None where the text is of something else. Lines of a later version are passed over."""
    fields = dict(line.partition(" ")[::2] for line in text.split("\n"))
    with suppress(KeyError, ValueError, OverflowError):
        updated = datetime.fromisoformat(fields["updated"])
        if updated.tzinfo is None:
            updated = updated.replace(tzinfo=UTC)
        seconds = updated.timestamp()
        if 0 <= seconds <= LATEST:
            return MirrorState(fields["primary"], seconds)
    return None


def read_mirror_state(git: Git) -> MirrorState | None:
    """A mirror's statement of itself, in a clone as last fetched; None where there is none."""
    content = git.find_blob(MIRROR)
    return None if content is None else parse_mirror_state(os.fsdecode(content))


def mirror_state_for(repo: Repository) -> MirrorState | None:
    """The statement of a mirror about itself, or of the mirror that is a clone's primary."""
    state = read_mirror_state(repo.git) if MIRROR in repo.refs else None
    if state is None:
        return None
    primary = repo.remotes.get(repo.config.primary)
    # A clone whose primary repository is the vendor's again may have kept an old one.
    is_vendor = primary is not None and any(map(state.is_of, primary.urls))
    return None if is_vendor else state


def fetch(repo: Repository) -> None:
    """Fetches from the primary repository, and notes which channels it has no longer.

    Raises Refused without one, CallFailed.
    """
    primary = repo.config.primary
    if primary not in repo.remotes:
        raise Refused(f"there is no remote {primary}", "git ekf init --primary URL")
    try:
        repo.git.fetch(primary)
    except GitFailed as error:
        clash = clash_in(error.stderr)
        if clash:
            raise clash from None
        reason = error.first.removeprefix("fatal: ") or "it said nothing"
        raise CallFailed(
            f"{primary} cannot be fetched from: {reason}; nothing was changed",
            "--no-fetch goes by what is known here",
        ) from None
    prefix = repo.primary_prefix
    if asks_for_all(repo.git_settings(f"remote.{primary}.fetch"), prefix):
        known = repo.git.ref_values(prefix)
        channels = {ref.removeprefix(prefix): oid for ref, oid in known.items()}
        note_deleted(repo.place.git_dir, repo.place.common_dir, channels)


def last_fetch(repo: Repository) -> float | None:
    """When the primary repository was last fetched (seconds since 1970); None when it never was.

    Every fetch writes FETCH_HEAD, with the URL; so of the last one it is known. The reflogs of its
    branches are written when one of them moves, by a clone too.
    """
    times = []
    primary = repo.remotes.get(repo.config.primary)
    path = os.path.join(repo.place.git_dir, "FETCH_HEAD")
    with suppress(OSError):
        text = os.fsdecode(read_small(path, STATE) or b"")
        for url in primary.urls if primary else ():
            if f" of {url.removesuffix('/').removesuffix('.git')}" in text:
                times.append(os.stat(path).st_mtime)
    with suppress(OSError):
        reflogs = os.scandir(os.path.join(repo.place.common_dir, "logs", repo.primary_prefix))
        times += [entry.stat().st_mtime for entry in reflogs if entry.is_file()]
    return max(times, default=None)
