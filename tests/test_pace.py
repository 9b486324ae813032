"""The code reads at a normal pace: what ruff has no rule for (line length is ruff's E501)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = [*(ROOT / "git_ekf").rglob("*.py"), *(ROOT / "packaging").rglob("*.py")]
MOST_LINES = 320


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def nested_conditionals(tree: ast.Module) -> Iterator[int]:
    """`a if b else c if d else e`: an if statement says it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            inside = [child for child in ast.walk(node) if child is not node]
            if any(isinstance(child, ast.IfExp) for child in inside):
                yield node.lineno


def crowded_statements(tree: ast.Module) -> Iterator[int]:
    """Two comprehensions in a statement: an intermediate name takes one out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not isinstance(node, _Definition):
            found = [part for part in _own_parts(node) if isinstance(part, _COMPREHENSIONS)]
            if len(found) > 1:
                yield node.lineno


def _own_parts(statement: ast.AST) -> Iterator[ast.AST]:
    """What a statement is made of, without the statements below it."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from _own_parts(child)


def undocumented(tree: ast.Module) -> Iterator[int]:
    """What others call says what comes back, not "What …"."""
    for node in _public(tree):
        docstring = ast.get_docstring(node)
        if not docstring or docstring.startswith("What "):
            yield node.lineno


def _public(parent: ast.Module | ast.ClassDef) -> Iterator[_Definition]:
    for node in parent.body:
        if isinstance(node, _Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def packages_with_code(tree: ast.Module) -> Iterator[int]:
    """An `__init__` has a docstring, hands on names, or says the version."""
    for node in tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_version = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if not is_docstring and not is_version and not isinstance(node, ast.ImportFrom):
            yield node.lineno


def _files(rule: Callable[[ast.Module], Iterator[int]]) -> list[Path]:
    if rule is packages_with_code:
        return [file for file in FILES if file.name == "__init__.py"]
    return FILES


RULES = (nested_conditionals, crowded_statements, undocumented, packages_with_code)


@pytest.mark.parametrize("rule", RULES)
def test_the_code_keeps_its_pace(rule: Callable[[ast.Module], Iterator[int]]) -> None:
    found = []
    for file in _files(rule):
        name = file.relative_to(ROOT).as_posix()
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found += [f"{name}:{line}" for line in rule(tree)]
    assert found == [], rule.__doc__


def test_the_name_of_a_class_stands_for_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for file in FILES:
        if file.is_relative_to(ROOT / "git_ekf"):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    places.setdefault(node.name.lstrip("_"), []).append(str(file))
    assert len(places) > 100
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lengths = {}
    for file in FILES:
        name = file.relative_to(ROOT).as_posix()
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            lengths[name] = lines
    assert lengths == {}


@pytest.mark.parametrize(
    ("rule", "code", "lines"),
    [
        (nested_conditionals, "a = 1 if b else 2\nc = 1 if b else 2 if d else 3\n", [2]),
        (nested_conditionals, "a = 1 if (2 if b else c) else 3\n", [1]),
        (crowded_statements, "a = [b for b in [c for c in d]]\n", [1]),
        (crowded_statements, "if any(a for a in b):\n    c = [d for d in e]\n", []),
        (crowded_statements, "for a in [b for b in {c for c in d}]:\n    pass\n", [1]),
        (crowded_statements, "with a:\n    f = lambda: (*(b for b in c), *(d for d in e))\n", [2]),
        (undocumented, 'def f():\n    """The answer."""\ndef g():\n    pass\n', [3]),
        (undocumented, 'class C:\n    """A thing."""\n    def f(self):\n        pass\n', [3]),
        (undocumented, "def _f():\n    def g():\n        pass\n", []),
        (undocumented, 'def f():\n    """What it does."""\n', [1]),
        (packages_with_code, '"""A wing."""\nfrom a import b\n__version__ = "1"\n', []),
        (packages_with_code, "def f():\n    pass\nx = {}\nimport a\n", [1, 3, 4]),
    ],
)
def test_the_rules_find_what_they_are_for(
    rule: Callable[[ast.Module], Iterator[int]], code: str, lines: list[int]
) -> None:
    assert list(rule(ast.parse(code))) == lines
