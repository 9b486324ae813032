"""Builds the local repository from nothing, or as `internal` has kept it."""

from __future__ import annotations

from typing import NamedTuple

from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS
from git_ekf.names import Scheme
from git_ekf.repository import Repository
from git_ekf.setup.init import plan_hooks, plan_settings, run, track
from git_ekf.setup.remotes import Roles, plan_mirror, plan_remotes, progress
from git_ekf.terminal.text import counted
from git_ekf.vendor import ask_remote, choose_release


class Heads(NamedTuple):
    """What the two repositories said they have: ref -> object id."""

    primary: dict[str, str]
    internal: dict[str, str]


def ask_remotes(git: Git, primary_url: str, internal_url: str) -> Heads:
    """Asks both repositories before anything is made. Raises CallFailed within a bounded time."""
    return Heads(ask_remote(git, "primary", primary_url), ask_remote(git, "internal", internal_url))


def choose_branch(scheme: Scheme, heads: Heads, release: str) -> str:
    """The release branch to work on: what is asked for, else what `internal` holds, else the newest channel."""
    channels, saved = (
        sorted(
            filter(
                scheme.is_release,
                (ref.removeprefix(HEADS) for ref in refs if ref.startswith(HEADS)),
            ),
            key=scheme.key,
        )
        for refs in heads
    )
    if not channels:
        hint = "other names: git -c ekf.branches.release='v{version}-branch' ekf clone PRIMARY"
        raise Refused(
            f"the primary repository has no release branch ({scheme.pattern})",
            "the other one has: are PRIMARY and --internal the wrong way round?" if saved else hint,
        )
    if release:
        return choose_release(scheme, release, [*channels, *saved])
    return (saved or channels)[-1]


def build(
    directory: str, primary_url: str, internal_url: str, branch: str, heads: Heads
) -> list[str]:
    """Builds the clone in an existing, empty directory, showing git's progress. Returns what was done, in sentences."""
    object_format = (
        "sha256"
        if any(len(oid) == 64 for oid in (*heads.primary.values(), *heads.internal.values()))
        else "sha1"
    )
    Git().run(
        "init",
        "--quiet",
        f"--object-format={object_format}",
        f"--initial-branch={branch}",
        "--",
        directory,
    )
    git = Git(directory)
    repo = Repository(git)
    _keep_scheme(repo)
    done = run(
        [
            *plan_remotes(repo, Roles("", primary_url, "", internal_url)),
            *plan_mirror(repo, primary_url, heads.primary),
        ]
    )
    for remote in (repo.config.primary, repo.config.internal):
        git.show("fetch", *progress(), "--", remote)
    saved = heads.internal.get(HEADS + branch)
    tip = saved or heads.primary[HEADS + branch]
    git.update_refs([f"create {HEADS}{branch} {tip}"])
    git.show("reset", "--hard", "--quiet")
    track(git, repo.config.primary, branch)
    repo = Repository(git)
    done.append(
        _restored(repo, branch)
        if saved
        else f"branch {branch} made from {repo.config.primary}/{branch}, and tracks it"
    )
    if HEADS + branch not in heads.primary:
        done.append(f"the vendor no longer has {branch}; what it tracks is gone")
    return done + run([*plan_settings(repo), *plan_hooks(repo)])


def _keep_scheme(repo: Repository) -> None:
    """A naming scheme given with `git -c` for the clone has to hold in the clone afterwards."""
    scoped = repo.git.fields("config", "--list", "-z", "--show-scope")
    for scope, entry in zip(scoped[::2], scoped[1::2], strict=True):
        key, _, value = entry.partition("\n")
        if scope == "command" and key in (
            "ekf.branches.release",
            "ekf.remotes.primary",
            "ekf.remotes.internal",
        ):
            repo.git.run("config", key, value)


def _restored(repo: Repository, branch: str) -> str:
    base = repo.base(branch)
    holds = (
        [counted(repo.git.count(repo.release_branches[branch], base), "configuration commit")]
        if base
        else []
    )
    holds.append(counted(len(repo.record_names()), "deploy record"))
    return f"branch {branch} restored from {repo.config.internal}, {', '.join(holds)}; it tracks {repo.config.primary}/{branch}"
