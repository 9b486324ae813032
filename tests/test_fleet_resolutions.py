"""A conflict that many clusters have, resolved in one of them: the others are upgraded with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from fleets import Made, World, copy_fleet, make_fleet
from resolving import REF, Team, blob, copy_team, forge, make_team
from test_schemas import schema, unknown, validator

CLASH = "VERSION"
GOAL = "release-1.10"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, list[Made], Team]:
    """Six clusters of two releases, all with one own version: a conflict for each release."""
    folder = tmp_path_factory.mktemp("fleet")
    team = make_team(folder / "team")
    world, made = make_fleet(folder / "clusters", 6, odd=())
    for one in made:
        world.commit(one, "Own version", CLASH, "mine\n")
    return world, made, team


@pytest.fixture
def fleet(
    template: tuple[World, list[Made], Team], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[World, list[Made], Team]:
    world, made = copy_fleet(*template[:2], tmp_path / "clusters")
    team = copy_team(template[2], tmp_path / "team")
    monkeypatch.chdir(tmp_path / "clusters")
    keys = f'resolutions = "{team.repository.path}"\nallowed-signers = "{team.signers}"\n'
    world.write_file(made, keys)
    return world, made, team


def upgrade(*args: str, code: int) -> Run:
    done = run("git-ekf", "fleet", "upgrade", "1.10", "--without-records", "--wave=1", *args)
    assert done.code == code, done
    return done


def resolved_in(world: World, one: Made, team: Team, folder: Path) -> Clone:
    """A clone of one cluster, with the conflict resolved and shared."""
    clone = Clone(folder)
    done = run("git-ekf", "clone", world.vendor, folder, "--internal", one.path)
    assert done.code == 0, done
    clone.git("switch", "-q", f"release-{one.release}")
    for name, value in {
        "ekf.resolutions": str(team.repository.path),
        "gpg.format": "ssh",
        "user.signingKey": str(team.folder / "ada"),
    }.items():
        clone.git("config", name, value)
    assert clone.ekf("upgrade", "1.10", "--no-build").code == 3
    clone.write(CLASH, "both\n")
    clone.git("add", CLASH)
    assert clone.ekf("upgrade", "--continue", "--no-build").code == 0
    assert clone.ekf("resolutions", "save").code == 0
    return clone


def test_resolved_once(fleet: tuple[World, list[Made], Team], tmp_path: Path) -> None:
    world, made, team = fleet
    first = made[:3]
    alike = [one for one in first if one.release == first[0].release]
    assert "3 stopped" in upgrade("--dry-run", code=3).out
    clone = resolved_in(world, first[0], team, tmp_path / "clone")
    key = clone.out("ls-tree", "-r", "--name-only", REF).split("/")[1]
    planned = upgrade("--dry-run", "--json", code=3 if len(alike) < 3 else 0)
    document = json.loads(planned.out)
    validator("fleet-upgrade").validate(document)
    assert not list(unknown(document, schema("fleet-upgrade"), schema("fleet-upgrade")))
    for one in document["clusters"]:
        expected = [{"path": CLASH, "key": key}] if one["state"] == "planned" else []
        assert one["settled"] == expected
    done = upgrade(code=3 if len(alike) < 3 else 0)
    number = f"{len(alike)} cluster{'s' if len(alike) > 1 else ''}"
    how = f"{CLASH}: by resolution {key[:7]} of 2026-11-20, in {number}"
    assert f"  settled  {how}\n" in done.out
    for one in alike:
        repository = Clone(one.path)
        assert repository.out("show", f"{GOAL}:{CLASH}") == "both"
        ours, theirs = (f"{place}^{{tree}}" for place in (GOAL, "HEAD"))
        if one is first[0]:
            assert repository.out("rev-parse", ours) == clone.out("rev-parse", theirs)


def test_by_nobody_who_counts(fleet: tuple[World, list[Made], Team], tmp_path: Path) -> None:
    """It stops there, and says why; so it does where the repository cannot be asked."""
    world, made, team = fleet
    clone = resolved_in(world, made[0], team, tmp_path / "clone")
    team.signers.write_text(f"eve@example.com {(team.folder / 'eve.pub').read_text()}")
    stopped = upgrade("--dry-run", code=3)
    assert "has no signature by an allowed signer" in stopped.out
    team.signers.write_text(f"ada@example.com {(team.folder / 'ada.pub').read_text()}")
    assert "by resolution" in upgrade("--dry-run", f"--only={made[0].name}", code=0).out
    place = next(iter(clone.out("ls-tree", "-r", "--name-only", REF).splitlines()))
    forge(team, {f"{place.rpartition('/')[0]}/result": blob(team, "x\n")}, key="ada")
    assert "it has two answers" in upgrade("--dry-run", code=3).out
    team.repository.git("update-ref", "-d", REF)
    lost = upgrade("--dry-run", code=3).err
    command = lost.strip().partition("then: ")[2].split()
    assert run(*command).code == 0
    assert upgrade("--dry-run", code=3).err == ""
    team.repository.path.rename(tmp_path / "away")
    assert upgrade("--dry-run", code=3).err.startswith("note: the resolutions cannot be fetched (")


@pytest.mark.parametrize("whose", ["vendor", "cluster"])
def test_a_repository_that_has_another_purpose(
    fleet: tuple[World, list[Made], Team], whose: str
) -> None:
    world, made, _ = fleet
    path = world.vendor if whose == "vendor" else made[0].path
    world.write_file(made, f'resolutions = "{path}"\n')
    done = run("git-ekf", "fleet", "status")
    assert done.code == 2
    assert "is the repository of the " in done.err
