"""git ekf fleet status: what is shown of each cluster is what a clone of it would show; one screen for all."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, run
from fleets import BEGIN, DAY, Made, World, copy_fleet, make_fleet, publish
from reach import rare, some
from test_schemas import schema, unknown, validator

from git_ekf.errors import CallFailed
from git_ekf.fleet.fetch import fetch
from git_ekf.fleet.file import read_fleet
from git_ekf.fleet.reading import StoreObjects
from git_ekf.fleet.standing import Standing, read_standings
from git_ekf.fleet.store import open_store, place_of

BROKEN = {
    "truncated": "broken",
    "incomplete": "broken",
    "sha256": "broken",
    "unreachable": "unreachable",
    "corrupt": "unreachable",
}
RULES = {
    "unrelated": {"branch-base", "tag-mismatch"},
    "merge": {"linear-history"},
    "branch": {"branch-name"},
    "lightweight": {"tag-lightweight"},
    "fields": {"tag-fields"},
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, list[Made]]:
    return make_fleet(tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def fleet(
    template: tuple[World, list[Made]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[World, list[Made]]:
    monkeypatch.chdir(tmp_path)
    return copy_fleet(*template, tmp_path)


def status(*args: str, code: int = 5) -> Run:
    done = run("git-ekf", "fleet", "status", *args)
    assert done.code == code, done
    return done


def document(*args: str, code: int = 5) -> dict[str, Any]:
    done = status("--json", *args, code=code)
    assert done.err == ""
    found: dict[str, Any] = json.loads(done.out)
    validator("fleet-status").validate(found)
    bare = {**found, "clusters": [{**one, "labels": None} for one in found["clusters"]]}
    assert not list(unknown(bare, schema("fleet-status"), schema("fleet-status")))
    return found


def standings(world: World) -> dict[str, Standing]:
    """By name; nobody is asked."""
    given = read_fleet(str(world.file))
    return {one.member.name: one for one in read_standings(open_store(given), given).standings}


def test_document(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    found = document()
    assert found["fleet"]["channels"] == ["release-1.8", "release-1.9", "release-1.10"]
    assert (found["fleet"]["clusters"], found["fleet"]["fetched_now"]) == (30, 25)
    clusters = {one["name"]: one for one in found["clusters"]}
    assert list(clusters) == [one.name for one in made]
    for at, one in enumerate(made):
        shown = clusters[one.name]
        kind = one.odd
        expected = BROKEN.get(kind, {"empty": "empty", "unrelated": "unrelated"}.get(kind, "ok"))
        assert shown["state"] == expected, kind
        assert shown["labels"] == {"region": ("eu", "us")[at % 2]}
        assert {finding["rule"] for finding in shown["findings"]} == RULES.get(kind, set()), kind
        if kind in BROKEN or kind == "empty":
            assert shown["branch"] is None
            assert (shown["error"] is None) == (kind == "empty")
            continue
        assert (shown["branch"], shown["release"]) == (f"release-{one.release}", one.release)
        assert shown["tip"] == one.commits[-1]
        if kind == "unrelated":
            assert (shown["base"], shown["behind"]) == (None, None)
            continue
        assert shown["base"] == one.base
        assert shown["configuration"] == len(one.commits)
        beyond = world.git("rev-list", "--count", f"{one.base}..release-{one.release}")
        assert shown["behind"] == int(beyond)
        if kind == "future":  # decides nothing: the one before it does
            assert shown["last_record"]["commit"] == one.commits[0]
        elif kind != "lightweight":
            assert shown["last_record"]["commits_since"] == (1 if kind == "unrecorded" else 0)
    assert clusters["c29"]["last_record"]["name"] == "deploy/2026-10-22/release-1.9"
    assert clusters["c29"]["last_record"]["context"] == "Roll-out 22"


def test_it_is_what_a_clone_shows(fleet: tuple[World, list[Made]], tmp_path: Path) -> None:
    """The same facts, and the same findings in the same words, as git-ekf has them in a clone of one cluster."""
    world, made = fleet
    status()
    known = standings(world)
    kinds = ("merge", "branch", "lightweight", "behind", "setting", "unrecorded", "fields")
    compared = [one for one in made if one.odd in some(kinds, 3)]
    for one in [*compared, made[-1]]:
        place = tmp_path / f"work-{one.name}"
        done = run(
            "git-ekf",
            "clone",
            world.vendor,
            place,
            "--internal",
            one.path,
            "--release",
            one.release,
        )
        assert done.code in (0, 1), done
        here = json.loads(run("git-ekf", "status", "--json", cwd=place).out)
        shown = known[one.name]
        assert shown.recorded
        assert (shown.branch, shown.tip, shown.base) == (here["branch"], here["head"], here["base"])
        assert shown.configuration == here["configuration"]
        assert shown.behind == here["channel_ahead"]
        assert shown.recorded.name == here["last_deploy"]["name"]
        assert shown.recorded.commits_since == here["last_deploy"]["commits_since"]
        checked = json.loads(run("git-ekf", "check", "--format", "json", cwd=place).out)
        there = {(finding["rule"], finding["message"]) for finding in checked["findings"]}
        ours = {(one.rule, one.message) for one in shown.findings if one.rule != "branch-name"}
        assert ours == {
            pair for pair in there if pair[0] not in ("branch-name", "conflict-marker")
        }, one.odd


def test_screen(fleet: tuple[World, list[Made]]) -> None:
    lines = status().out.splitlines()
    assert lines[0] == "30 clusters: 25 fetched just now (1 empty), 5 not fetched"
    # The first wave is empty, unreachable, and of another kind of objects.
    assert lines[1:4] == [
        "                early    rest",
        "  release-1.8              11",
        "  release-1.9       1      12",
    ]
    rows = {line[2:15].strip(): line[16:] for line in lines if line[2:15].strip()}
    assert rows["not fetched"].startswith("c01, c02, c03 and 2 more, never")
    assert rows["behind"] == "1 cluster, 3 commits of their channel"
    counts, _, command = rows["policy"].partition("    ")
    rules = "1 branch-base, 1 branch-name, 1 linear-history, 1 tag-fields and 2 more rules"
    assert counts == rules
    assert command == "git ekf fleet status --no-fetch --list --where rule=branch-base"
    [line] = status(*command.split()[4:], code=1).out.splitlines()
    assert line.startswith("c05  early  unrelated; release-1.9, ")


def test_without_a_failure_a_rule_decides(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    fine = [one for one in made if one.odd in ("", "empty")]
    world.write_file(fine)
    assert status(code=0).out.splitlines()[-1] == "  policy        ok"
    world.write_file([*fine, next(one for one in made if one.odd == "merge")])
    status(code=1)
    done = status("--list", "--where", "rule=linear-history", "--no-fetch", code=1)
    [line] = done.out.splitlines()
    assert line.startswith("c07")
    assert line.endswith("linear-history")


def test_a_release_that_waits_to_be_recorded(fleet: tuple[World, list[Made]]) -> None:
    """Of its own, as an upgrade of the fleet leaves it; a copy of the vendor's branch is none."""
    world, made = fleet
    prepared, copying = made[-2:]
    vendors = world.git("rev-parse", "release-1.10")
    new = world.git("commit-tree", "-p", vendors, "-m", "Own", f"{prepared.commits[-1]}^{{tree}}")
    for one, commit in ((prepared, new), (copying, vendors)):
        one.refs["refs/heads/release-1.10"] = commit
        publish(one)
    world.write_file([prepared, copying])
    rows = status(code=0).out.splitlines()
    assert "  prepared      release-1.10 in 1 cluster, newer than what runs there" in rows
    found = document("--no-fetch", code=0)["clusters"]
    assert [one["prepared"] for one in found] == ["release-1.10", None]
    assert [one["branch"] for one in found] == ["release-1.8", "release-1.9"]
    assert "; release-1.10 is prepared\n" in status("--no-fetch", "--list", code=0).out
    world.deploy(prepared, "1.10", new)
    assert document(code=0)["clusters"][0]["prepared"] is None


def test_one_with_another_branch_than_a_release(fleet: tuple[World, list[Made]]) -> None:
    """As a forge makes it, with a README."""
    world, made = fleet
    begun = made[-1]
    begun.refs.clear()
    begun.refs["refs/heads/README"] = begun.commits[0]
    publish(begun)
    world.write_file([begun])
    rows = status(code=1).out.splitlines()
    assert rows[0] == "1 cluster: 1 fetched just now"
    assert rows[1].startswith("  policy        1 branch-name ")
    assert status("--list", code=1).out == f"{begun.name}  canary  no release branch; branch-name\n"


@rare
def test_the_failed_are_named_and_taken_back(fleet: tuple[World, list[Made]]) -> None:
    _, made = fleet
    names = status("--failed").out
    bad = [one for one in made if one.odd in BROKEN]
    assert names.split() == [one.name for one in bad]
    Path("failed").write_text(names)
    lines = status("--only", "@failed", "--list").out.splitlines()
    assert [line.split()[0] for line in lines] == names.split()
    assert "unreachable, fetched never: " in lines[0]
    status("--only", made[-1].name, "--no-fetch", code=0)


def test_only_the_chosen_are_asked(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = fleet
    status()
    trace = world.folder / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))
    found = document("--where", "name=c2*", "--where", "region=us", code=0)
    assert [one["name"] for one in found["clusters"]] == ["c21", "c23", "c25", "c27", "c29"]
    assert trace.read_text().count("built-in: git ls-remote") == 6  # and the vendor
    trace.unlink()
    assert (
        document("--where", "wave=early", "--where", "state=ok", "--no-fetch", code=0)["clusters"]
        == []
    )
    assert "ls-remote" not in trace.read_text()


def test_what_failed_keeps_its_last_state(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    status()
    last = made[-1]
    last.path.rename(last.path.with_name("away"))
    found = {one["name"]: one for one in document()["clusters"]}[last.name]
    assert (found["state"], found["tip"], found["configuration"]) == (
        "unreachable",
        last.commits[-1],
        len(last.commits),
    )
    assert found["fetched"]
    world.vendor.rename(world.folder / "away")
    done = status()
    assert "  vendor        not fetched, as of just now: " in done.out
    assert document("--no-fetch")["fleet"]["vendor_error"]


def test_deleted_the_store_is_made_again(fleet: tuple[World, list[Made]]) -> None:
    world, _ = fleet
    before = document()["clusters"]
    shutil.rmtree(place_of(read_fleet(str(world.file))))
    after = document()["clusters"]
    assert [{**one, "fetched": None} for one in after] == [
        {**one, "fetched": None} for one in before
    ]


def test_a_damaged_store_says_how_to_mend_it(fleet: tuple[World, list[Made]]) -> None:
    status()
    store = Path(place_of(read_fleet("fleet.toml")))
    for pack in (store / "objects/pack").iterdir():
        pack.unlink()
    done = status("--no-fetch")
    assert f"git-ekf: the store {store} is damaged: " in done.err
    assert (
        done.err.splitlines()[-1]
        == f"hint: it is a cache: rm -rf {store}, then the same command again"
    )


def test_a_lie_about_a_commit_is_the_liars_alone(fleet: tuple[World, list[Made]]) -> None:
    """What is called a branch, or is tagged as a commit, is a blob, a tree or a tag of a tag."""
    world, made = fleet
    blob = world.git("hash-object", "-w", "--stdin", stdin="no commit\n")
    tree = world.git("rev-parse", f"{made[-1].commits[0]}^{{tree}}")
    record = made[-1].refs["refs/tags/deploy/2026-10-22/release-1.9"]
    lies = {}
    for one, oid in zip(made[-5:-1], (blob, tree, record, blob), strict=True):
        lies[one.name] = oid
        one.refs[f"refs/heads/release-{one.release}"] = oid
    tagged = made[-2]
    tagged.refs[f"refs/heads/release-{tagged.release}"] = tagged.commits[-1]
    tagged.refs[f"refs/tags/deploy/2026-10-30/release-{tagged.release}"] = blob
    for one in made[-5:-1]:
        publish(one)
    found = {one["name"]: one for one in document()["clusters"]}
    for one in made[-5:-2]:
        shown = found[one.name]
        assert shown["state"] == "broken", shown
        assert lies[one.name][:12] in shown["error"] or "broken" in shown["error"]
    assert found[tagged.name]["state"] == "ok"
    assert [one["rule"] for one in found[tagged.name]["findings"]] == ["tag-lightweight"]
    assert found[made[-1].name]["findings"] == []


def test_a_wrong_configuration_is_its_clusters_alone(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    wrong = made[-1]
    blob = world.git("hash-object", "-w", "--stdin", stdin="[rules]\nlinear = 1\n")
    tree = world.git("mktree", stdin=f"100644 blob {blob}\t.ekf.toml\n")
    wrong.refs["refs/heads/release-1.9"] = world.git(
        "commit-tree", "-p", wrong.commits[-1], "-m", "x", tree
    )
    publish(wrong)
    found = {one["name"]: one for one in document()["clusters"]}
    assert found[wrong.name]["state"] == "broken"
    assert found[wrong.name]["error"].startswith(".ekf.toml:2: rules.linear is not a rule")
    assert found[made[-2].name]["state"] == "ok"


def test_nobody_knows_objects_of_others(fleet: tuple[World, list[Made]]) -> None:
    """A record that names a commit of another cluster is false, though that lies in the same store."""
    world, made = fleet
    liar, other = made[-1], made[-3]
    old = liar.refs["refs/tags/deploy/2026-10-22/release-1.9"]
    text = world.git("cat-file", "tag", old).replace(
        f"Local SHA: {liar.commits[-1]}", f"Local SHA: {other.commits[-1]}"
    )
    liar.refs["refs/tags/deploy/2026-10-22/release-1.9"] = world.git(
        "hash-object", "-w", "-t", "tag", "--stdin", stdin=f"{text}\n"
    )
    publish(liar)
    found = {one["name"]: one for one in document()["clusters"]}
    [finding] = found[liar.name]["findings"]
    assert finding["rule"] == "tag-mismatch"
    assert "Local SHA is" in finding["message"]


def test_commits_that_the_vendor_has_withdrawn_are_still_its_own(
    fleet: tuple[World, list[Made]],
) -> None:
    world, made = fleet
    one = made[-1]
    world.git("branch", "-q", "-D", "release-1.9", cwd=world.vendor)
    found = {one["name"]: one for one in document()["clusters"]}[one.name]
    assert (found["base"], found["configuration"]) == (one.base, len(one.commits))


@pytest.mark.parametrize(
    ("args", "error", "code"),
    [
        (
            ("--where", "regoin=eu"),
            '--where takes KEY=VALUE, and "regoin" is not a key of this fleet',
            2,
        ),
        (("--where", "wave=x"), '"x" is not a wave of this fleet', 2),
        (("--where", "state=unreachble"), '"unreachble" is not a state', 2),
        (("--where", "rule=linear"), '"linear" is not a rule', 2),
        (("--only", "c99"), 'there is no cluster "c99" in this fleet', 2),
        (("--only", "@nowhere"), "there is no file nowhere", 2),
        (("--file", "other.toml"), "there is no fleet file other.toml", 4),
        (("--json", "--list"), "--json has all that --list and --failed print", 2),
        (("--no-fetch",), "nothing is known of this fleet yet", 4),
    ],
)
def test_errors(
    fleet: tuple[World, list[Made]], args: Sequence[str], error: str, code: int
) -> None:
    assert status(*args, code=code).err.splitlines()[0] == f"git-ekf: {error}"


def test_without_pygit2_a_sentence_says_so(fleet: tuple[World, list[Made]]) -> None:
    missing = Path("missing")
    missing.mkdir()
    (missing / "pygit2.py").write_text("raise ImportError\n")
    done = run(
        *(sys.executable, "-m", "git_ekf", "fleet", "status"),
        env={"PYTHONPATH": f"{missing}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )
    assert (done.code, done.err) == (
        4,
        "git-ekf: git ekf fleet needs pygit2, which is not installed\nhint: pip install 'git-ekf[fleet]'\n",
    )


def test_rules_ask_git_nothing(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process is started to read the store, whatever is found there."""
    world, _ = fleet
    given = read_fleet(str(world.file))
    store = open_store(given)

    def unwatched(title: str, numbers: Sequence[int]) -> Iterator[int]:
        return iter(numbers)

    fetch(store, given, unwatched)

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError(args)

    monkeypatch.setattr("subprocess.Popen", refuse)
    assert len(read_standings(store, given).standings) == 30


def test_an_object_that_is_not_there_is_damage(tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    with pytest.raises(CallFailed, match="is damaged"):
        StoreObjects(str(tmp_path)).read("0" * 40)


def test_dates_are_of_the_records(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    status()
    known = standings(world)
    recorded = known[made[-1].name].recorded
    assert recorded
    assert recorded.seconds == BEGIN + (30 + 22) * DAY
