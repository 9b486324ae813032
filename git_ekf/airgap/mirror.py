"""Brings a mirror up to date with the vendor's repository: one on this machine, or by a push one elsewhere, of which a copy is kept here.

Nothing of the mirror changes before everything is fetched and judged; then all of its refs move together.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from git_ekf.airgap.changes import (
    KEPT,
    RefChange,
    accepting,
    compare,
    in_order,
    move,
    plan_backups,
    point_head,
    refs_of,
    require_accepted,
    write_state,
)
from git_ekf.errors import CallFailed, GitFailed, Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.questions.remotes import PushOutcome
from git_ekf.git.refs import HEADS, MIRROR, RECORDS, TAGS
from git_ekf.names import Scheme, normalise_url, without_credentials
from git_ekf.repository import Repository
from git_ekf.transaction.journal import locked
from git_ekf.vendor import MirrorState, ask_remote, choose_release, read_mirror_state, unreadable

# More loose refs than this make a clone of the mirror slow.
_MANY_REFS = 100


class MirrorOrder(NamedTuple):
    """What is asked for. `target` is a directory or a URL, `releases` are those to mirror (none: all of the vendor's).

    `accepted` are branches and tags that the vendor may have rewritten or withdrawn, or the URL that the vendor had before.
    """

    primary: str
    target: str
    releases: Sequence[str]
    accepted: Sequence[str]

    @property
    def command(self) -> str:
        options = [word for release in self.releases for word in ("--release", release)]
        return shlex.join(
            [
                "git",
                "ekf",
                "mirror",
                *map(without_credentials, (self.primary, self.target)),
                *options,
            ]
        )


class Mirrored(NamedTuple):
    """What has become of the channels, lowest version first, and the tags.

    `head` is the branch that a plain clone checks out, "" where there is none; `newest` the newest channel; `left_out` how many tags of
    the vendor's have names of deploy records.
    """

    changes: list[RefChange]
    backups: dict[str, str]
    head: str
    newest: str
    left_out: int


def is_url(text: str) -> bool:
    """Whether it names a repository elsewhere, as git tells them apart (git-clone(1), GIT URLS)."""
    return "://" in text or (":" in text.partition("/")[0] and not os.path.exists(text))


def mirror(git: Git, scheme: Scheme, order: MirrorOrder) -> Mirrored:
    """Raises UsageError, Refused (and nothing has changed), CallFailed."""
    if normalise_url(order.primary, os.path.realpath) == normalise_url(
        order.target, os.path.realpath
    ):
        raise UsageError(
            "PRIMARY and the mirror are the same repository", "git ekf mirror PRIMARY DIR"
        )
    offered = ask_remote(git, "primary", order.primary, "refs/heads/*", "refs/tags/*")
    heard = time.time()
    channels = sorted(
        (
            name
            for ref in offered
            if ref.startswith(HEADS) and scheme.is_release(name := ref[len(HEADS) :])
        ),
        key=scheme.key,
    )
    if not channels:
        hint = f"other names: git -c ekf.branches.release='v{{version}}-branch' {order.command.removeprefix('git ')}"
        raise Refused(f"the primary repository has no release branch ({scheme.pattern})", hint)
    object_format = "sha256" if len(offered[HEADS + channels[0]]) == 64 else "sha1"
    elsewhere = is_url(order.target)
    place = _copy_of(order.target, object_format) if elsewhere else order.target
    with opened(git, place, object_format, channels[-1]) as own:
        if elsewhere:
            _refresh(own, order.target)
        have = refs_of(own)
        _require_ours(own, order, have)
        asked = [_channel(scheme, release, channels, have) for release in order.releases]
        wanted = _fetch(
            own,
            order.primary,
            offered,
            [name for name in channels if not asked or name in asked],
            have,
            bool(asked),
        )
        bearing, kept = _bearing(scheme, have, offered, wanted, asked)
        changes = compare(own, wanted, bearing)
        require_accepted(changes, order.accepted, order.command)
        state = MirrorState(without_credentials(order.primary), heard)
        backups = (
            _push(own, order.target, changes, state) if elsewhere else move(own, changes, state)
        )
        newest = point_head(own, scheme)
        tidy(own, changes)
        changes += [RefChange(KEPT, ref, have[ref], have[ref]) for ref in kept]
        left_out = sum(ref.startswith(RECORDS) and not ref.endswith("^{}") for ref in offered)
        return Mirrored(
            in_order(changes, scheme),
            backups,
            own.remote_head(order.target) if elsewhere else newest,
            newest,
            left_out,
        )


def _channel(scheme: Scheme, release: str, channels: list[str], have: dict[str, str]) -> str:
    """The release branch that is asked for; one that the vendor has no longer is a matter of what the mirror has."""
    branch = scheme.parse(release)
    return (
        branch if branch and HEADS + branch in have else choose_release(scheme, release, channels)
    )


def _bearing(
    scheme: Scheme,
    have: dict[str, str],
    offered: dict[str, str],
    wanted: dict[str, str],
    asked: list[str],
) -> tuple[dict[str, str], list[str]]:
    """The refs of the mirror that are to be held against what is wanted, and the channels that were not asked for."""
    bearing, kept = {}, []
    for ref, oid in have.items():
        name = ref.removeprefix(HEADS)
        is_channel = scheme.is_release(name)
        if is_channel and asked and name not in asked:
            kept.append(ref)
        elif (
            ref in wanted
            or is_channel
            or ref.startswith(RECORDS)
            or (ref.startswith(TAGS) and ref not in offered)
        ):
            bearing[ref] = oid
    return bearing, kept


# --- the mirror, or the copy of one ---


@contextmanager
def opened(git: Git, path: str, object_format: str, branch: str) -> Iterator[Git]:
    """The bare repository, made where there is none, and then taken away again when it comes to nothing. Locked. Raises Refused."""
    path = os.path.abspath(path)
    existed = os.path.lexists(path)
    made = not existed or (os.path.isdir(path) and not os.listdir(path))
    if existed and not os.path.isdir(path):
        raise _no_mirror(path)
    if made:
        _require_outside(path)
        os.makedirs(path, exist_ok=True)
        git.init(path, bare=True, object_format=object_format, branch=branch)
    git = git.variant(path, {"GIT_DIR": path})
    repo = Repository(git)
    _require_bare(repo, path, object_format)
    with locked(repo):
        try:
            yield git
        except BaseException:
            if made:
                _remove(path, keep=existed)
            raise


def _require_bare(repo: Repository, path: str, object_format: str) -> None:
    try:
        place = repo.place
    except Refused as error:
        if "not a git repository" not in error.message:
            raise
        raise _no_mirror(path) from None
    if not place.bare:
        raise Refused(
            f"{path} is a repository with a work tree, and a mirror has none",
            "name a directory that does not exist yet",
        )
    if place.shallow:
        raise Refused(f"{path} is shallow", "name a directory that does not exist yet")
    if place.object_format != object_format:
        raise Refused(
            f"{path} names objects by {place.object_format}, and the primary repository by {object_format}",
            "name another one",
        )


def _no_mirror(path: str) -> Refused:
    return Refused(
        f"{path} is there already, and is no bare repository",
        "name a directory that does not exist yet",
    )


def _require_outside(path: str) -> None:
    """Raises Refused where the new mirror would be inside of another repository."""
    while not os.path.isdir(path := os.path.dirname(path)):
        if path == os.path.dirname(path):
            return
    if Git(path).is_inside_repository():
        raise Refused(
            f"{path} is inside of another repository, where a mirror does not belong",
            "name a directory outside of it",
        )


def _remove(path: str, keep: bool) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if keep:
        os.makedirs(path, exist_ok=True)


def _require_ours(git: Git, order: MirrorOrder, have: dict[str, str]) -> None:
    """Raises Refused where the target has refs and is no mirror, or one of another repository."""
    shown = without_credentials(order.target)
    state = read_mirror_state(git)
    if state is None:
        if have:
            raise Refused(
                f"{shown} has branches or tags, and is no mirror that git ekf has made",
                "name an empty or a new repository",
            )
    elif not state.is_of(order.primary) and state.primary not in order.accepted:
        was = shlex.quote(state.primary)
        raise Refused(
            f"{shown} is a mirror of {state.primary}; nothing was changed",
            f"git ekf mirror {was} {shlex.quote(shown)}; if the vendor has moved: "
            + accepting(order.command, order.accepted, state.primary),
        )


def tidy(git: Git, changes: list[RefChange]) -> None:
    moved = sum(change.old != change.new for change in changes)
    if moved > _MANY_REFS:
        git.pack_refs()
    if moved:
        git.maintain()


# --- what the vendor has ---


def _fetch(
    git: Git,
    primary: str,
    offered: dict[str, str],
    channels: list[str],
    have: dict[str, str],
    some: bool,
) -> dict[str, str]:
    """ref -> object id of what is wanted: these channels, and all tags, or where only `some` releases are asked for the tags on them.

    All of it is in the repository then, whole, and no ref names it yet. What the vendor has where deploy records are is never wanted: in
    a clone of the mirror it would be taken for the site's own, to be judged and saved.
    """
    wanted = {HEADS + name: offered[HEADS + name] for name in channels}
    tags = {
        ref: oid
        for ref, oid in offered.items()
        if ref.startswith(TAGS) and not ref.startswith(RECORDS) and not ref.endswith("^{}")
    }
    if not some:
        wanted.update(tags)
    _bring(git, primary, wanted, have)
    if some and tags:
        commits = set(git.commits(wanted.values()))
        tags = {ref: oid for ref, oid in tags.items() if offered.get(ref + "^{}", oid) in commits}
        _bring(git, primary, tags, have)
        wanted.update(tags)
    return wanted


def _bring(git: Git, primary: str, wanted: dict[str, str], have: dict[str, str]) -> None:
    """Fetches without moving a ref. Git makes sure that whatever it fetches is what its name says, and complete."""
    missing = {ref: oid for ref, oid in wanted.items() if have.get(ref) != oid}
    if not missing:
        return
    try:
        said = git.fetch_objects(primary, missing)
    except GitFailed as error:
        if "promisor" in error.stderr or "lazy fetch" in error.stderr:
            raise _incomplete(primary, "a partial clone") from None
        raise unreadable("primary", primary, error) from None
    if "shallow" in said:  # of which git has left out what it cannot complete
        raise _incomplete(primary, "shallow")
    with open(os.path.join(git.place().git_dir, "FETCH_HEAD"), "rb") as file:
        fetched = {line.split(b"\t", 1)[0].decode() for line in file}
    other = next((ref for ref, oid in missing.items() if oid not in fetched), "")
    if other:
        raise CallFailed(
            f"the vendor has moved {other} in this very moment; nothing was changed", "try again"
        )


def _incomplete(primary: str, what: str) -> Refused:
    return Refused(
        f"{without_credentials(primary)} is {what}: it does not have everything",
        "mirror a repository that has",
    )


# --- a mirror elsewhere ---

_EVERYTHING = tuple(f"+{refs}:{refs}" for refs in ("refs/heads/*", "refs/tags/*", "refs/ekf/*"))


def _copy_of(url: str, object_format: str) -> str:
    """Where the copy of the mirror at a URL is kept, so that only what is new has to travel."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "git-ekf", "mirrors")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return os.path.join(
        folder,
        hashlib.sha256(os.fsencode(f"{object_format} {normalise_url(url)}")).hexdigest()[:16]
        + ".git",
    )


def _refresh(git: Git, url: str) -> None:
    """Makes the copy what the mirror is, in every ref."""
    try:
        git.fetch_copy(url, *_EVERYTHING)
    except GitFailed as error:
        raise unreadable("mirror", url, error) from None


def _push(git: Git, url: str, changes: Iterable[RefChange], state: MirrorState) -> dict[str, str]:
    """Moves the refs of the mirror at a URL in one push, reads them back, and returns the backups made. Raises CallFailed."""
    moving = [change for change in changes if change.old != change.new]
    backups = plan_backups(git, moving)
    blob = write_state(git, state)
    # The lease on the state keeps two that push from different machines apart.
    expected = {MIRROR: git.ref_value(MIRROR)}
    expected |= {change.ref: change.old for change in moving if change.loses}
    wanted = {**backups, **{change.ref: change.new for change in moving}, MIRROR: blob}
    refspecs = [f"{oid}:{ref}" for ref, oid in wanted.items()]
    pushed = git.push(url, refspecs, expected=expected, verify=False)
    if pushed.code:
        raise _not_pushed(url, pushed)
    _refresh(git, url)
    there = {ref.name: ref.oid for ref in git.refs()}
    for ref, oid in wanted.items():
        if there.get(ref, "") != oid:
            raise CallFailed(
                f"the push succeeded, but {ref} is {there.get(ref, 'gone')[:12]} there, not {oid[:12]}",
                "try again",
            )
    return backups


def _not_pushed(url: str, pushed: PushOutcome) -> CallFailed:
    said = pushed.messages
    shown = without_credentials(url)
    if "does not support --atomic" in said:
        return CallFailed(
            f"{shown} takes no atomic push; nothing was changed",
            "a directory on that machine: git ekf mirror PRIMARY DIR",
        )
    told = [f"{ref}: {why}" for ref, why in pushed.rejected.items() if "atomic" not in why]
    words = [
        line.removeprefix("fatal: ").removeprefix("error: ")
        for line in said.splitlines()
        if line.startswith(("fatal: ", "error: "))
    ]
    return CallFailed(
        f"{shown} did not take it: {next(iter([*told, *words]), said.strip())}; nothing was changed",
        f"git ls-remote {shown}",
    )
