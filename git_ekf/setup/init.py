"""Sets a clone up as people really have it: remotes, settings, hooks and the branch.

A set-up is planned as a list of steps before anything is changed. Steps that move what the user
made (renaming a remote or a branch) are marked, so that a command can show them and ask first.
"""

from __future__ import annotations

import os
import shlex
from functools import partial

from git_ekf.errors import EkfError, Refused
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS, MIRROR
from git_ekf.hooks import shims
from git_ekf.hooks.directory import hooks_directory
from git_ekf.hooks.installer import install
from git_ekf.repository import Repository
from git_ekf.setup.remotes import (
    Roles,
    SetupStep,
    plan_channels,
    plan_mirror,
    plan_remotes,
    progress,
)
from git_ekf.vendor import ask_remote, choose_release

# What keeps plain git safe here: setting, value, and what it prevents.
SETTINGS = (
    ("remote.pushDefault", "internal", "git push goes to the internal repository"),
    ("pull.ff", "only", "git pull never makes a merge commit"),
    ("merge.ff", "only", "git merge never makes a merge commit"),
    ("push.followTags", "true", "deploy records travel with their branch"),
    ("rerere.enabled", "true", "a conflict resolved once is resolved for good"),
)


def plan_settings(repo: Repository) -> list[SetupStep]:
    """The settings that keep plain git safe. A value set in this clone is the user's word and stays."""
    local = dict(_pairs(repo, "--local"))
    steps = []
    for name, value, why in SETTINGS:
        wanted = repo.config.internal if name == "remote.pushDefault" else value
        key = name.lower()
        here, everywhere = local.get(key), repo.git_setting(key)
        if here is not None:
            if not _same_value(here, wanted):
                steps.append(
                    SetupStep(
                        f"{name} is {here} in this clone and stays so; git-ekf advises {wanted}: git config {name} {wanted}",
                        _nothing,
                    )
                )
        else:
            over = (
                f" (your own setting elsewhere is {everywhere})"
                if everywhere and not _same_value(everywhere, wanted)
                else ""
            )
            steps.append(
                SetupStep(
                    f"{name} = {wanted}: {why}{over}", partial(repo.git.run, "config", name, wanted)
                )
            )
    return steps


def _pairs(repo: Repository, scope: str) -> list[tuple[str, str]]:
    pairs = []
    for entry in repo.git.fields("config", scope, "--list", "-z"):
        key, newline, value = entry.partition("\n")
        pairs.append((key, value if newline else "true"))
    return pairs


def _same_value(one: str, other: str) -> bool:
    spelt = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}
    return spelt.get(one.lower(), one) == spelt.get(other.lower(), other)


def _nothing() -> None:
    """For a step that only has something to say."""


def plan_hooks(repo: Repository) -> list[SetupStep]:
    """The hooks, or the sentence that says why they cannot go where git looks for them."""
    target, states = hooks_directory(repo), shims.states(repo)
    if all(state.state in ("ok", "chained") for state in states):
        return []
    if target.obstacle:
        return [SetupStep(f"hooks NOT installed: {target.obstacle}. {target.hint}", _nothing)]
    kept = [
        state.hook
        for state in states
        if os.path.lexists(state.path) and state.state in ("missing", "displaced")
    ]
    note = f" (yours are kept and run first: {', '.join(kept)})" if kept else ""
    return [
        SetupStep(
            f"hooks installed: {', '.join(shims.CLIENT)}{note}",
            partial(install, target.directory),
        )
    ]


def plan_branch(repo: Repository, primary_now: str, release: str) -> list[SetupStep]:
    """Gets onto a release branch that tracks its channel. `primary_now` is the primary remote's present name.

    Raises Refused where only the user can tell what is meant.
    """
    scheme, primary, git = repo.config.scheme, repo.config.primary, repo.git
    prefix = f"refs/remotes/{primary_now}/"
    channels = {
        name: repo.refs[prefix + name]
        for name in sorted(
            (ref[len(prefix) :] for ref in repo.refs if ref.startswith(prefix)), key=scheme.key
        )
        if scheme.is_release(name)
    }
    if not channels:
        raise Refused(
            f"{primary_now} has no release branch ({scheme.pattern})",
            "other names: git config ekf.branches.release 'v{version}-branch'",
        )
    wanted = choose_release(scheme, release, list(channels)) if release else ""
    here = repo.head_branch
    steps: list[SetupStep] = []
    if here is None:
        raise Refused(
            "HEAD is detached",
            f"git switch {wanted or next(reversed(repo.release_branches), next(reversed(channels)))}, then again",
        )
    if scheme.is_release(here) and wanted in ("", here):
        target = here
        if target not in channels:
            raise Refused(
                f"{primary_now} has no {target}; it has {', '.join(channels)}",
                f"git fetch {primary_now}",
            )
    else:
        target, steps = _leave_stray(repo, here, wanted, prefix, channels)
    if repo.upstream(target) != (primary, [HEADS + target]):
        steps.append(
            SetupStep(f"{target} tracks {primary}/{target}", partial(track, git, primary, target))
        )
    return steps


def _leave_stray(
    repo: Repository, here: str, wanted: str, prefix: str, channels: dict[str, str]
) -> tuple[str, list[SetupStep]]:
    """From a branch that is no release branch (or not the wanted one) to one that is."""
    git = repo.git
    tip = repo.refs[HEADS + here]
    own = git.rev_list("--max-count=1", include=[tip], globs=[prefix + "*"])
    target = wanted or _stands_on(repo, tip, channels)
    if own and not repo.config.scheme.is_release(here):
        if target in repo.release_branches:
            raise Refused(
                f"{here} has commits of its own and {target} exists too",
                f"git switch {target} and bring them over: git cherry-pick {shlex.quote(f'{target}..{here}')}",
            )
        return target, [
            SetupStep(
                f"branch {here} renamed to {target}",
                partial(git.run, "branch", "-m", "--", here, target),
                True,
            )
        ]
    start = [] if target in repo.release_branches else ["-c"]
    source = [] if target in repo.release_branches else ["--no-track", channels[target]]
    steps = [
        SetupStep(
            f"switched to {target}",
            partial(git.run, "switch", "--quiet", *start, target, *source),
            True,
        )
    ]
    if not repo.config.scheme.is_release(here):
        steps.append(
            SetupStep(
                f"branch {here} deleted; it held nothing but the vendor's commits",
                partial(git.run, "branch", "-D", "--", here),
                True,
            )
        )
    return target, steps


def _stands_on(repo: Repository, tip: str, channels: dict[str, str]) -> str:
    """The channel that leaves the fewest commits over; of equals the one that has gone least far since, then the newest."""
    return min(
        reversed(channels),
        key=lambda name: (repo.git.count(tip, channels[name]), repo.git.count(channels[name], tip)),
    )


def track(git: Git, primary: str, branch: str) -> None:
    """Makes a branch track the channel of its name, known here already or not."""
    git.run("config", f"branch.{branch}.remote", primary)
    git.run("config", f"branch.{branch}.merge", HEADS + branch)


def prepare(repo: Repository, roles: Roles) -> Repository:
    """Makes sure that new URLs answer and that the vendor's channels are known here; changes nothing of the user's.

    Returns the repository to plan with. Raises CallFailed, Refused.
    """
    git, config = repo.git, repo.config
    for role, url in (("primary", roles.primary_url), ("internal", roles.internal_url)):
        if url:
            ask_remote(git, role, url)
    if in_two_goes(repo, roles):
        return repo
    prefix = f"refs/remotes/{roles.primary or config.primary}/"
    if any(
        ref.startswith(prefix) and config.scheme.is_release(ref[len(prefix) :]) for ref in repo.refs
    ):
        return repo
    git.show(
        "fetch", *progress(), "--", roles.primary or roles.primary_url, f"+refs/heads/*:{prefix}*"
    )
    return Repository(git)


def in_two_goes(repo: Repository, roles: Roles) -> bool:
    """Whether the internal repository has the primary one's name, which is new here: the vendor's channels can be fetched only then."""
    return not roles.primary and roles.internal == repo.config.primary


def plan(repo: Repository, roles: Roles, release: str) -> list[SetupStep]:
    """Everything that `init` does, in order; where it takes two goes, the first one. Empty when nothing is to be done."""
    if repo.head is None and not repo.release_branches:
        raise Refused(
            "nothing is checked out in this repository", "git ekf clone PRIMARY DIR --internal URL"
        )
    remotes = plan_remotes(repo, roles)
    internal = repo.config.internal
    fetch = SetupStep(
        f"fetched what {internal} has", partial(repo.git.show, "fetch", *progress(), "--", internal)
    )
    if in_two_goes(repo, roles):
        primary = repo.config.primary
        return [
            *remotes,
            SetupStep(
                f"fetched what {primary} has",
                partial(repo.git.show, "fetch", *progress(), "--", primary),
            ),
        ]
    return [
        *remotes,
        *plan_channels(repo, roles.primary),
        *(
            plan_mirror(repo, roles.primary_url, repo.git.ls_remote(roles.primary_url, MIRROR))
            if roles.primary_url
            else []
        ),
        *(
            [fetch]
            if any(step.what.startswith(f"fetching from {internal}") for step in remotes)
            else []
        ),
        *plan_branch(repo, roles.primary or repo.config.primary, release),
        *plan_settings(repo),
        *plan_hooks(repo),
    ]


def run(steps: list[SetupStep]) -> list[str]:
    """Makes the changes in order and says what was done. Raises EkfError with how to go on when one fails."""
    for number, step in enumerate(steps):
        try:
            step.act()
        except EkfError as error:
            if number and not error.hint:
                error.hint = "what was done before it stays; run git ekf init again to go on"
            raise
    return [step.what for step in steps]
