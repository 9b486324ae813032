"""Conflicts that a team resolves once: shared, and used where exactly the same is asked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import Run, run
from reach import rare
from resolving import (
    ANSWER,
    DATE,
    MINE,
    REF,
    Team,
    blob,
    copy_team,
    forge,
    in_conflict,
    known,
    make_team,
    resolve,
)
from test_schemas import validator
from upgrading import (
    DASHBOARD,
    ISTIO,
    World,
    assert_clean,
    copy,
    make,
    script,
    vendor_commit,
    wrapper,
)

from git_ekf.demo.sample import deployment

TRUSTED = "nobody here has approved it"


class Shared(NamedTuple):
    """A team whose repository has one resolution, and the folder of a cluster that has not used it."""

    team: Team
    cluster: Path
    by_hand: str
    key: str


@pytest.fixture(scope="module")
def shared(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    folder = tmp_path_factory.mktemp("shared")
    team = make_team(folder / "team")
    other = in_conflict(template, folder / "other")
    first = copy(folder / "other", folder / "first")
    team.set_up(first)
    resolve(first)
    saved = first.ekf("resolutions", "save")
    assert saved.code == 0, saved
    [key] = known(first)
    assert saved.out == f"  shared      {key[:7]} {ISTIO}\n1 resolution shared.\n"
    return Shared(team, other.path.parent, first.tree(), key)


@pytest.fixture
def team(shared: Shared, tmp_path: Path) -> Team:
    return copy_team(shared.team, tmp_path / "team")


@pytest.fixture
def cluster(shared: Shared, team: Team, tmp_path: Path) -> World:
    """Another cluster with the same conflict, which believes Ada."""
    world = copy(shared.cluster, tmp_path / "cluster")
    team.set_up(world)
    return world


def plan(world: World, *args: str) -> Run:
    return world.ekf("upgrade", "--plan", *args)


def assert_stops(world: World, why: str) -> None:
    """The resolution is not used, and one sentence says why: in the plan, as JSON, and at the stop."""
    planned = plan(world)
    assert planned.code == 1
    [line] = [line for line in planned.out.splitlines() if "is not used" in line]
    assert why in line
    document = json.loads(world.ekf("upgrade", "--json", "--no-fetch").out)
    validator("upgrade").validate(document)
    assert [why in sentence for sentence in document["resolutions_refused"]] == [True]
    stopped = world.ekf("upgrade", "--no-fetch")
    assert stopped.code == 3
    assert sum("is not used" in line for line in stopped.out.splitlines()) == 1
    assert "<<<<<<<" in (world.path / ISTIO).read_text()
    assert world.ekf("upgrade", "--abort").code == 0


# --- used ---


def test_it_settles_the_same_conflict_elsewhere(shared: Shared, cluster: World) -> None:
    how = f"{ISTIO}: by resolution {shared.key[:7]} of {DATE}"
    planned = plan(cluster)
    assert (planned.code, planned.err) == (0, ""), planned
    assert f"  settled   {cluster.short('HEAD')} Our image\n            {how}\n" in planned.out
    document = json.loads(cluster.ekf("upgrade", "--json").out)
    validator("upgrade").validate(document)
    commit = document["commits"][-1]
    settled = {"path": ISTIO, "side": "resolution", "resolution": shared.key}
    assert commit["settled"] == [{**settled, "builds": [], "not_built": None}]
    assert [one["lines"] for one in commit["lost"]] == [[]]
    assert document["resolutions_refused"] == []
    done = cluster.ekf("upgrade", "--no-build")
    assert done.code == 0, done
    assert how in done.out
    assert cluster.tree() == shared.by_hand
    assert_clean(cluster)
    assert cluster.ekf("undo").code == 0
    assert cluster.out("symbolic-ref", "--short", "HEAD") == "release-1.8"


def test_it_settles_what_a_rebase_stops_at(shared: Shared, cluster: World) -> None:
    """Behind another conflict, that is for the user."""
    cluster.git("reset", "-q", "--hard", "HEAD~1")
    cluster.commit(DASHBOARD, deployment("dashboard", "1.8.0-mine", 1), "Our dashboard")
    cluster.commit(ISTIO, MINE, "Our image")
    cluster.save()
    stopped = cluster.ekf("upgrade", "--no-build")
    assert stopped.code == 3
    cluster.write(DASHBOARD, deployment("dashboard", "1.9.0-mine", 1))
    cluster.git("add", "-A")
    done = cluster.ekf("upgrade", "--continue", "--no-build")
    assert done.code == 0, done
    assert f"  settled   {ISTIO}: by resolution {shared.key[:7]} of {DATE}\n" in done.out
    assert (cluster.path / ISTIO).read_text() == ANSWER
    assert_clean(cluster)
    saved = cluster.ekf("resolutions", "save")
    assert saved.code == 0
    assert f" {DASHBOARD}\n1 resolution shared.\n" in saved.out
    assert ISTIO not in saved.out


def test_what_the_user_prefers_comes_first(cluster: World) -> None:
    done = cluster.ekf("upgrade", "--no-build", "--prefer", "local")
    assert done.code == 0
    assert f"{ISTIO}: the local side is taken" in done.out


def test_another_question_is_another(shared: Shared, cluster: World) -> None:
    """A byte more on one side, or an attribute that bears on the merge: it stops."""
    before = cluster.out("rev-parse", "HEAD")
    cluster.commit(ISTIO, f"{MINE}# more\n", "More of ours")
    cluster.git("reset", "-q", "--soft", "HEAD~2")
    cluster.git("commit", "-q", "--no-verify", "-m", "Our image")
    cluster.save()
    assert plan(cluster).code == 1
    cluster.git("reset", "-q", "--hard", before)
    cluster.save()
    assert plan(cluster).code == 0
    (cluster.path / ".git/info/attributes").write_text(f"{ISTIO} conflict-marker-size=9\n")
    assert plan(cluster).code == 1


def test_a_broken_rule_is_said(cluster: World) -> None:
    """An upgrade that a resolution has settled is judged like one that somebody has resolved."""
    script(cluster.path / ".git/hooks/post-checkout", "#!/bin/sh\ngit branch --unset-upstream\n")
    done = cluster.ekf("upgrade", "--no-build")
    assert done.code == 1
    assert "  policy    branch-upstream: " in done.out


@rare
def test_a_sync_too(shared: Shared, cluster: World) -> None:
    """And a name of any bytes, with the answer made executable."""
    theirs = cluster.vendor.out("show", f"release-1.9:{ISTIO}") + "\n"
    odd = "own/\udcff \x1b[31m"
    vendor_commit(cluster, "release-1.8", {odd: "a\n"})
    cluster.git("pull", "-q", "--rebase")
    cluster.commit(odd, "mine\n", "Odd")
    cluster.save()
    vendor_commit(cluster, "release-1.8", {ISTIO: theirs, odd: "theirs\n"})
    assert cluster.ekf("sync", "--no-build").code == 3
    cluster.write(odd, "both\n")
    (cluster.path / odd).chmod(0o755)
    cluster.git("add", "-A")
    done = cluster.ekf("sync", "--continue", "--no-build")
    assert f"{ISTIO}: by resolution {shared.key[:7]} of {DATE}" in done.out
    by_hand = cluster.tree()
    assert cluster.ekf("resolutions", "save").out.endswith(
        "\\xff \\x1b[31m\n1 resolution shared.\n"
    )
    document = json.loads(cluster.ekf("resolutions", "list", "--json").out)
    validator("resolutions-list").validate(document)
    paths = {one["path"] for one in document["resolutions"]}
    assert paths == {ISTIO, "own/\\xff \x1b[31m"}
    assert cluster.ekf("undo").code == 0
    again_synced = cluster.ekf("sync", "--no-build")
    assert again_synced.code == 0, again_synced
    assert "own/\\xff \\x1b[31m: by resolution " in again_synced.out
    assert cluster.tree() == by_hand
    assert_clean(cluster)
    assert cluster.ekf("undo").code == 0
    cluster.git("config", "--unset", "ekf.resolutions")
    document = json.loads(cluster.ekf("sync", "--json").out)
    validator("sync").validate(document)
    assert [one["side"] for one in document["commits"][-1]["settled"]] == ["remembered"]


@rare
def test_with_sha256(team: Team, tmp_path: Path) -> None:
    world = World(make(tmp_path / "other", "sha256").path)
    world.commit(ISTIO, MINE, "Our image")
    world.save()
    team.set_up(world)
    assert "mismatched algorithms" in plan(world).err
    own = tmp_path / "sha256.git"
    assert run("git", "init", "-q", "--bare", "--object-format=sha256", own).code == 0
    world.git("config", "ekf.resolutions", str(own))
    resolve(world)
    by_hand = world.tree()
    assert world.ekf("resolutions", "save").code == 0
    assert world.ekf("undo").code == 0
    assert world.ekf("upgrade", "--no-build").code == 0
    assert world.tree() == by_hand


# --- not used ---


def test_without_a_signature_that_counts(team: Team, cluster: World) -> None:
    cluster.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    assert_stops(cluster, "no allowed signers are set here")
    cluster.git("config", "gpg.ssh.allowedSignersFile", str(team.folder / "nothing"))
    assert_stops(cluster, "cannot be read")
    cluster.write("own/signers", team.signers.read_text())
    cluster.git("add", "own")
    cluster.git("commit", "-q", "--no-verify", "-m", "Signers")
    cluster.save()
    cluster.git("worktree", "add", "-q", "--detach", "../linked")
    linked = cluster.path.parent / "linked/own/signers"
    for path in ("own/signers", str(cluster.path / "own/signers"), str(linked)):
        cluster.git("config", "gpg.ssh.allowedSignersFile", path)
        assert_stops(cluster, "may have come with a commit")
    team.signers.write_text(f"eve@example.com {(team.folder / 'eve.pub').read_text()}")
    cluster.git("config", "gpg.ssh.allowedSignersFile", str(team.signers))
    assert_stops(cluster, "has no signature by an allowed signer")
    own = team.folder / "own"
    own.write_text(f"ada@example.com {(team.folder / 'ada.pub').read_text()}")
    cluster.git("config", "ekf.resolutions.allowed-signers", str(own))
    assert plan(cluster).code == 0


def again(shared: Shared, team: Team) -> dict[str, str]:
    """Name -> object id of the files of the resolution; the team's repository is as before it."""
    listed = team.repository.out("ls-tree", "-r", REF)
    team.repository.git("update-ref", "-d", REF)
    return {line.rpartition("/")[2]: line.split()[2] for line in listed.splitlines()}


@rare
@pytest.mark.parametrize("key", ["", "eve"])
def test_by_nobody_who_counts(shared: Shared, team: Team, cluster: World, key: str) -> None:
    """The same, unsigned or signed by somebody else; until it is approved here."""
    place = f"{shared.key[:2]}/{shared.key}"
    files = again(shared, team)
    forge(team, {f"{place}/{name}": oid for name, oid in files.items()}, key=key)
    assert_stops(cluster, "has no signature by an allowed signer")
    listed = cluster.ekf("resolutions", "list")
    assert listed.out.startswith(f"{shared.key[:7]}  {DATE}  waiting   {ISTIO}  (")
    listed = json.loads(cluster.ekf("resolutions", "list", "--json").out)
    assert [one["state"] for one in listed["resolutions"]] == ["refused"]
    asked = cluster.ekf("resolutions", "approve", shared.key[:7])
    assert asked.code == 4
    assert asked.err == (
        "git-ekf: nobody is there to ask whether these resolutions may be used\n"
        f"hint: git ekf resolutions approve --yes {shared.key[:7]}\n"
    )
    assert "+        image: registry.example.com/istio:1.9.0-mine\n" in asked.out
    assert plan(cluster).code == 1
    agreed = cluster.ekf("resolutions", "approve", shared.key[:7], "--yes")
    assert agreed.code == 0, agreed
    assert agreed.out.endswith("Approved here: 1 resolution.\n")
    assert plan(cluster).code == 0
    assert "  approved  " in cluster.ekf("resolutions", "list").out


FORGED = ["key", "meta", "missing", "markers", "another answer", "removed", "link", "incomplete"]


@pytest.mark.parametrize("how", FORGED)
def test_forged(shared: Shared, team: Team, cluster: World, how: str) -> None:
    """By somebody who may sign, even: it is not what it says, and nobody's agreement makes it so."""
    place = f"{shared.key[:2]}/{shared.key}"
    whole: dict[str, str | None] = {}
    whole |= {f"{place}/{name}": oid for name, oid in again(shared, team).items()}
    result = f"{place}/result"
    modes: dict[str, str] = {}
    match how:
        case "key":
            whole[f"{place}/theirs"] = blob(team, "another\n")
            why = "it is kept under the key of another"
        case "meta":
            whole[f"{place}/meta.json"] = blob(team, "[" * 5000)
            why = "it is not whole"
        case "missing":
            whole[result] = "1" * 40
            why = "an object of it is missing"
        case "markers":
            whole[result] = blob(team, f"<<<<<<< a\n{ANSWER}=======\n>>>>>>> b\n")
            why = "it has conflict markers"
        case "link":
            modes[result] = "120000"
            why = "its result is not a plain file"
        case "incomplete":
            del whole[f"{place}/base"]
            why = "it is not whole"
        case _:
            forge(team, whole, key="ada")
            why = "it has two answers, one of "
            whole = {result: None if how == "removed" else blob(team, "another\n")}
    forge(team, whole, key="ada", modes=modes)
    if how == "missing":  # git does not take it from there
        done = plan(cluster)
        assert done.code == 1
        assert done.err.startswith("note: the resolutions cannot be fetched (")
        return
    assert_stops(cluster, why)
    refused = cluster.ekf("resolutions", "approve", shared.key[:7], "--yes")
    assert refused.code == 4
    assert f"cannot be approved: {why}" in refused.err


def test_an_object_that_has_gone_here(shared: Shared, cluster: World) -> None:
    assert plan(cluster).code == 0
    result = known(cluster)[shared.key].result
    assert result
    (cluster.path / ".git/objects" / result.oid[:2] / result.oid[2:]).unlink()
    stopped = plan(cluster, "--no-fetch")
    assert stopped.code == 1
    assert "is not used: an object of it is missing" in stopped.out


def test_a_file_that_the_vendor_has_deleted(cluster: World) -> None:
    """A modify/delete is no question of a resolution."""
    cluster.git("reset", "-q", "--hard", "HEAD~1")
    cluster.commit(DASHBOARD, deployment("dashboard", "1.8.0-mine", 1), "Our dashboard")
    cluster.save()
    resolve(cluster, deployment("dashboard", "1.9.0-mine", 1), DASHBOARD)
    assert cluster.ekf("resolutions", "save").code == 0
    [key] = [one.short for one in known(cluster).values() if one.path == DASHBOARD]
    assert cluster.ekf("undo").code == 0
    vendor_commit(cluster, "release-1.9", {DASHBOARD: None})
    planned = plan(cluster)
    assert planned.code == 1
    assert "modify/delete" in planned.out
    note = f"resolution {key} for {DASHBOARD} is not used: one side no longer has the file"
    assert f"  note      {note}\n" in planned.out
    assert cluster.ekf("upgrade").code == 3


LINES = "".join(f"{number}\n" for number in range(40))
OTHERWISE = {
    "renamed": ({"a/new": LINES.replace("20", "theirs"), "b": "x\n"}, {"a/old": "mine"}),
    "added": ({"own/x": "theirs\n"}, {"own/x": "mine\n"}),
}


@pytest.mark.parametrize("how", OTHERWISE)
def test_what_a_key_does_not_express(cluster: World, how: str) -> None:
    """It stops every time, and nothing of it is shared."""
    theirs, mine = OTHERWISE[how]
    vendor_commit(cluster, "release-1.8", {"a/old": LINES})
    cluster.git("reset", "-q", "--hard", "HEAD~1")
    cluster.git("pull", "-q", "--rebase")
    vendor_commit(cluster, "release-1.9", theirs)
    [(path, text)] = mine.items()
    cluster.commit(path, LINES.replace("20", text) if how == "renamed" else text, "Mine")
    cluster.save()
    resolve(cluster, "both\n", next(iter(theirs)))
    saved = cluster.ekf("resolutions", "save")
    assert saved.out.startswith("Nothing was resolved by hand")
    assert cluster.ekf("undo").code == 0
    shutil.rmtree(cluster.path / ".git/rr-cache")  # git itself remembers what was resolved
    assert plan(cluster).code == 1


def test_a_repository_that_is_not_there(team: Team, cluster: World) -> None:
    assert plan(cluster).code == 0
    team.repository.path.rename(team.folder / "away")
    done = plan(cluster)
    assert done.code == 0
    assert done.err.startswith("note: the resolutions cannot be fetched (")


def test_a_ref_that_is_no_commit(team: Team, cluster: World) -> None:
    """What was known before is used as it was."""
    no_commit = blob(team, "x\n")
    tip = team.tip()
    said = f"note: the resolutions cannot be fetched ({REF} is not a commit there); going by those here\n"
    for had, code in ((False, 1), (True, 0)):
        if had:
            team.repository.git("update-ref", REF, tip)
            assert plan(cluster).code == 0
        team.repository.git("update-ref", REF, no_commit)
        done = plan(cluster)
        assert (done.code, done.err) == (code, said)


@rare
def test_what_was_known_has_gone_there(shared: Shared, team: Team, cluster: World) -> None:
    assert plan(cluster).code == 0
    tip = team.tip()
    again(shared, team)
    for _ in range(2):
        done = plan(cluster)
        assert done.code == 0
        assert "no longer has all resolutions that were known here" in done.err
        forge(team, {"README": blob(team, "x\n")})
    hint = done.err.partition("then: ")[2].strip()
    assert hint == f"git update-ref -d {REF} {tip}"
    cluster.git(*hint.split()[1:])
    assert plan(cluster).code == 1


# --- shared ---


def test_a_second_answer_is_refused(shared: Shared, team: Team, cluster: World) -> None:
    cluster.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    before = team.tip()
    resolve(cluster, deployment("istio", "1.9.0-theirs", 3))
    done = cluster.ekf("resolutions", "save")
    assert done.code == 4, done
    assert f"  CONTRADICTS {shared.key[:7]} {ISTIO}: " in done.out
    assert "-        image: registry.example.com/istio:1.9.0-mine\n" in done.out
    assert "+        image: registry.example.com/istio:1.9.0-theirs\n" in done.out
    assert team.tip() == before


def test_the_same_answer_again(team: Team, cluster: World) -> None:
    cluster.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    before = team.tip()
    resolve(cluster)
    done = cluster.ekf("resolutions", "save")
    assert done.code == 0
    assert done.out.startswith("  known       ")
    assert team.tip() == before


def test_an_answer_that_was_withdrawn(shared: Shared, team: Team, cluster: World) -> None:
    """It could be given again, but nobody would ever use it."""
    cluster.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    names = team.repository.git("ls-tree", "-r", "--name-only", team.tip()).out.splitlines()
    gone = forge(team, dict.fromkeys(names), key="ada")
    resolve(cluster)
    done = cluster.ekf("resolutions", "save")
    said = f"  not shared  {ISTIO}: an answer to it was withdrawn, and none is used again\n"
    assert (done.code, done.out) == (0, f"{said}0 resolutions shared.\n")
    assert team.tip() == gone


def test_finished_with_git(shared: Shared, team: Team, cluster: World) -> None:
    """A rebase that git itself has ended is shared, too; one that was given up is not."""
    again(shared, team)
    assert cluster.ekf("upgrade", "--no-build").code == 3
    refused = cluster.ekf("resolutions", "save")
    assert refused.code == 4
    assert "is still under way" in refused.err
    cluster.git("rebase", "--abort")
    assert cluster.ekf("resolutions", "save").out.startswith("Nothing was resolved by hand")
    assert cluster.ekf("upgrade", "--no-build").code == 3
    cluster.write(ISTIO, ANSWER)
    cluster.git("add", ISTIO)
    cluster.git("rebase", "--continue", env={"GIT_EDITOR": ":"})
    done = cluster.ekf("resolutions", "save")
    assert done.code == 0, done
    assert done.out.endswith(f"  shared      {shared.key[:7]} {ISTIO}\n1 resolution shared.\n")


def test_not_signed(shared: Shared, team: Team, cluster: World) -> None:
    again(shared, team)
    cluster.git("config", "gpg.format", "openpgp")
    resolve(cluster)
    refused = cluster.ekf("resolutions", "save")
    assert refused.code == 4
    assert team.tip() == ""
    cluster.git("config", "gpg.format", "ssh")
    cluster.git("config", "user.signingKey", str(team.folder / "nokey"))
    failed = cluster.ekf("resolutions", "save")
    assert (failed.code, team.tip()) == (5, "")
    assert cluster.ekf("resolutions", "save", "--no-sign").code == 0
    assert "  waiting  " in cluster.ekf("resolutions", "list").out


def test_two_at_once(shared: Shared, team: Team, cluster: World, tmp_path: Path) -> None:
    """Whoever is later puts his on top; and a server that refuses is left as it is."""
    again(shared, team)
    resolve(cluster)
    other = forge(team, {"README": blob(team, "x\n")})
    team.repository.git("update-ref", "-d", REF)
    moving = f"$real -C {team.repository.path} update-ref {REF} {other}"
    env = wrapper(
        tmp_path / "bin",
        f'case " $* " in *" push "*) test -e {tmp_path}/once || {moving}; touch {tmp_path}/once;; esac\n'
        'exec $real "$@"',
    )
    assert cluster.ekf("resolutions", "save", env=env).code == 0
    assert team.repository.out("rev-parse", f"{REF}^") == other
    assert (tmp_path / "once").exists()
    team.repository.git("update-ref", REF, other)
    cluster.git("update-ref", "-d", REF)
    assert run("git-ekf", "hooks", "install", "--server", team.repository.path).code == 0
    done = cluster.ekf("resolutions", "save")
    assert done.code == 5
    assert "does not take the resolutions: [remote rejected]" in done.err
    assert "ref-name" in done.err
    assert team.tip() == cluster.out("rev-parse", REF) == other
    team.repository.git("config", "ekf.server.allow-refs", REF)
    assert cluster.ekf("resolutions", "save").code == 0


def test_the_vendors_is_none(cluster: World) -> None:
    for source in ("origin", str(cluster.vendor.path)):
        cluster.git("config", "ekf.resolutions", source)
        done = cluster.ekf("resolutions", "save")
        assert done.code == 4
        assert f"ekf.resolutions is the vendor's repository: {source}\n" in done.err
    cluster.git("remote", "add", "team", str(cluster.vendor.path))
    cluster.git("config", "remote.team.pushurl", str(cluster.path.with_name("own.git")))
    cluster.git("config", "ekf.resolutions", "team")
    assert cluster.ekf("resolutions", "save").code == 4


# --- off ---


def test_it_costs_nothing_where_it_is_not_set(cluster: World) -> None:
    cluster.git("config", "--unset", "ekf.resolutions")
    found = cluster.ekf("upgrade", "--plan", env={"PYTHONPROFILEIMPORTTIME": "1", "GIT_TRACE": "1"})
    assert found.code == 1
    assert "git_ekf.resolutions" not in found.err
    assert "check-attr" not in found.err
    assert REF not in found.err


def test_only_git_config_names_it(cluster: World) -> None:
    cluster.git("config", "--unset", "ekf.resolutions")
    for text in ("resolutions = 'x'\n", "[resolutions]\nallowed-signers = '/x'\n"):
        cluster.write(".ekf.toml", text)
        done = cluster.ekf("status")
        assert done.code == 2
        assert ".ekf.toml:1: resolutions can only be set with git config" in done.err
