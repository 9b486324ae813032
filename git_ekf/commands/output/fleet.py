"""A fleet as it is shown: on one screen, a line for each cluster, or as a document."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from git_ekf.fleet.choosing import Choice
from git_ekf.fleet.file import Fleet, command_of
from git_ekf.fleet.runs import begun_upgrades
from git_ekf.fleet.standing import OK, Known, Standing
from git_ekf.fleet.store import Store
from git_ekf.fleet.summary import Summary, summarise
from git_ekf.names import without_credentials
from git_ekf.terminal.screen import paint, terminal_width
from git_ekf.terminal.text import age, counted, iso, nullable, say, shortened, the_first

_DAY = 24 * 60 * 60
# Rules that are named in a row; of others how many there are.
_RULES = 4


class FleetLook(NamedTuple):
    """A fleet as far as it is known, and the chosen clusters.

    `begin` is when the command was started (seconds since 1970), `asked` whether it has asked the
    repositories.
    """

    fleet: Fleet
    store: Store
    known: Known
    choice: Choice
    chosen: list[Standing]
    begin: float
    asked: bool


def print_summary(look: FleetLook) -> None:
    """Prints the numbers of the chosen clusters, and each upgrade that has begun."""
    summary = summarise(look.chosen)
    print(paint(_headline(summary, len(look.chosen), look.begin), "bold"))
    _print_matrix(look.fleet, summary)
    command = command_of(look.fleet.path, "status --no-fetch")
    vendor = look.known.vendor
    if vendor.failure:
        text = f"not fetched, as of {_ago(vendor.seconds)}: {vendor.error}"
        print_entry("vendor", text, "", "red")
    if summary.failed:
        print_entry("not fetched", _failed(summary), f"{command} --list --failed", "red")
    if summary.behind:
        least, most = min(summary.behind), max(summary.behind)
        how_far = counted(least, "commit") if least == most else f"{least} to {most} commits"
        print_entry("behind", f"{_clusters(len(summary.behind))}, {how_far} of their channel")
    if summary.deployed:
        print_entry("deployed", _deployed(summary.deployed))
    if summary.unrecorded:
        oldest = f"the oldest of {_day(summary.since)}"
        text = f"{_clusters(summary.unrecorded)} beyond their last record, {oldest}"
        print_entry("not recorded", text)
    if summary.never:
        print_entry("no record", _clusters(summary.never))
    if summary.prepared:
        parts = [f"{name} in {_clusters(number)}" for name, number in summary.prepared.items()]
        print_entry("prepared", f"{', '.join(parts)}, newer than what runs there")
    if summary.rules:
        rules = sorted(summary.rules.items(), key=lambda pair: (-pair[1], pair[0]))
        named = the_first([f"{number} {rule}" for rule, number in rules], _RULES)
        named += " rules" if len(rules) > _RULES else ""
        print_entry("policy", named, f"{command} --list --where rule={rules[0][0]}", "red")
    elif any(one.fetched for one in look.chosen):
        print_entry("policy", "ok", "", "green")
    for branch, names in begun_upgrades(look.store).items():
        release = look.fleet.scheme.version(branch) or branch
        text = f"{branch} is not in {_clusters(len(names))} that it was begun for"
        command = command_of(look.fleet.path, "upgrade", release)
        print_entry("upgrade", text, f"{command} --continue", "yellow")


def _headline(summary: Summary, number: int, begin: float) -> str:
    fetched = [one.fetched for one in summary.fine]
    parts = []
    if fetched:
        oldest = min(fetched)
        when = "just now" if oldest >= begin else _ago(oldest)
        empty = f" ({summary.empty} empty)" if summary.empty else ""
        parts.append(f"{len(fetched)} fetched {when}{empty}")
    if summary.failed:
        parts.append(f"{len(summary.failed)} not fetched")
    return f"{_clusters(number)}: {', '.join(parts)}" if parts else _clusters(number)


def _print_matrix(fleet: Fleet, summary: Summary) -> None:
    """Which release runs in how many clusters of which wave."""
    used = set[str]().union(*summary.by_wave.values())
    waves = [wave for wave in (*fleet.waves, "") if wave in used]
    branches = sorted(summary.by_wave, key=lambda branch: (fleet.scheme.key(branch), branch))
    titles = [""] if waves == [""] else [shortened(wave or "no wave", 12) for wave in waves]
    rows = [("", titles)] if any(titles) else []
    for branch in branches:
        counts = summary.by_wave[branch]
        rows.append((branch, [str(counts[wave] or "") for wave in waves]))
    first = max((len(branch) for branch in branches), default=0)
    for lead, cells in rows:
        line = f"  {lead:{first}}"
        for title, cell in zip(titles, cells, strict=True):
            line += f"  {cell:>{max(6, len(title))}}"
        say(line.rstrip())


def print_entry(label: str, text: str, command: str = "", colour: str = "") -> None:
    """Prints an entry of a screen, with the command that shows more."""
    lead = f"  {label:<13} "
    gap = "    " if command else ""
    if command and len(lead + text + gap + command) > terminal_width():
        gap = f"\n{'':16}"
    print(f"{lead}{paint(text, colour)}{gap}{paint(command, 'cyan')}")


def _failed(summary: Summary) -> str:
    """The first names, and as of when they are known."""
    text = the_first([one.member.name for one in summary.failed], 3)
    known = [one.fetched for one in summary.failed if one.fetched]
    if not known:
        return f"{text}, never"
    never = "" if len(known) == len(summary.failed) else " or never"
    return f"{text}, known as of {_ago(min(known))}{never}"


def _deployed(times: Sequence[int]) -> str:
    now = time.time()
    parts = []
    for days in (7, 30):
        parts.append(f"{sum(now - one < days * _DAY for one in times)} in the last {days} days")
    return f"{', '.join(parts)}, the oldest {_day(times[-1])}"


def _clusters(number: int) -> str:
    return counted(number, "cluster")


def _ago(seconds: float) -> str:
    return age(time.time() - seconds)


def _day(seconds: float) -> str:
    return str(datetime.fromtimestamp(seconds, UTC).date())


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
        when = _ago(one.fetched) if one.fetched else "never"
        yield f"{one.state}, fetched {when}" + (f": {one.error}" if one.error else "")
    elif one.state != OK:
        yield one.state
    elif not one.branch:
        yield "no release branch"
    if one.branch:
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
    if one.findings:
        yield ", ".join(dict.fromkeys(finding.rule for finding in one.findings))


# --- the document ---


def status_content(look: FleetLook) -> dict[str, Any]:
    """The chosen clusters as fleet-status.json has them."""
    begun = begun_upgrades(look.store)
    return {
        "fleet": about_fleet(look),
        "upgrades": [{"branch": branch, "waiting": names} for branch, names in begun.items()],
        "clusters": list(map(_cluster, look.chosen)),
    }


def about_fleet(look: FleetLook) -> dict[str, Any]:
    """The fleet itself, as the documents have it."""
    fleet, vendor = look.fleet, look.known.vendor
    fetched_now = [one for one in look.chosen if not one.failed and one.fetched >= look.begin]
    return {
        "file": fleet.path,
        "store": look.store.path,
        "vendor": without_credentials(fleet.vendor),
        "vendor_fetched": iso(vendor.seconds),
        "vendor_error": vendor.error or None,
        "channels": look.known.channels,
        "waves": list(fleet.waves),
        "clusters": len(look.chosen),
        "fetched_now": len(fetched_now),
    }


def _cluster(one: Standing) -> dict[str, Any]:
    recorded = None
    if one.recorded:
        recorded = {
            "name": one.recorded.name,
            "commit": one.recorded.commit,
            "date": iso(one.recorded.seconds),
            "context": one.recorded.context,
            "commits_since": one.recorded.commits_since,
        }
    known = nullable(one)
    for name in ("member", "recorded", "findings", "days"):
        del known[name]
    return {
        "name": one.member.name,
        "internal": without_credentials(one.member.internal),
        "wave": one.member.wave or None,
        "labels": one.member.labels,
        **known,
        "fetched": iso(one.fetched),
        "last_record": recorded,
        "findings": list(map(nullable, one.findings)),
    }
