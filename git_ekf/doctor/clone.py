"""Checks of a repository: whether git-ekf can work in it, and whether it is set up as `git ekf init` leaves it."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from datetime import datetime

from git_ekf.doctor.finding import ERROR, OK, SKIPPED, WARNING, Case, Diagnosis
from git_ekf.errors import Refused
from git_ekf.git.refs import HEADS, RECORDS
from git_ekf.hooks import shims
from git_ekf.hooks.directory import hooks_directory
from git_ekf.names import without_credentials
from git_ekf.repository import Repository
from git_ekf.setup.init import SETTINGS
from git_ekf.setup.remotes import RECORDS_REFSPECS, brings_channels, channels_refspec
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
    """git works in the repository: it can be read, and is not another user's. Outside of one there is nothing to find."""
    try:
        place = case.repo.place
    except Refused as error:
        if "not a git repository" not in error.message:
            raise
        return
    if place.top:
        yield Diagnosis(OK, "git trusts it")
    else:
        yield Diagnosis(
            SKIPPED, "it has no work tree here, so only what every repository needs is checked"
        )


def configuration(case: Case) -> Iterator[Diagnosis]:
    """The configuration can be read."""
    _ = case.repo.config  # which raises UsageError
    keys = dict.fromkeys(key for key, _ in case.repo.git_config if key.startswith("ekf."))
    sources = [
        *([".ekf.toml"] if case.repo.toml is not None else []),
        *([f"git config {', '.join(keys)}"] if keys else []),
    ]
    yield Diagnosis(OK, " and ".join(sources) or "the defaults")


def operation(case: Case) -> Iterator[Diagnosis]:
    """Nothing was left half-done."""
    repo = case.repo
    killed, ours = cut_off(repo), under_way(repo)
    if killed:
        yield Diagnosis(ERROR, f"{with_article(killed)} was cut off half-way", "git ekf undo")
    if ours:
        yield Diagnosis(
            ERROR,
            f"{with_article(ours)} has stopped half-way",
            f"git ekf {ours} --continue, or --abort",
        )
    elif repo.operation:
        yield Diagnosis(
            ERROR,
            f"{with_article(repo.operation)} is in progress",
            "git status shows how to finish it",
        )
    if not killed and not repo.operation:
        yield Diagnosis(OK, "none in progress")


def locks(case: Case) -> Iterator[Diagnosis]:
    """No lock is there that a git command left when it was killed."""
    now = time.time()
    old = sorted(path for path, since in _locks(case.repo) if now - since > _LOCK_AGE)
    for path in old:
        yield Diagnosis(
            ERROR,
            f"{path} is left of a git command that was killed; once no git is at work it may go",
            f"rm -f {shlex.quote(path)}",
        )
    if not old:
        yield Diagnosis(OK, "none left behind")


def disk(case: Case) -> Iterator[Diagnosis]:
    """The git directory can be written to, and there is room for an upgrade."""
    folder = case.repo.place.common_dir
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    shown = f"{free // _MEGABYTE} MB free in {folder}"
    if not os.access(folder, os.W_OK):
        yield Diagnosis(ERROR, f"{folder} cannot be written to", f"ls -ld {shlex.quote(folder)}")
    elif free < _TIGHT:
        yield Diagnosis(
            ERROR if free < _FULL else WARNING,
            f"only {shown}",
            f"make room: git gc; df -h {shlex.quote(folder)}",
        )
    else:
        yield Diagnosis(OK, shown)


def clock(case: Case) -> Iterator[Diagnosis]:
    """The clock is not behind what was already committed or recorded."""
    newest = case.repo.git.lines(
        *(
            "for-each-ref",
            "--sort=-creatordate",
            "--count=1",
            "--format=%(creatordate:unix) %(refname:short)",
        ),
        *(HEADS, "refs/remotes/", RECORDS),
    )
    now = time.time()
    shown = _when(now)
    for seconds, _, ref in (line.partition(" ") for line in newest):
        if seconds.isdigit() and int(seconds) > now + _ASTRAY:
            yield Diagnosis(
                ERROR,
                f"it says {shown}, but {ref} is of {_when(int(seconds))}: records would get wrong dates",
                "timedatectl set-ntp true; for a container, on its host",
            )
            return
    yield Diagnosis(OK, shown)


def history(case: Case) -> Iterator[Diagnosis]:
    """All of the history is here, and it is what the commits say."""
    repo = case.repo
    found = []
    if repo.place.shallow:
        why = "the clone is shallow: an upgrade may not find the commit that yours stand on, and a save may be refused"
        found.append(
            Diagnosis(ERROR, why, f"git fetch --unshallow {shlex.quote(repo.config.primary)}")
        )
    for key in dict.fromkeys(
        key
        for key, value in repo.git_config
        if key.startswith("remote.") and key.endswith(".partialclonefilter")
    ):
        name = shlex.quote(key[len("remote.") : -len(".partialclonefilter")])
        fix = f"git fetch --refetch --no-filter {name} && git config --unset remote.{name}.partialclonefilter"
        if repo.git.version < (2, 36):
            fix = "make a full one with git ekf clone, or install git 2.36 or newer, which has git fetch --refetch"
        found.append(
            Diagnosis(
                WARNING,
                "the clone is partial: an upgrade fetches files one by one, and fails without the network",
                fix,
            )
        )
    replaced = repo.git.lines("for-each-ref", "--format=%(refname:lstrip=2)", "refs/replace/")
    if replaced:
        fix = f"git replace -d {replaced[0] if len(replaced) == 1 else '$(git replace -l)'}"
        found.append(
            Diagnosis(
                WARNING,
                f"{counted(len(replaced), 'object')} replaced here and nowhere else: git replace",
                fix,
            )
        )
    if os.path.exists(os.path.join(repo.place.common_dir, "info", "grafts")):
        found.append(
            Diagnosis(
                WARNING,
                "grafts make the history another one here than elsewhere",
                "git replace --convert-graft-file",
            )
        )
    yield from found or [Diagnosis(OK, "complete")]


def mirror(case: Case) -> Iterator[Diagnosis]:
    """A mirror, this one or the one that is the primary repository, was updated lately."""
    state = mirror_state_for(case.repo)
    if state is None:
        yield Diagnosis(OK, "none takes part")
        return
    remote = case.repo.remotes.get(case.repo.config.primary)
    ahead = state.is_ahead(time.time())
    when = (
        f"on {_when(state.updated)} by its own clock, which is ahead of the one here"
        if ahead
        else age(state.age())
    )
    said = f"{f'{remote.name} is ' if remote else ''}a mirror of {state.primary}, updated {when}"
    target = without_credentials(next(iter(remote.urls), "")) if remote else case.repo.place.git_dir
    fix = f"where the vendor can be reached: git ekf mirror {shlex.quote(state.primary)} {shlex.quote(target)}"
    if ahead:
        fix = f"see which of the two clocks is wrong: date; then {fix}"
    yield Diagnosis(WARNING, said, fix) if ahead or state.age() > STALE else Diagnosis(OK, said)


# --- one with a work tree ---


def hooks(case: Case) -> Iterator[Diagnosis]:
    """git runs the hooks, of this version, and they judge."""
    target, states = hooks_directory(case.repo, shared=True), shims.states(case.repo)
    wrong = [state for state in states if state.state not in ("ok", "chained")]
    if wrong:
        what = ", ".join(
            f"{state.hook} {state.state}" + (f" ({state.note})" if state.note else "")
            for state in wrong
        )
        needed = hooks_directory(case.repo).hint.startswith("git ekf hooks install")
        install = (
            "git ekf hooks install"
            + " --shared" * needed
            + " --force" * any(state.note == "edited by hand" for state in wrong)
        )
        yield Diagnosis(
            ERROR, f"{what}; {target.obstacle}" if target.obstacle else what, target.hint or install
        )
    if os.environ.get("EKF_HOOKS") == "0":
        yield Diagnosis(ERROR, "EKF_HOOKS is 0 here, so that no hook judges", "unset EKF_HOOKS")
    elif not wrong:
        yield Diagnosis(OK, f"{', '.join(state.hook for state in states)} in {target.directory}")


def settings(case: Case) -> Iterator[Diagnosis]:
    """The settings that keep plain git safe are in force: those of `git ekf init`."""
    repo = case.repo
    internal = repo.config.internal
    unset, other = [], []
    for name, advised, why in SETTINGS:
        wanted = internal if name == "remote.pushDefault" else advised
        value = repo.git_setting(name.lower())
        if value is None:
            unset.append(name)
        elif value != wanted and not (wanted == "true" and repo.git_flag(name.lower())):
            fix = f"git config {name} {shlex.quote(wanted)}"
            other.append(
                Diagnosis(WARNING, f"{name} is {value or 'empty'}; {wanted} is advised: {why}", fix)
            )
    if internal in repo.remotes and not set(RECORDS_REFSPECS) <= set(
        repo.git_settings(f"remote.{internal}.fetch")
    ):
        other.append(
            Diagnosis(
                WARNING, f"a fetch of {internal} does not bring all deploy records", "git ekf init"
            )
        )
    if unset:
        yield Diagnosis(WARNING, f"not set: {', '.join(unset)}", "git ekf init")
    yield from other
    if not unset and not other:
        yield Diagnosis(OK, ", ".join(name for name, _, _ in SETTINGS))


def fetched(case: Case) -> Iterator[Diagnosis]:
    """The vendor's channels were heard of lately."""
    primary = case.repo.config.primary
    then, fix = last_fetch(case.repo), f"git fetch {shlex.quote(primary)}"
    ago = max(0.0, time.time() - then) if then else 0.0
    if primary not in case.repo.remotes:
        yield Diagnosis(SKIPPED, f"not checked: there is no remote {primary}")
    elif not brings_channels(case.repo, primary):
        add = shlex.join(
            ["git", "config", "--add", f"remote.{primary}.fetch", channels_refspec(primary)]
        )
        yield Diagnosis(
            ERROR,
            f"a fetch of {primary} brings some channels only, so newer releases are not seen",
            f"{add} && {fix}",
        )
    elif then is None:
        yield Diagnosis(WARNING, f"{primary} was never fetched", fix)
    else:
        yield Diagnosis(WARNING, age(ago), fix) if ago > STALE else Diagnosis(OK, age(ago))


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
