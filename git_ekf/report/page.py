"""A report as one HTML file that needs nothing else, and lets nothing else in.

All text from outside is shown as on a terminal, without control characters and credentials, and
escaped for HTML. The page's own policy forbids every request, every script but the one here, and
every style but the one here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from git_ekf import __version__
from git_ekf.errors import Refused
from git_ekf.installation import how_to_install
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

# Characters of a text, and of a name, that are shown.
TEXT, NAME = 1000, 200

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


# --- what there is room for ---


def fitting(things: Sequence[T], room: int, part: Callable[[int, T], str]) -> list[str]:
    """The HTML of the first things, of as many as there is room for (bytes); `part` makes one."""
    made = []
    for at, thing in enumerate(things):
        html = part(at, thing)
        room -= len(html.encode())
        if room < 0:
            break
        made.append(html)
    return made


def cut(text: str, width: int = NAME) -> str:
    """The text in at most so many characters, without what is half a password then."""
    return shortened(scrub(text), width)


# --- the template ---


def render(environment: Environment, template: str, **values: Any) -> str:
    """The whole page that a template makes of values."""
    style, script = _text("style.css"), _text("filter.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    page = environment.get_template(template).render(
        policy=policy, style=style, script=script, version=__version__, **values
    )
    return BEGINNING + page + "\n"


def page_environment() -> Environment:
    """The jinja2 that makes HTML of the templates here. Raises Refused without jinja2."""
    import_jinja()
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        day=partial(_in_utc, form="%Y-%m-%d"),
        time=partial(_in_utc, form="%Y-%m-%d %H:%M UTC"),
        short=lambda oid: oid[:7],
        lines=_lines,
        cut=cut,
        headline=lambda text: cut(first_line(text)),
        whole=lambda text: cut(text, TEXT).split("\n") if text else [],
        number=lambda count: f"{count:,}",
        counted=lambda count, noun: f"{count:,} {noun}" + "s" * (count != 1),
    )
    return environment


def _text(name: str) -> str:
    return files("git_ekf.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _finalized(value: Any) -> Any:
    """Every value of the template on its way out."""
    return escape(value) if type(value) is str else value


def _lines(text: str) -> list[str]:
    """What stands behind the first line, or is too long for it; [] where that is all."""
    text = cut(text, TEXT)
    first = first_line(text)
    others = text[len(first) + 1 :].split("\n") if "\n" in text else []
    return [first, *others] if others or len(first) > NAME else []


def _in_utc(seconds: float, form: str) -> str:
    """A time; "" for one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return ""
