"""The page about a fleet: counts, conflicts each once, a table with links, and nothing that text can do to it."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from reports import Page, assert_stands_alone
from test_report import HOSTILE, NOW, assert_harmless

from git_ekf.report.fleet_facts import (
    FleetReport,
    PlannedUpgrade,
    ReportedCluster,
    ResolvedConflict,
    SharedConflict,
    UnusedAnswer,
)
from git_ekf.report.fleet_page import fleet_page

RELEASES = ("1.1", "1.9", "1.10")


def member(at: int, text: str = "", **values: object) -> ReportedCluster:
    plain = ReportedCluster(
        name=f"eu-west-{at}{text}",
        wave=("canary", "early", "rest")[at % 3],
        labels=(f"region=eu{text}",),
        release=RELEASES[at % 2],
        tip="a" * 40,
        behind=at % 4,
        record="deploy/2026-11-01/release-1.9",
        deployed=NOW - at * 3600,
        unrecorded=at % 2,
        rules=("linear-history",) * (at == 5),
        fetched=NOW,
        failure="",
    )
    return plain._replace(**values)  # type: ignore[arg-type]


def fleet(members: list[ReportedCluster], text: str = "") -> FleetReport:
    names = tuple(one.name for one in members)
    unapproved = f"nobody here has approved it{text}"
    unused = (
        UnusedAnswer("4" * 64, unapproved, waiting=True, clusters=len(names)),
        UnusedAnswer("5" * 64, "it has two answers", waiting=False, clusters=1),
    )
    conflicts = (
        SharedConflict(f"Use our registry{text}", "content", (f"a{text}", "b"), names, unused),
        SharedConflict(f"Own overlay{text}", "modify/delete", ("c",), (*names[:1], "gone")),
    )
    resolved = ResolvedConflict(
        f"Our limits{text}", f"d{text}", "6" * 64, "2026-11-20", "signed", names[:2]
    )
    days = [str(date(2026, 11, 18) - timedelta(days=at % 300)) for at in range(len(members))]
    return FleetReport(
        vendor=f"https://me:secret@git.example.com/vendor.git{text}",
        fetched=NOW,
        made=NOW,
        waves=("canary", "early", "rest"),
        releases=RELEASES,
        members=tuple(members),
        days=tuple(days),
        plan=PlannedUpgrade("1.10", 5, 6, 1, 2, conflicts, (resolved,)),
    )


PLAIN = Page(fleet_page(fleet([member(at) for at in range(12)])))


def test_page_stands_alone_and_can_be_read() -> None:
    assert_stands_alone(PLAIN)
    assert PLAIN.texts("h1") == ["12 clusters"]
    assert PLAIN.texts("h2") == [
        "Which release runs where",
        "Deployments by week",
        "The upgrade to 1.10",
        "Clusters",
    ]
    assert "secret" not in PLAIN.source
    assert [one.text for one in PLAIN.all("li")[-4:]] == [
        "0 could not be fetched",
        "9 behind their channel",
        "6 not recorded",
        "1 break a rule",
    ]


def test_releases_by_wave() -> None:
    """Releases as versions are ordered, and a way to those that are counted."""
    assert PLAIN.rows("matrix") == [["1.1", "2", "2", "2"], ["1.9", "2", "2", "2"]]
    link = next(one for one in PLAIN.all("a") if "data-wave" in one.attributes)
    assert link.attributes == {"href": "#clusters", "data-wave": "canary", "data-release": "1.1"}


def test_wave_and_release_that_nobody_has_named() -> None:
    odd = [member(0, wave="", release=""), member(1, wave="late", release="7")]
    page = Page(fleet_page(fleet(odd)))
    assert page.rows("matrix") == [["7", "1", "0"], ["none", "0", "1"]]
    assert page.rows("members")[0][1:3] == ["none", "none"]


def test_conflicts_each_once_with_their_clusters() -> None:
    said = PLAIN.texts("section")[2]
    assert said.startswith(
        "The upgrade to 1.10 5 clusters would go through, 6 would stop at 2 distinct conflicts,"
        " 1 needs no upgrade. Of 2 others there is no plan; git ekf fleet plan 1.10 says why."
    )
    assert "12 clusters: Use our registry content: a and 1 more." in said
    assert "2 clusters: Own overlay modify/delete: c." in said
    linked = [one.attributes["href"] for one in PLAIN.all("a") if one.text.startswith("eu-west-")]
    assert linked == [*(f"#c{at}" for at in range(12)), "#c0", "#c0", "#c1"]


def test_whether_a_conflict_is_resolved() -> None:
    said = PLAIN.texts("section")[2]
    assert (
        "! Resolution 4444444 waits for approval: nobody here has approved it."
        " git ekf fleet resolve --approve 4444444"
        " ! Resolution 5555555 is not used in 1 of these: it has two answers. Paths and clusters"
    ) in said
    assert "modify/delete: c. No resolution is known. Clusters" in said
    assert (
        "2 clusters: Our limits d: ✓ settled by resolution 6666666 of 2026-11-20, signed. " in said
    )


def test_clusters() -> None:
    dead = member(7, failure="no answer within 60 seconds", behind=None, deployed=0)
    upgraded = member(5, prepared="1.10")
    page = Page(fleet_page(fleet([member(4), upgraded, dead])))
    assert page.rows("members") == [
        ["eu-west-4", "early", "1.1", "up to date", "2026-11-18", "✓ fine", "region=eu"],
        [
            "eu-west-5",
            "rest",
            "1.9",
            "1 behind",
            "2026-11-18 +1, 1.10 prepared",
            "! linear-history",
            "region=eu",
        ],
        [
            *("eu-west-7", "early", "1.9", "", "never +1"),
            *("✗ no answer within 60 seconds as of 2026-11-18", "region=eu"),
        ],
    ]


def test_fleet_without_clusters_or_plan() -> None:
    page = Page(fleet_page(fleet([])._replace(plan=None)))
    assert_stands_alone(page)
    assert page.texts("h2") == ["Which release runs where"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    odd = member(0, text, wave=text, release=text, labels=(text,), rules=(text,), failure=text)
    odd = odd._replace(prepared=text)
    page = Page(fleet_page(fleet([odd], text)._replace(waves=(text,), releases=(text,))))
    assert_harmless(page, PLAIN)


@pytest.mark.parametrize("number", [1000, 10_000])
def test_page_of_many_is_below_a_megabyte(number: int) -> None:
    chosen = random.Random(number)
    members = [member(at) for at in range(number)]
    names = [one.name for one in members]
    conflicts = [
        SharedConflict("Use our registry", "content", ("apps/a/b/c.yaml",) * 12, tuple(some))
        for some in (chosen.sample(names, 400) for _ in range(100))
    ]
    of_all = ResolvedConflict("Our limits", "a", "6" * 64, "2026-11-20", "signed", tuple(names))
    plan = PlannedUpgrade("1.10", 0, number, 0, 0, tuple(conflicts), (of_all,) * 50)
    report = fleet(members)._replace(plan=plan)
    source = fleet_page(report)
    assert len(source.encode()) < 1_000_000
    assert (source.count('<tr id="c') == number) == (number == 1000)
    if number > 1000:
        left = number - source.count('<tr id="c')
        assert f"{left:,} clusters more: <code>git ekf fleet status --list</code>" in source
