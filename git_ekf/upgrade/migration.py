"""Runs a release's migration tool over the configuration, so that its commits fit the new structure.

The tool runs on the files of each commit (and of what the first stands on), in a throw-away checkout; what it makes
of them takes their place. Carrying commit N over then merges `migrated N - 1` as base, the new release as ours and
`migrated N` as theirs, so each commit survives with its author and message.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from git_ekf.errors import CallFailed
from git_ekf.git.calls import Git
from git_ekf.git.fastimport import Stream
from git_ekf.git.trees import TreeChanges
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Commit, Stack
from git_ekf.replay.writing import read_texts
from git_ekf.repository import Repository
from git_ekf.temporary import temporary
from git_ekf.trust import MIGRATIONS, SHIPPED, quoted, require_shipped_trusted, require_trusted
from git_ekf.upgrade.target import UPGRADE, Target

# What a migrated commit says of its committer: the same every time, for it is only the means to an end.
_COMMITTER = b"committer git-ekf <git-ekf@localhost> 0 +0000\n"
# Files are migrated as they are in git, whatever their attributes would make of them in a work tree.
_UNCONVERTED = "* -text -filter -ident -working-tree-encoding\n"
_LAST_LINES = 5


class Hop(NamedTuple):
    """The migration from one release to the next: versions, the channel's commit, and the tool's command."""

    origin: str
    to: str
    channel: str
    command: tuple[str, ...]


class Migrated(NamedTuple):
    """What the tools make of a stack: what each of its commits changes then, and (`first`) what they change in its base."""

    stack: Stack
    first: TreeChanges


def hops(repo: Repository, target: Target) -> list[Hop]:
    """The migrations between two releases, in order: those that are configured, else what a channel ships. Raises Refused."""
    if target.command != UPGRADE:
        return []
    scheme = repo.config.scheme
    configured = {scheme.branch(one.to): one.command for one in repo.config.migrations}
    found = []
    before = scheme.version(target.branch) or ""
    for branch in sorted({*repo.channels, *filter(scheme.is_release, configured)}, key=scheme.key):
        if not scheme.key(target.branch) < scheme.key(branch) <= scheme.key(target.goal):
            continue
        version = scheme.version(branch) or ""
        channel = repo.channels.get(
            branch, target.onto
        )  # one that the vendor has withdrawn may have changed the structure
        command = configured.get(branch)
        if command:
            require_trusted(repo, MIGRATIONS, command)
            found.append(Hop(before, version, channel, command))
        elif oid := repo.git.ref_value(f"{channel}:{SHIPPED}"):
            require_shipped_trusted(repo, branch, oid)
            found.append(Hop(before, version, channel, (SHIPPED,)))
        before = version
    return found


def migrate(
    repo: Repository, scratch: Scratch, stack: Stack, todo: list[Hop], *, squashed: bool = False
) -> Migrated:
    """The stack as the tools make it; `squashed`: it is one commit for all.

    Raises CallFailed where a tool fails, or gives two answers to one question.
    """
    git = scratch.writing
    with _workshop(repo, scratch, todo, squashed=squashed) as workshop:
        base = workshop.migrate(stack.base)
        trees = [workshop.migrate(commit.tree_of) for commit in stack.commits]
        workshop.check_repeatable(stack.commits[-1].tree_of if stack.commits else stack.base)
    commits = []
    before = base
    for commit, tree in zip(stack.commits, trees, strict=True):
        changes = git.diff_trees(before, tree)
        commits.append(
            commit._replace(changes=changes, emptied=bool(commit.changes) and not changes)
        )
        before = tree
    return Migrated(Stack(stack.base, commits), git.diff_trees(stack.base, base))


def write_stack(git: Git, scratch: Scratch, migrated: Migrated) -> Stack:
    """Writes a commit for each migrated one, on one for what they stand on; the ids are the same wherever they are written."""
    stack, first = migrated
    stream = Stream()
    texts = read_texts(scratch, [commit.text_of or commit.oid for commit in stack.commits])
    if git is scratch.storing:
        for content in scratch.objects.new_files():
            stream.blob(content)
    base = parent = stream.commit(
        stack.base, _COMMITTER, b"Migrated\n", ((path, new) for path, (_, new) in first.items())
    )
    numbers = []
    for commit, text in zip(stack.commits, texts, strict=True):
        changes = ((path, new) for path, (_, new) in commit.changes.items())
        parent = stream.commit(parent, text.author + _COMMITTER, text.message, changes)
        numbers.append(parent)
    oids = stream.write(git, os.path.join(scratch.folder, "marks"))
    return Stack(
        oids[base],
        [
            commit._replace(tree_of=oids[number])
            for commit, number in zip(stack.commits, numbers, strict=True)
        ],
    )


def squash(
    repo: Repository, scratch: Scratch, stack: Stack, target: Target, subjects: dict[str, str]
) -> Stack:
    """One commit in place of all: for a tool that only works on the final state."""
    if not stack.commits:
        return stack
    ident = os.fsencode(repo.git.committer())
    lines = "".join(f"- {subjects[commit.oid]}\n" for commit in stack.commits)
    message = os.fsencode(f"Configuration of {target.branch}, migrated to {target.goal}\n\n{lines}")
    tip = stack.commits[-1].tree_of
    changes = scratch.writing.diff_trees(stack.base, tip)
    stream = Stream()
    header = b"author %s\ncommitter %s\n" % (ident, ident)
    number = stream.commit(
        stack.base, header, message, ((path, new) for path, (_, new) in changes.items())
    )
    oid = stream.write(scratch.writing, os.path.join(scratch.folder, "marks"))[number]
    subjects[tip] = f"Configuration of {target.branch}, migrated to {target.goal}"
    return Stack(stack.base, [Commit(tip, tip, changes, text_of=oid)])


class _Workshop:
    """A throw-away work tree, in which the tools run on one commit's files after another's."""

    def __init__(
        self, repo: Repository, scratch: Scratch, todo: list[Hop], folder: str, *, squashed: bool
    ) -> None:
        self._repo = repo
        self._squashed = squashed
        self._todo = todo
        self._folder = folder
        self._top = os.path.join(folder, "files")
        os.mkdir(self._top)
        info = os.path.join(scratch.folder, "git", "info")
        os.makedirs(info, exist_ok=True)
        with open(os.path.join(info, "attributes"), "w", encoding="ascii") as file:
            file.write(_UNCONVERTED)
        index = os.path.join(folder, "index")
        env = {"GIT_WORK_TREE": self._top, "GIT_INDEX_FILE": index}
        self._git = scratch.writing.variant(self._top, env)
        self._known: dict[str, str] = {}
        self._env = {
            name: value
            for name, value in os.environ.items()
            if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
        }
        self._commands = [
            (self._program(number, hop), *_filled(hop)) for number, hop in enumerate(todo)
        ]

    def migrate(self, commit: str) -> str:
        """The tree that the tools make of a commit's."""
        tree = self._git.tree_of(commit)
        if tree not in self._known:
            self._known[tree] = self._run(commit, tree)
        return self._known[tree]

    def check_repeatable(self, commit: str) -> None:
        """Raises CallFailed when the tools make something else of a commit than before."""
        tree = self._git.tree_of(commit)
        known = self._known[tree]
        again = self._run(commit, tree)
        if again != known:
            path = next(iter(self._git.diff_trees(known, again)))
            raise CallFailed(
                f"the migration is not deterministic: run twice on {commit[:7]}, it wrote two versions of {path}; nothing was changed",
                "a tool that writes the same files every time",
            )

    def _run(self, commit: str, tree: str) -> str:
        self._git.check_out_tree(tree)
        for hop, command in zip(self._todo, self._commands, strict=True):
            self._call(hop, command, commit)
        self._git.add_everything()
        return self._git.write_tree()

    def _call(self, hop: Hop, command: tuple[str, ...], commit: str) -> None:
        env = {**self._env, "EKF_FROM": hop.origin, "EKF_TO": hop.to, "EKF_COMMIT": commit}
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
                f"the migration to {hop.to} cannot be started ({quoted(hop.command)}): {error.strerror}; nothing was changed",
                _hint(hop),
            ) from None
        if done.returncode:
            lines = [line for line in os.fsdecode(done.stdout).split("\n") if line.strip()][
                -_LAST_LINES:
            ]
            how = (
                f"was ended by signal {-done.returncode}"
                if done.returncode < 0
                else f"failed with code {done.returncode}"
            )
            said = "".join(f"\n  {line}" for line in lines)
            raise CallFailed(
                f"the migration to {hop.to} {how} at {commit[:7]} ({quoted(hop.command)}); nothing was changed{said}",
                _hint(hop)
                if self._squashed
                else f"git ekf upgrade {hop.to} --migrate-squash, where it only works on the final state",
            )

    def _program(self, number: int, hop: Hop) -> str:
        """The tool: with a slash in its name a file of the target channel, or of the work tree; else one on the PATH."""
        program = hop.command[0]
        if "/" not in program or os.path.isabs(program):
            return program
        if not self._git.ref_value(f"{hop.channel}:{os.path.normpath(program)}"):
            return os.path.join(self._repo.place.top, program)
        top = os.path.join(self._folder, f"channel-{number}")
        os.mkdir(top)
        git = self._git.variant(top, {"GIT_WORK_TREE": top, "GIT_INDEX_FILE": f"{top}.index"})
        git.check_out_tree(hop.channel)
        return os.path.join(top, program)


def _hint(hop: Hop) -> str:
    where = "[[upgrade.migrations]] of .ekf.toml"
    return (
        f"name another one in {where}"
        if hop.command == (SHIPPED,)
        else f"correct the command in {where}"
    )


def _filled(hop: Hop) -> list[str]:
    return [word.replace("{from}", hop.origin).replace("{to}", hop.to) for word in hop.command[1:]]


@contextmanager
def _workshop(
    repo: Repository, scratch: Scratch, todo: list[Hop], *, squashed: bool
) -> Iterator[_Workshop]:
    with temporary() as folder:
        yield _Workshop(repo, scratch, todo, folder, squashed=squashed)
