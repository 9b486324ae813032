"""A report as one HTML file that needs nothing else, and lets nothing else in.

All text from outside is shown as on a terminal, without control characters and credentials, and
escaped for HTML. The page's own policy forbids every request, every script but the one here, and
every style but the one here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from git_ekf import __version__
from git_ekf.errors import Refused
from git_ekf.installation import how_to_install
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
from git_ekf.report.weeks import Weeks, weeks
from git_ekf.shown import escape, scrub
from git_ekf.terminal.text import first_line, shortened

if TYPE_CHECKING:
    from jinja2 import Environment

# How every report begins, by which it is known again.
BEGINNING = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="git-ekf report">
"""

# Bytes of HTML that each list may come to: a page has less than a megabyte.
_ROWS, _MOVES, _FILES = 740_000, 110_000, 110_000
# Characters of a text that are shown.
_TEXT, _NAME = 1000, 200

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

T = TypeVar("T")


def import_jinja() -> None:
    """Raises Refused when jinja2 is not installed."""
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise Refused(
            "a report needs jinja2, which is not installed",
            how_to_install("jinja2", "python3-jinja2"),
        ) from None


def cluster_page(report: ClusterReport) -> str:
    """The page about a cluster. Raises Refused without jinja2."""
    import_jinja()
    known, running = report.deployments, report.running
    environment = _environment()
    parts: Any = environment.get_template("parts.html").module
    rows = _fitting(known, _ROWS, parts.deployment_row)
    moves = _fitting(
        report.moves, _MOVES, lambda at, move: parts.move_part(at, move, known, len(rows))
    )
    files_shown = _fitting(report.files, _FILES, parts.file_row)
    unverified = sum(one.verdict == UNTRUE for one in known)
    return _render(
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


# --- what there is room for ---


def _fitting(things: Sequence[T], room: int, part: Callable[[int, T], str]) -> list[str]:
    """The HTML of the first things, of as many as there is room for (bytes); `part` makes one."""
    made = []
    for at, thing in enumerate(things):
        html = part(at, thing)
        room -= len(html.encode())
        if room < 0:
            break
        made.append(html)
    return made


def further(one: Deployed) -> list[tuple[str, str]]:
    """Names and texts of what a record says besides its row."""
    said = list(one.fields[:20])
    said += [("Finding", text) for text in one.findings[:5]]
    said += [("Adopted by", name) for name in one.adopted_by[:3]]
    return [(shortened(name, _NAME), shortened(text, _NAME * 2)) for name, text in said]


# --- the template ---


def _render(environment: Environment, template: str, **values: Any) -> str:
    style, script = _text("style.css"), _text("filter.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    page = environment.get_template(template).render(
        policy=policy, style=style, script=script, version=__version__, **values
    )
    return BEGINNING + page + "\n"


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        states=(CARRIED, ADAPTED, VENDORS, LEFT, NEW), marks=_MARKS, letters=_LETTERS
    )
    environment.filters.update(
        day=_day,
        time=_time,
        short=lambda oid: oid[:7],
        lines=_lines,
        cut=lambda text, width=_NAME: shortened(text, width),
        headline=lambda text: shortened(first_line(text), _NAME),
        whole=lambda text: shortened(text, _TEXT).split("\n") if text else [],
        number=lambda count: f"{count:,}",
        further=further,
        counted=lambda count, noun: f"{count:,} {noun}" + "s" * (count != 1),
    )
    return environment


def _text(name: str) -> str:
    return files("git_ekf.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _finalized(value: Any) -> Any:
    """Every value of the template on its way out."""
    return _shown(value) if type(value) is str else value


def _shown(text: str) -> str:
    return escape(scrub(text))


def _lines(text: str) -> list[str]:
    """What stands behind the first line, or is too long for it; [] where that is all."""
    text = shortened(text, _TEXT)
    first = first_line(text)
    others = text[len(first) + 1 :].split("\n") if "\n" in text else []
    return [first, *others] if others or len(first) > _NAME else []


def _day(seconds: float) -> str:
    return _in_utc(seconds, "%Y-%m-%d")


def _time(seconds: float) -> str:
    return _in_utc(seconds, "%Y-%m-%d %H:%M UTC")


def _in_utc(seconds: float, form: str) -> str:
    """A time; "" for one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return ""
