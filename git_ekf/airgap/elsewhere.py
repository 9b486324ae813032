"""A mirror at a URL: a copy of it is kept here, brought up to date, and pushed there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from git_ekf.airgap.changes import RefChange, plan_backups, require_refs, wanted_refs
from git_ekf.deploy.refusal import complaints
from git_ekf.errors import CallFailed, GitFailed
from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.questions.remotes import PushOutcome
from git_ekf.git.refs import MIRROR
from git_ekf.names import normalise_url, without_credentials
from git_ekf.shown import shell
from git_ekf.vendor import MirrorState, unreadable

_EVERYTHING = (
    "+refs/heads/*:refs/heads/*",
    "+refs/tags/*:refs/tags/*",
    "+refs/ekf/*:refs/ekf/*",
)


def is_url(text: str) -> bool:
    """Whether it names a repository elsewhere, as git tells them apart (git-clone(1), GIT URLS)."""
    return "://" in text or (":" in text.partition("/")[0] and not os.path.exists(text))


def copy_of(url: str, kind: str) -> str:
    """Where a copy of what is at a URL is kept, so that only what is new has to travel.

    `kind` tells apart two copies of one URL. Raises OSError where there is no place for any.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "git-ekf", "mirrors")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    digest = hashlib.sha256(os.fsencode(f"{kind} {normalise_url(url)}")).hexdigest()
    return os.path.join(folder, f"{digest[:16]}.git")


def refresh(git: Git, url: str) -> None:
    """Makes the copy what the mirror is, in every ref. Raises CallFailed."""
    try:
        git.fetch_copy(url, *_EVERYTHING)
    except GitFailed as error:
        raise unreadable("mirror", url, error) from None


def push(
    git: Git, quarantine: Quarantine, url: str, changes: Iterable[RefChange], state: MirrorState
) -> dict[str, str]:
    """Moves the refs of the mirror at a URL in one push, and reads them back.

    The objects come from the quarantine. Returns the backups made (ref -> object id).
    Raises CallFailed.
    """
    moving = [change for change in changes if change.moves]
    backups = plan_backups(git, moving)
    wanted = {**backups, **wanted_refs(quarantine.git(git), moving, state)}
    quarantine.migrate()
    # The lease on the state keeps two that push from different machines apart.
    expected = {MIRROR: git.ref_value(MIRROR)}
    expected |= {change.ref: change.old for change in moving if change.loses}
    refspecs = [f"{oid}:{ref}" for ref, oid in wanted.items()]
    pushed = git.push(url, refspecs, expected=expected, verify=False)
    if pushed.code:
        raise _not_pushed(url, pushed)
    refresh(git, url)
    require_refs(git, wanted, "the push succeeded, but {} is {} there, not {}", "try again")
    return backups


def _not_pushed(url: str, pushed: PushOutcome) -> CallFailed:
    shown = without_credentials(url)
    if "does not support --atomic" in pushed.messages:
        return CallFailed(
            f"{shown} takes no atomic push; nothing was changed",
            "a directory on that machine: git ekf mirror PRIMARY DIR",
        )
    reasons = []
    for ref, reason in pushed.rejected.items():
        if "atomic" not in reason:  # that one is for the refs that were rejected with another
            reasons.append(f"{ref}: {reason}")
    said = "; ".join(complaints(pushed.messages))
    reasons.append(f"it says: {said}" if said else "it does not say why")
    return CallFailed(
        f"{shown} did not take it: {reasons[0]}; nothing was changed",
        f"git ls-remote {shell(shown)}",
    )
