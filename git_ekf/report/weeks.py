"""Deployments by week, and the places of their bars in a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

# The most weeks that a picture shows: two years.
_WEEKS = 104
# Of a picture: its size, and the room for what stands below and above the bars.
WIDTH, HEIGHT, _BELOW, _ABOVE = 1000, 220, 26, 30
# Widths between which two months, and two releases, do not touch, also where a phone shows them
# larger.
_MONTHS_APART, _RELEASES_APART = 110, 60


class Bar(NamedTuple):
    """A week: its Monday, how many deployments it had, and its place in the picture."""

    monday: str
    number: int
    x: float
    y: float
    width: float
    height: float


class Label(NamedTuple):
    """A text in the picture, and where it stands."""

    text: str
    x: float


class Weeks(NamedTuple):
    """A picture of deployments by week.

    `bars` are those of weeks that had some. `months` stand below, `releases` above where the
    cluster came to another one, as far as there is room; `came` are all these places. `highest` is
    the most of a week; `outside` counts the deployments that are too old for it, or of days that
    have not come. `first` and `last` are Mondays.
    """

    bars: list[Bar]
    months: list[Label]
    releases: list[Label]
    came: list[float]
    highest: int
    outside: int
    first: str
    last: str

    @property
    def floor(self) -> int:
        """Where the bars stand."""
        return HEIGHT - _BELOW


def weeks(days: Sequence[str], changes: Iterable[tuple[str, str]], now: float) -> Weeks | None:
    """The picture of some days (YYYY-MM-DD), up to the week of `now`; None where it would be empty.

    `changes` are releases and the days on which the cluster came to them, the newest first.
    """
    last = _monday(datetime.fromtimestamp(now, UTC).date() + timedelta(days=1))
    counts = Counter(_monday(date.fromisoformat(day)) for day in days)
    earliest = last - timedelta(weeks=_WEEKS - 1)
    inside = [monday for monday in counts if earliest <= monday <= last]
    if not inside:
        return None
    # A quarter at least, so that few deployments do not make few wide bars.
    first = min(*inside, last - timedelta(weeks=12))
    step = WIDTH / ((last - first).days // 7 + 1)

    def place(monday: date) -> float:
        return (monday - first).days // 7 * step

    highest = max(counts[monday] for monday in inside)
    shown = sum(counts[monday] for monday in inside)
    bars = []
    for monday in sorted(inside):
        height = round((HEIGHT - _BELOW - _ABOVE) * counts[monday] / highest, 1)
        x = round(place(monday) + step * 0.1, 1)
        y = round(HEIGHT - _BELOW - height, 1)
        bars.append(Bar(monday.isoformat(), counts[monday], x, y, round(step * 0.8, 1), height))
    releases = []
    for text, day in changes:
        monday = _monday(date.fromisoformat(day))
        if first <= monday <= last:
            releases.append(Label(text, round(place(monday), 1)))
    return Weeks(
        bars,
        _apart(_months(first, last, place), _MONTHS_APART),
        _apart(releases, _RELEASES_APART),
        sorted({label.x for label in releases}),
        highest,
        len(days) - shown,
        first.isoformat(),
        last.isoformat(),
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _months(first: date, last: date, place: Callable[[date], float]) -> list[Label]:
    """The first week, and each month at the week in which it begins; of a January the year."""
    found = [Label(f"{first + timedelta(days=6):%b %Y}", 0.0)]
    monday = first + timedelta(weeks=1)
    while monday <= last:
        sunday = monday + timedelta(days=6)
        if sunday.day <= 7:
            text = str(sunday.year) if sunday.month == 1 else f"{sunday:%b}"
            found.append(Label(text, round(place(monday), 1)))
        monday += timedelta(weeks=1)
    return sorted(found, key=lambda label: not label.text[-1].isdigit())  # years have room first


def _apart(labels: list[Label], apart: int) -> list[Label]:
    """As many labels as touch neither each other nor the end of the picture, the first first."""
    kept: list[Label] = []
    for label in labels:
        if label.x <= WIDTH - apart / 2 and all(abs(label.x - one.x) >= apart for one in kept):
            kept.append(label)
    return kept
