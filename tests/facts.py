"""What is true of a cluster, found with plain git on both sides, and what `git ekf status` says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from conftest import Clone, run

Order = tuple[int, str, int, tuple[int, ...]]


class Facts(NamedTuple):
    """Of a clone and its internal repository as they are now.

    runs            (name, commit) of the newest record over all releases, None without one
    unsaved         commits of HEAD that internal does not have on the branch; None where it has none
    not_here        the other way round
    records         names of records that internal does not have
    since           commits of HEAD behind the newest record, None where that is not in HEAD
    own, behind     commits of HEAD that the vendor's channel does not have, and the other way round
    newer           the vendor's later channels
    others          other release branches here that differ from internal: (unsaved, only there)
    """

    branch: str
    runs: tuple[str, str] | None
    unsaved: int | None
    not_here: int | None
    records: set[str]
    since: int | None
    own: int | None
    behind: int | None
    newer: list[str]
    others: dict[str, tuple[int, int]]


def refs(repository: Path, *patterns: str) -> dict[str, str]:
    listed = run(
        "git", "for-each-ref", "--format=%(refname) %(objectname)", *patterns, cwd=repository
    )
    return dict(line.split(" ") for line in listed.out.splitlines())


def _order(clone: Clone, ref: str, oid: str) -> tuple[Order, str, str]:
    """By the time of the tag, then by its name; with the name and the commit."""
    text = clone.out("cat-file", "tag", oid)
    head = dict(line.split(" ", 1) for line in text.partition("\n\n")[0].splitlines())
    seconds = int(head["tagger"].rsplit("> ", 1)[1].split(" ")[0])
    name = ref.removeprefix("refs/tags/")
    _, day, branch = name.split("/")
    date, _, number = day.partition(".")
    version = tuple(map(int, branch.removeprefix("release-").split(".")))
    return (seconds, date, int(number or 1), version), name, head["object"]


def facts(clone: Clone, internal: Path) -> Facts:
    """By plain git, of which nothing is kept: what the remotes have is fetched into no ref."""
    there = refs(internal, "refs/heads/", "refs/tags/deploy/")
    here = refs(clone.path, "refs/tags/deploy/")
    vendor = Path(clone.out("remote", "get-url", "origin"))
    channels = {
        ref.removeprefix("refs/heads/"): oid
        for ref, oid in refs(vendor, "refs/heads/").items()
        if ref.startswith("refs/heads/release-")
    }
    for remote, wanted in ((internal, there), (vendor, refs(vendor, "refs/heads/"))):
        if wanted:
            options = ("-q", "--no-tags", "--no-write-fetch-head")
            clone.git("fetch", *options, str(remote), *wanted)
    records = {ref: oid for ref, oid in {**there, **here}.items() if ref.startswith("refs/tags/")}
    newest = max((_order(clone, ref, oid) for ref, oid in records.items()), default=None)
    branch = clone.out("branch", "--show-current")
    head = clone.out("rev-parse", "HEAD")
    saved = there.get(f"refs/heads/{branch}")

    def count(one: str, without: str) -> int:
        return int(clone.out("rev-list", "--count", one, f"^{without}"))

    def others() -> dict[str, tuple[int, int]]:
        found = {}
        for ref, tip in refs(clone.path, "refs/heads/release-*").items():
            name = ref.removeprefix("refs/heads/")
            saved = there.get(ref)
            unsaved = count(tip, saved) if saved else count(tip, channels[name])
            only_there = count(saved, tip) if saved else 0
            if name != branch and (unsaved or only_there):
                found[name] = (unsaved, only_there)
        return found

    def version(name: str) -> tuple[int, ...]:
        return tuple(map(int, name.removeprefix("release-").split(".")))

    channel = channels.get(branch)
    since = None
    if newest and clone.git("merge-base", "--is-ancestor", newest[2], head, ok=False).code == 0:
        since = count(head, newest[2])
    return Facts(
        branch,
        newest[1:] if newest else None,
        count(head, saved) if saved else None,
        count(saved, head) if saved else None,
        {ref.removeprefix("refs/tags/") for ref, oid in here.items() if there.get(ref) != oid},
        since,
        count(head, channel) if channel else None,
        count(channel, head) if channel else None,
        sorted((name for name in channels if version(name) > version(branch)), key=version)
        if channel
        else [],
        others(),
    )


def assert_true(clone: Clone, internal: Path) -> None:
    """Each sentence of `git ekf status --fetch` about the cluster, against the facts."""
    shown = clone.ekf("status", "--fetch")
    assert shown.code == 0, shown
    said = clone.ekf("status", "--json")
    assert said.code == 0, said
    true = facts(clone, internal)
    document = json.loads(said.out)
    deploy = document["last_deploy"]
    assert ((deploy["name"], deploy["commit"]) if deploy else None) == true.runs
    assert (deploy["commits_since"] if deploy else None) == true.since
    assert document["branch"] == true.branch
    if document["release"]:
        assert (document["unsaved"], document["not_here"]) == (true.unsaved, true.not_here)
        said_of_channel = (document["configuration"], document["channel_ahead"])
        assert said_of_channel == (true.own, true.behind)
        assert document["newer"] == true.newer
    others = {one["branch"]: (one["unsaved"], one["not_here"]) for one in document["others"]}
    assert others == true.others
    assert document["unsaved_records"] == len(true.records)
    _assert_text(shown.out, true)


def _assert_text(text: str, true: Facts) -> None:
    first, *rows = text.splitlines()
    row = {line[2:16].strip(): line[17:] for line in rows if line.startswith("  ")}
    if true.runs is None:
        assert " has no deploy record (" in first
    else:
        name, commit = true.runs
        assert f" runs {name.rpartition('/')[2]} at {commit[:7]} since " in first
        assert ("its record is not saved" in first) == (name in true.records)
    if not true.branch.startswith("release-"):
        return
    everything = true.unsaved == true.not_here == 0 and not true.records
    assert row["saved"].startswith("all of it is on internal (asked just now)") == everything
    assert row["saved"].startswith("never: ") == (true.unsaved is None)
    if true.not_here:
        assert f"{true.not_here} commit" in row["saved"]
    assert row["channel"].startswith("up to date (fetched just now)") == (true.behind == 0)
    assert row["configuration"].startswith(f"{true.own} commit")
    assert ("newer" in row) == bool(true.newer)
    here = true.runs is not None and true.runs[0].endswith(f"/{true.branch}")
    assert row["last deploy"].endswith(", this commit") == (here and true.since == 0)
    assert row["last deploy"].endswith(" ago") == (here and bool(true.since))
