"""A fleet as it is shown: on one screen, a line for each cluster, or as a document."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from git_ekf.fleet.file import FILE, Fleet, other_file
from git_ekf.fleet.runs import begun_upgrades
from git_ekf.fleet.standing import OK, Known, Recorded, Standing
from git_ekf.fleet.store import Store
from git_ekf.fleet.summary import Summary, summarise
from git_ekf.names import without_credentials
from git_ekf.shown import escape, shell
from git_ekf.terminal.screen import paint, terminal_width
from git_ekf.terminal.text import age, counted, nullable, say, shortened

_DAY = 24 * 60 * 60
# Clusters and rules that are named in a row; of others how many there are.
_NAMED = 3
_RULES = 4


def print_summary(fleet: Fleet, known: Known, chosen: Sequence[Standing], begin: float) -> None:
    """Prints the numbers of the chosen clusters. `begin` is when the command was started."""
    summary = summarise(chosen)
    print(paint(_headline(summary, len(chosen), begin), "bold"))
    _print_matrix(fleet, summary)
    command = shell(*again(fleet, "status"))
    if known.vendor.failure:
        when = age(max(0.0, time.time() - known.vendor.seconds))
        print_row("vendor", f"not fetched, as of {when}: {known.vendor.error}", "", "red")
    if summary.failed:
        print_row("not fetched", _failed(summary), f"{command} --list --failed", "red")
    if summary.behind:
        least, most = min(summary.behind), max(summary.behind)
        how_far = counted(least, "commit") if least == most else f"{least} to {most} commits"
        print_row("behind", f"{_clusters(len(summary.behind))}, {how_far} of their channel")
    if summary.deployed:
        print_row("deployed", _deployed(summary.deployed))
    if summary.unrecorded:
        day = datetime.fromtimestamp(summary.since, UTC).date().isoformat()
        text = f"{_clusters(summary.unrecorded)} beyond their last record, the oldest of {day}"
        print_row("not recorded", text)
    if summary.never:
        print_row("no record", _clusters(summary.never))
    if summary.prepared:
        parts = [f"{name} in {_clusters(number)}" for name, number in summary.prepared.items()]
        print_row("prepared", f"{', '.join(parts)}, newer than what runs there")
    if summary.rules:
        rules = sorted(summary.rules.items(), key=lambda pair: (-pair[1], pair[0]))
        print_row("policy", _rules(rules), f"{command} --list --where rule={rules[0][0]}", "red")
    elif any(one.fetched for one in chosen):
        print_row("policy", "ok", "", "green")


def print_begun(fleet: Fleet, begun: Mapping[str, Sequence[str]]) -> None:
    """Prints a row for each upgrade that has begun: its branch, and how many clusters lack it."""
    for branch, names in begun.items():
        release = fleet.scheme.version(branch) or branch
        row = f"{branch} is not in {_clusters(len(names))} that it was begun for"
        command = shell("git", "ekf", "fleet", "upgrade", release, *other_file(fleet.path))
        print_row("upgrade", row, f"{command} --continue", "yellow")


def _headline(summary: Summary, number: int, begin: float) -> str:
    fetched = [one.fetched for one in summary.fine]
    parts = []
    if fetched:
        oldest = min(fetched)
        when = "just now" if oldest >= begin else age(max(0.0, time.time() - oldest))
        empty = f" ({summary.empty} empty)" if summary.empty else ""
        parts.append(f"{len(fetched)} fetched {when}{empty}")
    if summary.failed:
        parts.append(f"{len(summary.failed)} not fetched")
    return f"{_clusters(number)}: {', '.join(parts)}" if parts else _clusters(number)


def _print_matrix(fleet: Fleet, summary: Summary) -> None:
    """Which release runs in how many clusters of which wave."""
    used: set[str] = set()
    for counts in summary.by_wave.values():
        used.update(counts)
    waves = [wave for wave in (*fleet.waves, "") if wave in used]
    branches = sorted(summary.by_wave, key=lambda branch: (fleet.scheme.key(branch), branch))
    named = waves != [""]
    titles = {wave: shortened(wave or "no wave", 12) for wave in waves} if named else {"": ""}
    first = max((len(branch) for branch in branches), default=0)
    widths = {wave: max(6, len(title)) for wave, title in titles.items()}
    if named and branches:
        say(f"  {'':{first}}" + "".join(f"  {titles[wave]:>{widths[wave]}}" for wave in waves))
    for branch in branches:
        counts = summary.by_wave[branch]
        cells = "".join(f"  {counts[wave] or '':>{widths[wave]}}" for wave in waves)
        say(f"  {branch:{first}}{cells}".rstrip())


def print_row(label: str, text: str, command: str = "", colour: str = "") -> None:
    """Prints a row of a screen, with the command that shows more."""
    lead = f"  {label:<13} "
    gap = "    " if command else ""
    if command and len(lead + text + gap + command) > terminal_width():
        gap = f"\n{'':16}"
    print(f"{lead}{paint(escape(text), colour)}{gap}{paint(command, 'cyan')}")


def _failed(summary: Summary) -> str:
    """The first names, and as of when they are known."""
    names = [one.member.name for one in summary.failed]
    text = first_names(names)
    known = [one.fetched for one in summary.failed if one.fetched]
    if not known:
        return f"{text}, never"
    oldest = age(max(0.0, time.time() - min(known)))
    never = "" if len(known) == len(names) else " or never"
    return f"{text}, known as of {oldest}{never}"


def first_names(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _deployed(times: Sequence[int]) -> str:
    now = time.time()
    parts = []
    for days in (7, 30):
        parts.append(f"{sum(now - one < days * _DAY for one in times)} in the last {days} days")
    oldest = datetime.fromtimestamp(times[-1], UTC).date().isoformat()
    return f"{', '.join(parts)}, the oldest {oldest}"


def _rules(rules: Sequence[tuple[str, int]]) -> str:
    listed = [f"{number} {rule}" for rule, number in rules]
    more = len(listed) - _RULES
    return ", ".join(listed[:_RULES]) + (f" and {more} more rules" if more > 0 else "")


def _clusters(number: int) -> str:
    return counted(number, "cluster")


def again(fleet: Fleet, command: str) -> list[str]:
    """The words of a command for the same fleet, by what is known."""
    words = ["git", "ekf", "fleet", command, "--no-fetch"]
    if fleet.path != FILE:
        words += ["--file", fleet.path]
    return words


# --- a line for each ---


def print_list(chosen: Sequence[Standing]) -> None:
    """Prints a line for each cluster: what it runs, since when, and what is wrong."""
    names = max((len(one.member.name) for one in chosen), default=0)
    waves = max((len(one.member.wave) for one in chosen), default=0)
    for one in chosen:
        lead = f"{one.member.name:{names}}  {one.member.wave:{waves}}".rstrip()
        print(paint(f"{lead}  {'; '.join(_facts(one))}", "red" if one.failed else ""))


def _facts(one: Standing) -> Iterator[str]:
    if one.failed:
        when = age(max(0.0, time.time() - one.fetched)) if one.fetched else "never"
        yield f"{one.state}, fetched {when}" + (f": {one.error}" if one.error else "")
    elif one.state != OK:
        yield one.state
    elif not one.branch:
        yield "no release branch"
    if one.branch:
        yield from _running(one)
    if one.findings:
        yield ", ".join(dict.fromkeys(finding.rule for finding in one.findings))


def _running(one: Standing) -> Iterator[str]:
    """What is said of the branch that it runs."""
    base = f" on {one.base[:7]}" if one.base else ""
    yield f"{one.branch}, {counted(one.configuration or 0, 'commit')}{base}"
    if one.behind:
        yield f"{one.behind} behind"
    if one.recorded is None:
        yield "no record"
    elif one.recorded.commits_since is None:
        yield f"{one.recorded.name}, which its branch does not have"
    elif one.recorded.commits_since:
        yield f"{counted(one.recorded.commits_since, 'commit')} since {one.recorded.name}"
    else:
        yield one.recorded.name
    if one.prepared:
        yield f"{one.prepared} is prepared"


# --- the document ---


def content(
    fleet: Fleet, store: Store, known: Known, chosen: Sequence[Standing], begin: float
) -> dict[str, Any]:
    """The chosen clusters as fleet-status.json has them."""
    about = about_fleet(fleet, store, known, chosen, begin)
    begun = begun_upgrades(store)
    return {
        "fleet": about,
        "upgrades": [{"branch": branch, "waiting": names} for branch, names in begun.items()],
        "clusters": list(map(_cluster, chosen)),
    }


def about_fleet(
    fleet: Fleet, store: Store, known: Known, chosen: Sequence[Standing], begin: float
) -> dict[str, Any]:
    """The fleet itself, as the documents have it."""
    fetched_now = [one for one in chosen if not one.failed and one.fetched >= begin]
    return {
        "file": fleet.path,
        "store": store.path,
        "vendor": without_credentials(fleet.vendor),
        "vendor_fetched": _time(known.vendor.seconds),
        "vendor_error": known.vendor.error or None,
        "channels": known.channels,
        "waves": list(fleet.waves),
        "clusters": len(chosen),
        "fetched_now": len(fetched_now),
    }


def _cluster(one: Standing) -> dict[str, Any]:
    recorded = one.recorded
    return {
        "name": one.member.name,
        "internal": without_credentials(one.member.internal),
        "wave": one.member.wave or None,
        "labels": one.member.labels,
        "state": one.state,
        "fetched": _time(one.fetched),
        "error": one.error or None,
        "branch": one.branch or None,
        "release": one.release or None,
        "tip": one.tip or None,
        "base": one.base or None,
        "configuration": one.configuration,
        "behind": one.behind,
        "prepared": one.prepared or None,
        "last_record": _record(recorded) if recorded else None,
        "findings": [nullable(finding) for finding in one.findings],
    }


def _record(recorded: Recorded) -> dict[str, Any]:
    return {
        "name": recorded.name,
        "commit": recorded.commit,
        "date": _time(recorded.seconds),
        "context": recorded.context,
        "commits_since": recorded.commits_since,
    }


def _time(seconds: float) -> str | None:
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
