"""Real output of real commands, in the states that a clone can be in, against the JSON schemas that are shipped."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import Clone, make_clone, run
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from reach import rare

import git_ekf
from git_ekf.config import RULES
from git_ekf.demo.sample import deployment, make_vendor

SCHEMAS = Path(git_ekf.__file__).with_name("schemas")
NAMES = [
    "bundle-verify",
    "check",
    "config",
    "diff",
    "doctor",
    "drift",
    "fleet-plan",
    "fleet-status",
    "fleet-upgrade",
    "hooks-status",
    "images",
    "log",
    "pull",
    "releases",
    "report",
    "resolutions-list",
    "rollback",
    "show",
    "status",
    "sync",
    "upgrade",
]
WITH_AN_OPTION = {
    "forecast",
    "dropped",
    "resolution",
    "builds",
    "not_built",
}  # keys that are only there when they are asked for

formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name), format_checker=formats)


def answer(clone: Clone, *command: str, code: int = 0) -> Any:
    """The document that a command prints, found valid, and with no key that the schema does not have."""
    done = clone.ekf(*command, "--json")
    assert (done.code, done.err) == (code, ""), done
    document = json.loads(done.out)
    name = "-".join(word for word in document["command"].split())
    validator(name).validate(document)
    assert not list(unknown(document, schema(name), schema(name))), (
        "the schema lags behind the program"
    )
    return document


def unknown(value: Any, node: Any, root: Any) -> Iterator[str]:
    """Keys of a document that its schema has no word about."""
    if "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    if "oneOf" in node:
        node = next((one for one in node["oneOf"] if one["type"] == "object"), node)
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in node["properties"]:
                yield key
            else:
                yield from unknown(inner, node["properties"][key], root)
    elif isinstance(value, list):
        for item in value:
            yield from unknown(item, node["items"], root)


def rules(document: Any) -> set[str]:
    found = {finding["rule"] for finding in document["findings"]}
    assert found <= set(RULES)
    return found


# --- the schemas themselves ---


def objects(node: Any) -> Iterator[Any]:
    """Every schema of an object in a schema."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for inner in node.values():
            yield from objects(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from objects(inner)


def test_every_schema_is_tested() -> None:
    assert sorted(file.stem for file in SCHEMAS.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_full_and_strict(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    for node in objects(schema(name)):
        assert node["required"] == [key for key in node["properties"] if key not in WITH_AN_OPTION]
        assert node["additionalProperties"] is True
        assert node["description"]
        for key, inner in node["properties"].items():
            assert len(inner["description"]) > 10, key
            assert {"type", "enum", "const", "oneOf", "$ref"} & set(inner), key


def test_what_several_documents_have_is_the_same_everywhere() -> None:
    assert (
        schema("check")["$defs"]["finding"]
        == schema("status")["$defs"]["finding"]
        == schema("show")["$defs"]["finding"]
    )
    assert schema("log")["$defs"].items() <= schema("show")["$defs"].items()
    for name in ("sync", "pull"):
        assert schema(name)["$defs"] == schema("upgrade")["$defs"]
        assert list(schema(name)["properties"]) == list(schema("upgrade")["properties"])


@pytest.mark.parametrize("name", NAMES)
def test_man_page_names_every_key(name: str) -> None:
    page = f"git-ekf-{name.partition('-')[0]}.1"
    text = (SCHEMAS.parents[1] / "man" / page).read_text(encoding="utf-8").replace("\\-", "-")
    described = schema(name)
    if name in ("show", "status"):  # their pages refer to git-ekf-check(1) for findings
        del described["$defs"]["finding"]
    if name == "fleet-plan":  # its page refers to git-ekf-upgrade(1) for commits
        for of_commit in ("commit", "move", "settled", "lost", "conflict", "evidence"):
            del described["$defs"][of_commit]
    if name in ("sync", "pull"):  # their pages refer to git-ekf-upgrade(1) for commits
        del described["$defs"]
    for node in objects(described):
        for key in node["properties"]:
            assert key in text, key


@pytest.mark.parametrize("name", NAMES)
def test_man_prints_the_schema(name: str) -> None:
    done = run("git-ekf", "man", "--schema", name)
    assert (done.code, json.loads(done.out)) == (0, schema(name))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], f"of which command?\nhint: there are {', '.join(NAMES)}"),
        (["tag"], f"there is no schema tag\nhint: there are {', '.join(NAMES)}"),
        (["status", "--path"], "--path stands alone\nhint: git ekf man --path"),
        (
            ["status", "--install"],
            "--install and --schema exclude each other\nhint: git ekf man -h",
        ),
    ],
)
def test_man_has_no_other_schema(words: list[str], said: str) -> None:
    done = run("git-ekf", "man", "--schema", *words)
    assert (done.code, done.out, done.err) == (2, "", f"git-ekf: {said}\n")


def test_a_document_of_another_shape_is_refused(clone: Clone) -> None:
    document = answer(clone, "status")
    for key in document:
        short = copy.copy(document)
        del short[key]
        with pytest.raises(ValidationError):
            validator("status").validate(short)
    for key, wrong in (
        ("head", "37a9995"),
        ("configuration", "0"),
        ("changed", None),
        ("fetched", "yesterday"),
        ("operation", "push"),
    ):
        with pytest.raises(ValidationError):
            validator("status").validate({**document, key: wrong})
    validator("status").validate({**document, "something_new": 1})


# --- drift ---


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("echo 'diff -u -N /tmp/LIVE-1/v1.Service.a.b /tmp/MERGED-1/v1.Service.a.b'; exit 1", 1),
        ("echo 'diff a b'; echo x; exit 1", 1),
        ("echo no word of a resource; exit 1", 1),
        ("exit 3", 5),
    ],
)
@pytest.mark.parametrize("path", ["{path}", ""])
def test_drift(clone: Clone, script: str, code: int, path: str) -> None:
    for word in ["sh", "-c", script, path]:
        clone.git("config", "--add", "ekf.drift.command", word or "-")
    paths = ["apps/istio", "apps/gone"]
    for named in paths:
        clone.git("config", "--add", "ekf.apply.paths", named)
    fields = [] if code else ["--field", f"Ignored={paths[0]}/x"]
    assert clone.ekf("tag", "-m", "x", *fields).code == 0
    done = clone.ekf("drift", "--json")
    assert done.code == code, done
    document = json.loads(done.out)
    validator("drift").validate(document)
    assert not list(unknown(document, schema("drift"), schema("drift")))
    assert document["left_out"] == (["apps/gone"] if path else [])
    assert document["ignored"] == ([] if code else ["apps/istio/x"])


# --- status ---


def test_status_of_a_fresh_clone(clone: Clone) -> None:
    document = answer(clone, "status")
    assert (document["branch"], document["configuration"], document["unsaved"]) == (
        "release-1.8",
        0,
        None,
    )


def test_status_with_everything(clone: Clone) -> None:
    clone.commit("overlays/a.yaml", "a: 1\n")
    clone.git("push", "-q")
    clone.git(
        "tag", "-a", "-m", "Date: 2026-11-20\nContext: First.", "deploy/2026-11-20/release-1.8"
    )
    clone.commit("apps/mine.yaml", "a: 2\n")
    clone.write("overlays/a.yaml", "a: 3\n")
    clone.write("new", "")
    document = answer(clone, "status")
    assert document["cluster"] == "internal"
    assert document["last_deploy"] == {
        "name": "deploy/2026-11-20/release-1.8",
        "release": "1.8",
        "branch": "release-1.8",
        "commit": clone.out("rev-parse", "HEAD~1"),
        "since": "2026-11-20T10:00:00+00:00",
        "context": "First.",
        "commits_since": 1,
        "saved": False,
    }
    assert (
        document["unsaved"],
        document["not_here"],
        document["changed"],
        document["untracked"],
    ) == (1, 0, 1, 1)
    assert rules(document) == {"vendor-path", "tag-fields"}


@rare
def test_status_of_a_cluster_that_runs_another_release(clone: Clone) -> None:
    clone.commit("overlays/a.yaml", "a: 1\n")
    assert clone.ekf("save").code == 0
    assert clone.ekf("upgrade").code == 0
    assert clone.ekf("tag", "-m", "To 1.9.").code == 0
    clone.git("switch", "-q", "release-1.8")
    ahead = {"GIT_COMMITTER_DATE": "2031-11-20T10:00:00+00:00"}
    clone.git("tag", "-a", "-m", "Later.", "deploy/2026-11-21/release-1.8", env=ahead)
    document = answer(clone, "status")
    deploy = document["last_deploy"]
    assert (deploy["branch"], deploy["commits_since"]) == ("release-1.9", None)
    assert document["others"] == [{"branch": "release-1.9", "unsaved": 1, "not_here": 0}]
    assert document["ahead"] == ["deploy/2026-11-21/release-1.8"]
    assert datetime.fromisoformat(document["asked"]) <= datetime.now(UTC)
    assert answer(clone, "releases")["runs"] == "release-1.9"


def test_status_with_a_record_that_says_nothing(clone: Clone) -> None:
    clone.git("tag", "-a", "-m", "", "deploy/2026-11-20/release-1.8")
    assert answer(clone, "status")["last_deploy"]["context"] == ""


def test_status_with_a_record_that_has_no_message(clone: Clone) -> None:
    clone.git("tag", "deploy/2026-11-20/release-1.8")
    document = answer(clone, "status")
    assert document["last_deploy"]["context"] == ""
    assert rules(document) == {"tag-lightweight"}


def test_status_on_a_detached_head(clone: Clone) -> None:
    clone.git("switch", "-q", "--detach")
    document = answer(clone, "status")
    assert (document["branch"], document["base"], document["configuration"]) == (None, None, None)
    clone.git("commit", "-q", "--allow-empty", "--no-verify", "-m", "Lost")
    assert rules(answer(clone, "status")) == {"detached-head"}


def test_status_on_an_unborn_branch(clone: Clone) -> None:
    clone.git("switch", "-q", "--orphan", "empty")
    document = answer(clone, "status")
    assert (document["branch"], document["head"]) == ("empty", None)


def test_status_on_an_unborn_release_branch(clone: Clone) -> None:
    clone.git("switch", "-q", "--orphan", "release-2.0")
    document = answer(clone, "status")
    assert (document["release"], document["head"], document["base"]) == ("2.0", None, None)


def test_status_on_a_branch_that_is_no_release(clone: Clone) -> None:
    clone.git("switch", "-q", "-c", "wip")
    clone.commit("a", "", verify=False)
    document = answer(clone, "status")
    assert (document["release"], document["upstream"]) == (None, None)
    assert rules(document) == {"branch-name"}


def test_status_without_a_channel(clone: Clone) -> None:
    clone.git("update-ref", "-d", "refs/remotes/origin/release-1.8")
    document = answer(clone, "status")
    assert (document["base"], document["configuration"], document["channel_ahead"]) == (
        None,
        None,
        None,
    )


def test_status_without_remotes(tmp_path: Path) -> None:
    assert run("git", "init", "-q", tmp_path / "alone").code == 0
    document = answer(Clone(tmp_path / "alone"), "status")
    assert document["fetched"] is None
    assert "remote-missing" in rules(document)


def test_status_in_the_middle_of_a_merge(clone: Clone) -> None:
    assert clone.git("merge", "--no-ff", "--no-commit", "origin/release-1.9", ok=False).code == 0
    assert answer(clone, "status")["operation"] == "merge"


def test_status_in_the_middle_of_an_upgrade(clone: Clone) -> None:
    clone.commit("VERSION", "mine\n")
    assert clone.ekf("upgrade", "--no-save-check").code == 3
    document = answer(clone, "status")
    assert (document["operation"], document["under_way"]) == ("rebase", "upgrade")
    assert clone.ekf("upgrade", "--abort").code == 0
    assert answer(clone, "status")["under_way"] is None


def test_status_in_a_sha256_repository(tmp_path: Path) -> None:
    clone = make_clone(tmp_path, "sha256")
    assert len(answer(clone, "status")["head"]) == 64


# --- doctor ---


def test_doctor_in_a_clone_with_errors_and_outside_of_one(clone: Clone, tmp_path: Path) -> None:
    clone.git("remote", "set-url", "internal", str(tmp_path / "gone.git"))
    (clone.path / ".git/hooks/pre-push").unlink()
    document = answer(clone, "doctor", code=1)
    assert document["repository"] == str(clone.path)
    assert {finding["state"] for finding in document["findings"]} >= {"ok", "error"}
    assert all(
        finding["fix"]
        for finding in document["findings"]
        if finding["state"] in ("warning", "error")
    )
    assert "skipped" in {
        finding["state"] for finding in answer(clone, "doctor", "--offline", code=1)["findings"]
    }
    outside = json.loads(run("git-ekf", "doctor", "--json", cwd=tmp_path).out)
    validator("doctor").validate(outside)
    assert outside["repository"] is None


# --- releases ---


def test_releases(clone: Clone) -> None:
    channels = answer(clone, "releases")["channels"]
    assert [(one["version"], one["relation"], one["behind"]) for one in channels] == [
        ("1.8", "current", 0),
        ("1.9", "newer", None),
        ("1.10", "newer", None),
    ]


def test_releases_on_a_detached_head(clone: Clone) -> None:
    clone.git("switch", "-q", "--detach")
    assert {one["relation"] for one in answer(clone, "releases")["channels"]} == {None}


def test_releases_under_another_scheme(tmp_path: Path, internal: Path) -> None:
    make_vendor(str(tmp_path / "vendor.git"), pattern="v{version}.x-branch")
    scheme = "ekf.branches.release=v{version}-branch"
    done = run(
        "git",
        "-c",
        scheme,
        "ekf",
        "clone",
        tmp_path / "vendor.git",
        tmp_path / "work",
        "--internal",
        internal,
    )
    assert done.code == 0, done
    channels = answer(Clone(tmp_path / "work"), "releases")["channels"]
    assert [(one["version"], one["relation"]) for one in channels] == [
        ("1.8.x", "older"),
        ("1.9.x", "older"),
        ("1.10.x", "current"),
    ]


def test_releases_where_none_is_known(tmp_path: Path) -> None:
    assert run("git", "init", "-q", tmp_path / "alone").code == 0
    refused = Clone(tmp_path / "alone").ekf("releases", "--json")
    assert (refused.code, refused.out) == (4, "")


def test_releases_with_a_forecast(clone: Clone) -> None:
    clone.commit("own/a", "a\n")
    clone.commit("VERSION", "1.9.0\n")
    channels = answer(clone, "releases", "--forecast")["channels"]
    assert [one["forecast"] for one in channels] == [
        None,
        {"clean": 1, "upstream": 0, "empty": 1, "conflict": 0, "depends": 0},
        {"clean": 1, "upstream": 0, "empty": 0, "conflict": 1, "depends": 0},
    ]
    clone.git("switch", "-q", "--detach")
    assert {one["forecast"] for one in answer(clone, "releases", "--forecast")["channels"]} == {
        None
    }


# --- the plans of upgrade and sync ---


def working(vendor: Path, tmp_path: Path, branch: str) -> Clone:
    """A clone in which the vendor works on a channel."""
    assert run("git", "clone", "-q", "-b", branch, vendor, tmp_path / "v").code == 0
    return Clone(tmp_path / "v")


def test_upgrade_with_commits_of_every_kind(clone: Clone, vendor: Path, tmp_path: Path) -> None:
    theirs = working(vendor, tmp_path, "release-1.10")
    (theirs.path / "docs").mkdir()
    theirs.git("mv", "README.md", "docs/README.md")
    theirs.git("commit", "-q", "-m", "Move the README")
    theirs.git("push", "-q")
    istio = "apps/istio/base/deployment.yaml"
    clone.commit("own/a", "a\n", "Mine")
    clone.git("cherry-pick", "origin/side")
    clone.commit("README.md", "# Sample platform\n\nSee docs/ and own/.\n", "Moved")
    clone.commit("VERSION", "1.10.0\n", "Empty")
    clone.commit(istio, deployment("istio", "1.8.0", 2), "Merged")
    conflicting = clone.commit(istio, deployment("istio", "1.8.1", 2), "Conflict")
    clone.commit(istio, deployment("istio", "1.8.1", 3), "Behind")
    document = answer(clone, "upgrade", "1.10", code=1)
    assert (document["from"], document["to"], document["clean"], document["rewritten"]) == (
        "release-1.8",
        "release-1.10",
        False,
        False,
    )
    assert document["onto"] == theirs.out("rev-parse", "HEAD")
    mine, picked, moved, empty, merged, conflict, behind = document["commits"]
    assert [commit["verdict"] for commit in document["commits"]] == [
        "clean",
        "upstream",
        "clean",
        "empty",
        "clean",
        "conflict",
        "clean",
    ]
    assert (mine["subject"], picked["upstream"]) == ("Mine", clone.out("rev-parse", "origin/side"))
    assert moved["moved"] == [{"from": "README.md", "to": "docs/README.md"}]
    assert (empty["subject"], merged["merged"]) == ("Empty", [istio])
    assert [(one["kind"], one["paths"]) for one in conflict["conflicts"]] == [("content", [istio])]
    assert behind["depends"] == [conflicting]
    document = answer(clone, "upgrade", "1.10", "--prefer", "local")
    assert document["clean"] is True
    assert document["commits"][5]["settled"] == [{"path": istio, "side": "local"}]


def test_upgrade_without_a_commit(clone: Clone) -> None:
    document = answer(clone, "upgrade")
    assert (document["to"], document["clean"], document["commits"]) == ("release-1.9", True, [])
    assert document["base"] == document["tip"]


def test_upgrade_where_there_is_no_newer_channel(clone: Clone) -> None:
    refused = clone.ekf("upgrade", "1.11", "--json")
    assert (refused.code, refused.out) == (4, "")


def test_sync_with_a_name_that_is_no_text(clone: Clone, vendor: Path, tmp_path: Path) -> None:
    """A byte that is no UTF-8 comes out as \\xNN."""
    name = "own/\udcff"
    working(vendor, tmp_path, "release-1.8").commit(name, "theirs\n")
    Clone(tmp_path / "v").git("push", "-q")
    clone.commit(name, "mine\n")
    document = answer(clone, "sync", code=1)
    assert (document["from"], document["to"]) == ("release-1.8", "release-1.8")
    [commit] = document["commits"]
    assert [(one["kind"], one["paths"]) for one in commit["conflicts"]] == [
        ("add/add", ["own/\\xff"])
    ]


def test_sync_with_a_channel_that_was_rewritten(clone: Clone, vendor: Path, tmp_path: Path) -> None:
    clone.commit("own/a", "a\n")
    theirs = working(vendor, tmp_path, "release-1.8")
    theirs.git("checkout", "-q", "--orphan", "new")
    theirs.git("commit", "-q", "-m", "All new")
    theirs.git("push", "-q", "-f", "origin", "new:release-1.8")
    document = answer(clone, "sync")
    assert (document["rewritten"], document["onto"]) == (True, theirs.out("rev-parse", "HEAD"))
    assert [commit["verdict"] for commit in document["commits"]] == ["clean"]


def test_pull_with_nothing_to_take(clone: Clone) -> None:
    clone.commit("own/a", "a\n")
    tip = clone.out("rev-parse", "HEAD")
    for _ in range(2):  # before anything was saved, and after
        document = answer(clone, "pull")
        assert [document[key] for key in ("base", "tip", "onto")] == [tip] * 3
        assert (document["clean"], document["commits"], document["theirs"]) == (True, [], [])
        assert clone.ekf("save").code == 0


def test_pull_with_commits_of_both_sides(clone: Clone) -> None:
    base = clone.commit("own/a", "a\n")
    clone.git("switch", "-q", "--detach")
    theirs = clone.commit("own/b", "b\n", "Theirs \udcff")
    clone.git("push", "-q", "--no-verify", "internal", "HEAD:refs/heads/release-1.8")
    clone.git("switch", "-q", "release-1.8")
    mine = clone.commit("own/b", "c\n", "Mine")
    document = answer(clone, "pull", code=1)
    assert [document[key] for key in ("base", "tip", "onto")] == [base, mine, theirs]
    assert [(one["commit"], one["verdict"]) for one in document["commits"]] == [(mine, "conflict")]
    [their] = document["theirs"]
    assert (their["commit"], their["subject"][:7]) == (theirs, "Theirs ")
    assert their["author"] == clone.out("log", "-1", "--format=%an")


def test_upgrade_that_finds_the_branch_of_its_goal(clone: Clone) -> None:
    clone.commit("own/a", "a\n")
    assert clone.ekf("save").code == 0
    assert clone.ekf("upgrade").code == 0
    theirs = clone.commit("own/b", "b\n", "Theirs")
    assert clone.ekf("tag", "-m", "To 1.9.").code == 0
    assert clone.ekf("save").code == 0
    clone.git("switch", "-q", "release-1.8")
    clone.git("branch", "-q", "-D", "release-1.9")
    document = answer(clone, "upgrade")
    assert document["prepared"] == document["onto"] == theirs
    assert (document["record"], document["replaced"]) == ("deploy/2026-11-20/release-1.9", None)
    assert [one["commit"] for one in document["theirs"]] == [theirs]


def test_upgrade_that_replaces_the_branch_of_its_goal(clone: Clone) -> None:
    clone.commit("own/a", "a\n")
    assert clone.ekf("save").code == 0
    clone.git("branch", "-q", "release-1.9", "HEAD")  # not on the vendor's 1.9
    document = answer(clone, "upgrade")
    assert (document["prepared"], document["replaced"]) == (None, clone.out("rev-parse", "HEAD"))


# --- rollback ---


@rare
def test_rollback_of_every_kind(clone: Clone, vendor: Path, tmp_path: Path) -> None:
    istio = "apps/istio/base/deployment.yaml"
    old = clone.out("rev-parse", "origin/release-1.8")
    recorded = clone.commit(istio, deployment("istio", "1.8.0-mine", 1))
    assert clone.ekf("tag", "-m", "x", "--date", "2026-11-19").code == 0
    document = answer(clone, "rollback", "2026-11-19")
    assert (document["action"], document["exact"], document["vendor_files"]) == (
        "nothing",
        True,
        [],
    )
    assert (document["record_base"], document["base"]) == (old, old)
    theirs = working(vendor, tmp_path, "release-1.8")
    new = theirs.commit("vendor/\udcff", "theirs\n")
    theirs.git("push", "-q")
    assert clone.ekf("sync", "--no-save-check").code == 0
    clone.commit("own/x", "x\n")
    document = answer(clone, "rollback", "2026-11-19")
    assert document["commit"] == recorded
    assert (document["record_base"], document["base"]) == (old, new)
    assert (document["from"], document["to"]) == ("release-1.8", "release-1.8")
    assert (document["action"], document["exact"], document["clean"]) == ("commit", False, True)
    assert (document["vendor_ahead"], document["vendor_behind"]) == (1, 0)
    assert document["vendor_files"] == ["vendor/\\xff"]
    assert answer(clone, "rollback", "--exact", "2026-11-19")["exact"] is True
    theirs.commit(istio, deployment("istio", "1.8.1", 1))
    theirs.git("push", "-q")
    assert clone.ekf("sync", "--no-save-check", "--no-build", "--prefer", "vendor").code == 0
    document = answer(clone, "rollback", "2026-11-19", code=1)
    assert (document["clean"], document["conflicts"]) == (False, [istio])
    clone.git("config", "merge.renormalize", "true")
    assert answer(clone, "rollback", "2026-11-19")["clean"] is None


# --- log and show ---


def test_log_and_show_without_a_record(clone: Clone) -> None:
    assert answer(clone, "log")["records"] == []
    refused = clone.ekf("show", "--json")
    assert (refused.code, refused.out) == (4, "")


def test_log_and_show(clone: Clone) -> None:
    first = clone.commit("overlays/a.yaml", "a: 1\n")
    assert clone.ekf("tag", "-m", "First.", "--field", "Ticket=OPS-1").code == 0
    assert clone.ekf("save").code == 0
    second = clone.commit("overlays/b.yaml", "b: 1\n", "Add b")
    assert clone.ekf("tag", "-m", "Second.", "-m", "More.").code == 0
    newer, older = answer(clone, "log")["records"]
    assert (older["commit"], older["saved"], newer["commit"], newer["saved"]) == (
        first,
        True,
        second,
        False,
    )
    assert older["tag"] == clone.out("rev-parse", "deploy/2026-11-20/release-1.8")
    assert older["fields"][-2:] == [
        {"name": "Ticket", "value": "OPS-1"},
        {"name": "Context", "value": "First."},
    ]
    shown = answer(clone, "show")
    assert (shown["record"], shown["previous"], shown["findings"]) == (newer, older["name"], [])
    assert shown["commits"] == [{"commit": second, "subject": "Add b"}]
    assert answer(clone, "show", older["name"])["previous"] is None


def test_log_and_show_of_what_people_make(clone: Clone) -> None:
    """A lightweight tag, bytes that are no text, a field that is there twice, a tag on no commit."""
    clone.git("commit", "-q", "--allow-empty", "-F", "-", stdin="Subject \udcff\n")
    clone.git("tag", "deploy/2026-11-18/release-1.8")
    clone.git(
        "tag",
        "-a",
        "-F",
        "-",
        "deploy/2026-11-19/release-1.8",
        stdin="Ticket: 1\nticket: 2\nContext: \x1b \udcff\n",
    )
    clone.git("tag", "-a", "-m", "x", "deploy/2026-11-20/release-1.8", "HEAD^{tree}")
    on_tree, strange, light = answer(clone, "log")["records"]
    assert light["fields"] == on_tree["fields"] == []
    assert light["tag"] == light["commit"]
    assert strange["fields"] == [
        {"name": "Ticket", "value": "1"},
        {"name": "ticket", "value": "2"},
        {"name": "Context", "value": "\x1b \\xff"},
    ]
    assert rules(answer(clone, "show", code=1)) == {"tag-fields", "tag-mismatch"}
    shown = answer(clone, "show", light["name"], code=1)
    assert rules(shown) == {"tag-lightweight"}
    assert [commit["subject"] for commit in shown["commits"]] == ["Subject ÿ"]


# --- config ---


def test_config_from_everywhere(clone: Clone) -> None:
    assert {key["sources"][0]["origin"] for key in answer(clone, "config")["keys"]} == {"default"}
    clone.write(
        ".ekf.toml",
        '[[upgrade.migrations]]\nto = "1.9"\ncommand = ["tools/m"]\n[rules]\ntag-date = "off"\n'
        '[server]\nbudget-time = 5\nmay-push = ["alice: refs/heads/*"]\n[tags]\nsign = true\n',
    )
    clone.git("config", "--add", "ekf.remotes.allow", "\udcff")
    clone.git("config", "--global", "ekf.remotes.allow", "usb")
    clone.git("config", "--global", "ekf.tags.sign", "no")
    document = answer(clone, "config")
    origins = {source["origin"] for key in document["keys"] for source in key["sources"]}
    assert origins == {"default", "file", "git"}
    assert answer(clone, "config", "ekf.rules.tag-date")["keys"] == [
        {
            "key": "rules.tag-date",
            "value": "off",
            "sources": [
                {
                    "origin": "file",
                    "file": ".ekf.toml",
                    "line": 5,
                    "scope": None,
                    "value": "off",
                    "wins": True,
                }
            ],
        }
    ]


# --- check ---


def test_check_of_a_clean_clone(clone: Clone) -> None:
    assert answer(clone, "check")["findings"] == []


def test_check_with_findings_of_every_kind(clone: Clone) -> None:
    """About a remote, a ref, a commit, a file, and deploy records."""
    clone.git("remote", "add", "other", "https://git.example.com/other.git")
    clone.commit("apps/mine.yaml", "<<<<<<< a\n=======\n>>>>>>> b\n", verify=False)
    clone.git("merge", "-q", "--no-ff", "--no-verify", "-m", "Merge", "origin/release-1.9")
    clone.git("branch", "--unset-upstream")
    clone.git("tag", "deploy/2026-11-20/release-1.8")
    clone.git("tag", "-a", "-m", "Date: 2026-11-19", "deploy/2026-11-20.2/release-1.8")
    clone.git("tag", "deploy/2026-02-30/release-1.8")
    document = answer(clone, "check", code=1)
    assert rules(document) == {
        "remote-extra",
        "branch-upstream",
        "branch-base",
        "linear-history",
        "conflict-marker",
        "vendor-path",
        "tag-name",
        "tag-lightweight",
        "tag-fields",
        "tag-mismatch",
    }
    assert {finding["severity"] for finding in document["findings"]} == {"error", "warning"}


def test_check_of_the_index_a_range_and_all_branches(clone: Clone) -> None:
    clone.git("switch", "-q", "-c", "wip")
    clone.commit("apps/mine.yaml", "a: 1\n", verify=False)
    assert rules(answer(clone, "check", "HEAD~1..HEAD")) == {"vendor-path"}
    clone.git("switch", "-q", "release-1.8")
    assert rules(answer(clone, "check", "--all", code=1)) == {"branch-name"}
    clone.write("b", "<<<<<<< a\n>>>>>>> b\n")
    clone.git("add", "b")
    assert rules(answer(clone, "check", "--staged", code=1)) == {"conflict-marker"}
    clone.git("switch", "-q", "--detach")
    assert rules(answer(clone, "check", "--staged", code=1)) == {"conflict-marker", "detached-head"}


def test_check_without_remotes(tmp_path: Path) -> None:
    assert run("git", "init", "-q", "-b", "main", tmp_path / "alone").code == 0
    assert rules(answer(Clone(tmp_path / "alone"), "check", code=1)) == {
        "remote-missing",
        "branch-name",
    }


def test_check_of_a_name_that_is_no_text(clone: Clone) -> None:
    """A byte that is no UTF-8 comes out as \\xNN, a control character as JSON escapes it."""
    name = "x\udcff\x1b"
    clone.write(name, "<<<<<<< a\n>>>>>>> b\n")
    clone.git("add", ".")
    [finding] = answer(clone, "check", "--staged", code=1)["findings"]
    assert finding["path"] == "x\\xff\x1b"


# --- hooks status ---


def states(clone: Clone, code: int = 0) -> list[str]:
    document = answer(clone, "hooks", "status", code=code)
    assert document["effective"] is (code == 0)
    return [hook["state"] for hook in document["hooks"]]


def test_hooks_status_of_a_fresh_clone(clone: Clone) -> None:
    assert states(clone) == ["ok", "ok", "ok"]


def test_hooks_status_in_every_state(clone: Clone) -> None:
    hooks = clone.path / ".git" / "hooks"
    commit, merge, push = hooks / "pre-commit", hooks / "pre-merge-commit", hooks / "pre-push"
    push.unlink()
    merge.write_text(
        merge.read_text(encoding="utf-8").replace("judge() {", "judge() { # mine"), encoding="utf-8"
    )
    commit.rename(hooks / "pre-commit.old")
    commit.write_text("#!/bin/sh\n# LEFTHOOK\n", encoding="utf-8")
    assert states(clone, code=1) == ["displaced", "outdated", "missing"]
    push.write_text('#!/bin/sh\ngit-ekf hook 1 pre-push "$@"\n', encoding="utf-8")
    assert states(clone, code=1)[2] == "chained"


def test_hooks_status_where_hooks_cannot_go(clone: Clone) -> None:
    clone.git("config", "core.hooksPath", "/dev/null")
    assert answer(clone, "hooks", "status", code=1)["obstacle"]


# --- bundle verify ---


def test_bundle_verify_with_everything(clone: Clone, vendor: Path, tmp_path: Path) -> None:
    """A bundle that follows another one, signed, with channels and tags, new ones and old ones."""
    path, key = str(tmp_path / "one.tar"), str(tmp_path / "key")
    Clone(vendor).git("tag", "v1.8.0", "release-1.8")
    assert clone.ekf("bundle", "create", path, "--from", str(vendor)).code == 0
    document = answer(clone, "bundle", "verify", path)
    assert [channel["name"] for channel in document["channels"]] == [
        "release-1.10",
        "release-1.8",
        "release-1.9",
    ]
    assert (
        document["sequence"],
        document["after"],
        document["signature"],
        document["checked"]["history"],
    ) == (1, None, None, True)
    assert clone.ekf("bundle", "apply", path, str(tmp_path / "mirror.git")).code == 0
    Clone(vendor).git("branch", "release-1.11", "release-1.10")
    if shutil.which("ssh-keygen"):
        assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).code == 0
    sign = ["--sign", key] if shutil.which("ssh-keygen") else []
    assert (
        clone.ekf(
            "bundle", "create", path, "--from", str(vendor), "--receipt", f"{path}.receipt", *sign
        ).code
        == 0
    )
    document = answer(clone, "bundle", "verify", path)
    assert (document["sequence"], len(document["after"]), document["commits"]) == (2, 64, 0)
    assert [channel["previous"] is None for channel in document["channels"]] == [
        False,
        True,
        False,
        False,
    ]
    assert (document["signature"] or {}).get("kind") == ("ssh" if sign else None)
