"""Findings in their four formats: for a person, a script, a code-scanning service and GitHub Actions."""

from __future__ import annotations

import os
from typing import TextIO

from git_ekf import __version__
from git_ekf.policy.finding import Finding
from git_ekf.terminal.screen import paint
from git_ekf.terminal.text import document, escape, unicode_text

# Findings of one rule that a person gets to read; machines get all.
SHOWN_PER_RULE = 5


def report_text(findings: list[Finding], stream: TextIO, everything: str = "") -> str:
    """Findings for a person to read from a stream, errors first, each with its fix under it. `everything` is a command that shows all."""
    lines = []
    seen: dict[tuple[str, str], int] = {}
    for finding in sorted(findings, key=lambda finding: finding.severity != "error"):
        key = finding.severity, finding.rule
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= SHOWN_PER_RULE:
            lines += [
                f"  {_painted(finding.severity, stream)}  {finding.rule}: {escape(finding.message)}"
            ]
            lines += [f"         fix: {escape(finding.fix)}"]
    for (severity, rule), number in seen.items():
        if number > SHOWN_PER_RULE:
            more = f"{number - SHOWN_PER_RULE} more{f' ({everything} lists all)' if everything else ''}"
            lines.append(f"  {_painted(severity, stream)}  {rule}: {more}")
    return "\n".join(lines)


def _painted(severity: str, stream: TextIO) -> str:
    return paint(severity, "red" if severity == "error" else "yellow", stream)


def report_json(findings: list[Finding]) -> str:
    return document("check", {"findings": [as_json(finding) for finding in findings]})


def as_json(finding: Finding) -> dict[str, str | None]:
    """A finding for a document: null for what it is not about, text that is valid Unicode."""
    return {key: unicode_text(value) or None for key, value in finding._asdict().items()}


def report_github(findings: list[Finding]) -> str:
    """Workflow commands of GitHub Actions, one a line: `::error file=…,title=…::message`."""
    lines = []
    for finding in findings:
        path = f"file={_github_property(finding.path)}," if finding.path else ""
        message = _github_data(f"{finding.message}\nfix: {finding.fix}")
        lines.append(
            f"::{finding.severity} {path}title={_github_property(finding.rule)}::{message}"
        )
    return "\n".join(lines)


def _github_data(text: str) -> str:
    return escape(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


def report_sarif(findings: list[Finding], descriptions: dict[str, str]) -> str:
    """SARIF 2.1.0 (OASIS). A finding about no file points to the repository's root, as the format wants a place."""
    import json  # 2 ms of every hook and of `status`

    rules = [
        {"id": rule, "shortDescription": {"text": text}} for rule, text in descriptions.items()
    ]
    results = [
        {
            "ruleId": finding.rule,
            "level": finding.severity,
            "message": {"text": escape(f"{finding.message}\nfix: {finding.fix}")},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {
                            "uri": _uri(finding.path) or ".",
                            "uriBaseId": "%SRCROOT%",
                        }
                    }
                }
            ],
            "properties": {"ref": escape(finding.ref), "commit": finding.commit},
        }
        for finding in findings
    ]
    driver = {"name": "git-ekf", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "utf16CodeUnits"}
    return json.dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [run],
        },
        indent=2,
    )


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(os.fsencode(path))
