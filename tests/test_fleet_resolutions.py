"""A conflict that many clusters have, resolved in one of them: the others are upgraded with it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from fleets import Made, World, copy_fleet, make_fleet
from reach import rare
from reports import Page, assert_stands_alone
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


def resolved_in(
    one: Made, team: Team, folder: Path, key: str = "ada", *, called: str = ""
) -> Clone:
    """A clone of one cluster, with the conflict resolved and shared."""
    done = run("git-ekf", "fleet", "resolve", "1.10", called or one.name, folder)
    assert done.code == 3, done
    why = f"for conflict {called}: Own version, {CLASH}" if called else f"from {one.path}"
    assert done.out.startswith(f"{one.name} is in {folder}, {why}.\nStopped at commit ")
    assert done.out.splitlines()[-4:] == [
        f"Go on in the clone: cd {folder}",
        "Once it is through: git ekf resolutions save, and nothing else there (no apply, no save).",
        "Then outside: git ekf fleet upgrade 1.10 --continue. The clone may be deleted.",
        "An answer that is not signed needs this before: git ekf fleet resolve --approve KEY",
    ]
    clone = Clone(folder)
    clone.git("config", "gpg.format", "ssh")
    clone.git("config", "user.signingKey", str(team.folder / key))
    clone.write(CLASH, "both\n")
    clone.git("add", CLASH)
    assert clone.ekf("upgrade", "--continue", "--no-build").code == 0
    assert clone.ekf("resolutions", "save").code == 0
    return clone


def test_resolved_once(fleet: tuple[World, list[Made], Team], tmp_path: Path) -> None:
    _, made, team = fleet
    first = made[:3]
    alike = [one for one in first if one.release == first[0].release]
    assert "3 stopped" in upgrade("--dry-run", code=3).out
    clone = resolved_in(first[0], team, tmp_path / "clone")
    key = clone.out("ls-tree", "-r", "--name-only", REF).split("/")[1]
    planned = upgrade("--dry-run", "--json", code=3 if len(alike) < 3 else 0)
    document = json.loads(planned.out)
    validator("fleet-upgrade").validate(document)
    assert not list(unknown(document, schema("fleet-upgrade"), schema("fleet-upgrade")))
    for one in document["clusters"]:
        unbuilt = "there is no kustomization above it"
        settled = {"path": CLASH, "key": key, "builds": [], "not_built": unbuilt}
        assert one["settled"] == ([settled] if one["state"] == "planned" else [])
    done = upgrade(code=3 if len(alike) < 3 else 0)
    number = f"{len(alike)} cluster{'s' if len(alike) > 1 else ''}"
    how = f"{CLASH}: by resolution {key[:7]} of 2026-11-20, in {number}"
    assert f"  settled  {how}: not built: {unbuilt}\n" in done.out
    for one in alike:
        repository = Clone(one.path)
        assert repository.out("show", f"{GOAL}:{CLASH}") == "both"
        ours, theirs = (f"{place}^{{tree}}" for place in (GOAL, "HEAD"))
        if one is first[0]:
            assert repository.out("rev-parse", ours) == clone.out("rev-parse", theirs)


@rare
def test_by_nobody_who_counts(fleet: tuple[World, list[Made], Team], tmp_path: Path) -> None:
    """It stops there, and says why; so it does where the repository cannot be asked."""
    _, made, team = fleet
    clone = resolved_in(made[0], team, tmp_path / "clone")
    team.signers.write_text(f"eve@example.com {(team.folder / 'eve.pub').read_text()}")
    stopped = upgrade("--dry-run", code=3)
    assert "has no signature by an allowed signer" in stopped.out
    command = re.search(r"git ekf (fleet resolve --approve [0-9a-f]{7})", stopped.out)
    assert command
    asked = run("git-ekf", *command[1].split())
    assert asked.code == 4
    assert "+both\n" in asked.out
    hint = asked.err.partition("hint: git ekf ")[2].strip()
    assert run("git-ekf", *hint.split()).out.endswith("Approved here: 1 resolution.\n")
    assert "by resolution" in upgrade("--dry-run", f"--only={made[0].name}", code=0).out
    shutil.rmtree(json.loads(run("git-ekf", "fleet", "status", "--json").out)["fleet"]["store"])
    team.signers.write_text(f"ada@example.com {(team.folder / 'ada.pub').read_text()}")
    assert "by resolution" in upgrade("--dry-run", f"--only={made[0].name}", code=0).out
    place = next(iter(clone.out("ls-tree", "-r", "--name-only", REF).splitlines()))
    forge(team, {f"{place.rpartition('/')[0]}/result": blob(team, "x\n")}, key="ada")
    assert "it has two answers" in upgrade("--dry-run", code=3).out
    team.repository.git("update-ref", "-d", REF)
    lost = upgrade("--dry-run", code=3).err
    assert run(*lost.strip().partition("then: ")[2].split()).code == 0
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


def test_the_plan_has_it_too(fleet: tuple[World, list[Made], Team], tmp_path: Path) -> None:
    """As the plan of each in a clone of its own, by the number that the plan gives the conflict."""
    _, made, team = fleet
    before = run("git-ekf", "fleet", "plan", "1.10", "--json")
    groups = json.loads(before.out)["groups"]
    assert before.code == 1
    by_name = {one.name: one for one in made}
    first = by_name[groups[0]["clusters"][0]]
    assert run("git-ekf", "fleet", "resolve", "1.10", str(len(groups) + 1)).code == 2
    assert run("git-ekf", "fleet", "resolve", "1.10", "9" * 5_000).code == 2
    clone = resolved_in(first, team, tmp_path / "clone", called="1")
    assert clone.ekf("undo").code == 0
    page = Page(run("git-ekf", "fleet", "report", "--plan", "1.10", "-o", "-").out)
    planned = json.loads(run("git-ekf", "fleet", "plan", "1.10", "--json").out)
    validator("fleet-plan").validate(planned)
    # The lines that stand against each other are the same on both releases, the files are not.
    alike = {one.name for one in made if one.release == first.release}
    [group] = groups
    left = [name for name in group["clusters"] if name not in alike]
    assert [(one["id"], one["clusters"]) for one in planned["groups"]] == [(group["id"], left)]
    clusters = {one["name"]: one for one in planned["clusters"]}
    alone = json.loads(clone.ekf("upgrade", "1.10", "--json").out)["commits"]
    assert clusters[first.name]["commits"] == alone
    assert {name for name, one in clusters.items() if one["clean"]} == alike
    [settled] = planned["settled"]
    key = settled["key"]
    assert (settled["path"], settled["state"], settled["date"]) == (CLASH, "signed", "2026-11-20")
    assert set(settled["clusters"]) == alike
    assert [one["resolutions"] for one in planned["groups"]] == [[]]
    how = f"by resolution {key[:7]} of 2026-11-20, signed, in {len(alike)} clusters"
    shown = run("git-ekf", "fleet", "plan", "1.10")
    assert f"  settled       {CLASH}: {how}\n" in shown.out
    assert_stands_alone(page)
    said = f"{CLASH}: ✓ settled by resolution {key[:7]} of 2026-11-20, signed. Clusters c0, c2, c4"
    assert said in page.texts("section")[2]


@rare
def test_one_that_waits_for_approval(fleet: tuple[World, list[Made], Team], tmp_path: Path) -> None:
    """It stands below its conflict, with the command; approved, it settles it."""
    _, made, team = fleet
    alike = {one.name for one in made if one.release == made[0].release}
    clone = resolved_in(made[0], team, tmp_path / "clone")
    key = clone.out("ls-tree", "-r", "--name-only", REF).split("/")[1]
    team.signers.write_text(f"eve@example.com {(team.folder / 'eve.pub').read_text()}")
    waiting = json.loads(run("git-ekf", "fleet", "plan", "1.10", "--json").out)
    validator("fleet-plan").validate(waiting)
    bare = {**waiting, "clusters": []}  # whose labels anybody calls as he likes
    assert not list(unknown(bare, schema("fleet-plan"), schema("fleet-plan")))
    [offered] = waiting["groups"][0]["resolutions"]
    assert (offered["key"], offered["path"], offered["waiting"]) == (key, CLASH, True)
    assert set(offered["clusters"]) == alike
    assert waiting["settled"] == []
    shown = run("git-ekf", "fleet", "plan", "1.10", "--file", "./fleet.toml")
    approving = f"git ekf fleet resolve --file ./fleet.toml --approve {key[:7]}"
    line = f"resolution {key[:7]} for {CLASH} is not used: nobody here has approved it, and "
    [said] = [one for one in shown.out.splitlines() if line in one]
    assert said.endswith(f"; {approving} (in {len(alike)} of these)")
    words = ("--wave=1", "--without-records", "--dry-run", "--file", "./fleet.toml")
    stopped = run("git-ekf", "fleet", "upgrade", "1.10", *words)
    assert f"; {approving}\n" in stopped.out
    assert run(*approving.split(), "--yes").code == 0
    shown = run("git-ekf", "fleet", "plan", "1.10", "--file", "./fleet.toml")
    how = f"by resolution {key[:7]} of 2026-11-20, approved, in {len(alike)} clusters"
    assert f"  settled       {CLASH}: {how}\n" in shown.out
    page = run("git-ekf", "fleet", "report", "--plan", "1.10", "-o", "-").out
    assert f"by resolution {key[:7]} of 2026-11-20, approved." in page


@rare
def test_nothing_to_resolve(fleet: tuple[World, list[Made], Team], tmp_path: Path) -> None:
    """And what is asked for wrongly leaves nothing behind."""
    world, made, team = fleet
    resolved_in(made[0], team, tmp_path / "first")
    done = run("git-ekf", "fleet", "resolve", "1.10", made[0].name)
    proceed = "git ekf fleet upgrade 1.10 --continue"
    said = f"\nNothing stopped in {made[0].name}. Next, outside of the clone: {proceed}\n"
    assert (done.code, done.out.endswith(said)) == (0, True), done
    assert run("git-ekf", "fleet", "resolve", "1.10", made[0].name).code == 4
    unknown = run("git-ekf", "fleet", "resolve", "1.10", "1")
    assert (unknown.code, unknown.err) == (
        4,
        "git-ekf: nothing is known of this fleet yet\nhint: git ekf fleet status\n",
    )
    for words, code in (
        (("1.10",), 2),
        (("x", made[1].name), 2),
        (("1.10", "nobody"), 2),
        (("1.10", made[1].name, "--approve=abcd"), 2),
        (("--approve=abcd",), 2),
    ):
        assert run("git-ekf", "fleet", "resolve", *words).code == code
    file = ("--file", "./fleet.toml")
    for wrong, command in (
        (("--approve=abcd",), "plan X.Y"),
        (("--approve=abc",), "plan X.Y"),
        (("1.10", "nobody"), "status --list"),
        (("x", made[1].name), "status"),
        (("1.10", made[0].name), f"resolve 1.10 {made[0].name} DIR"),
    ):
        done = run("git-ekf", "fleet", "resolve", *wrong, *file)
        assert f"git ekf fleet {command} --file ./fleet.toml" in done.err.splitlines()[1]
    done = run("git-ekf", "fleet", "resolve", "1.99", made[1].name)
    assert (done.code, done.err.splitlines()[0]) == (4, "git-ekf: the vendor has no release-1.99")
    world.write_file(made)
    done = run("git-ekf", "fleet", "resolve", "1.10", made[1].name)
    named = "no repository of resolutions is named, by fleet.toml or by git config --global"
    assert (done.code, named in done.err) == (4, True)
    assert not (world.folder / made[1].name).exists()


# What is wrong with a resolution that an allowed signer has signed, and what is said of it.
FORGED = {
    "markers": "it has conflict markers",
    "key": "it is kept under the key of another",
    "link": "its result is not a plain file",
    "incomplete": "it is not whole",
    "contradictory": "it has two answers, one of ",
}


@rare
@pytest.mark.parametrize("how", FORGED)
def test_forged(fleet: tuple[World, list[Made], Team], tmp_path: Path, how: str) -> None:
    """It settles nothing in any cluster, neither in a plan, and cannot be approved."""
    _, made, team = fleet
    clone = resolved_in(made[0], team, tmp_path / "clone")
    listed = clone.out("ls-tree", "-r", "--name-only", REF).splitlines()
    place = listed[0].rpartition("/")[0]
    forged: dict[str, str | None] = {}
    modes: dict[str, str] = {}
    match how:
        case "markers":
            answer = f"{'<' * 7} a\nmine\n{'=' * 7}\n1.10.0\n{'>' * 7} b\n"
            forged[f"{place}/result"] = blob(team, answer)
        case "key":
            forged[f"{place}/theirs"] = blob(team, "another\n")
        case "link":
            modes[f"{place}/result"] = "120000"
            forged[f"{place}/result"] = blob(team, "both\n")
        case "incomplete":
            forged[f"{place}/base"] = None
        case "contradictory":
            forged[f"{place}/result"] = blob(team, "another\n")
    if how != "contradictory":
        kept = {name: clone.out("rev-parse", f"{REF}:{name}") for name in listed}
        team.repository.git("update-ref", "-d", REF)
        forged = {**kept, **forged}
    forge(team, forged, key="ada", modes=modes)
    shutil.rmtree(json.loads(run("git-ekf", "fleet", "status", "--json").out)["fleet"]["store"])
    stopped = upgrade("--dry-run", code=3)
    key = place.rpartition("/")[2][:7]
    said = f"resolution {key} for {CLASH} is not used: {FORGED[how]}"
    assert stopped.out.count(said) == 2, stopped
    planned = run("git-ekf", "fleet", "plan", "1.10", "--json")
    assert planned.code == 1
    document = json.loads(planned.out)
    assert sum(len(group["clusters"]) for group in document["groups"]) == len(made)
    assert not any(commit["settled"] for one in document["clusters"] for commit in one["commits"])
    approved = run("git-ekf", "fleet", "resolve", "--approve", key, "--yes")
    assert (approved.code, f"cannot be approved: {FORGED[how]}" in approved.err) == (4, True)


@rare
def test_for_a_file_that_has_gone(fleet: tuple[World, list[Made], Team], tmp_path: Path) -> None:
    """Where the vendor has deleted it since, that is another question."""
    world, made, team = fleet
    clone = resolved_in(made[0], team, tmp_path / "clone")
    key = clone.out("ls-tree", "-r", "--name-only", REF).split("/")[1][:7]
    vendor = Clone(world.vendor)
    listed = vendor.out("ls-tree", GOAL).splitlines()
    kept = "\n".join(line for line in listed if not line.endswith(f"\t{CLASH}"))
    tree = vendor.git("mktree", stdin=f"{kept}\n").out.strip()
    vendor.git(
        "update-ref", f"refs/heads/{GOAL}", vendor.out("commit-tree", "-p", GOAL, "-m", "x", tree)
    )
    stopped = upgrade("--dry-run", code=3)
    said = f"resolution {key} for {CLASH} is not used: one side no longer has the file"
    assert stopped.out.count(f"modify/delete: {CLASH}; {said}") == 2, stopped
    assert json.loads(run("git-ekf", "fleet", "plan", "1.10", "--json").out)["clean"] is False
