"""Runs a release's migration tool over the configuration, for its new structure.

The tool runs on the files of each commit (and of what the first stands on), in a throw-away
checkout; what it makes of them takes their place. Carrying commit N over then merges
`migrated N - 1` as base, the new release as ours and `migrated N` as theirs, so each commit
survives with its author and message.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

from git_ekf.errors import CallFailed
from git_ekf.git.calls import Git
from git_ekf.git.fastimport import Stream
from git_ekf.git.trees import Entry, TreeChanges
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Commit, Stack
from git_ekf.replay.writing import committer, read_texts
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.temporary import temporary
from git_ekf.trust import (
    MIGRATIONS,
    SHIPPED,
    require_shipped_trusted,
    require_trusted,
    require_trusted_files,
)
from git_ekf.upgrade.target import UPGRADE, Target

# A migrated commit's committer: the same every time, for it is only the means to an end.
_COMMITTER = b"committer git-ekf <git-ekf@localhost> 0 +0000\n"
# Files are migrated as they are in git, whatever attributes would make of them in a work tree.
_UNCONVERTED = "* -text -filter -ident -working-tree-encoding\n"
_LAST_LINES = 5


class Migration(NamedTuple):
    """From one release to the next: versions, the channel's commit, and the tool's command."""

    origin: str
    to: str
    channel: str
    command: tuple[str, ...]


class Migrated(NamedTuple):
    """A migrated stack: the changes of its commits, and (`first`) those of its base."""

    stack: Stack
    first: TreeChanges


def migrations_between(
    repo: Repository, target: Target, scratch: Scratch | None = None
) -> list[Migration]:
    """The migrations of an upgrade, in order: those that are configured, else what a channel ships.

    With `scratch` no other git has to be started. Raises Refused for one that is not trusted.
    """
    if target.command != UPGRADE:
        return []
    scheme = repo.config.scheme
    configured = {scheme.branch(one.to): one.command for one in repo.config.migrations}
    releases = {*repo.channels, *filter(scheme.is_release, configured)}
    first, last = scheme.key(target.branch), scheme.key(target.goal)
    between = [name for name in releases if first < scheme.key(name) <= last]
    between.sort(key=scheme.key)
    # A release whose channel the vendor has withdrawn may have changed the structure.
    channels = [repo.channels.get(branch, target.onto) for branch in between]
    names = [f"{channel}:{SHIPPED}" for channel in channels]
    if scratch:
        shipped = scratch.object_ids(names)
    else:
        shipped = [info.oid if info else "" for info in repo.git.object_infos(names)]
    found = []
    before = scheme.version(target.branch) or ""
    for branch, channel, oid in zip(between, channels, shipped, strict=True):
        version = scheme.version(branch) or ""
        command = configured.get(branch)
        if command:
            from git_ekf.files_named import has_program  # which few vendors make necessary

            # Else it is the work tree's, which is clean.
            tree = channel if has_program(repo, command[0], channel) else "HEAD"
            require_trusted(repo, MIGRATIONS, command, tree)
        elif oid:
            require_shipped_trusted(repo, branch, oid)
            command = (SHIPPED,)
        if command:
            found.append(Migration(before, version, channel, command))
        before = version
    return found


def any_migration(repo: Repository, targets: list[Target]) -> bool:
    """Whether one of some upgrades may have a migration, trusted or not."""
    asked = {*repo.channels.values(), *(target.onto for target in targets)}
    shipped = repo.git.object_infos(f"{commit}:{SHIPPED}" for commit in asked)
    return bool(repo.config.migrations) or any(shipped)


def migrate(
    repo: Repository,
    scratch: Scratch,
    stack: Stack,
    migrations: list[Migration],
    again: str,
) -> Migrated:
    """The stack as the tools make it.

    `again` are the options with which the final state alone is migrated, "" where it is. Raises
    CallFailed where a tool fails, or makes different files of the same ones.
    """
    git = scratch.writing
    with temporary() as folder:
        workshop = _Workshop(repo, scratch, migrations, folder, again)
        base = before = workshop.migrate(stack.base)
        commits = []
        for commit in stack.commits:
            tree = workshop.migrate(commit.tree_of)
            changes = git.diff_trees(before, tree)
            emptied = commit.emptied
            if commit.changes and not changes:
                emptied = "the migration leaves nothing of it"
            commits.append(commit._replace(changes=changes, emptied=emptied))
            before = tree
        workshop.check_repeatable(stack.commits[-1].tree_of if stack.commits else stack.base)
    return Migrated(Stack(stack.base, commits), git.diff_trees(stack.base, base))


def write_stack(git: Git, scratch: Scratch, migrated: Migrated) -> Stack:
    """Writes a commit for each migrated one, on one for what they stand on.

    The ids are the same wherever they are written. Raises GitFailed.
    """
    stack, first = migrated
    stream = Stream()
    texts = read_texts(scratch, [commit.text_of for commit in stack.commits])
    if git is not scratch.writing:
        stream.blobs(scratch.objects.new_files())
    base = parent = stream.commit(stack.base, _COMMITTER, b"Migrated\n", _results(first))
    numbered = []
    for commit, text in zip(stack.commits, texts, strict=True):
        header = text.author + _COMMITTER
        parent = stream.commit(parent, header, text.message, _results(commit.changes))
        numbered.append((commit, parent))
    oids = stream.write(git, os.path.join(scratch.folder, "marks"))
    commits = [commit._replace(tree_of=oids[number]) for commit, number in numbered]
    return Stack(oids[base], commits)


def _results(changes: TreeChanges) -> Iterator[tuple[str, Entry | None]]:
    return ((path, new) for path, (_, new) in changes.items())


def squash(repo: Repository, scratch: Scratch, stack: Stack, target: Target) -> Stack:
    """One commit in place of all: for a tool that only works on the final state.

    Raises Refused where the user has no identity.
    """
    if not stack.commits:
        return stack
    ident = os.fsencode(committer(repo))
    subject = f"Configuration of {target.branch}, migrated to {target.goal}"
    lines = "".join(f"- {commit.subject}\n" for commit in stack.commits)
    tip = stack.commits[-1].tree_of
    changes = scratch.writing.diff_trees(stack.base, tip)
    stream = Stream()
    header = b"author %s\ncommitter %s\n" % (ident, ident)
    message = os.fsencode(f"{subject}\n\n{lines}")
    number = stream.commit(stack.base, header, message, _results(changes))
    oid = stream.write(scratch.writing, os.path.join(scratch.folder, "marks"))[number]
    return Stack(stack.base, [Commit(tip, subject, changes, tree_of=tip, text_of=oid)])


class _Workshop:
    """A throw-away work tree, in which the tools run on one commit's files after another's."""

    def __init__(
        self,
        repo: Repository,
        scratch: Scratch,
        migrations: list[Migration],
        folder: str,
        again: str,
    ) -> None:
        self._repo = repo
        self._again = again
        self._folder = folder
        self._top = os.path.join(folder, "files")
        os.mkdir(self._top)
        info = os.path.join(scratch.folder, "git", "info")
        os.makedirs(info, exist_ok=True)
        with open(os.path.join(info, "attributes"), "w", encoding="ascii") as file:
            file.write(_UNCONVERTED)
        self._git = self._git_in(scratch.writing, self._top)
        self._migrated: dict[str, str] = {}  # tree -> the migrated one
        self._commands = []
        for migration in migrations:
            origin, to, _, words = migration
            given = [word.replace("{from}", origin).replace("{to}", to) for word in words[1:]]
            self._commands.append((migration, [self._program(migration), *given]))

    def _git_in(self, git: Git, top: str) -> Git:
        return git.variant(top, {"GIT_WORK_TREE": top, "GIT_INDEX_FILE": f"{top}.index"})

    def migrate(self, commit: str) -> str:
        """The tree that the tools make of a commit's. Raises CallFailed."""
        tree = self._git.tree_of(commit)
        if tree not in self._migrated:
            self._migrated[tree] = self._run(commit, tree)
        return self._migrated[tree]

    def check_repeatable(self, commit: str) -> None:
        """Raises CallFailed when the tools make something else of a commit than before."""
        tree = self._git.tree_of(commit)
        first = self._migrated[tree]
        second = self._run(commit, tree)
        if second != first:
            path = next(iter(self._git.diff_trees(first, second)))
            raise CallFailed(
                f"the migration is not deterministic: run twice on {commit[:7]}, it wrote"
                f" two versions of {path}; nothing was changed",
                "a tool that writes the same files every time",
            )

    def _run(self, commit: str, tree: str) -> str:
        self._git.check_out_tree(tree)
        for migration, command in self._commands:
            # Those that its arguments name are files of the commit at hand.
            require_trusted_files(self._repo, migration.command, commit)
            self._call(migration, command, commit)
        self._git.add_everything()
        return self._git.write_tree()

    def _call(self, migration: Migration, command: list[str], commit: str) -> None:
        origin, to, *_ = migration
        shown = shell(*migration.command)
        env = {**os.environ, "EKF_FROM": origin, "EKF_TO": to, "EKF_COMMIT": commit}
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            env.pop(name, None)
        try:
            done = subprocess.run(
                command,
                cwd=self._top,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except OSError as error:
            raise CallFailed(
                f"the migration to {to} cannot be started ({shown}): {error.strerror};"
                " nothing was changed",
                _hint(migration),
            ) from None
        if not done.returncode:
            return
        lines = [line for line in os.fsdecode(done.stdout).split("\n") if line.strip()]
        how = f"failed with code {done.returncode}"
        if done.returncode < 0:
            how = f"was ended by signal {-done.returncode}"
        hint = _hint(migration)
        if self._again:
            again = f"git ekf upgrade {shell(to)}{self._again}"
            hint = f"{again}, where it only works on the final state"
        raise CallFailed(
            f"the migration to {to} {how} at {commit[:7]} ({shown}); nothing was changed",
            hint,
            lines[-_LAST_LINES:],
        )

    def _program(self, migration: Migration) -> str:
        """The path of the tool, or its name on the PATH.

        With a slash in its name it is a file of the target channel, or else of the work tree.
        """
        program = migration.command[0]
        if "/" not in program or os.path.isabs(program):
            return program
        if not self._git.ref_value(f"{migration.channel}:{os.path.normpath(program)}"):
            return os.path.join(self._repo.place.top, program)
        from tempfile import mkdtemp  # 2 ms, which few upgrades need

        top = mkdtemp(dir=self._folder)
        self._git_in(self._git, top).check_out_tree(migration.channel)
        return os.path.join(top, program)


def _hint(migration: Migration) -> str:
    act = "name another one" if migration.command == (SHIPPED,) else "correct the command"
    return f"{act} in [[upgrade.migrations]] of .ekf.toml"
