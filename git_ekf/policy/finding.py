"""The findings of a rule, and how it gets its severity.

A rule is a function whose name is the rule's id (`branch_name` is branch-name), whose first
argument is the repository and which yields a Finding for each thing that breaks it. A judge applies
it in a Judgment, which leaves out the rules that the configuration turns off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from git_ekf.policy.content import Content
from git_ekf.repository import Repository


class Finding(NamedTuple):
    """Something that breaks a rule, and the command (or the act) that mends it.

    `ref`, `commit`, `path` are "" where they mean nothing. A rule leaves its own name and the
    severity ("error" or "warning") to `findings`.
    """

    message: str
    fix: str
    ref: str = ""
    commit: str = ""
    path: str = ""
    rule: str = ""
    severity: str = ""


Rule = Callable[..., Iterator[Finding]]


def findings(rule: Rule, repo: Repository, *subject: Any) -> Iterator[Finding]:
    """The findings of a rule, with its name and the severity that the configuration gives it."""
    name = rule.__name__.replace("_", "-")
    severity = repo.config.rules[name]
    if severity != "off":
        for finding in rule(repo, *subject):
            yield finding._replace(rule=name, severity=severity)


class Judgment:
    """All that the rules have found in a repository so far, in the order they were applied."""

    def __init__(self, repo: Repository, content: Content | None = None) -> None:
        """`content` is what has been read for it already."""
        self.repo = repo
        self.content = content or Content(repo.git)
        self.found: list[Finding] = []

    def apply(self, rule: Rule, *subject: Any) -> bool:
        """Applies a rule. Whether it has found something."""
        before = len(self.found)
        self.found += findings(rule, self.repo, *subject)
        return len(self.found) > before

    def refused_by(self, rule: str) -> bool:
        """Whether a rule has found an error."""
        return any(found.rule == rule and found.severity == "error" for found in self.found)
