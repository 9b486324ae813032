"""The live cluster held against its deploy record: which resources differ.

The comparison runs on an export of the record's tree, so that nothing of the work tree comes in:
what is edited there, ignored or newer than the deployment. Which command it is, and which paths
where the record names none, the configuration in force decides, as it does for `apply`: how a
cluster is looked at is a matter of today, and of this machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from git_ekf.cluster import cluster_of
from git_ekf.deploy import comparing
from git_ekf.deploy.apply import (
    IGNORED,
    PATHS,
    environment,
    filled,
    how_to_list,
    inside,
    is_in,
    listed_paths,
    locate,
    takes_path,
)
from git_ekf.deploy.apply_run import ApplyPlan, ApplyStep, ending
from git_ekf.deploy.live_text import TEXT, LiveText
from git_ekf.errors import Refused, UsageError
from git_ekf.names import record_name
from git_ekf.record import Record, parse
from git_ekf.records import RecordTag
from git_ekf.repository import Repository
from git_ekf.temporary import temporary
from git_ekf.trust import DRIFT, require_trusted

# With another program there, kubectl would not print what is read here.
_OTHER_DIFF = "KUBECTL_EXTERNAL_DIFF"
_KUBECONFIG = "KUBECONFIG"


class DriftPlan(NamedTuple):
    """The steps of a comparison, for the record `name` of `branch` on `commit`.

    `left_out` are paths that the record did not apply; `ignored` is its list of files that git
    ignored, which its tree does not have. `environment` is the tool's, whole.
    """

    name: str
    branch: str
    commit: str
    steps: list[ApplyStep]
    left_out: list[str]
    ignored: list[str]
    environment: dict[str, str]


class Compared(NamedTuple):
    """A path, and the tool's words on it; `failure` is the end of a sentence on it, "" for none.

    `differs` is whether the cluster does, as far as the tool got.
    """

    path: str
    text: LiveText
    differs: bool
    failure: str


# --- planned ---


def plan(repo: Repository, paths: list[str]) -> DriftPlan:
    """The steps for paths relative to the current directory; without any, for all that was applied.

    That is what the record lists, else apply.paths. Raises Refused, UsageError.
    """
    running = cluster_of(repo).running
    record = running.tag if running else None
    if record is None:
        raise Refused("there is no deploy record yet", "git ekf tag")
    commit = _commit(repo, record)
    if not takes_path(repo.config.drift_command):
        if paths:
            raise UsageError(
                "drift.command takes no path: none of its words has {path}", "git ekf drift"
            )
        return _planned(repo, record, commit, [""], [])
    if paths:
        start = os.getcwd() if repo.place.top else _top(repo)
        located = [locate(path, start, _top(repo), "drift") for path in paths]
        return _planned(repo, record, commit, _required(repo, record, commit, located), [])
    return _all_applied(repo, record, commit)


def plan_before(repo: Repository, applying: ApplyPlan) -> DriftPlan | None:
    """The steps for what is about to be applied, as far as the newest record applied it.

    None where there is no record. Raises Refused.
    """
    running = cluster_of(repo).running
    record = running.tag if running else None
    if record is None:
        return None
    commit = _commit(repo, record)
    if not takes_path(repo.config.drift_command):
        return _planned(repo, record, commit, [""], [])
    paths = [step.path for step in applying.steps if step.path]
    if not paths:
        return _all_applied(repo, record, commit)
    # Without a list, anything of its tree may have been applied.
    recorded = _recorded(repo, record) or ["."]
    compared: list[str] = []
    left_out: list[str] = []
    for path in paths:
        there = [one for one in _applied_at(path, recorded) if is_in(repo, commit, one)]
        compared += there
        left_out += [] if there else [path]
    return _planned(repo, record, commit, compared, left_out)


def _applied_at(path: str, recorded: list[str]) -> list[str]:
    """What was applied of a path: those of the record below it, or itself where it is below one."""
    below = [one for one in recorded if _is_within(one, path)]
    if not below and any(_is_within(path, one) for one in recorded):
        return [path]
    return below


def _is_within(path: str, folder: str) -> bool:
    return folder in (".", path) or path.startswith(f"{folder}/")


def _commit(repo: Repository, record: RecordTag) -> str:
    commit = repo.git.commit(record.tagged)
    if not commit:
        raise Refused(f"{record.name} is on no commit that is here", "git ekf check")
    return commit


def _all_applied(repo: Repository, record: RecordTag, commit: str) -> DriftPlan:
    """What the record lists, else those of apply.paths that it has. Raises Refused."""
    recorded = _recorded(repo, record)
    if recorded:
        return _planned(repo, record, commit, _required(repo, record, commit, recorded), [])
    configured = _below_top(repo, repo.config.apply_paths)
    there = [path for path in configured if is_in(repo, commit, path)]
    if not there:
        raise Refused(
            f"neither {record.name} nor apply.paths says which paths of it were applied",
            "git ekf drift PATH, or set apply.paths in the configuration",
        )
    return _planned(repo, record, commit, there, [path for path in configured if path not in there])


def _recorded(repo: Repository, record: RecordTag) -> list[str]:
    """The paths that the record lists, relative to the top. Raises Refused."""
    return _below_top(repo, listed_paths(_fields(repo, record).get(PATHS) or ""))


def _below_top(repo: Repository, paths: Iterable[str]) -> list[str]:
    """Paths that are meant from the top. Raises Refused for one that leads out of it."""
    top = _top(repo)
    return list(dict.fromkeys(locate(path, top, top, "drift") for path in paths))


def _top(repo: Repository) -> str:
    """What paths are relative to; a bare repository's own directory stands for its tree."""
    return os.path.realpath(repo.place.top or repo.place.git_dir)


def _fields(repo: Repository, record: RecordTag) -> Record:
    return parse(record.tag.message if record.tag else "", repo.config.tags_required)


def _required(repo: Repository, record: RecordTag, commit: str, paths: list[str]) -> list[str]:
    """The paths. Raises Refused where the record's commit lacks one."""
    for path in paths:
        if not is_in(repo, commit, path):
            raise Refused(f"{path} is not in {record.name}", how_to_list(commit[:12], path))
    return paths


def _planned(
    repo: Repository, record: RecordTag, commit: str, paths: list[str], left_out: list[str]
) -> DriftPlan:
    command = repo.config.drift_command
    require_trusted(repo, DRIFT, command, commit)
    branch = getattr(record_name(record.name, repo.config.scheme), "branch", "")
    channel = repo.channel(branch)
    base = repo.merge_base(channel, commit) if channel else None
    variables = environment(repo, branch, commit, base or "")
    variables.pop(_OTHER_DIFF, None)
    if _KUBECONFIG in variables:  # the export is not where its relative paths lead from
        files = variables[_KUBECONFIG].split(os.pathsep)
        found = [file and os.path.join(_top(repo), file) for file in files]
        variables[_KUBECONFIG] = os.pathsep.join(found)
    steps = [ApplyStep(path, filled(command, path)) for path in dict.fromkeys(paths)]
    ignored = listed_paths(_fields(repo, record).get(IGNORED) or "")
    return DriftPlan(record.name, branch, commit, steps, left_out, ignored, variables)


# --- compared ---


def compare(
    repo: Repository,
    plan: DriftPlan,
    announce: Callable[[ApplyStep], None],
    *,
    keep_text: bool = False,
) -> list[Compared]:
    """Runs the comparison once a step, all of them, and reads what it says.

    Raises Refused where a path is a link that leads out of the tree, CallFailed where the tool
    cannot be started.
    """
    compared = []
    room = TEXT if keep_text else 0
    with _exported(repo, plan.commit) as folder:
        for step in plan.steps:
            inside(os.path.realpath(os.path.join(folder, step.path)), folder, step.path, "drift")
        for step in plan.steps:
            announce(step)
            text = LiveText(room)
            code = comparing.run(step.command, folder, plan.environment, text.take)
            text.end()
            room = text.room
            compared.append(_judged(step.path, text, code))
    return compared


def _judged(path: str, text: LiveText, code: int) -> Compared:
    """As kubectl and diff have it: 0 for nothing, 1 for differences, more for a failure.

    Where it ends in 1 and prints nothing, it is a failure after all: so kubectl ends where it does
    not know an option. Where it ends in 0 and names resources, they differ all the same.
    """
    failure = ""
    if code == 1 and text.is_empty:
        failure = "failed with code 1, and printed no difference"
    elif code not in (0, 1):
        failure = ending(code)
    differs = bool(text.found) or (code == 1 and not failure)
    return Compared(path, text, differs, failure)


@contextmanager
def _exported(repo: Repository, commit: str) -> Iterator[str]:
    """A directory with the files of a commit. The repository is only read."""
    with temporary() as root:
        folder = os.path.join(root, "tree")
        os.mkdir(folder)
        repo.git.check_out_copies(repo.place.git_dir, {folder: commit})
        yield folder
