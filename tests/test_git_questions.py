"""Only `git_ekf/git/` asks git: no other module starts it, or holds the words of a command for it."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_ekf.git.calls import Git
from git_ekf.git.process import Process

PACKAGE = Path(__file__).resolve().parents[1] / "git_ekf"

# What has to be quicker than an import of that package: what a passing hook loads, and the prompt.
QUICK = {
    "hooks/fast_commit.py",
    "hooks/fast_push.py",
    "hooks/fast_receive.py",
    "hooks/forerun.py",
    "hooks/added_commits.py",
    "hooks/listing.py",
    "hooks/spawn.py",
    "shell/prompt.py",
}
# How processes are started.
STARTS = {"run", "call", "check_call", "check_output", "Popen", "execvp", "execv", "posix_spawnp"}
RUNNERS = {name for name in vars(Process) if name.startswith("_") and not name.endswith("__")}
# Also what git is in the middle of (git-status(1)).
STATES = {"cherry-pick"}


def subcommands() -> set[str]:
    listed = subprocess.run(
        ["git", "--list-cmds=builtins"], capture_output=True, text=True, check=True
    )
    return set(listed.stdout.split())


def is_text(node: ast.AST, *texts: str) -> bool:
    return isinstance(node, ast.Constant) and node.value in texts


def vectors(node: ast.AST) -> Iterator[list[ast.expr]]:
    """What may be the words of a command: of a list, of a tuple, of a call."""
    if isinstance(node, ast.List | ast.Tuple):
        yield node.elts
    elif isinstance(node, ast.Call):
        yield node.args


def is_command(words: list[ast.expr], commands: set[str]) -> bool:
    """Whether they begin with a subcommand (behind `-c` and the like), and go on with an option."""
    texts = [word.value if isinstance(word, ast.Constant) else None for word in words]
    while texts and (texts[0] is None or str(texts[0]).startswith("-")):
        texts = texts[2:] if texts[0] == "-c" else texts[1:]
    if not texts or texts[0] not in commands:
        return False
    return any(isinstance(text, str) and text.startswith("-") for text in texts[1:])


def offences(source: str, commands: set[str]) -> Iterator[str]:
    """What asks git past its named questions, with the line."""
    tree = ast.parse(source)
    shown: set[ast.AST] = set()
    for node in ast.walk(tree):
        # A command for a person, as in a hint: git rebase --abort.
        if isinstance(node, ast.List) and node.elts and is_text(node.elts[0], "git"):
            shown.update(ast.walk(node))
        if isinstance(node, ast.Call) and is_shown(node):
            shown.update(ast.walk(node))
        # The words that a person has typed: git ekf status --prompt.
        if isinstance(node, ast.Compare):
            shown.update(node.comparators)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Attribute) and node.attr in RUNNERS and not is_own(node):
            yield f"{line}: {node.attr}"
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
            if name in STARTS and any(is_git(argument) for argument in node.args):
                yield f"{line}: starts git"
        if node not in shown:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if "-" in node.value and node.value in commands - STATES:
                    yield f"{line}: {node.value}"
            elif any(is_command(words, commands) for words in vectors(node)):
                yield f"{line}: a command for git"


def is_shown(node: ast.Call) -> bool:
    """Whether it is shell("git", …), which quotes the words of a command for a person."""
    name = getattr(node.func, "id", "")
    return name == "shell" and bool(node.args) and is_text(node.args[0], "git")


def is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def is_git(node: ast.expr) -> bool:
    return is_text(node, "git") or (isinstance(node, ast.List) and is_git(node.elts[0]))


def test_only_one_package_asks_git() -> None:
    commands = subcommands()
    found = []
    quick = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        offending = list(offences(path.read_text(encoding="utf-8"), commands))
        if name in QUICK:
            quick.add(name)
        elif not name.startswith("git/"):
            found += [f"{name}:{offence}" for offence in offending]
    assert found == []
    assert quick == QUICK


@pytest.mark.parametrize(
    "source",
    [
        'repo.git._run("gc")',
        'git._lines("x")',
        'ask("tag", "-d", name)',
        'words = ["-c", "core.x=1", "log", "--oneline"]',
        'words = (*settings, "status", "--porcelain")',
        'question = "for-each-ref"',
        'subprocess.run(["git", "gc"])',
        'os.execvp("git", words)',
    ],
)
def test_what_it_would_find(source: str) -> None:
    assert list(offences(source, subcommands()))


@pytest.mark.parametrize(
    "source",
    [
        'fix = shlex.join(["git", "rebase", "--abort"])',
        'fix = "git cherry-pick --abort"',
        'fix = shell("git", "-C", path, "cat-file", "blob", name)',
        'journal.begin("tag", updates)',
        "self._run(commit)",
        'counted(3, "commit")',
        'sys.argv[1:] == ["status", "--prompt"]',
    ],
)
def test_what_it_leaves_alone(source: str) -> None:
    assert not list(offences(source, subcommands()))


def test_every_question_says_what_comes_back() -> None:
    named = {name for name in dir(Git) if not name.startswith("_")}
    assert len(named) > 60
    undescribed = {name for name in named if not getattr(Git, name).__doc__}
    assert undescribed == set()
