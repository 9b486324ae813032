"""git ekf show: one deploy record in full."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from git_ekf.commands.log import as_json
from git_ekf.commands.options import Json
from git_ekf.deploy import read
from git_ekf.errors import DONE, FINDINGS
from git_ekf.policy.finding import Finding
from git_ekf.policy.report import as_json as finding_as_json
from git_ekf.policy.report import report_text
from git_ekf.repository import Repository
from git_ekf.terminal.screen import paged, paint
from git_ekf.terminal.text import document, escape, say, unicode_text


def show(
    name: Annotated[
        str,
        typer.Argument(metavar="[TAG]", help="The record; by default the newest of this release."),
    ] = "",
    json: Json = False,
) -> int:
    """Show a deploy record in full, with the commits since the one before; exit with 1 when it is not true."""
    repo = Repository()
    one = read.find(repo, name)
    previous = read.before(repo, one)
    findings = read.verify(repo, one)
    code = FINDINGS if any(finding.severity == "error" for finding in findings) else DONE
    commit = repo.git.commit(one.commit)  # one made by hand may be on anything
    commits = read.commits_of(repo, commit, previous) if commit else []
    base = previous.commit if previous else read.vendor_base(repo, one) if commit else None
    if json:
        listed = [{"commit": oid, "subject": unicode_text(subject)} for oid, subject in commits]
        content = {
            "record": as_json(one),
            "previous": str(previous.name) if previous else None,
            "findings": [finding_as_json(finding) for finding in findings],
            "commits": listed,
        }
        print(document("show", content))
        return code
    with paged():
        _print(repo, one, previous, findings, commits)
        stat = repo.git.diff_stat(base, commit) if base and commit else ""
        if stat:
            say(stat)
    return code


def _print(
    repo: Repository,
    one: read.Deployment,
    previous: read.Deployment | None,
    findings: list[Finding],
    commits: list[tuple[str, str]],
) -> None:
    unsaved = "" if one.saved else f"   not on {repo.config.internal}: git ekf save"
    print(paint(str(one.name), "yellow") + escape(unsaved))
    for key, value in one.record.fields:
        say(f"  {key + ':':<16} {value.replace(chr(10), chr(10) + ' ' * 19)}".rstrip())
    if findings:
        wrong = any(finding.severity == "error" for finding in findings)
        print(paint("  not verified:", "red") if wrong else "  verified, but:")
        print(report_text(findings, sys.stdout))
    else:
        print(paint("  verified: what it says is what the repository has", "green"))
    say(f"\nSince {previous.name}:" if previous else "\nConfiguration commits:")
    for oid, subject in commits:
        print(f"  {paint(oid[:7], 'yellow')} {escape(subject)}")
    if not commits:
        say("  none")
