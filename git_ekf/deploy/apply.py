"""What the deploy tool of the configuration is to be run on, and the record of that."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress

from git_ekf.config import FILE, Config
from git_ekf.deploy import write
from git_ekf.deploy.apply_run import ApplyPlan, ApplyStep
from git_ekf.deploy.only_commits import require_only_commits
from git_ekf.errors import Refused, UsageError
from git_ekf.record import Record
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.trust import APPLY, require_trusted

PATHS = "Paths"
IGNORED = "Ignored"
_PATH = "{path}"


def plan(repo: Repository, paths: list[str]) -> ApplyPlan:
    """The steps for paths relative to the current directory; without any, for the configuration's.

    Those are relative to the top. Raises Refused, UsageError.
    """
    branch = write.require_deployable(repo)
    _require_configured(repo, paths)
    command = repo.config.apply_command
    located = [""]
    if takes_path(command):
        located = _locate_all(repo, paths)
    elif paths:
        raise UsageError(
            "apply.command takes no path: none of its words has {path}", "git ekf apply"
        )
    require_trusted(repo, APPLY, command)
    steps = steps_for(command, located)
    ignored = require_only_commits(repo, [step.path or "." for step in steps])
    head = repo.head or ""
    variables = environment(repo, branch, head)
    return ApplyPlan(branch, head, repo.place.top, variables, steps, ignored)


def _require_configured(repo: Repository, paths: list[str]) -> None:
    """Raises Refused, with an example, where there is no command but a default that is not here."""
    command = repo.config.apply_command
    if command != Config().apply_command or shutil.which(command[0]):
        return
    asked = paths or repo.config.apply_paths or ["apps/istio/overlays/deploy"]
    listed = ", ".join(map(json.dumps, asked))
    raise Refused(
        f"no deploy tool is configured, and the default one, {command[0]}, is not on the PATH",
        f"write {FILE}, commit it, then: git ekf trust; its keys: git ekf man config",
        [
            f"{FILE} at the top of the repository says what to run, for example:",
            "[apply]",
            'command = ["kubectl", "apply", "-k", "{path}"]',
            f"paths = [{listed}]",
        ],
    )


def _locate_all(repo: Repository, paths: list[str]) -> list[str]:
    """The paths, or those of the configuration, relative to the top.

    Raises Refused where HEAD lacks one.
    """
    top = os.path.realpath(repo.place.top)
    start = os.getcwd() if paths else top
    located = [locate(path, start, top, "apply") for path in paths or repo.config.apply_paths]
    if not located:
        raise Refused(
            "nothing says which paths to apply",
            "git ekf apply PATH, or set apply.paths in the configuration",
        )
    for path in located:  # a symbolic link, and what it leads to
        target = inside(os.path.realpath(os.path.join(top, path)), top, path, "apply")
        for name in dict.fromkeys([path, target]):
            if not is_in(repo, repo.head or "", name):
                raise Refused(f"{path} is not in HEAD", how_to_list("HEAD", name))
    return located


def locate(path: str, start: str, top: str, command: str) -> str:
    """A path relative to the top. Raises Refused where it leads out of the work tree.

    `command` is ours that was given it.
    """
    if not path or "\0" in path:
        raise Refused("an empty path, or one with a NUL, is not a path", f"git ekf {command} PATH")
    whole = os.path.normpath(os.path.join(start, path))
    if os.path.isabs(path):
        # Perhaps by way of a link above the work tree, which git's own `top` does not show.
        whole = os.path.join(os.path.realpath(os.path.dirname(whole)), os.path.basename(whole))
    return inside(whole, top, path, command)


def inside(whole: str, top: str, path: str, command: str) -> str:
    """The path `whole` relative to the top. Raises Refused, of `path`, where it is elsewhere."""
    relative = os.path.relpath(whole, top)
    if relative.split(os.sep, 1)[0] == os.pardir:
        raise Refused(
            f"{path} is outside the work tree",
            f"git ekf {command} PATH, with a path below the top of the work tree",
        )
    return relative


def is_in(repo: Repository, commit: str, path: str) -> bool:
    """Whether a commit has a path; "." is its top."""
    within = "" if path == os.curdir else path
    return bool(repo.git.ref_value(f"{commit}:{within}"))


def how_to_list(commit: str, path: str) -> str:
    """The command that lists what a commit has in the folder of a path."""
    folder = os.path.dirname(path)
    shown = f" {shell(folder + '/')}" if folder else ""
    return f"git ls-tree --full-tree --name-only {commit}{shown}"


def takes_path(command: tuple[str, ...]) -> bool:
    """Whether a command runs once a path, rather than once for everything."""
    return any(_PATH in word for word in command)


def steps_for(command: tuple[str, ...], paths: Iterable[str]) -> list[ApplyStep]:
    """A command once a path, which no tool takes for an option; "" for a tool that takes none."""
    steps = []
    for path in dict.fromkeys(paths):
        safe = f"./{path}" if path.startswith("-") else path
        steps.append(ApplyStep(path, tuple(word.replace(_PATH, safe) for word in command)))
    return steps


def environment(repo: Repository, branch: str, commit: str) -> dict[str, str]:
    """This process's, without the variables that point git to a repository, and with our own."""
    channel = repo.channel(branch)
    local = repo.git.local_environment()
    variables = {name: value for name, value in os.environ.items() if name not in local}
    variables["EKF_RELEASE"] = repo.config.scheme.version(branch) or ""
    variables["EKF_COMMIT"] = commit
    variables["EKF_UPSTREAM"] = (channel and repo.merge_base(channel, commit)) or ""
    return variables


def fields_of(plan: ApplyPlan) -> list[tuple[str, str]]:
    """The fields of the record that say what was applied; a tool may take no paths."""
    fields = []
    paths = [step.path for step in plan.steps if step.path]
    for name, listed in ((PATHS, paths), (IGNORED, plan.ignored)):
        if listed:
            fields.append((name, ", ".join(map(_listed, listed))))
    return fields


def _listed(path: str) -> str:
    plain = path.isprintable() and path == path.strip() and not set(path) & set(',"')
    return path if plain else json.dumps(path)


def listed_paths(value: str) -> list[str]:
    """The paths that a field lists, as `fields_of` or a person wrote it."""
    paths = []
    at = 0
    while at < len(value):
        path, at = _listed_at(value, at)
        paths.append(path)
    return list(dict.fromkeys(filter(None, paths)))


def _listed_at(value: str, at: int) -> tuple[str, int]:
    """The path that begins there, and where the next one does."""
    end = _comma(value, at)
    plain = value[at:end].strip()
    if plain.startswith('"'):
        with suppress(ValueError):
            path, behind = json.JSONDecoder().raw_decode(value, value.index('"', at))
            if not value[behind : _comma(value, behind)].strip():
                return path, _comma(value, behind) + 1
    return plain, end + 1


def _comma(value: str, at: int) -> int:
    """Where the next comma is, or the end."""
    comma = value.find(",", at)
    return comma if comma >= 0 else len(value)


def record(
    repo: Repository, plan: ApplyPlan, date: str, context: str, fields: list[tuple[str, str]]
) -> Record:
    """The record of the plan carried out.

    Raises Refused where a required field is missing, UsageError where `fields` has one that the
    plan fills in.
    """
    for name, _ in fields:
        if name.casefold() in (PATHS.casefold(), IGNORED.casefold()):
            raise UsageError(
                f"the field {name} is filled in with what is applied",
                "git ekf apply PATH -m CONTEXT",
            )
    composed = write.compose(repo, plan.branch, date, context, [*fields, *fields_of(plan)])
    try:
        write.check_record(repo, composed)
    except Refused as error:
        hint = error.hint.replace("git ekf tag", "git ekf apply", 1)
        raise Refused(error.message, hint) from None
    return composed
