"""Findings in their four formats: for a person, a script, a code scanner and GitHub Actions."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, TextIO

from git_ekf import __version__
from git_ekf.policy.finding import Finding
from git_ekf.shown import escape
from git_ekf.terminal.screen import paint

# Findings of one rule that a person gets to read; machines get all.
SHOWN_PER_RULE = 5


def report_text(findings: list[Finding], stream: TextIO, show_all: str = "") -> str:
    """Findings for a person to read from a stream, errors first, each with its fix under it.

    `show_all` is a command that shows all of them.
    """
    lines = []
    seen: Counter[tuple[str, str]] = Counter()
    for finding in sorted(findings, key=lambda finding: finding.severity != "error"):
        rule = finding.severity, finding.rule
        seen[rule] += 1
        if seen[rule] <= SHOWN_PER_RULE:
            lines.append(_rule_line(*rule, escape(finding.message), stream))
            lines.append(f"         fix: {escape(finding.fix)}")
    hint = f" ({show_all} lists all)" if show_all else ""
    for rule, number in seen.items():
        if number > SHOWN_PER_RULE:
            lines.append(_rule_line(*rule, f"{number - SHOWN_PER_RULE} more{hint}", stream))
    return "\n".join(lines)


def _rule_line(severity: str, rule: str, text: str, stream: TextIO) -> str:
    colour = "red" if severity == "error" else "yellow"
    return f"  {paint(severity, colour, stream)}  {rule}: {text}"


def report_github(findings: list[Finding]) -> str:
    """Workflow commands of GitHub Actions, one a line: `::error file=…,title=…::message`."""
    lines = []
    for finding in findings:
        path = f"file={_github_property(finding.path)}," if finding.path else ""
        message = f"{_github_data(finding.message)}%0Afix: {_github_data(finding.fix)}"
        lines.append(
            f"::{finding.severity} {path}title={_github_property(finding.rule)}::{message}"
        )
    return "\n".join(lines)


def _github_data(text: str) -> str:
    return escape(text).replace("%", "%25")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


def report_sarif(findings: list[Finding], descriptions: dict[str, str]) -> str:
    """SARIF 2.1.0 (OASIS); `descriptions` are of the rules, by their names."""
    import json  # 2 ms of every hook and of `status`

    rules = [
        {"id": rule, "shortDescription": {"text": text}} for rule, text in descriptions.items()
    ]
    driver = {"name": "git-ekf", "version": __version__, "rules": rules}
    results = [_sarif_result(finding) for finding in findings]
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "utf16CodeUnits"}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _sarif_result(finding: Finding) -> dict[str, Any]:
    from urllib.parse import quote

    # The format wants a place: a finding about no file points to the repository's root.
    place = {"uri": quote(os.fsencode(finding.path)) or ".", "uriBaseId": "%SRCROOT%"}
    return {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": f"{escape(finding.message)}\nfix: {escape(finding.fix)}"},
        "locations": [{"physicalLocation": {"artifactLocation": place}}],
        "properties": {"ref": escape(finding.ref), "commit": finding.commit},
    }
