"""git ekf show: one deploy record in full."""

from __future__ import annotations

import sys
from typing import Annotated

from git_ekf.commands.log import as_json
from git_ekf.commands.options import Json
from git_ekf.commands.records_kept import with_records
from git_ekf.declared import Argument
from git_ekf.deploy import read
from git_ekf.errors import DONE, FINDINGS
from git_ekf.policy.finding import Finding
from git_ekf.policy.judges import judge_records
from git_ekf.policy.report import report_text
from git_ekf.repository import Repository
from git_ekf.shown import escape
from git_ekf.terminal.screen import paged, paint
from git_ekf.terminal.text import document, nullable, say


def show(
    name: Annotated[
        str,
        Argument(metavar="[TAG]", help="The record; by default the newest of this release."),
    ] = "",
    json: Json = False,
) -> int:
    """Show a deploy record in full, with the commits since the one before.

    Exit with 1 when it is not true.
    """
    repo = with_records()
    record = read.find(repo, name)
    previous = read.before(repo, record)
    findings = judge_records(repo, [record.tag], dates=True)
    untrue = any(finding.severity == "error" for finding in findings)
    commits: list[tuple[str, str]] = []
    stat = ""
    title = f"Since {previous.name}:" if previous else "Configuration commits:"
    if repo.git.commit(record.commit):  # a tag made by hand may be on anything
        commits = read.commits_of(repo, record.commit, previous)
        base = previous.commit if previous else read.vendor_base(repo, record)
        if previous and not repo.git.is_ancestor(previous.commit, record.commit):
            title = f"Not in {previous.name}, which it does not build on:"
        stat = repo.git.diff_stat(base, record.commit) if base and not json else ""
    if json:
        listed = [{"commit": oid, "subject": subject} for oid, subject in commits]
        content = {
            "record": as_json(record),
            "previous": str(previous.name) if previous else None,
            "findings": [nullable(finding) for finding in findings],
        }
        print(document("show", {**content, "commits": listed}))
    else:
        with paged():
            _print(repo, record, findings, untrue)
            say("", title)
            for oid, subject in commits:
                print(f"  {paint(oid[:7], 'yellow')} {escape(subject)}")
            if not commits:
                say("  none")
            if stat:
                say(*stat.split("\n"))
    return FINDINGS if untrue else DONE


def _print(
    repo: Repository, record: read.Deployment, findings: list[Finding], untrue: bool
) -> None:
    unsaved = "" if record.saved else f"   not on {repo.config.internal}: git ekf save"
    print(paint(str(record.name), "yellow") + escape(unsaved))
    for name, value in record.record.fields:
        first, *others = value.split("\n")
        say(f"  {name + ':':<16} {first}".rstrip())
        for line in others:
            say(f"{'':19}{line}")
    for adopter in read.adopters(record, read.adoptions(read.deployments(repo))):
        say(f"  adopted by {adopter}, which stands for it")
    if findings:
        print(paint("  not verified:", "red") if untrue else "  verified, but:")
        print(report_text(findings, sys.stdout))
    else:
        print(paint("  verified: what it says is what the repository has", "green"))
