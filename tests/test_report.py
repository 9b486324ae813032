"""git ekf report: a page that says what the repository has, and stands alone."""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from conftest import Clone, make_clone, run
from reach import long, rare, some
from reports import Page, assert_stands_alone
from test_start_up import imported
from upgrading import DASHBOARD, ISTIO

from git_ekf import installation
from git_ekf.demo.sample import deployment
from git_ekf.errors import Refused
from git_ekf.report import file as report_file
from git_ekf.report.cluster_page import cluster_page
from git_ekf.report.facts import ClusterReport, Deployed, RunningRelease
from git_ekf.report.page import BEGINNING
from git_ekf.report.weeks import weeks

NOW = 1_795_000_000  # 2026-11-18


def record(clone: Clone, day: str, *words: str, who: str = "Ada Löf") -> None:
    when = f"{day}T10:00:00+00:00"
    env = {"GIT_COMMITTER_DATE": when, "GIT_COMMITTER_NAME": who}
    done = clone.ekf("tag", "-m", *words, env=env)
    assert done.code == 0, done


def two_releases(clone: Clone) -> None:
    """An upgrade with a commit of each kind, and a sync."""
    clone.git("config", "ekf.render.command", "true")
    clone.git("config", "ekf.name", "prod")
    clone.commit("own/settings", "one\n", "Settings")
    record(clone, "2026-10-05", "First.")
    clone.commit(ISTIO, deployment("istio", "1.8.0-mine", 1), "Our <b>Istio</b>")
    clone.git("checkout", "-q", "origin/release-1.9", "--", "VERSION")
    clone.git("commit", "-q", "-m", "Take the version early", "--no-verify")
    clone.commit("own/more", "more\n", "More")
    clone.commit(DASHBOARD, deployment("dashboard", "1.8.0", 2), "Two dashboards")
    record(clone, "2026-10-06", "Second.", "-m", "Of two paragraphs.", "--field", "Ticket=OPS-7")
    assert clone.ekf("save").code == 0
    assert clone.ekf("upgrade", "1.9").code == 3
    clone.git("checkout", "--theirs", "--", ISTIO)
    clone.git("add", "-A")
    done = clone.ekf("upgrade", "--continue")
    assert done.code == 0, done
    clone.git("rebase", "-q", "--onto", "HEAD~2", "HEAD~1", env={"EKF_HOOKS": "0"})
    clone.commit("own/late", "late\n", "Late")
    record(clone, "2026-11-09", "Release 1.9.", who="Bob Wu")
    assert clone.ekf("save").code == 0
    clone.commit("own/late", "later\n", "Later")
    clone.git("tag", "-a", "-m", "Context: by hand", "deploy/2026-11-02/release-1.9", "HEAD~1")


ARRANGED = {"prod": two_releases}


@pytest.fixture
def prod(clone: Clone) -> Clone:
    """A clone of a cluster that went from 1.8 to 1.9."""
    return clone


def page_of(clone: Clone, *options: str) -> Page:
    done = clone.ekf("report", "-o", "-", *options)
    assert (done.code, done.err) == (0, ""), done
    return Page(done.out)


def answer(clone: Clone) -> Any:
    return json.loads(clone.ekf("report", "--json").out)


# --- what it says ---


def test_what_became_of_each_commit(prod: Clone) -> None:
    [move] = answer(prod)["moves"]
    assert (move["kind"], move["before"], move["record"]) == (
        "upgrade",
        "deploy/2026-10-06/release-1.8",
        "deploy/2026-11-09/release-1.9",
    )
    assert (move["old_base"], move["new_base"]) == (
        prod.out("rev-parse", "origin/release-1.8"),
        prod.out("rev-parse", "origin/release-1.9"),
    )
    changed = prod.out("diff", "--name-only", "origin/release-1.8", "origin/release-1.9")
    assert move["vendor_files"] == len(changed.splitlines())
    range_ = "origin/release-1.8..origin/release-1.9"
    assert move["vendor_commits"] == int(prod.out("rev-list", "--count", range_))
    assert [(one["state"], one["subject"]) for one in move["commits"]] == [
        ("carried", "Settings"),
        ("adapted", "Our <b>Istio</b>"),
        ("carried", "Two dashboards"),
        ("new", "Late"),
        ("vendor has it", "Take the version early"),
        ("left out", "More"),
    ]


def test_what_runs(prod: Clone) -> None:
    """By the record that was made last, which is not the one of the last day here."""
    document = answer(prod)
    assert document["running"] == {
        "record": "deploy/2026-11-02/release-1.9",
        "base": prod.out("rev-parse", "origin/release-1.9"),
        "configuration": 4,
        "behind": 0,
        "newer": ["release-1.10"],
        "not_deployed": 1,
    }
    shown = page_of(prod).texts("section")[0]
    assert shown.startswith("What runs release-1.9 Deployed2026-11-20 10:00 UTC by Operator")
    assert "Later releasesrelease-1.10 Not deployed1 commit of release-1.9" in shown


def test_deployments(prod: Clone) -> None:
    page = page_of(prod)
    rows = page.rows("records")
    assert [row[:2] + row[3:4] for row in rows] == [
        ["2026-11-09", "1.9", "Bob Wu"],
        ["2026-11-02 runs", "1.9", "Operator"],
        ["2026-10-06", "1.8", "Ada Löf"],
        ["2026-10-05", "1.8", "Ada Löf"],
    ]
    assert rows[2][2] == "Second.MessageSecond.Of two paragraphs.TicketOPS-7"
    assert [row[5] for row in rows] == [
        "✓ verified",
        "✗ not verified ! not saved",
        "✓ verified",
        "✓ verified",
    ]
    assert "deploy/2026-11-02/release-1.9 lacks Date" in rows[1][2]
    commits = [prod.out("rev-parse", f"{name}^{{}}")[:7] for name in prod.out("tag", "-l").split()]
    assert sorted(row[4] for row in rows) == sorted(commits)
    named = [one["name"] for one in json.loads(prod.ekf("log", "--json").out)["records"]]
    assert [one["name"] for one in answer(prod)["deployments"]] == named


def test_customised_files(prod: Clone) -> None:
    assert [row[:3] for row in page_of(prod).rows("changed")] == [
        [DASHBOARD, "changed", "+1 −1"],
        [ISTIO, "changed", "+1 −1"],
        ["own/late", "added", "+1 −0"],
        ["own/settings", "added", "+1 −0"],
    ]


def test_page_stands_alone_and_can_be_read(prod: Clone) -> None:
    page = page_of(prod)
    assert page.source.startswith(BEGINNING)
    assert_stands_alone(page)
    assert page.texts("h1") == ["prod"]
    assert page.texts("h2") == [
        "What runs",
        "Deployments by week",
        "Upgrades, and what each changed",
        "Deployments",
        "Customised files",
    ]
    assert page.texts("title")[0] == "prod: deployments and upgrades"
    for heading in page.all("th"):
        assert heading.attributes["scope"] in ("col", "row")
    [picture] = page.all("svg")
    assert picture.attributes["role"] == "img"
    assert page.texts("desc")[0].startswith("From the week of 2026-")
    assert "week of 2026-10-05: 2 deployments" in page.texts("title")
    # The script shows what only it can serve.
    [box] = page.all("div", **{"class": "find"})
    assert "hidden" in box.attributes
    assert "<b>Istio" not in page.source
    assert "Our <b>Istio</b>" in " ".join(page.texts("td"))


def test_page_before_the_first_deployment(clone: Clone) -> None:
    page = page_of(clone)
    assert_stands_alone(page)
    assert page.texts("h2") == ["What runs"]
    assert "Nothing was recorded yet" in page.texts("section")[0]


def test_records_on_what_is_no_commit_or_not_here(clone: Clone) -> None:
    clone.git("tag", "-a", "-m", "x", "deploy/2026-11-19/release-1.8", "HEAD^{tree}")
    clone.git("tag", "deploy/2026-11-18/release-1.8")
    lost = "1" * 40
    text = f"object {lost}\ntype commit\ntag deploy/2026-11-20/release-1.8\ntagger A <a> 1 +0000\n\nx\n"
    oid = clone.git("hash-object", "-w", "-t", "tag", "--literally", "--stdin", stdin=text).out
    ref = clone.path / ".git/refs/tags/deploy/2026-11-20/release-1.8"
    ref.parent.mkdir(parents=True)
    ref.write_text(oid, encoding="ascii")
    page = page_of(clone)
    assert_stands_alone(page)
    assert [row[0] for row in page.rows("records")] == [
        "2026-11-20",
        "2026-11-19 runs",
        "2026-11-18",
    ]
    assert answer(clone)["moves"] == []


def test_sync_and_the_way_back(prod: Clone) -> None:
    prod.git("switch", "-q", "release-1.8")
    record(prod, "2026-11-21", "Back to 1.8.")
    prod.git("reset", "-q", "--hard", "release-1.9")
    prod.git("switch", "-q", "release-1.9")
    assert [one["kind"] for one in answer(prod)["moves"]] == ["return", "upgrade"]
    headings = page_of(prod).texts("h3")
    assert headings == ["1.9 → 1.8 2026-11-21", "1.8 → 1.9 2026-11-09"]


# --- where it is written ---


def test_usual_place_leaves_the_work_tree_clean(prod: Clone) -> None:
    (prod.path / "below").mkdir()
    below = Clone(prod.path / "below")
    for _ in range(2):  # the second replaces the first
        done = below.ekf("report")
        assert (done.code, done.err) == (0, ""), done
        assert done.out == "Wrote ../.git/ekf/report.html: 4 deployments, 1 upgrade\n"
    assert prod.out("status", "--porcelain") == ""
    written = (prod.path / ".git/ekf/report.html").read_text(encoding="utf-8")
    assert written.startswith(BEGINNING)
    assert run("git-ekf", "report", cwd=prod.path / ".git").code == 0


def test_file_of_another_name(prod: Clone, tmp_path: Path) -> None:
    file = tmp_path / "page with blank.html"
    for _ in range(2):
        done = prod.ekf("report", "--output", str(file))
        assert (done.code, done.out) == (0, f"Wrote {file}: 4 deployments, 1 upgrade\n")
    assert file.stat().st_mode & 0o777 == 0o666 & ~current_umask()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [file.name]
    assert prod.ekf("report", "-o", "/dev/null").code == 0


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_is_no_report_is_left_alone(prod: Clone, tmp_path: Path) -> None:
    note, link, gone = tmp_path / "note.html", tmp_path / "link.html", tmp_path / "gone.html"
    note.write_text('<!DOCTYPE html>\n<html lang="en">\n', encoding="utf-8")
    link.symlink_to(note)
    gone.symlink_to(tmp_path / "nothing")
    (tmp_path / "note-2.html").mkdir()
    for file, why, other in (
        (note, "is there already, and is not a report of git-ekf", "note-3.html"),
        (link, "is a symbolic link", "link-2.html"),
        (gone, "is a symbolic link", "gone-2.html"),
    ):
        done = prod.ekf("report", "-o", str(file))
        assert (done.code, done.out) == (4, "")
        assert done.err == (f"git-ekf: {file} {why}\nhint: git ekf report -o {tmp_path / other}\n")
    assert note.read_text(encoding="utf-8") == '<!DOCTYPE html>\n<html lang="en">\n'
    done = prod.ekf("report", "-o", str(tmp_path))
    assert (done.code, done.err) == (
        2,
        f"git-ekf: {tmp_path} is a directory\nhint: git ekf report -o {tmp_path}/ekf-report.html\n",
    )
    done = prod.ekf("report", "-o", str(tmp_path / "none" / "a.html"))
    assert done.code == 5
    assert "No such file or directory" in done.err


def test_nothing_is_left_of_a_page_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report.html"
    file.write_text(f"{BEGINNING}old", encoding="utf-8")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        report_file.write_report(str(file), f"{BEGINNING}new")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert file.read_text(encoding="utf-8") == f"{BEGINNING}old"


def test_what_comes_into_the_way_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report.html"

    def meanwhile(descriptor: int) -> None:
        file.write_text("mine", encoding="utf-8")

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(Refused):
        report_file.write_report(str(file), f"{BEGINNING}new")
    assert file.read_text(encoding="utf-8") == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_options_that_exclude_each_other(prod: Clone) -> None:
    done = prod.ekf("report", "--json", "-o", "x.html")
    assert (done.code, done.err) == (
        2,
        "git-ekf: --output and --json exclude each other\nhint: git ekf report -h\n",
    )
    assert not (prod.path / "x.html").exists()


def test_fetch_asks_first(prod: Clone, vendor: Path) -> None:
    prod.git("update-ref", "-d", "refs/remotes/origin/release-1.10")
    assert answer(prod)["running"]["newer"] == []
    done = prod.ekf("report", "--json", "--fetch")
    assert json.loads(done.out)["running"]["newer"] == ["release-1.10"]


# --- what it needs ---


def test_without_jinja(prod: Clone, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "jinja2.py").write_text("raise ImportError('none')\n", encoding="utf-8")
    env = {"PYTHONPATH": str(tmp_path / "none")}
    done = prod.ekf("report", env=env)
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        "git-ekf: a report needs jinja2, which is not installed\n"
        f"hint: {sys.executable} -m pip install jinja2\n"
    )
    assert prod.ekf("report", "--json", env=env).code == 0


@pytest.mark.parametrize(
    ("prefix", "program", "command"),
    [
        ("/home/me/.local/share/pipx/venvs/git-ekf", "/x", "pipx inject git-ekf jinja2"),
        ("/home/me/.local/share/uv/tools/git-ekf", "/x", "uv tool install --with jinja2 git-ekf"),
        ("/usr", "/usr/share/git-ekf/git_ekf/installation.py", "apt install python3-jinja2"),
        ("/usr", "/usr/lib/python3/dist-packages/git_ekf/x.py", "apt install python3-jinja2"),
        ("/usr", "/opt/git-ekf.pyz/git_ekf/x.py", "'/my python' -m pip install jinja2"),
    ],
)
def test_library_comes_to_where_it_is_looked_for(
    prefix: str, program: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "executable", "/my python")
    monkeypatch.setattr(installation, "__file__", program)
    assert installation.how_to_install("jinja2", "python3-jinja2") == command


def test_nothing_else_pays_for_it(prod: Clone) -> None:
    for command in (["log"], ["status"], ["report", "--json"]):
        code, modules = imported(prod.path, "-m", "git_ekf", *command)
        assert code == 0
        assert not {"jinja2", "markupsafe"} & modules
        if command[0] != "report":
            assert not {name for name in modules if name.startswith("git_ekf.report")}


# --- what people write ---

HOSTILE = (
    "</td></table><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "a\x1b[31mred\x00\x07\x85",
    "\u202egnp.exe\u2066\u200f",
    "\udcff\udc80 bytes",
    "&lt;b&gt; &amp; <!-- --> ]]>",
    "https://me:secret@git.example.com/x",
    "x" * 100_000,
    "<" * 100_000,
)


def deployed(at: int, text: str) -> Deployed:
    return Deployed(
        name=f"deploy/2026-11-{at % 28 + 1:02}.{at + 1}/release-1.8",
        date=f"2026-11-{at % 28 + 1:02}",
        number=at + 1,
        branch="release-1.8",
        release="1.8",
        commit="a" * 40,
        seconds=NOW,
        who=text,
        context=f"{text}\n{text}",
        fields=((text, text),),
        verdict="verified",
        findings=(text,),
        saved=True,
        adopted_by=(text,),
        runs=False,
        ahead=False,
    )


def report(cluster: str, deployments: list[Deployed]) -> ClusterReport:
    return ClusterReport(cluster, NOW, None, None, tuple(deployments), (), 0, 0, ())


def assert_harmless(page: Page, known: Page) -> None:
    """It has only what any page has, and nothing that acts on who reads it."""
    assert_stands_alone(page)
    assert {one.tag for one in page.elements} <= {one.tag for one in known.elements} | {
        "details",
        "summary",
        "dl",
        "dt",
        "dd",
    }
    assert [char for char in set(page.source) if not char.isprintable()] == ["\n"]
    assert "secret" not in page.source


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    known = Page(cluster_page(report("prod", [deployed(0, "plain")])))
    page = Page(cluster_page(report(text, [deployed(0, text)])))
    assert_harmless(page, known)
    assert len(page.source) < 60_000
    assert page.texts("h1") == page.texts("bdi")[:1]


@pytest.mark.parametrize("before", [50, 190, 290, 390, 990])
def test_no_password_is_cut_off_before_its_end(before: int) -> None:
    """What is behind the user's name tells that it is one."""
    text = "x " * (before // 2) + "https://me:secretsecret" + "s" * 300 + "@git.example.com/x"
    one = deployed(0, text)._replace(runs=True)
    page = report(text, [one])._replace(running=RunningRelease(0, "", 0, None, (), 0))
    assert "secret" not in cluster_page(page)


@long
@pytest.mark.parametrize(
    "text", ["Settings of the platform.", *some(HOSTILE, 5)], ids=lambda text: ascii(text[:12])
)
def test_page_of_5000_records_is_below_a_megabyte(text: str) -> None:
    one = deployed(0, text)
    source = cluster_page(report("prod", [one._replace(number=at) for at in range(1, 5001)]))
    assert len(source.encode()) < 1_000_000
    rows = source.count('<tr id="d')
    assert rows > 30
    if rows < 5000:
        assert f"{5000 - rows:,} older ones not shown" in source


def test_plain_5000_records_are_all_there() -> None:
    plain = [
        deployed(at, "Ada Löf")._replace(context="Settings.", fields=(), findings=(), adopted_by=())
        for at in range(5000)
    ]
    source = cluster_page(report("prod", plain))
    assert source.count('<tr id="d') == 5000
    assert len(source.encode()) < 1_000_000


def test_hostile_repository(clone: Clone) -> None:
    clone.git("config", "ekf.name", "<b>\u202eprod</b>")
    clone.commit('own/<b>"\x1b\u202e', "x\n", "<script>alert(1)</script> \u202e")
    for at, text in enumerate(HOSTILE[:8]):
        message = f"Ticket: {text}\nContext: {text}\n{text}\n".replace("\0", "")
        env = {"GIT_COMMITTER_NAME": f"A {text}".replace("\0", "")}
        name = f"deploy/2026-11-{at + 1:02}/release-1.8"
        clone.git("tag", "-a", "-F", "-", "--cleanup=verbatim", name, stdin=message, env=env)
    page = page_of(clone)
    assert_harmless(page, page)
    assert len(page.rows("records")) == 8
    assert page.rows("changed")[0][0] == 'own/<b>"\\x1b\\u202e'


# --- how it looks ---


def luminance(colour: str) -> float:
    """Of a colour as CSS has it (WCAG 2.2, relative luminance)."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_text_stands_out() -> None:
    """In light, in dark and on paper (WCAG 2.2, 1.4.3)."""
    style = files("git_ekf.report").joinpath("templates/style.css").read_text(encoding="utf-8")
    themes = re.findall(r":root\{(.*?)\}", style)
    assert len(themes) == 3
    for theme in themes:
        colours = dict(re.findall(r"--(\w+):#(\w+)", theme))
        for text in ("text", "quiet", "accent", "good", "warn", "bad"):
            for ground in ("page", "panel", "mark"):
                both = sorted((luminance(colours[text]), luminance(colours[ground])))
                assert (both[1] + 0.05) / (both[0] + 0.05) >= 4.5, (text, ground, theme)


# --- the picture ---


def test_weeks_of_a_quarter_at_least() -> None:
    found = weeks(["2026-11-16", "2026-11-17", "2026-11-01"], [("1.8", "2026-11-01")], NOW)
    assert found
    assert (found.first, found.last) == ("2026-08-24", "2026-11-16")
    assert [(bar.monday, bar.number) for bar in found.bars] == [
        ("2026-10-26", 1),
        ("2026-11-16", 2),
    ]
    assert found.bars[0].height * 2 == found.bars[1].height
    assert all(bar.y + bar.height == found.floor for bar in found.bars)
    assert all(0 <= bar.x <= bar.x + bar.width <= 1000 for bar in found.bars)
    assert [label.text for label in found.months] == ["Aug 2026", "Oct", "Nov"]
    assert [label.text for label in found.releases] == ["1.8"]


def test_weeks_of_two_years_at_most() -> None:
    days = ["0001-01-01", "9999-12-31", "2024-11-24", "2024-11-25", "2026-11-18"]
    found = weeks(days, [("1.8", day) for day in days], NOW)
    assert found
    assert (found.first, found.last, found.outside) == ("2024-11-25", "2026-11-16", 3)
    assert weeks(["0001-01-01", "9999-12-31"], [], NOW) is None
    assert weeks([], [], NOW) is None


def test_years_have_room_before_months() -> None:
    """And each release its line, where its name has none."""
    days = [f"202{year}-06-15" for year in (5, 6)]
    changes = [("1.9", "2026-06-15"), ("1.8", "2026-06-01"), ("1.7", "2025-06-15")]
    found = weeks(days, changes, NOW)
    assert found
    assert [label.text for label in found.months][:2] == ["Jun 2025", "2026"]
    assert [label.text for label in found.releases] == ["1.9", "1.7"]
    assert len(found.came) == 3


@rare
def test_repository_of_longer_ids(tmp_path: Path) -> None:
    clone = make_clone(tmp_path, "sha256")
    clone.git("config", "ekf.render.command", "true")
    clone.commit("own/a", "1\n", "Own")
    record(clone, "2026-11-01", "First.")
    assert clone.ekf("upgrade", "1.9", "--no-save-check").code == 0
    record(clone, "2026-11-02", "Second.")
    assert_stands_alone(page_of(clone))
    [move] = answer(clone)["moves"]
    assert (len(move["new_base"]), move["commits"][0]["state"]) == (64, "carried")


def test_what_a_killed_report_has_left_goes(clone: Clone, tmp_path: Path) -> None:
    """But not what another one writes at the moment, nor what only has such a name."""
    folder = tmp_path / "pages"
    folder.mkdir()
    page = folder / "page.html"
    assert clone.ekf("report", "-o", str(page)).code == 0
    left = [folder / f".ekf-report-{number:016x}" for number in range(4)]
    left[0].write_bytes(page.read_bytes()[:1000])
    left[1].write_bytes(b"")
    left[2].write_bytes(page.read_bytes()[:1000])
    left[3].write_text("mine", encoding="utf-8")
    with left[2].open("rb") as written:
        fcntl.flock(written, fcntl.LOCK_EX)
        assert clone.ekf("report", "-o", str(page)).code == 0
    assert sorted(folder.iterdir()) == [left[2], left[3], page]
    # Without a directory in its name.
    (clone.path / left[0].name).touch()
    assert run("git-ekf", "report", "-o", "here.html", cwd=clone.path).code == 0
    assert [path.name for path in clone.path.glob(".ekf-report-*")] == []
