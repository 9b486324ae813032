"""What a rule finds, and how it gets its severity.

A rule is a function whose name is the rule's id (`branch_name` is branch-name), whose first
argument is the repository and which yields a Found for each thing that breaks it. A judge
calls it through `findings`, which leaves out the rules that the configuration turns off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from git_ekf.repository import Repository


class Found(NamedTuple):
    """`fix` is the command (or the act) that mends it; `ref`, `commit`, `path` are "" where they mean nothing."""

    message: str
    fix: str
    ref: str = ""
    commit: str = ""
    path: str = ""


class Finding(NamedTuple):
    """A Found with its rule and severity ("error" or "warning")."""

    rule: str
    severity: str
    ref: str
    commit: str
    path: str
    message: str
    fix: str


Rule = Callable[..., Iterator[Found]]


def findings(rule: Rule, repo: Repository, *subject: Any) -> Iterator[Finding]:
    name = rule.__name__.replace("_", "-")
    severity = repo.config.rules[name]
    if severity != "off":
        for found in rule(repo, *subject):
            yield Finding(
                name, severity, found.ref, found.commit, found.path, found.message, found.fix
            )
