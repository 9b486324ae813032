"""Builds the local repository from nothing, or as `internal` has kept it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from git_ekf.cluster import cluster_of
from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS, TAGS, UPSTREAM, RefNamespace, RefUpdate
from git_ekf.internal import note_asked
from git_ekf.names import Scheme
from git_ekf.records import record_names, restore_records
from git_ekf.repository import Repository
from git_ekf.setup.branches import bring_branches
from git_ekf.setup.init import plan_hooks, plan_settings
from git_ekf.setup.remotes import Roles, plan_mirror, plan_namespace, plan_remotes, plan_tags
from git_ekf.setup.steps import run
from git_ekf.terminal.text import counted
from git_ekf.transaction.tracking import track
from git_ekf.vendor import ask_remote, choose_release

# Settings given with `git -c` for the clone that have to hold in it afterwards.
_KEPT = (
    "ekf.branches.release",
    "ekf.remotes.primary",
    "ekf.remotes.internal",
    "ekf.internal.namespace",
)


# Ends the namespace below which `internal` keeps commits of the vendor.
_UPSTREAM = "/upstream/"


class Heads(NamedTuple):
    """The refs of the two repositories: ref -> object id."""

    primary: dict[str, str]
    internal: dict[str, str]


def ask_remotes(git: Git, primary_url: str, internal_url: str) -> Heads:
    """Asks both repositories before anything is made. Raises CallFailed within a bounded time."""
    return Heads(ask_remote(git, "primary", primary_url), ask_remote(git, "internal", internal_url))


def choose_branch(scheme: Scheme, heads: Heads, release: str, swapped: str) -> str:
    """The release branch to work on.

    It is the one asked for, else the newest that `internal` holds, else the newest channel.
    `swapped` is the command with both the other way round. Raises Refused, UsageError.
    """
    channels = scheme.releases(heads.primary, HEADS)
    saved = scheme.releases(heads.internal, HEADS)
    if not channels:
        hint = "other names: git -c ekf.branches.release='v{version}-branch' ekf clone PRIMARY"
        if saved:
            hint = f"are PRIMARY and --internal the wrong way round? Then: {swapped}"
        raise Refused(f"the primary repository has no release branch ({scheme.pattern})", hint)
    if release:
        return choose_release(scheme, release, [*channels, *saved])
    return (saved or channels)[-1]


def build(
    git: Git,
    directory: str,
    primary_url: str,
    internal_url: str,
    branch: str,
    heads: Heads,
    *,
    by_cluster: bool,
) -> list[str]:
    """Builds the clone in an existing, empty directory, showing git's progress.

    `by_cluster`: on the branch that the cluster runs, where `internal` has one, in place of
    `branch`. Returns what was done, in sentences. Raises EkfError; what is half done then stays.
    """
    oids = [*heads.primary.values(), *heads.internal.values()]
    object_format = "sha256" if any(len(oid) == 64 for oid in oids) else "sha1"
    git.init(directory, object_format=object_format, branch=branch)
    git = git.variant(directory)
    repo = Repository(git)
    for scope, _, key, value in git.located_settings():
        if scope == "command" and key in _KEPT:
            git.set_setting(key, value)
    steps = plan_remotes(repo, Roles("", primary_url, "", internal_url))
    steps += plan_mirror(repo, primary_url, heads.primary)
    done = run([*steps, *plan_tags(repo, heads.primary)])
    primary, internal = repo.config.primary, repo.config.internal
    for remote in (primary, internal):
        git.show_fetch(remote)
    note_asked(repo)
    restore_records(repo.fresh())
    repo = repo.fresh()
    why = ""
    if by_cluster and repo.saved_branches:
        branch, why = _branch_of_cluster(repo)
        git.point_head(HEADS + branch, "clone")
    saved = heads.internal.get(HEADS + branch)
    tip = saved or heads.primary[HEADS + branch]
    git.update_refs([RefUpdate(HEADS + branch, "0" * len(tip), tip)])
    git.reset_hard()
    track(git, primary, branch)
    repo = repo.fresh()
    namespace = _inferred_namespace(repo, heads.internal)
    if namespace:
        git.set_setting("ekf.internal.namespace", namespace)
        done.append(f"ekf.internal.namespace = {namespace}, as {internal} has it")
    done += run(plan_namespace(repo.fresh()))
    repo = repo.fresh()
    if saved:
        done.append(_restored(repo, branch, why))
    else:
        done.append(f"branch {branch} made from {primary}/{branch}, and tracks it")
    done += bring_branches(repo)
    if HEADS + branch not in heads.primary:
        done.append(f"the vendor no longer has {branch}; what it tracks is gone")
    return done + run([*plan_settings(repo), *plan_hooks(repo)])


def _branch_of_cluster(repo: Repository) -> tuple[str, str]:
    """The branch that the cluster runs by its newest record, and why it is that one.

    Without a record, or a branch of it on `internal`, it is the one with the newest commit.
    """
    cluster = cluster_of(repo)
    running = cluster.running
    if running and running.branch in repo.saved_branches:
        return running.branch, f"{cluster.name} runs it, by {running.name}"
    refs = [repo.internal_prefix + branch for branch in repo.saved_branches]
    ref, _ = repo.git.newest_ref(*refs)
    branch = ref.removeprefix(f"{repo.config.internal}/")
    if branch not in repo.saved_branches:
        branch = next(reversed(repo.saved_branches))
    why = f"{cluster.name} has no deploy record"
    if running:
        why = (
            f"{cluster.name} runs {running.branch}, by {running.name}, of which there is no branch"
        )
    return branch, f"{why}, and this one has the newest commit"


def _inferred_namespace(repo: Repository, there: Mapping[str, str]) -> str:
    """The namespace below which `internal`, by its refs `there`, keeps commits of the vendor.

    "" where the configuration has chosen one, and where none can be told for sure: what is called
    so has to be the vendor's in fact.
    """
    if repo.config.namespace != RefNamespace().root or any(
        ref.startswith(UPSTREAM) for ref in there
    ):
        return ""
    found: dict[str, set[str]] = {}
    for ref, oid in there.items():
        namespace, _, branch = ref.rpartition(_UPSTREAM)
        is_below = namespace.startswith((HEADS, TAGS))
        if is_below and repo.config.scheme.is_release(branch):
            found.setdefault(f"{namespace}/", set()).add(oid)
    sure = [namespace for namespace, oids in found.items() if _are_the_vendors(repo, oids)]
    return sure[0] if len(sure) == 1 else ""


def _are_the_vendors(repo: Repository, oids: set[str]) -> bool:
    if not all(info and info.type == "commit" for info in repo.git.object_infos(oids)):
        return False
    return not repo.git.commits(oids, globs=[f"{repo.primary_prefix}*"], at_most=1)


def _restored(repo: Repository, branch: str, why: str) -> str:
    config = repo.config
    base = repo.base(branch)
    holds = [counted(len(record_names(repo)), "deploy record")]
    if base:
        number = repo.git.count([repo.release_branches[branch]], [base])
        holds.insert(0, counted(number, "configuration commit"))
    return (
        f"branch {branch} restored from {config.internal}, {', '.join(holds)};"
        f" it tracks {config.primary}/{branch}" + (f"; {why}" if why else "")
    )
