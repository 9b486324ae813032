"""The page about one cluster."""

from __future__ import annotations

from typing import Any

from git_ekf.report.facts import (
    ADAPTED,
    CARRIED,
    LEFT,
    NEW,
    UNTRUE,
    VENDORS,
    ClusterReport,
    Deployed,
)
from git_ekf.report.page import NAME, cut, fitting, page_environment, render
from git_ekf.report.weeks import Weeks, weeks

# Bytes of HTML that each list may come to: a page has less than a megabyte.
_ROWS, _MOVES, _FILES = 740_000, 110_000, 110_000

# How the states of commits are coloured: names of the style.
_MARKS = {CARRIED: "good", ADAPTED: "warn", VENDORS: "quiet", LEFT: "bad", NEW: ""}
# git's letters for what became of a file (git-diff-tree(1)).
_LETTERS = {
    "A": "added",
    "C": "copied",
    "D": "deleted",
    "M": "changed",
    "R": "renamed",
    "T": "of another type",
}


def cluster_page(report: ClusterReport) -> str:
    """The page about a cluster. Raises Refused without jinja2."""
    known, running = report.deployments, report.running
    environment = page_environment()
    environment.globals.update(
        states=(CARRIED, ADAPTED, VENDORS, LEFT, NEW), marks=_MARKS, letters=_LETTERS
    )
    environment.filters["further"] = _further
    parts: Any = environment.get_template("cluster_parts.html").module
    rows = fitting(known, _ROWS, parts.deployment_row)
    moves = fitting(
        report.moves, _MOVES, lambda at, move: parts.move_part(at, move, known, len(rows))
    )
    files_shown = fitting(report.files, _FILES, parts.file_row)
    unverified = sum(one.verdict == UNTRUE for one in known)
    return render(
        environment,
        "cluster.html",
        report=report,
        now=known[running.record] if running else None,
        rows=rows,
        moves=moves,
        files=files_shown,
        weeks=_weeks(report),
        unverified=unverified,
        unsaved=len(known) - sum(one.saved for one in known),
    )


def _weeks(report: ClusterReport) -> Weeks | None:
    known = report.deployments
    changes = [
        (known[move.record].release, known[move.record].date)
        for move in report.moves
        if known[move.record].branch != known[move.before].branch
    ]
    return weeks([one.date for one in known], changes, report.made)


def _further(one: Deployed) -> list[tuple[str, str]]:
    """Names and texts of what a record says besides its row."""
    said = list(one.fields[:20])
    said += [("Finding", text) for text in one.findings[:5]]
    said += [("Adopted by", name) for name in one.adopted_by[:3]]
    return [(cut(name), cut(text, NAME * 2)) for name, text in said]
