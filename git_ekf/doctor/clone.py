"""Checks of a repository: git-ekf can work in it, and it is set up as `git ekf init` leaves it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime

from git_ekf.doctor.finding import ERROR, WARNING, Case, Diagnosis, fail, ok, skip, warn
from git_ekf.errors import Refused
from git_ekf.git.refs import HEADS, RECORDS
from git_ekf.hooks import shims
from git_ekf.hooks.directory import hooks_directory
from git_ekf.names import without_credentials
from git_ekf.repository import Repository
from git_ekf.setup.init import SETTINGS, advised_settings, is_as_advised
from git_ekf.setup.remotes import (
    PRUNING_REFSPECS,
    brings_channels,
    channels_refspec,
    records_refspecs,
)
from git_ekf.shown import shell
from git_ekf.terminal.text import age, counted, with_article
from git_ekf.transaction.journal import cut_off
from git_ekf.upgrade.rebase_state import under_way
from git_ekf.vendor import STALE, last_fetch, mirror_state_for

_MEGABYTE = 1 << 20
_TIGHT, _FULL = 200 * _MEGABYTE, 20 * _MEGABYTE  # an upgrade writes a work tree and the commits
_ASTRAY = 5 * 60  # seconds by which the clocks of two machines may differ
_LOCK_AGE = 10 * 60  # seconds that no git command holds a lock for


# --- any repository ---


def repository(case: Case) -> Iterator[Diagnosis]:
    """git works in the repository: it can be read, and is not another user's.

    Outside of one there is nothing to find.
    """
    try:
        place = case.repo.place
    except Refused as error:
        if "not a git repository" not in error.message:
            raise
        return
    if place.top:
        yield ok("git trusts it")
    else:
        yield skip("it has no work tree here, so only what every repository needs is checked")


def configuration(case: Case) -> Iterator[Diagnosis]:
    """The configuration can be read."""
    _ = case.repo.config  # which raises UsageError
    sources = [".ekf.toml"] if case.repo.toml is not None else []
    keys = dict.fromkeys(key for key, _ in case.repo.git_config if key.startswith("ekf."))
    if keys:
        sources.append(f"git config {', '.join(keys)}")
    yield ok(" and ".join(sources) or "the defaults")


def operation(case: Case) -> Iterator[Diagnosis]:
    """Nothing was left half-done."""
    repo = case.repo
    killed, ours = cut_off(repo), under_way(repo)
    if killed:
        yield fail(f"{with_article(killed)} was cut off half-way", "git ekf undo")
    if ours:
        yield fail(
            f"{with_article(ours)} has stopped half-way",
            f"git ekf {ours} --continue, or --abort",
        )
    elif repo.operation:
        yield fail(
            f"{with_article(repo.operation)} is in progress",
            "git status shows how to finish it",
        )
    if not killed and not repo.operation:
        yield ok("none in progress")


def locks(case: Case) -> Iterator[Diagnosis]:
    """No lock is there that a git command left when it was killed."""
    now = time.time()
    old = sorted(path for path, since in _locks(case.repo) if now - since > _LOCK_AGE)
    for path in old:
        yield fail(
            f"{path} is left of a git command that was killed; once no git is at work it may go",
            f"rm -f {shell(path)}",
        )
    if not old:
        yield ok("none left behind")


def disk(case: Case) -> Iterator[Diagnosis]:
    """The git directory can be written to, and there is room for an upgrade."""
    folder = case.repo.place.common_dir
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    shown = f"{free // _MEGABYTE} MB free in {folder}"
    if not os.access(folder, os.W_OK):
        yield fail(f"{folder} cannot be written to", f"ls -ld {shell(folder)}")
    elif free < _TIGHT:
        yield Diagnosis(
            ERROR if free < _FULL else WARNING,
            f"only {shown}",
            f"make room: git gc; df -h {shell(folder)}",
        )
    else:
        yield ok(shown)


def clock(case: Case) -> Iterator[Diagnosis]:
    """The clock is not behind what was already committed or recorded."""
    ref, seconds = case.repo.git.newest_ref(HEADS, "refs/remotes/", RECORDS)
    now = time.time()
    shown = _when(now)
    if seconds > now + _ASTRAY:
        yield fail(
            f"it says {shown}, but {ref} is of {_when(seconds)}: records would get wrong dates",
            "timedatectl set-ntp true; for a container, on its host",
        )
    else:
        yield ok(shown)


def history(case: Case) -> Iterator[Diagnosis]:
    """All of the history is here, and it is what the commits say."""
    found = [*_missing_history(case.repo), *_changed_history(case.repo)]
    yield from found or [ok("complete")]


def _missing_history(repo: Repository) -> Iterator[Diagnosis]:
    if repo.place.shallow:
        yield fail(
            "the clone is shallow: an upgrade may not find the commit that yours stand on, and a"
            " save may be refused",
            repo.how_to_unshallow(),
        )
    for key in dict(repo.git_config):
        if not key.startswith("remote.") or not key.endswith(".partialclonefilter"):
            continue
        name = key.removeprefix("remote.").removesuffix(".partialclonefilter")
        fix = (
            f"git fetch --refetch --no-filter {shell(name)}"
            f" && git config --unset {shell(f'remote.{name}.partialclonefilter')}"
        )
        if repo.git.version < (2, 36):
            fix = (
                "make a full one with git ekf clone, or install git 2.36 or newer, which has git"
                " fetch --refetch"
            )
        yield warn(
            "the clone is partial: an upgrade fetches files one by one, and fails without the"
            " network",
            fix,
        )


def _changed_history(repo: Repository) -> Iterator[Diagnosis]:
    old = list(repo.replaced)
    if old:
        which = shell(old[0]) if len(old) == 1 else "$(git replace -l)"
        count = counted(len(old), "object")
        yield warn(
            f"{count} replaced here and nowhere else: git replace", f"git replace -d {which}"
        )
    if os.path.exists(os.path.join(repo.place.common_dir, "info", "grafts")):
        yield warn(
            "grafts make the history another one here than elsewhere",
            "git replace --convert-graft-file",
        )


def mirror(case: Case) -> Iterator[Diagnosis]:
    """A mirror, this one or the one that is the primary repository, was updated lately."""
    state = mirror_state_for(case.repo)
    if state is None:
        yield ok("none takes part")
        return
    remote = case.repo.remotes.get(case.repo.config.primary)
    if remote:
        of, target = f"{remote.name} is ", without_credentials(next(iter(remote.urls), ""))
    else:
        of, target = "", case.repo.place.git_dir
    update = f"git ekf mirror {shell(state.primary)} {shell(target)}"
    fix = f"where the vendor can be reached: {update}"
    message = f"{of}a mirror of {state.primary}, updated "
    if state.is_ahead(time.time()):
        when = f"on {_when(state.updated)} by its own clock, which is ahead of the one here"
        yield warn(message + when, f"see which of the two clocks is wrong: date; then {fix}")
    elif state.age() > STALE:
        yield warn(message + age(state.age()), fix)
    else:
        yield ok(message + age(state.age()))


# --- one with a work tree ---


def hooks(case: Case) -> Iterator[Diagnosis]:
    """git runs the hooks, of this version, and they judge."""
    target, states = hooks_directory(case.repo, shared=True), shims.states(case.repo)
    wrong = [state for state in states if state.state not in ("ok", "chained")]
    if wrong:
        fix = target.hint
        if not fix:
            fix = "git ekf hooks install"
            if hooks_directory(case.repo).hint.startswith("git ekf hooks install"):
                fix += " --shared"
            if any(state.note == "edited by hand" for state in wrong):
                fix += " --force"
        obstacle = f"; {target.obstacle}" if target.obstacle else ""
        yield fail(", ".join(map(_hook_state, wrong)) + obstacle, fix)
    if os.environ.get("EKF_HOOKS") == "0":
        yield fail("EKF_HOOKS is 0 here, so that no hook judges", "unset EKF_HOOKS")
    elif not wrong:
        yield ok(f"{', '.join(state.hook for state in states)} in {target.directory}")


def _hook_state(hook: shims.HookStatus) -> str:
    return f"{hook.hook} {hook.state}" + (f" ({hook.note})" if hook.note else "")


def settings(case: Case) -> Iterator[Diagnosis]:
    """The settings that keep plain git safe are in force: those of `git ekf init`."""
    repo = case.repo
    internal = repo.config.internal
    unset, other = [], []
    for name, wanted, why in advised_settings(internal):
        value = repo.git_setting(name.lower())
        if value is None:
            unset.append(name)
        elif not is_as_advised(value, wanted):
            fix = f"git config {shell(name, wanted)}"
            other.append(warn(f"{name} is {value or 'empty'}; {wanted} is advised: {why}", fix))
    refspecs = repo.git_settings(f"remote.{internal}.fetch")
    if PRUNING_REFSPECS & set(refspecs):
        other.append(
            warn(f"git fetch --prune {internal} deletes unsaved deploy records", "git ekf init")
        )
    if internal in repo.remotes and not set(records_refspecs(repo)).issubset(refspecs):
        other.append(
            warn(f"a fetch of {internal} does not bring all deploy records", "git ekf init")
        )
    if unset:
        yield warn(f"not set: {', '.join(unset)}", "git ekf init")
    yield from other
    if not unset and not other:
        yield ok(", ".join(name for name, _, _ in SETTINGS))


def fetched(case: Case) -> Iterator[Diagnosis]:
    """The vendor's channels were fetched lately."""
    repo, primary = case.repo, case.repo.config.primary
    then, fix = last_fetch(repo), f"git fetch {shell(primary)}"
    if primary not in repo.remotes:
        yield skip(f"not checked: there is no remote {primary}")
    elif not brings_channels(repo, primary):
        add = ["git", "config", "--add", f"remote.{primary}.fetch", channels_refspec(primary)]
        yield fail(
            f"a fetch of {primary} brings some channels only, so newer releases are not seen",
            f"{shell(*add)} && {fix}",
        )
    elif then is None:
        yield warn(f"{primary} was never fetched", fix)
    else:
        ago = max(0.0, time.time() - then)
        yield warn(age(ago), fix) if ago > STALE else ok(age(ago))


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "minutes")


def _locks(repo: Repository) -> Iterator[tuple[str, float]]:
    """The lock files of git, and when they were made (seconds since the epoch)."""
    place = repo.place
    for top in dict.fromkeys((place.git_dir, place.common_dir)):
        walks = [next(os.walk(top), (top, [], [])), *os.walk(os.path.join(top, "refs"))]
        for folder, _, names in walks:
            for name in names:
                if name.endswith(".lock"):
                    path = os.path.join(folder, name)
                    try:
                        yield path, os.lstat(path).st_mtime
                    except FileNotFoundError:  # git has just finished
                        continue


ANYWHERE = (configuration, operation, locks, disk, clock, history, mirror)
IN_A_WORK_TREE = (hooks, settings, fetched)
