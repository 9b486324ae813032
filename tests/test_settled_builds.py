"""A resolution that breaks what its file belongs to is not used there: in a clone, at the stop of a rebase, and in a cluster of many."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Run, run
from fleets import Made, copy_fleet, make_fleet, publish
from fleets import World as Fleet
from reach import rare
from resolving import ANSWER, DATE, MINE, Team, copy_team, in_conflict, known, make_team, resolve
from test_schemas import schema, unknown, validator
from test_verify import KUBECTL
from upgrading import DASHBOARD, ISTIO, World, assert_clean, copy, script, use_builder

from git_ekf.demo.sample import deployment, kustomization

BASE = "apps/istio/base"
OVERLAY = "apps/istio/overlays/deploy"
NEEDED = f"{kustomization(['../../base'])}# needs 1.8.0-mine\n"

# Fails where a kustomization, or its base, lacks what it says that it needs; notes each build.
_BUILDER = """#!/bin/sh
echo "$1" >>{log}
cd "$1" || exit
for need in $(cat kustomization.yaml ../../base/kustomization.yaml 2>/dev/null | sed -n 's/^# needs //p'); do
    cat *.yaml ../../base/*.yaml 2>/dev/null | grep -v '^#' | grep -q "$need" && continue
    echo "Error: no matches for $need" >&2
    exit 1
done
"""


class Shared:
    """A team with one resolution, for a conflict that all clusters from a folder have."""

    def __init__(self, template: Path, folder: Path) -> None:
        self.team = make_team(folder / "team")
        self.cluster = in_conflict(template, folder / "other").path.parent
        first = copy(self.cluster, folder / "first")
        self.team.set_up(first)
        resolve(first)
        assert first.ekf("resolutions", "save").code == 0
        [self.key] = known(first)

    @property
    def how(self) -> str:
        return f"{ISTIO}: by resolution {self.key[:7]} of {DATE}"

    @property
    def refused(self) -> str:
        return f"resolution {self.key[:7]} for {ISTIO} is not used: with it"


@pytest.fixture(scope="module")
def shared(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    return Shared(template, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def cluster(shared: Shared, tmp_path: Path) -> World:
    """A cluster with the conflict; what its builder is run for is noted in `built`, beside it."""
    world = copy(shared.cluster, tmp_path / "cluster")
    copy_team(shared.team, tmp_path / "team").set_up(world)
    use_builder(world, *builder(world.path.parent))
    return world


def builder(folder: Path) -> list[str]:
    script(folder / "build", _BUILDER.format(log=folder / "built"))
    return [str(folder / "build"), "{path}"]


def built(folder: Path) -> list[str]:
    lines = folder / "built"
    return lines.read_text().splitlines() if lines.exists() else []


def upgrade(world: World, *args: str, code: int) -> Run:
    done = world.ekf("upgrade", *args)
    assert done.code == code, done
    return done


# --- a clone ---


@rare
def test_it_builds(shared: Shared, cluster: World) -> None:
    """The kustomization above the file, and what is deployed and stands on it; as the plan says."""
    said = f"{shared.how}\n              {BASE} and 1 more build with it\n"
    planned = upgrade(cluster, "--plan", "--build", code=0)
    assert said in planned.out
    assert "note" not in planned.out
    document = json.loads(upgrade(cluster, "--json", "--build", code=0).out)
    validator("upgrade").validate(document)
    assert not list(unknown(document, schema("upgrade"), schema("upgrade")))
    [settled] = document["commits"][-1]["settled"]
    assert (settled["builds"], settled["not_built"]) == ([BASE, OVERLAY], None)
    unbuilt = upgrade(cluster, "--plan", code=0)
    assert "  note      --build tells whether what resolutions settle still builds\n" in unbuilt.out
    done = upgrade(cluster, code=0)
    assert said in done.out
    assert_clean(cluster)
    assert cluster.ekf("undo").code == 0
    (cluster.path.parent / "built").unlink()
    assert f"{shared.how}\nUpgraded: " in upgrade(cluster, "--no-build", code=0).out
    assert built(cluster.path.parent) == []


def test_it_breaks_an_overlay(shared: Shared, cluster: World) -> None:
    """The conflict is left to the user, who resolves it for this cluster."""
    cluster.commit(f"{OVERLAY}/kustomization.yaml", NEEDED, "What we need")
    cluster.save()
    why = f"{shared.refused} {OVERLAY} no longer builds: Error: no matches for 1.8.0-mine"
    planned = upgrade(cluster, "--plan", "--build", code=1)
    assert f"  note      {why}\n" in planned.out
    assert "by resolution" not in planned.out
    stopped = upgrade(cluster, code=3)
    assert f"  {why}\n" in stopped.out
    assert "<<<<<<<" in (cluster.path / ISTIO).read_text()
    assert cluster.out("diff", "--name-only", "--diff-filter=U") == ISTIO
    cluster.write(ISTIO, MINE)
    cluster.git("add", ISTIO)
    done = upgrade(cluster, "--continue", code=0)
    assert "  builds    2 kustomizations that your commits change\n" in done.out
    assert_clean(cluster)
    assert cluster.ekf("undo").code == 0
    used = upgrade(cluster, "--no-build", code=0)
    assert shared.how in used.out


@pytest.fixture
def at_a_stop(cluster: World) -> World:
    """Before the conflict there is another one, that is resolved by hand."""
    cluster.git("reset", "-q", "--hard", "HEAD~1")
    cluster.commit(DASHBOARD, deployment("dashboard", "1.8.0-mine", 1), "Our dashboard")
    cluster.git("config", "rerere.enabled", "false")
    return cluster


def go_on(world: World, needs: str, code: int) -> Run:
    """With the upgrade behind the first conflict; the base needs something."""
    file = f"{kustomization(['deployment.yaml'])}# needs {needs}\n"
    world.commit(f"{BASE}/kustomization.yaml", file, "What we need")
    world.commit(ISTIO, MINE, "Our image")
    world.save()
    upgrade(world, code=3)
    assert world.out("diff", "--name-only", "--diff-filter=U") == DASHBOARD
    world.write(DASHBOARD, deployment("dashboard", "1.9.0-mine", 1))
    world.git("add", "-A")
    return upgrade(world, "--continue", code=code)


@rare
def test_it_breaks_something_where_a_rebase_stops(shared: Shared, at_a_stop: World) -> None:
    """The conflict is as git has left it."""
    cluster = at_a_stop
    stopped = go_on(cluster, "istio:1.[.0-9]*\\(-mine\\)*$", code=0)
    assert f"{shared.how}\n              {BASE} and 1 more build with it\n" in stopped.out
    assert cluster.ekf("undo").code == 0
    cluster.git("reset", "-q", "--hard", "HEAD~2")
    stopped = go_on(cluster, "istio:1.8.0-mine\\|istio:1.9.0$", code=3)
    broken = f"{shared.refused} {BASE} and 1 more no longer build: Error: no matches for "
    assert f"  {broken}" in stopped.out
    assert cluster.out("diff", "--name-only", "--diff-filter=U") == ISTIO
    assert "<<<<<<< " in (cluster.path / ISTIO).read_text()
    assert cluster.out("rev-parse", f":2:{ISTIO}") == cluster.out("rev-parse", f"HEAD:{ISTIO}")
    upgrade(cluster, "--abort", code=0)
    assert_clean(cluster)


@rare
def test_what_it_does_not_break(shared: Shared, at_a_stop: World) -> None:
    """The new side does not build there before it, either: it is used, and that is said."""
    done = go_on(at_a_stop, "istio:1.8.0", code=1)
    lines = [line.strip() for line in done.out.splitlines()]
    said = lines[lines.index(f"settled   {shared.how}") + 1]
    assert said == f"not built: {BASE} does not build, nor did it before"


NOT_BUILT = {
    "no builder": "the builder cannot be started (nothing '{path}'): there is no such program",
    "not trusted": ".ekf.toml names a command that is not trusted here: sh -c 'touch ../evil'",
    "no kustomization": "there is no kustomization above it",
}


@rare
@pytest.mark.parametrize("how", NOT_BUILT)
def test_nothing_is_built(shared: Shared, cluster: World, how: str) -> None:
    """It is used, and that nobody has built it is said."""
    cluster.git("config", "--unset-all", "ekf.render.command")
    match how:
        case "no builder":
            cluster.git("config", "ekf.render.command", "nothing")
            cluster.git("config", "--add", "ekf.render.command", "{path}")
        case "not trusted":
            cluster.write(".ekf.toml", '[render]\ncommand = ["sh", "-c", "touch ../evil"]\n')
        case _:
            use_builder(cluster, *builder(cluster.path.parent))
            cluster.git("rm", "-q", f"{BASE}/kustomization.yaml")
    cluster.git("add", "-A")
    cluster.git("commit", "-q", "--allow-empty", "--no-verify", "-m", "More")
    cluster.save()
    done = upgrade(cluster, code=0)
    assert f"{shared.how}\n              not built: {NOT_BUILT[how]}\n" in done.out
    assert not (cluster.path.parent / "evil").exists()


# --- a fleet ---


class Clusters:
    """Four clusters with one conflict: the first two are alike, the last one breaks with its answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.team = make_team(folder / "team")
        self.world, made = make_fleet(folder / "clusters", 8, odd=())
        self.made = made[::2]  # those of one release
        for one in self.made:
            self.world.commit(one, "Our image", ISTIO, MINE)
        file = f"{OVERLAY}/kustomization.yaml"
        self.world.commit(self.made[-1], "What we need", file, NEEDED)
        alike = self.made[0].refs["refs/heads/release-1.8"]
        self.made[1].refs["refs/heads/release-1.8"] = alike
        publish(self.made[1])


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Clusters:
    return Clusters(tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def fleet(
    clusters: Clusters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Fleet, list[Made]]:
    """With the answer shared, and a builder that the user has set."""
    world, made = copy_fleet(clusters.world, clusters.made, tmp_path / "clusters")
    team = copy_team(clusters.team, tmp_path / "team")
    monkeypatch.chdir(tmp_path / "clusters")
    world.write_file(
        made, f'resolutions = "{team.repository.path}"\nallowed-signers = "{team.signers}"\n'
    )
    share(team, tmp_path, made[0])
    for word in builder(tmp_path):
        assert run("git", "config", "--global", "--add", "ekf.render.command", word).code == 0
    return world, made


def share(team: Team, folder: Path, one: Made) -> None:
    clone = World(folder / "clone")
    assert run("git-ekf", "fleet", "resolve", "1.10", one.name, clone.path).code == 3
    clone.git("config", "gpg.format", "ssh")
    clone.git("config", "user.signingKey", str(team.folder / "ada"))
    clone.write(ISTIO, ANSWER)
    clone.git("add", ISTIO)
    assert clone.ekf("upgrade", "--continue", "--no-build").code == 0
    assert clone.ekf("resolutions", "save").code == 0


@rare
def test_in_one_cluster_of_a_fleet(fleet: tuple[Fleet, list[Made]], tmp_path: Path) -> None:
    """It alone is left out; what is the same in two is built once."""
    _, made = fleet
    words = (
        "git-ekf",
        "fleet",
        "upgrade",
        "1.10",
        "--without-records",
        "--where",
        "branch=release-1.8",
    )
    done = run(*words)
    assert done.code == 3, done
    lines = done.out.splitlines()
    assert lines[0] == "release-1.10 for 4 clusters: 3 pushed, 1 stopped"
    assert lines[1].startswith(f"  stopped  {made[-1].name}  Our image (")
    assert f" is not used: with it {OVERLAY} no longer builds: Error: no matches for" in lines[1]
    assert lines[2].endswith(f", in 3 clusters: {BASE} and 1 more build with it")
    # Of the last one both sides, too, as they were before.
    expected = {BASE: 3, OVERLAY: 5}
    assert {path: built(tmp_path).count(path) for path in expected} == expected
    document = json.loads(run(*words, "--dry-run", "--json").out)
    validator("fleet-upgrade").validate(document)
    assert not list(unknown(document, schema("fleet-upgrade"), schema("fleet-upgrade")))
    assert {one["name"]: one["state"] for one in document["clusters"]} == {
        **dict.fromkeys((one.name for one in made), "there"),
        made[-1].name: "stopped",
    }


@rare
def test_a_cluster_names_no_builder(fleet: tuple[Fleet, list[Made]], tmp_path: Path) -> None:
    """What a cluster's own configuration says of one does not count; nor is a file of its run."""
    world, made = fleet
    toml = '[render]\ncommand = ["./evil", "{path}"]\n'
    world.commit(made[0], "A builder", ".ekf.toml", toml)
    words = ("git-ekf", "fleet", "upgrade", "1.10", "--without-records", "--dry-run", "--json")
    only = f"--only={made[0].name}"
    found = json.loads(run(*words, only).out)["clusters"][0]
    assert [one["builds"] for one in found["settled"]] == [[BASE, OVERLAY]]
    run("git", "config", "--global", "--unset-all", "ekf.render.command")
    for word in ("sh", "tools/build", "{path}"):
        run("git", "config", "--global", "--add", "ekf.render.command", word)
    world.commit(made[0], "A tool", "tools/build", f"touch {tmp_path / 'evil'}\n")
    found = json.loads(run(*words, only).out)["clusters"][0]
    [settled] = found["settled"]
    assert settled["builds"] == []
    assert "tools/build (" in settled["not_built"]
    assert "is not trusted here in this version" in settled["not_built"]
    assert not (tmp_path / "evil").exists()


PATCH = """patches:
- target:
    kind: Deployment
  patch: |-
    - op: remove
      path: /spec/template/metadata/labels/app
    - op: test
      path: /spec/replicas
      value: {replicas}
"""


@rare
def test_with_kubectl(fleet: tuple[Fleet, list[Made]]) -> None:
    """A patch of one's own that the answer's file does not fit, and one that it does."""
    if not KUBECTL:
        pytest.skip("kubectl is not on this machine")
    run("git", "config", "--global", "--unset-all", "ekf.render.command")
    for word in (KUBECTL, "kustomize", "{path}"):
        run("git", "config", "--global", "--add", "ekf.render.command", word)
    world, made = fleet
    for one, replicas in zip(made, (3, 4), strict=False):
        text = kustomization(["../../base"]) + PATCH.format(replicas=replicas)
        world.commit(one, "A patch", f"{OVERLAY}/kustomization.yaml", text)
    words = ("git-ekf", "fleet", "upgrade", "1.10", "--without-records", "--dry-run", "--json")
    found = json.loads(run(*words, "--where", "branch=release-1.8").out)["clusters"]
    assert [one["builds"] for one in found[0]["settled"]] == [[BASE, OVERLAY]]
    # With four replicas it did not build before: they are three in the cluster's own commit.
    [settled] = found[1]["settled"]
    assert settled["builds"] == [BASE]
    assert settled["not_built"] == f"{OVERLAY} does not build, nor did it before"
