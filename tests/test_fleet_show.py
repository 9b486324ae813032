"""A platform team's upgrade of fifty clusters behind real servers, from the first look to the last wave.

Half of the internal repositories are behind sshd, half behind nginx and git http-backend; each judges what arrives. All is done
by commands: those of docs/fleet.md, and what a colleague and the next operators do in clones.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import servers
from conftest import Clone, Run, run
from documents import blocks
from fleets import WAVES, Made, World, make_fleet
from reach import rare
from reports import Page, assert_stands_alone
from resolving import REF, Team, make_team
from test_fleet_plan import comparable
from test_kubectl import DASHBOARD, away, cluster, kubectl  # noqa: F401 (fixtures)

GOAL = "release-1.10"
RECORD = "deploy/2026-11-20/release-1.10"
DASHBOARD_BASE = "apps/dashboard/base/kustomization.yaml"
CLASH = "VERSION"
RESOLVED = "1.10.0-mine\n"
NUMBER = 50
# The last cluster of each wave but the last; whose conflict is shared, who moves meanwhile, and who dies.
ENDS = (10, 25)
SHARED = range(0, NUMBER, 6)
MOVING, DYING = 13, 15


class Show(NamedTuple):
    """The clusters as they are on their servers, their URLs, and the refs that each had at the beginning."""

    world: World
    team: Team
    made: list[Made]
    urls: list[str]
    before: list[dict[str, str]]

    def fleet(self, command: str, *args: str, code: int = 0) -> Run:
        done = run("git-ekf", "fleet", command, *args, cwd=self.world.folder)
        assert done.code == code, done
        return done

    def document(self, command: str, *args: str, code: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.fleet(command, *args, "--json", code=code).out)
        return found

    def wave(self, wave: str) -> range:
        begin, end = (0, *ENDS, NUMBER)[WAVES.index(wave) :][:2]
        return range(begin, end)

    def clone(self, at: int) -> Clone:
        """A clone of a cluster, as an operator makes it."""
        place = self.world.folder / "clones" / self.made[at].name
        if not place.exists():
            one = self.made[at]
            words = ("clone", self.world.vendor, place, "--internal", self.urls[at])
            done = run("git-ekf", *words, "--release", one.release)
            assert done.code == 0, done
        return Clone(place)

    def refs(self, at: int) -> dict[str, str]:
        """What the internal repository of a cluster has."""
        told = Clone(self.made[at].path).out("for-each-ref", "--format=%(refname) %(objectname)")
        return dict(line.split(" ") for line in told.splitlines())


# --- the beginning ---


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    with (
        servers.ssh(tmp_path / "ssh") as by_ssh,
        servers.http(tmp_path / "http") as by_http,
    ):
        for name, value in {**by_ssh.env, **by_http.env}.items():
            monkeypatch.setenv(name, value)
        world, made = make_fleet(tmp_path, NUMBER, odd=())
        for at, one in enumerate(made):
            lines = world.git("show", f"{one.commits[-1]}:{DASHBOARD_BASE}")
            patched = f"{lines}\n# of {one.name}\n"
            world.commit(one, f"Patch the dashboard of {one.name}", DASHBOARD_BASE, patched)
            if at in SHARED:
                world.commit(one, "Our version", CLASH, "mine\n")
        kinds = (by_ssh, by_http)
        there, urls = [], []
        for at, one in enumerate(made):
            moved, url = put(one, kinds[at // 2 % 2], world)
            there.append(moved)
            urls.append(url)
        team = make_team(tmp_path / "team")
        found = Show(world, team, there, urls, [])
        write_file(found, share(team, by_ssh))
        found.before.extend(found.refs(at) for at in range(NUMBER))
        yield found


def put(one: Made, server: servers.Server, world: World) -> tuple[Made, str]:
    """A cluster's repository on a server, where its administrator has it judge; and its URL."""
    path = server.repository.with_name(f"{one.name}.git")
    one.path.rename(path)
    there = Clone(path)
    there.git("config", "http.receivepack", "true")
    there.git("config", "ekf.server.mirror", str(world.vendor))
    there.git("config", "ekf.server.user", server.pusher)
    installed = run("git-ekf", "hooks", "install", "--server", path)
    assert installed.code == 0, installed
    return one._replace(path=path), server.url.replace(server.repository.name, path.name)


def share(team: Team, server: servers.Server) -> str:
    """The team's repository of resolutions, on a server and with the hook, too; its URL."""
    path = server.repository.with_name("team.git")
    team.repository.path.rename(path)
    team.repository.path.symlink_to(path)
    team.repository.git("config", "ekf.server.allow-refs", REF)
    assert run("git-ekf", "hooks", "install", "--server", path).code == 0
    for setting in (
        ("gpg.format", "ssh"),
        ("user.signingKey", team.folder / "ada"),
        ("ekf.resolutions", server.url.replace(server.repository.name, path.name)),
        ("ekf.resolutions.allowed-signers", team.signers),
    ):
        assert run("git", "config", "--global", *setting).code == 0
    return server.url.replace(server.repository.name, path.name)


def write_file(show: Show, resolutions: str) -> None:
    lines = [
        f'vendor = "{show.world.vendor}"\nwaves = ["canary", "early", "rest"]',
        f'resolutions = "{resolutions}"\nallowed-signers = "{show.team.signers}"',
    ]
    for wave in WAVES:
        for at in show.wave(wave):
            name, url = show.made[at].name, show.urls[at]
            lines.append(f'[[cluster]]\nname = "{name}"\ninternal = "{url}"\nwave = "{wave}"')
    show.world.file.write_text("\n".join(lines) + "\n")


# --- what is held ---


def require_plan(show: Show, planned: dict[str, Any], which: Sequence[int]) -> None:
    """The plan of each is that of `git ekf upgrade --plan` in a clone of it."""
    by_name = {one["name"]: one for one in planned["clusters"]}
    keys = ("base", "tip", "onto", "to", "clean", "counts")
    for at in which:
        clone = show.clone(at)
        alone = json.loads(clone.ekf("upgrade", "1.10", "--plan", "--json").out)
        found = by_name[show.made[at].name]
        assert {key: found[key] for key in keys} == {key: alone[key] for key in keys}
        assert comparable(found["commits"]) == comparable(alone["commits"])


def require_status(
    show: Show,
    *options: str,
    deployed: Sequence[int],
    dead: Sequence[int] = (),
    waiting: Sequence[int] = (),
) -> None:
    """What the status says of each is so on its server: what runs there is what was recorded, and what was pushed is prepared."""
    found = show.document("status", *options, code=5 if dead else 0)
    names = [show.made[at].name for at in waiting]
    begun = [{"branch": GOAL, "waiting": names}] if names else []
    assert found["upgrades"] == begun
    for at, one in enumerate(found["clusters"]):
        release = "1.10" if at in deployed else show.made[at].release
        assert (one["state"], one["release"]) == ("unreachable" if at in dead else "ok", release)
        assert one["last_record"]["name"].endswith(f"/release-{release}")
        if at in dead:
            continue
        refs = show.refs(at)
        assert one["tip"] == refs[f"refs/heads/release-{release}"]
        assert one["base"] == refs[f"refs/ekf/upstream/release-{release}"]
        assert (one["prepared"] == GOAL) == (f"refs/heads/{GOAL}" in refs and at not in deployed)
        assert (one["last_record"]["name"] == RECORD) == (at in deployed)
        assert one["findings"] == []


def require_upgraded(show: Show, at: int, clone: Clone) -> None:
    """It has the branch that `git rebase` makes, and what was there is as it was, but for what others brought since."""
    found, before = show.refs(at), dict(show.before[at])
    old = f"refs/heads/release-{show.made[at].release}"
    if at == MOVING:
        before[old] = show.clone(at).out("rev-parse", old)
    assert found.pop(f"refs/ekf/upstream/{GOAL}") == clone.out("rev-parse", f"origin/{GOAL}")
    del found[f"refs/heads/{GOAL}"]
    found.pop(f"refs/tags/{RECORD}", None)
    assert found == before
    path = str(show.made[at].path)
    clone.git("fetch", "-q", path, f"+{old}:refs/heads/old", f"+refs/heads/{GOAL}:refs/heads/new")
    clone.git("checkout", "-q", "--detach", "old")
    base = f"origin/release-{show.made[at].release}"
    rebased = clone.git("rebase", "-q", "--onto", f"origin/{GOAL}", base, ok=False)
    assert (rebased.code != 0) == (at in SHARED)
    if rebased.code:
        clone.write(CLASH, RESOLVED)
        clone.git("add", CLASH)
        clone.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    form = ("--reverse", "--format=%T%n%an%n%ae%n%ad%n%B")
    by_git, ours = (clone.out("log", *form, f"origin/{GOAL}..{tip}") for tip in ("HEAD", "new"))
    assert ours == by_git


def report(show: Show, code: int = 0) -> Page:
    """The page of the fleet as it is known, with what is left of the upgrade."""
    show.fleet("report", "--plan", "1.10", "--no-fetch", code=code)
    page = Page((show.world.folder / "fleet.html").read_text())
    assert_stands_alone(page)
    return page


# --- what people do ---


def resolve(show: Show, folder: Path) -> str:
    """Ada resolves the first conflict of the plan, and shares it; its key."""
    done = show.fleet("resolve", "1.10", "1", str(folder), code=3)
    assert "Go on in the clone: " in done.out
    clone = Clone(folder)
    clone.write(CLASH, RESOLVED)
    clone.git("add", CLASH)
    for words in (("upgrade", "--continue"), ("resolutions", "save")):
        done = clone.ekf(*words)
        assert done.code == 0, done
    key = re.search(r"^  shared +([0-9a-f]{7}) VERSION$", done.out, re.MULTILINE)
    assert key, done
    shutil.rmtree(folder)
    return key[1]


def deploy(show: Show, which: Sequence[int]) -> None:
    """The next operators take the branches over, as docs/fleet.md says."""
    [line] = [
        line for line in "".join(blocks("docs/fleet.md", "sh")).splitlines() if " && " in line
    ]
    for at in which:
        for command in line.split(" && "):
            words = shlex.split(command)
            assert words[:2] == ["git", "ekf"]
            done = show.clone(at).ekf(*words[2:])
            assert done.code == 0, (command, done)
        assert show.clone(at).out("rev-parse", "HEAD") == show.refs(at)[f"refs/heads/{GOAL}"]


def save_meanwhile(show: Show, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A colleague saves to a cluster when the fleet's push to it is about to begin: the ssh of who upgrades sees to that."""
    colleague = show.clone(at)
    colleague.commit("site/new.yaml", "new\n", "Meanwhile")
    folder = show.world.folder / "meanwhile"
    folder.mkdir()
    ssh = folder / "ssh"
    servers.script(
        ssh,
        f"case $* in *git-receive-pack*/{show.made[at].name}.git*) if mkdir {folder}/begun 2>&-; then",
        f"(unset $(git rev-parse --local-env-vars); cd {colleague.path} && exec git-ekf save) >{folder}/log 2>&1",
        "fi;; esac",
        'exec ssh "$@"',
    )
    command = run("sh", "-c", 'echo "$GIT_SSH_COMMAND"').out.split()
    monkeypatch.setenv("GIT_SSH_COMMAND", shlex.join([str(ssh), *command[1:]]))


# --- the show ---


@rare
def test_fifty_clusters_in_three_waves(
    show: Show,
    monkeypatch: pytest.MonkeyPatch,
    cluster: object,  # noqa: F811
    kubectl: str,  # noqa: F811
) -> None:
    for word in (kubectl, "apply", "--dry-run=client", "--validate=false", "-k", "{path}"):
        run("git", "config", "--global", "--add", "ekf.apply.command", word)
    run("git", "config", "--global", "ekf.apply.paths", DASHBOARD)
    canary, early = map(show.wave, WAVES[:2])
    require_status(show, deployed=())

    planned = show.document("plan", "1.10", "--no-fetch", code=1)
    [group] = planned["groups"]
    assert group["clusters"] == [show.made[at].name for at in SHARED]
    require_plan(show, planned, range(NUMBER))

    stopping = [at for at in canary if at in SHARED]
    done = show.fleet("upgrade", "1.10", "--wave", "canary", code=3)
    assert done.out.splitlines()[0] == (
        f"{GOAL} for 10 clusters of wave canary: {10 - len(stopping)} pushed, {len(stopping)} stopped"
    )
    require_status(show, "--no-fetch", deployed=(), waiting=stopping)
    key = resolve(show, show.world.folder / "resolving")
    planned = show.document("plan", "1.10")
    assert (planned["clean"], planned["groups"]) == (True, [])
    require_plan(show, planned, [at for at in SHARED if at not in canary])
    done = show.fleet("upgrade", "1.10", "--continue")
    settled = f"  settled  VERSION: by resolution {key} of 2026-11-20, in {len(stopping)} clusters"
    settled += ": not built: there is no kustomization above it"
    assert done.out.splitlines()[:2] == [
        f"{GOAL} for {len(stopping)} clusters: {len(stopping)} pushed",
        settled,
    ]
    require_status(show, "--no-fetch", deployed=())

    done = show.fleet("upgrade", "1.10", "--wave", "early", code=4)
    assert "saved yet by: c00, c01, c02 and 7 more (wave canary)" in done.err
    deploy(show, canary)
    require_status(show, deployed=canary)
    gone = show.made[DYING].path.with_name("gone")
    show.made[DYING].path.rename(gone)
    save_meanwhile(show, MOVING, monkeypatch)
    done = show.fleet("upgrade", "1.10", "--wave", "early", code=5)
    assert done.out.splitlines()[0] == f"{GOAL} for 15 clusters of wave early: 14 pushed, 1 failed"
    assert Clone(show.made[MOVING].path).out("log", "-1", "--format=%s", GOAL) == "Meanwhile"
    require_status(show, "--no-fetch", deployed=canary, dead=[DYING], waiting=[DYING])
    page = report(show, code=5)
    assert "1 could not be fetched" in page.texts("li")
    assert "not found as of " in page.rows("members")[DYING][5]
    left = [at for at in show.wave("rest") if at in SHARED]
    settled = rf"{len(left)} clusters: [^:]* VERSION: ✓ settled by resolution {key} of 2026-11-20, "
    assert re.search(settled, page.texts("section")[2])
    gone.rename(show.made[DYING].path)
    done = show.fleet("upgrade", "1.10", "--continue")
    assert done.out.splitlines()[0] == f"{GOAL} for 1 cluster: 1 pushed"
    deploy(show, early)
    require_status(show, deployed=range(ENDS[1]))

    done = show.fleet("upgrade", "1.10", "--wave", "rest")
    assert done.out.splitlines()[0] == f"{GOAL} for 25 clusters of wave rest: 25 pushed"
    require_status(show, "--no-fetch", deployed=range(ENDS[1]))
    shown = show.fleet("status", "--no-fetch").out.splitlines()
    assert shown[1:5] == [
        "                canary   early    rest",
        "  release-1.8                       12",
        "  release-1.9                       13",
        "  release-1.10      10      15",
    ]
    assert "  prepared      release-1.10 in 25 clusters, newer than what runs there" in shown
    page = report(show)
    assert page.rows("matrix") == [
        ["1.8", "0", "0", "12"],
        ["1.9", "0", "0", "13"],
        ["1.10", "10", "15", "0"],
    ]
    assert "25 clusters would go through, 25 need no upgrade." in page.texts("section")[2]
    assert all(row[4].endswith(", 1.10 prepared") for row in page.rows("members")[ENDS[1] :])
    place = show.world.folder / "rebasing"
    assert run("git", "clone", "-q", show.world.vendor, place).code == 0
    for at in range(NUMBER):
        require_upgraded(show, at, Clone(place))
