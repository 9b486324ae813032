"""The list of what a rebase of ours is to do: its commits, and a last line of our own.

The rebase runs on the branch that was checked out, so `git rebase --abort` leads back to where it
began. The last line, an `exec`, makes the new branch and lets the rebase end on it.
"""

from __future__ import annotations

import os
import shlex

from git_ekf.git.refs import HEADS
from git_ekf.repository import Repository
from git_ekf.smallfile import write_small
from git_ekf.upgrade.rebase_state import LAST_STEP, RebaseState, append, lines_of, path_of
from git_ekf.upgrade.target import ROLLBACK, UPGRADE, Target


def write_todo(repo: Repository, state: RebaseState) -> str:
    """Writes the list, and beside it the originals of what is picked. The path of the list."""
    originals = path_of(repo, "originals")
    with open(originals, "w", encoding="ascii") as file:
        file.writelines(f"s/^{pick} /{oid} /\n" for oid, pick in state.rest if oid != pick)
    todo = path_of(repo, "todo")
    with open(todo, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"pick {pick} {state.subjects[oid]}\n" for oid, pick in state.rest)
        file.write(f"{_write_last_step(repo, state)}\n")
    return todo


def restore_last_line(repo: Repository, state: RebaseState) -> None:
    """Gives the rebase its last line back, where git was killed while it ran that.

    Without it the old branch would be moved, or a rollback be two commits.
    """
    target = state.target
    if target.command == ROLLBACK:
        at_goal = repo.git.commit("HEAD^") == target.tip and repo.git.commit("HEAD") != state.onto
    else:
        at_goal = lines_of(repo, "head-name")[:1] == [HEADS + target.goal]
    last = _write_last_step(repo, state)
    matters = target.command in (UPGRADE, ROLLBACK)
    if matters and not at_goal and last not in lines_of(repo, "git-rebase-todo"):
        append(repo, "git-rebase-todo", last)


def _write_last_step(repo: Repository, state: RebaseState) -> str:
    """Writes what the rebase is to run at its end. The line for it, which git shows to the user.

    It runs in the shell, and without git-ekf, which an editor's PATH may not have. It may run
    twice.
    """
    target = state.target
    lines = _one_commit(repo, state) if target.command == ROLLBACK else _last_step(repo, target)
    write_small(path_of(repo, LAST_STEP), os.fsencode("".join(f"{line}\n" for line in lines)))
    return f"exec sh {_git_path(f'ekf/{LAST_STEP}')} # the {target.command} ends on {target.goal}"


def _one_commit(repo: Repository, state: RebaseState) -> list[str]:
    """Makes of a rollback one commit on the branch: see upgrade/rollback.py.

    Where nothing was committed, the branch stays as it was.
    """
    (_, picked), tip = state.rest[0], state.target.tip
    sign = "-S " if repo.git_flag("commit.gpgsign") else ""
    return [
        "set -e",
        f'if test "$(git rev-parse HEAD)" = {state.onto}; then',
        f"    git reset --quiet --hard {tip}",
        f'elif test "$(git rev-parse HEAD^)" != {tip}; then',
        f"    new=$(git show --no-patch --format=format:%B {picked}"
        f' | git commit-tree {sign}-p {tip} -F - "HEAD^{{tree}}")',
        '    git update-ref HEAD "$new"',
        "fi",
        f"rm -f {_git_path('rebase-merge/rewritten-list')}",
    ]


def _last_step(repo: Repository, target: Target) -> list[str]:
    lines = ["set -e"]
    if target.command == UPGRADE:
        goal = shlex.quote(target.goal)
        made = f"git show-ref --quiet --verify refs/heads/{goal}"
        make = f"git branch --no-track {goal} {target.tip}"
        if target.goal_tip:  # git moves only a branch that is where the rebase began
            made = f'[ "$(git rev-parse --quiet --verify refs/heads/{goal})" = {target.tip} ]'
            make = f"git update-ref refs/heads/{goal} {target.tip} {target.goal_tip}"
        lines += [
            f"{made} || {make}",
            # git branch would look for other refs that may be called so, and could not tell.
            _set(f"branch.{target.goal}.remote", repo.config.primary),
            _set(f"branch.{target.goal}.merge", HEADS + target.goal),
            f"echo {shlex.quote(HEADS + target.goal)} >{_git_path('rebase-merge/head-name')}",
        ]
    # Notes and hooks are told of the user's own commits, not of what a migration has made of them.
    return [
        *lines,
        f"list={_git_path('rebase-merge/rewritten-list')}",
        '[ -f "$list" ] || exit 0',
        f'sed -f {_git_path("ekf/originals")} "$list" >"$list.new"',
        'mv "$list.new" "$list"',
        f'cp "$list" {_git_path("ekf/rewritten")}',
    ]


def _set(key: str, value: str) -> str:
    return f"git config --replace-all {shlex.quote(key)} {shlex.quote(value)}"


def _git_path(name: str) -> str:
    return f'"$(git rev-parse --git-path {name})"'
