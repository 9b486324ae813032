"""git ekf fleet report: a page of what `fleet status` shows, written only where nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Run, run
from fleets import World, make_fleet
from reports import Page, assert_stands_alone


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_fleet(tmp_path_factory.mktemp("fleet"), 12)[0]


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def report(world: World, *args: str) -> Run:
    return run("git-ekf", "fleet", "report", "--file", world.file, *args)


def test_it_shows_what_status_shows(world: World, tmp_path: Path) -> None:
    status = run("git-ekf", "fleet", "status", "--file", world.file, "--json")
    known = json.loads(status.out)["clusters"]
    done = report(world, "--no-fetch")
    assert (done.code, done.out) == (status.code, f"Wrote fleet.html: {len(known)} clusters\n"), (
        done
    )
    page = Page((tmp_path / "fleet.html").read_text())
    assert_stands_alone(page)
    assert page.texts("h1") == [f"{len(known)} clusters"]
    for at, one in enumerate(known):
        row = page.all("tr", id=f"c{at}")[0].text
        assert row.startswith(one["name"])
        assert ("✓ fine" in row) == (one["state"] == "ok" and not one["findings"]), row
        assert (one["release"] or "") in row
        if one["last_record"]:
            assert one["last_record"]["date"][:10] in row
        for finding in one["findings"]:
            assert finding["rule"] in row
    heading = page.texts("h2")
    assert heading[:2] == ["Which release runs where", "Deployments by week"]


def test_some_of_them(world: World) -> None:
    done = report(world, "--only", "c11", "-o", "-")
    assert Page(done.out).texts("h1") == ["1 cluster"]


def test_with_the_plan_of_an_upgrade(world: World) -> None:
    planned = run("git-ekf", "fleet", "plan", "1.9", "--file", world.file)
    through = planned.out.splitlines()[1].split()[0]
    done = report(world, "--plan", "1.9", "--no-fetch", "-o", "-")
    page = Page(done.out)
    [said] = [text for text in page.texts("section") if text.startswith("The upgrade to 1.9")]
    assert f" {through} clusters would go through" in said
    wrong = report(world, "--plan", "7.7", "--no-fetch", "-o", "-")
    assert (wrong.code, wrong.out) == (4, "")
    assert "the vendor has no release-7.7" in wrong.err


def test_it_is_written_over_an_older_one_only(world: World, tmp_path: Path) -> None:
    place = tmp_path / "fleet.html"
    place.write_text("mine")
    done = report(world, "--no-fetch")
    assert (done.code, place.read_text()) == (4, "mine")
    hint = done.err.splitlines()[1].removeprefix("hint: ")
    assert hint == f"git ekf fleet report --file {world.file} -o fleet-2.html"
    again = run(*hint.split())
    assert again.out == "Wrote fleet-2.html: 12 clusters\n", again
    assert run(*hint.split(), "--no-fetch").out == again.out


def test_without_jinja2(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tmp_path.joinpath("jinja2.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = report(world)
    assert (done.code, len(done.err.splitlines())) == (4, 2), done
    assert "jinja2" in done.err
    assert not (tmp_path / "fleet.html").exists()
