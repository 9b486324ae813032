"""git ekf doctor: what keeps git-ekf from working, each finding with its fix."""

from __future__ import annotations

from typing import Annotated

from git_ekf.commands.options import Json
from git_ekf.declared import Option
from git_ekf.doctor.examine import Examination, Examined, examine
from git_ekf.doctor.finding import ERROR, WARNING
from git_ekf.errors import DONE, FINDINGS, UsageError
from git_ekf.repository import Repository
from git_ekf.terminal.text import counted, document, nullable, say


def doctor(
    offline: Annotated[bool, Option(help="Ask no remote.")] = False,
    remote: Annotated[
        bool,
        Option(
            help="Try what the internal repository takes: push small refs, and delete them.",
        ),
    ] = False,
    json: Json = False,
) -> int:
    """Check machine and repository, each finding with its fix.

    Exit with 1 when something needs attention.
    """
    if offline and remote:
        raise UsageError("--offline and --remote exclude each other", "git ekf doctor -h")
    report = examine(Repository(), offline=offline, pushes=remote)
    if json:
        content = {
            "repository": report.repository or None,
            "findings": [nullable(one) for one in report.examined],
        }
        print(document("doctor", content))
    else:
        _print(report)
    return FINDINGS if _count(report, ERROR) else DONE


def _print(report: Examination) -> None:
    width = max(len(one.check) for one in report.examined)
    say("Machine")
    _rows([one for one in report.examined if one.part == "machine"], width)
    rest = [one for one in report.examined if one.part != "machine"]
    if rest:
        say(f"Repository {report.repository}" if report.repository else "Repository")
        _rows(rest, width)
    else:
        say("There is no repository here, so only the machine was checked.")
    errors, warnings = _count(report, ERROR), _count(report, WARNING)
    if errors or warnings:
        say(f"{counted(errors, 'error')}, {counted(warnings, 'warning')}")
    else:
        say("Nothing needs attention.")


def _rows(examined: list[Examined], width: int) -> None:
    for one in examined:
        say(f"  {one.state:<7}  {one.check:<{width}}  {one.message}")
        if one.fix:
            say(f"  {'':<7}  {'':<{width}}  fix: {one.fix}")


def _count(report: Examination, state: str) -> int:
    return sum(one.state == state for one in report.examined)
