"""What the deploy tool of the configuration is to be run on, and the record of that."""

from __future__ import annotations

import json
import os
import shutil
from fnmatch import fnmatchcase

from git_ekf.config import FILE, Config
from git_ekf.deploy import write
from git_ekf.deploy.apply_run import ApplyPlan, ApplyStep
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
    if any(_PATH in word for word in command):
        located = _locate_all(repo, paths)
        steps = [ApplyStep(path, _filled(command, path)) for path in dict.fromkeys(located)]
    elif paths:
        raise UsageError(
            "apply.command takes no path: none of its words has {path}", "git ekf apply"
        )
    else:
        steps = [ApplyStep("", command)]
    require_trusted(repo, APPLY, command)
    ignored = _require_only_commits(repo, [step.path or "." for step in steps])
    environment = _environment(repo, branch)
    return ApplyPlan(branch, repo.head or "", repo.place.top, environment, steps, ignored)


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


def _require_only_commits(repo: Repository, paths: list[str]) -> list[str]:
    """Raises Refused where the tool would see files that HEAD does not have, or has otherwise.

    Returns the ignored files that the configuration lets through.
    """
    git = repo.git.variant(repo.place.top)
    hidden = git.hidden_changes(paths)
    if hidden:
        raise Refused(
            f"{_named(hidden)} changed, and git was told not to look",
            f"git update-index --no-assume-unchanged -- {shell(*hidden)}"
            f" && git update-index --no-skip-worktree -- {shell(*hidden)}",
        )
    allowed: list[str] = []
    others: list[str] = []
    for path in git.ignored_files(paths):
        names = (path, os.path.basename(path))
        patterns = repo.config.apply_ignored
        is_allowed = any(fnmatchcase(name, pattern) for pattern in patterns for name in names)
        (allowed if is_allowed else others).append(path)
    if others:
        raise Refused(
            f"{_named(others)} ignored by git, so that no record would have what is applied",
            f"move it elsewhere, or: {repo.how_to_allow('apply.ignored', others[0])}",
        )
    return allowed


def _named(paths: list[str]) -> str:
    """Some files as the subject of a sentence."""
    more = len(paths) - 3
    shown = ", ".join(paths[:3]) + (f" and {more} more" if more > 0 else "")
    return f"{shown} {'is' if len(paths) == 1 else 'are'}"


def _locate_all(repo: Repository, paths: list[str]) -> list[str]:
    """The paths, or those of the configuration, relative to the top. Raises Refused."""
    top = os.path.realpath(repo.place.top)
    start = os.getcwd() if paths else top
    located = [_locate(path, start, top) for path in paths or repo.config.apply_paths]
    if not located:
        raise Refused(
            "nothing says which paths to apply",
            "git ekf apply PATH, or set apply.paths in the configuration",
        )
    for path in located:
        _require_committed(repo, path, top)
    return located


def _locate(path: str, start: str, top: str) -> str:
    """A path relative to the top. Raises Refused where it leads out of the work tree."""
    if not path or "\0" in path:
        raise Refused("an empty path, or one with a NUL, is not a path", "git ekf apply PATH")
    whole = os.path.normpath(os.path.join(start, path))
    if os.path.isabs(path):
        # Perhaps by way of a link above the work tree, which git's own `top` does not show.
        whole = os.path.join(os.path.realpath(os.path.dirname(whole)), os.path.basename(whole))
    return _inside(whole, top, path)


def _inside(whole: str, top: str, path: str) -> str:
    relative = os.path.relpath(whole, top)
    if relative.split(os.sep, 1)[0] == os.pardir:
        raise Refused(
            f"{path} is outside the work tree",
            "git ekf apply PATH, with a path below the top of the work tree",
        )
    return relative


def _require_committed(repo: Repository, path: str, top: str) -> None:
    """Raises Refused unless HEAD has the path, and where it is a symbolic link also its target."""
    target = _inside(os.path.realpath(os.path.join(top, path)), top, path)
    for name in dict.fromkeys([path, target]):
        within = "" if name == os.curdir else name
        if not repo.git.ref_value(f"{repo.head}:{within}"):
            folder = os.path.dirname(name)
            shown = f" {shell(folder + '/')}" if folder else ""
            raise Refused(
                f"{path} is not in HEAD", f"git ls-tree --full-tree --name-only HEAD{shown}"
            )


def _filled(command: tuple[str, ...], path: str) -> tuple[str, ...]:
    safe = f"./{path}" if path.startswith("-") else path
    return tuple(word.replace(_PATH, safe) for word in command)


def _environment(repo: Repository, branch: str) -> dict[str, str]:
    """This process's, without the variables that point git to a repository, and with our own."""
    local = repo.git.local_environment()
    environment = {name: value for name, value in os.environ.items() if name not in local}
    environment["EKF_RELEASE"] = repo.config.scheme.version(branch) or ""
    environment["EKF_COMMIT"] = repo.head or ""
    environment["EKF_UPSTREAM"] = repo.base(branch) or ""
    return environment


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
