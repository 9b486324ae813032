"""The live cluster held against its deploy record: which resources differ.

The comparison runs on an export of the record's tree, so that nothing of the work tree comes in:
what is edited there, ignored or newer than the deployment. Which command it is, and which paths
where the record names none, the configuration in force decides, as it does for `apply`: how a
cluster is looked at is a matter of today, and of this machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from git_ekf.cluster import Running, cluster_of
from git_ekf.deploy import comparing
from git_ekf.deploy.apply import (
    IGNORED,
    PATHS,
    environment,
    how_to_list,
    inside,
    is_in,
    listed_paths,
    locate,
    steps_for,
    takes_path,
)
from git_ekf.deploy.apply_run import ApplyPlan, ApplyStep, ending
from git_ekf.deploy.live_text import TEXT, LiveText
from git_ekf.deploy.only_commits import is_below
from git_ekf.errors import Refused, UsageError
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


class _NewestRecord(NamedTuple):
    """What the cluster runs, by its newest deploy record, and the commit of that."""

    repo: Repository
    running: Running
    commit: str

    def has(self, path: str) -> bool:
        """Whether the commit has a path, relative to its top."""
        return is_in(self.repo, self.commit, path)

    def listed(self, field: str) -> list[str]:
        """The paths that a field lists."""
        said = self.running.tag.said(self.repo.config.tags_required)
        return listed_paths(said.get(field) or "")

    def applied(self) -> list[str]:
        """The paths that it says were applied, relative to the top. Raises Refused."""
        return _below_top(self.repo, self.listed(PATHS))

    def plan_for(self, paths: Iterable[str]) -> DriftPlan:
        """The steps for paths. Raises Refused where the commit lacks one."""
        for path in paths:
            if not self.has(path):
                raise Refused(
                    f"{path} is not in {self.running.tag.name}",
                    how_to_list(self.commit[:12], path),
                )
        return self.planned(paths)

    def plan_for_all(self) -> DriftPlan:
        """The steps for all that it says was applied, else for those of apply.paths that it has.

        Raises Refused.
        """
        applied = self.applied()
        if applied:
            return self.plan_for(applied)
        configured = _below_top(self.repo, self.repo.config.apply_paths)
        there = list(filter(self.has, configured))
        if not there:
            raise Refused(
                f"neither {self.running.tag.name} nor apply.paths says which paths of it were"
                " applied",
                "git ekf drift PATH, or set apply.paths in the configuration",
            )
        return self.planned(there, [path for path in configured if path not in there])

    def planned(self, paths: Iterable[str], left_out: Iterable[str] = ()) -> DriftPlan:
        """The steps for paths that are there; "" for a tool that takes none. Raises Refused."""
        repo, running, commit = self.repo, self.running, self.commit
        command = repo.config.drift_command
        require_trusted(repo, DRIFT, command, commit)
        variables = environment(repo, running.branch, commit)
        variables.pop(_OTHER_DIFF, None)
        if _KUBECONFIG in variables:  # the export is not where its relative paths lead from
            files = variables[_KUBECONFIG].split(os.pathsep)
            found = [file and os.path.join(_top(repo), file) for file in files]
            variables[_KUBECONFIG] = os.pathsep.join(found)
        return DriftPlan(
            running.tag.name,
            running.branch,
            commit,
            steps_for(command, paths),
            list(left_out),
            self.listed(IGNORED),
            variables,
        )


def plan(repo: Repository, paths: list[str]) -> DriftPlan:
    """The steps for paths relative to the current directory; without any, for all that was applied.

    That is what the record lists, else apply.paths. Raises Refused, UsageError.
    """
    record = _newest(repo)
    if record is None:
        raise Refused("there is no deploy record yet", "git ekf tag")
    if not takes_path(repo.config.drift_command):
        if paths:
            raise UsageError(
                "drift.command takes no path: none of its words has {path}", "git ekf drift"
            )
        return record.planned([""])
    if not paths:
        return record.plan_for_all()
    start = os.getcwd() if repo.place.top else _top(repo)
    return record.plan_for([locate(path, start, _top(repo), "drift") for path in paths])


def plan_before(repo: Repository, applying: ApplyPlan) -> DriftPlan | None:
    """The steps for what is about to be applied, as far as the newest record applied it.

    None where there is no record. Raises Refused.
    """
    record = _newest(repo)
    if record is None:
        return None
    if not takes_path(repo.config.drift_command):
        return record.planned([""])
    paths = [step.path for step in applying.steps if step.path]
    if not paths:
        return record.plan_for_all()
    # Without a list, anything of its tree may have been applied.
    applied = record.applied() or ["."]
    compared: list[str] = []
    left_out: list[str] = []
    for path in paths:
        below = [one for one in applied if is_below(one, path)]
        if not below and any(is_below(path, one) for one in applied):
            below = [path]
        there = list(filter(record.has, below))
        compared += there
        left_out += [] if there else [path]
    return record.planned(compared, left_out)


def _newest(repo: Repository) -> _NewestRecord | None:
    """None where there is no record. Raises Refused where its commit is not here."""
    running = cluster_of(repo).running
    if running is None:
        return None
    commit = repo.git.commit(running.commit)
    if not commit:
        raise Refused(f"{running.tag.name} is on no commit that is here", "git ekf check")
    return _NewestRecord(repo, running, commit)


def _below_top(repo: Repository, paths: Iterable[str]) -> list[str]:
    """Paths that are meant from the top. Raises Refused for one that leads out of it."""
    top = _top(repo)
    return list(dict.fromkeys(locate(path, top, top, "drift") for path in paths))


def _top(repo: Repository) -> str:
    """What paths are relative to; a bare repository's own directory stands for its tree."""
    return os.path.realpath(repo.place.top or repo.place.git_dir)


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
    # On an export of the commit, for which the repository is only read.
    with temporary() as root:
        folder = os.path.join(root, "tree")
        os.mkdir(folder)
        repo.git.check_out_copies(repo.place.git_dir, {folder: plan.commit})
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
