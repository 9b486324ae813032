"""Sets a clone up as people really have it: remotes, settings, hooks and the branch."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial

from git_ekf.errors import CallFailed, Refused
from git_ekf.git.refs import HEADS, MIRROR, RECORDS
from git_ekf.hooks import shims
from git_ekf.hooks.directory import hooks_directory
from git_ekf.hooks.installer import install
from git_ekf.names import INTERNAL
from git_ekf.repository import Repository
from git_ekf.setup.remotes import (
    Roles,
    is_at,
    plan_channels,
    plan_mirror,
    plan_remotes,
    records_refspecs,
)
from git_ekf.setup.steps import SetupStep, fetch_step
from git_ekf.shown import shell
from git_ekf.swapped import require_internal, require_primary, swapped_remotes
from git_ekf.transaction.free_names import require_free_names
from git_ekf.transaction.tracking import track
from git_ekf.vendor import ask_remote, choose_release

# What keeps plain git safe here: setting, value, and what it prevents.
SETTINGS = (
    ("remote.pushDefault", INTERNAL, "git push goes to the internal repository"),
    ("pull.ff", "only", "git pull never makes a merge commit"),
    ("merge.ff", "only", "git merge never makes a merge commit"),
    ("checkout.defaultRemote", INTERNAL, "git switch takes a release branch from there"),
    ("push.followTags", "true", "deploy records travel with their branch"),
    ("rerere.enabled", "true", "a conflict resolved once is resolved for good"),
)

# git's spellings of true (git-config(1), boolean).
_TRUE = ("true", "yes", "on", "1")


# --- all of it ---


def prepare(repo: Repository, roles: Roles) -> Repository:
    """Makes sure that new URLs answer and that the vendor's channels are known here.

    Changes nothing of the user's. Returns the repository to plan with. Raises CallFailed, Refused.
    """
    _require_right_way_round(repo, roles)
    if in_two_goes(repo, roles):
        return repo
    primary = roles.primary or repo.config.primary
    if repo.releases_under(f"refs/remotes/{primary}/"):
        return repo
    repo.git.show_fetch(roles.primary or roles.primary_url, f"+{HEADS}*:refs/remotes/{primary}/*")
    return repo.fresh()


def _require_right_way_round(repo: Repository, roles: Roles) -> None:
    """Asks the remotes that are new here. Raises Refused where each should be the other one.

    Raises CallFailed where a new URL does not answer.
    """
    swapped = swapped_remotes(
        repo, (roles.primary, roles.primary_url), (roles.internal, roles.internal_url)
    )
    refspecs = repo.git_settings(f"remote.{roles.internal}.fetch")
    settled = bool(roles.internal) and set(records_refspecs(repo)) <= set(refspecs)
    primary = _ask(repo, "primary", roles.primary, roles.primary_url, settled)
    internal = _ask(repo, "internal", roles.internal, roles.internal_url, settled)
    require_primary(repo.config, primary, swapped)
    if roles.primary == repo.config.primary and (
        not roles.primary_url or is_at(repo, roles.primary, roles.primary_url)
    ):
        require_internal(repo, internal, swapped)


def _ask(repo: Repository, role: str, name: str, url: str, settled: bool) -> dict[str, str]:
    """The refs of a remote by its URL; where it has none to get, by its name, unless `settled`."""
    if url:
        return ask_remote(repo.git, role, url)
    if name and not settled:
        with suppress(CallFailed):  # what is set up already may be set up without a network
            return ask_remote(repo.git, role, name)
    return {}


def in_two_goes(repo: Repository, roles: Roles) -> bool:
    """Whether the internal repository has the primary one's name, which is new here.

    Only once it is renamed can the vendor's channels be fetched.
    """
    return not roles.primary and roles.internal == repo.config.primary


def plan(repo: Repository, roles: Roles, release: str) -> list[SetupStep]:
    """Everything that `init` does, in order; where it takes two goes, the first one.

    Empty when nothing is to be done. Raises Refused where only the user can tell what is meant.
    """
    if repo.head is None and not repo.release_branches:
        raise Refused(
            "nothing is checked out in this repository", "git ekf clone PRIMARY DIR --internal URL"
        )
    primary, internal = repo.config.primary, repo.config.internal
    steps = plan_remotes(repo, roles)
    if in_two_goes(repo, roles):
        return [*steps, fetch_step(repo, primary)]
    brings_records = any(step.done.startswith(f"fetching from {internal}") for step in steps)
    steps += plan_channels(repo, roles.primary)
    if roles.primary_url:
        there = repo.git.ls_remote(roles.primary_url, MIRROR)
        steps += plan_mirror(repo, roles.primary_url, there)
    if brings_records:
        require_free_names(repo, [f"{RECORDS}DATE/{repo.head_branch}"])
        steps.append(fetch_step(repo, internal))
    steps += plan_branch(repo, roles.primary or primary, release)
    return [*steps, *plan_settings(repo), *plan_hooks(repo)]


# --- settings and hooks ---


def advised_settings(internal: str) -> list[tuple[str, str, str]]:
    """SETTINGS, with the name that the internal remote has here."""
    return [(name, internal if value == INTERNAL else value, why) for name, value, why in SETTINGS]


def plan_settings(repo: Repository) -> list[SetupStep]:
    """The settings that keep plain git safe.

    A value set in this clone is the user's word and stays.
    """
    local = dict(repo.git.config_pairs(local=True))
    steps = []
    for name, wanted, why in advised_settings(repo.config.internal):
        here, everywhere = local.get(name.lower()), repo.git_setting(name.lower())
        if here is None:
            over = ""
            if everywhere and not is_as_advised(everywhere, wanted):
                over = f" (your own setting elsewhere is {everywhere})"
            act = partial(repo.git.set_setting, name, wanted)
            steps.append(SetupStep(f"{name} = {wanted}: {why}{over}", act))
        elif not is_as_advised(here, wanted):
            advice = f"git-ekf advises {wanted}: git config {shell(name, wanted)}"
            steps.append(SetupStep(f"{name} is {here} in this clone and stays so; {advice}"))
    return steps


def is_as_advised(value: str, wanted: str) -> bool:
    """Whether a setting has the value of SETTINGS, in any of git's spellings."""
    return value == wanted or (wanted == "true" and value.lower() in _TRUE)


def plan_hooks(repo: Repository) -> list[SetupStep]:
    """The hooks, or the sentence that says why they cannot go where git looks for them."""
    directory, states = hooks_directory(repo), shims.states(repo)
    if all(state.state in ("ok", "chained") for state in states):
        return []
    if directory.obstacle:
        return [SetupStep(f"hooks NOT installed: {directory.obstacle}. {directory.hint}")]
    others = [state for state in states if state.state in ("missing", "displaced")]
    kept = [state.hook for state in others if os.path.lexists(state.path)]
    note = f" (yours are kept and run first: {', '.join(kept)})" if kept else ""
    done = f"hooks installed: {', '.join(shims.CLIENT)}{note}"
    return [SetupStep(done, partial(install, directory.directory))]


# --- the branch ---


def plan_branch(repo: Repository, primary_now: str, release: str) -> list[SetupStep]:
    """Gets onto a release branch that tracks its channel.

    `primary_now` is the primary remote's present name. Raises Refused where only the user can tell
    what is meant.
    """
    scheme, primary = repo.config.scheme, repo.config.primary
    prefix = f"refs/remotes/{primary_now}/"
    channels = repo.releases_under(prefix)
    if not channels:
        raise Refused(
            f"{primary_now} has no release branch ({scheme.pattern})",
            "other names: git config ekf.branches.release 'v{version}-branch'",
        )
    wanted = choose_release(scheme, release, list(channels)) if release else ""
    here = repo.head_branch
    if here is None:
        newest = next(reversed(repo.release_branches or channels))
        raise Refused("HEAD is detached", f"git switch {shell(wanted or newest)}, then again")
    if scheme.is_release(here) and wanted in ("", here):
        target, steps = here, []
        if target not in channels:
            raise Refused(
                f"{primary_now} has no {target}; it has {', '.join(channels)}",
                f"git fetch {shell(primary_now)}",
            )
    else:
        target = wanted or _stands_on(repo, here, channels)
        tips = [] if scheme.is_release(here) else [repo.refs[HEADS + here]]
        if tips and repo.git.commits(tips, globs=[f"{prefix}*"], at_most=1):  # its own
            steps = [_rename(repo, here, target)]
        else:
            steps = _switch(repo, here, target, channels[target])
    if repo.upstream(target) != (primary, [HEADS + target]):
        done = f"{target} tracks {primary}/{target}"
        steps.append(SetupStep(done, partial(track, repo.git, primary, target)))
    return steps


def _rename(repo: Repository, here: str, target: str) -> SetupStep:
    """Raises Refused where there is a branch of that name already."""
    if target in repo.release_branches:
        revisions = shell(f"{target}..{here}")
        raise Refused(
            f"{here} has commits of its own and {target} exists too",
            f"git switch {shell(target)} and bring them over: git cherry-pick {revisions}",
        )
    require_free_names(repo, [HEADS + target])
    rename = partial(repo.git.rename_branch, here, target)
    return SetupStep(f"branch {here} renamed to {target}", rename, asks=True)


def _switch(repo: Repository, here: str, target: str, channel: str) -> list[SetupStep]:
    """To a release branch, made where it is missing; a stray branch that is left is deleted."""
    git = repo.git
    exists = target in repo.release_branches
    if not exists:
        require_free_names(repo, [HEADS + target])
    switch = partial(git.switch_to_new, target, channel)
    if exists:
        switch = partial(git.switch, target)
    steps = [SetupStep(f"switched to {target}", switch, asks=True)]
    if not repo.config.scheme.is_release(here):
        done = f"branch {here} deleted; it held nothing but the vendor's commits"
        delete = partial(git.delete_branch, here)
        steps.append(SetupStep(done, delete, asks=True))
    return steps


def _stands_on(repo: Repository, branch: str, channels: dict[str, str]) -> str:
    """The channel that leaves the fewest commits over.

    Of equals it is the one that has gone least far since, then the newest.
    """
    tip, count = repo.refs[HEADS + branch], repo.git.count
    distances = {
        name: (count([tip], [channel]), count([channel], [tip]))
        for name, channel in channels.items()
    }
    return min(reversed(channels), key=distances.__getitem__)
