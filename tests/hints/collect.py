"""Every hint and fix in the code, by where it stands and the sentence that it belongs to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[2] / "git_ekf"

# What is made with a sentence and what helps, and which argument the latter is.
MADE = {
    "Damaged": 1,
    **dict.fromkeys(
        ("EkfError", "UsageError", "Refused", "Interrupted", "CallFailed", "Finding"), 1
    ),
    **dict.fromkeys(("fail", "warn"), 1),
    **dict.fromkeys(("Diagnosis", "ApplyFailure", "HooksDirectory"), 2),
    "finding": 1,
}
NAMED = {"hint", "fix"}


class Hint(NamedTuple):
    """A hint: its sentence and itself, with {} for what is filled in."""

    sentence: str
    text: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the sentence matches as it is printed."""
        return printed_as(self.sentence)


def printed_as(text: str) -> re.Pattern[str]:
    """What a text matches as it is printed."""
    return re.compile(".*".join(map(re.escape, text.split("{}"))))


def text_of(node: ast.expr | None) -> str:
    """A text as far as it is known beforehand."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(text_of, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text_of(left) + text_of(right)
    return "{}"


def given(call: ast.Call) -> tuple[ast.expr, ast.expr] | None:
    """The sentence and the hint that a call is given."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name == "print_hint":
        return call.args[0], call.args[0]
    hint = next((word.value for word in call.keywords if word.arg in NAMED), None)
    at = MADE.get(name)
    if hint is None and at is not None and len(call.args) > at:
        hint = call.args[at]
    if hint is None:
        return None
    return (call.args[max((at or 1) - 1, 0)] if call.args else hint), hint


def hints_in(source: str) -> Iterator[tuple[str, Hint]]:
    """The hints of a module, each with the function that it is in."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            found = None
            if isinstance(node, ast.Call):
                found = given(node)
            elif isinstance(node, ast.Assign | ast.AugAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                named = getattr(target, "attr", "") in NAMED
                # One that waits in a variable, unless it is made elsewhere.
                waits = getattr(target, "id", "") in NAMED and text_of(node.value).strip("{}")
                if named or waits:
                    found = node.value, node.value
            if found and text_of(found[1]):
                yield function.name, Hint(*map(text_of, found))


def collect() -> dict[str, Hint]:
    """All of them, by file and sentence; by the function too where the sentence is another's."""
    found: dict[str, Hint] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for function, hint in hints_in(path.read_text(encoding="utf-8")):
            key = f"{name}: {hint.sentence}"
            taken = found.get(key, hint).text != hint.text
            if taken or not hint.sentence.replace("{}", "").strip(" :"):
                key = f"{name} {function}(): {hint.text}"
            found[key] = hint
    return found
