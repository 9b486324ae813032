"""git ekf fleet upgrade: what each cluster gets is what a rebase makes; nothing of it is lost or overwritten."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import servers
from conftest import Run, run
from daemons import wait_for
from documents import blocks
from fleets import WAVES, Made, World, copy_fleet, make_fleet, patch_dashboards, publish
from histories import rebase, upstream
from reach import rare
from resolving import make_team
from servers import script
from test_schemas import schema, unknown, validator

from git_ekf.commands.fleet_upgrade import upgrade as upgrade_command
from git_ekf.errors import GitFailed, Interrupted, Refused
from git_ekf.fleet import upgrade as upgrading
from git_ekf.fleet.branches import ClusterUpgrade
from git_ekf.fleet.file import read_fleet
from git_ekf.fleet.gate import Wish
from git_ekf.fleet.outcomes import FAILED, PUSHED, REFUSED, STOPPED, THERE
from git_ekf.fleet.pushing import push
from git_ekf.fleet.runs import Made as MadeInRun
from git_ekf.fleet.runs import read_run, write_run
from git_ekf.fleet.store import open_store
from git_ekf.fleet.upgrade import upgrade_fleet
from git_ekf.git.packedrefs import read_packed
from git_ekf.repository import Repository
from git_ekf.upgrade.work import read_work

GOAL = "release-1.10"
CLASH = "VERSION"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, list[Made]]:
    """Eight clusters whose internal repositories judge; in each there is something to merge."""
    world, made = make_fleet(tmp_path_factory.mktemp("fleet"), 8, odd=())
    done = run("git-ekf", "hooks", "install", "--server", made[0].path)
    assert done.code == 0, done
    for one in made[1:]:
        shutil.copytree(made[0].path / "hooks", one.path / "hooks", symlinks=True)
        shutil.copy(made[0].path / "config", one.path / "config")
    patch_dashboards(world, made)
    return world, made


@pytest.fixture
def fleet(
    template: tuple[World, list[Made]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[World, list[Made]]:
    monkeypatch.chdir(tmp_path)
    return copy_fleet(*template, tmp_path)


def unwatched(title: str, numbers: Sequence[int]) -> Iterator[int]:
    return iter(numbers)


def upgraded(world: World, **options: Any) -> dict[str, ClusterUpgrade]:
    """What has become of each, by the work itself."""
    given = read_fleet(str(world.file))
    members = options.pop("members", given.members)
    goal = options.pop("goal", GOAL)
    release = goal.removeprefix("release-")
    wish = Wish(release, goal, members, "COMMAND", **{"records": False, **options})
    found = upgrade_fleet(open_store(given), given, wish, unwatched)
    return {one.member.name: one for one in found}


def upgrade(*args: str, code: int = 0) -> Run:
    done = run("git-ekf", "fleet", "upgrade", "1.10", *args)
    assert done.code == code, done
    return done


def refs(one: Made) -> dict[str, str]:
    """What its internal repository has."""
    lines = run("git", "-C", one.path, "for-each-ref", "--format=%(refname) %(objectname)").out
    return dict(line.split(" ") for line in lines.splitlines())


def require_pushed(world: World, one: Made) -> None:
    """It has the branch that a rebase makes, with what it stands on, and is otherwise as it was."""
    found = refs(one)
    vendor = world.git("rev-parse", GOAL)
    new = found.pop(f"refs/heads/{GOAL}")
    assert found.pop(f"refs/ekf/upstream/{GOAL}") == vendor
    assert found == one.refs
    assert told(one.path, f"{vendor}..{new}") == rebased(world, one, vendor)


def told(repository: Path, commits: str) -> str:
    """All of some commits but for their ids and who has made them of what."""
    form = "--format=%T%n%an%n%ae%n%ad%n%B"
    done = run("git", "-C", repository, "log", "--reverse", form, commits)
    assert done.code == 0, done
    return done.out


# What rebases have made, by what they were made of: it is the same in each test.
_REBASED: dict[tuple[str, str, str], str] = {}


def rebased(world: World, one: Made, vendor: str) -> str:
    """What `git rebase` makes of the branch of a cluster."""
    old = one.refs[f"refs/heads/release-{one.release}"]
    if (vendor, one.base, old) not in _REBASED:
        place = world.folder / f"rebase-{old}"
        for words in (
            ("clone", "-q", "--shared", "--no-checkout", world.factory, place),
            ("-C", place, "checkout", "-q", "--detach", old),
            ("-C", place, "rebase", "-q", "--onto", vendor, one.base),
        ):
            done = run("git", *words)
            assert done.code == 0, done
        _REBASED[vendor, one.base, old] = told(place, f"{vendor}..HEAD")
    return _REBASED[vendor, one.base, old]


def states(found: dict[str, ClusterUpgrade]) -> dict[str, str]:
    return {name: one.state for name, one in found.items()}


def test_every_branch_is_what_a_rebase_makes(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    members = read_fleet(str(world.file)).members[:3]
    received, hook = world.folder / "received", made[0].path / "hooks/post-receive"
    hook.write_text(f"#!/bin/sh\ncat >{received}\n")
    hook.chmod(0o755)
    found = upgraded(world, members=members)
    # Nothing is sent of the branch that git looks at.
    named = {line.split()[2] for line in received.read_text().splitlines()}
    assert named == {f"refs/heads/{GOAL}", f"refs/ekf/upstream/{GOAL}"}
    assert set(states(found).values()) == {PUSHED}, found
    for one in made[:3]:
        require_pushed(world, one)
        assert found[one.name].new == refs(one)[f"refs/heads/{GOAL}"]
    store = open_store(read_fleet(str(world.file)))
    assert read_run(store, GOAL) == {}
    assert not Path(store.incoming).exists()
    assert set(states(upgraded(world, members=members)).values()) == {THERE}


def shown_in_the_document() -> list[list[str]]:
    """What docs/fleet.md gives the command, but for --continue."""
    lines = "".join(blocks("docs/fleet.md", "sh")).splitlines()
    begin = "git ekf fleet upgrade 1.10 "
    given = [line.removeprefix(begin).split() for line in lines if line.startswith(begin)]
    assert given.pop(2) == ["--continue"]
    return given


def test_in_three_waves(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    early = upgrade("--wave", "early", code=4)
    assert early.err.splitlines() == [
        f"git-ekf: no deploy record of {GOAL} is saved yet by: c0, c1, c2 (wave canary)",
        "hint: git ekf fleet status --list --where wave=canary shows them;"
        " --without-records does not wait",
    ]
    assert [refs(one) for one in made] == [one.refs for one in made]
    dry, *given = shown_in_the_document()
    said = f"{GOAL} for 3 clusters of wave canary: 3 would be pushed\n  planned  c0, c1, c2\n"
    assert upgrade(*dry).out == said
    assert [refs(one) for one in made] == [one.refs for one in made]
    for number, wave in enumerate(WAVES):
        done = upgrade(*(given[number] if number < 2 else ("--wave", "3")))
        members = made[number * 3 : number * 3 + 3]
        lines = [
            f"release-1.10 for {len(members)} clusters of wave {wave}: {len(members)} pushed",
            "Next: have it deployed there, and recorded with git ekf tag and git ekf save",
        ]
        if wave != "rest":
            lines[1] += f"; then: git ekf fleet upgrade 1.10 --wave {WAVES[number + 1]}"
        assert done.out.splitlines() == lines
        for one in members:
            require_pushed(world, one)
            world.deploy(one, "1.10", refs(one)[f"refs/heads/{GOAL}"])
        for one in made[number * 3 + 3 :]:
            assert refs(one) == one.refs


def test_a_wave_waits_for_nobody_without_a_release(fleet: tuple[World, list[Made]]) -> None:
    """As a forge makes a repository, with a README on a branch of its own."""
    world, made = fleet
    begun = made[0]
    begun.refs.clear()
    begun.refs["refs/heads/main"] = begun.base
    publish(begun)
    for one in made[1:3]:
        world.deploy(one, "1.10", one.commits[-1])
    done = upgrade("--wave", "early", "--dry-run")
    assert done.out.startswith(f"{GOAL} for 3 clusters of wave early: 3 would be pushed\n")


def test_what_cannot_be_upgraded_is_left_out_and_named(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    stopped, merged, dead, refusing, fine = made[:5]
    world.commit(stopped, "Own version", CLASH, "mine\n")
    merge = world.git(
        "commit-tree",
        "-p",
        merged.commits[-1],
        "-p",
        merged.commits[0],
        "-m",
        "x",
        f"{merged.commits[-1]}^{{tree}}",
    )
    merged.refs[f"refs/heads/release-{merged.release}"] = merge
    publish(merged)
    shutil.rmtree(dead.path)
    hook = refusing.path / "hooks" / "pre-receive"
    hook.unlink()
    hook.write_text("#!/bin/sh\necho 'Not on a Friday' >&2\nexit 1\n")
    hook.chmod(0o755)
    names = [f"--only={one.name}" for one in made[:5]]
    done = upgrade(*names, "--without-records", "--max-failed", "2", code=5)
    lines = done.out.splitlines()
    assert lines[0] == "release-1.10 for 5 clusters: 1 pushed, 1 stopped, 1 refused, 2 failed"
    assert lines[1].startswith(f"  stopped  {stopped.name}  Own version (")
    assert lines[1].endswith("), content: VERSION")
    assert lines[2].startswith(
        f"  refused  {merged.name}  a merge commit is among the configuration commits"
    )
    assert lines[3].startswith(f"  failed   {dead.name}  ")
    assert lines[4] == f"  failed   {refusing.name}  pre-receive hook declined; Not on a Friday"
    assert lines[5:] == ["Not done yet, go on with: git ekf fleet upgrade 1.10 --continue"]
    require_pushed(world, fine)
    for one in (stopped, merged, refusing):
        assert refs(one) == one.refs
    hook.unlink()
    done = upgrade("--continue", "--json", code=5)
    found = json.loads(done.out)
    validator("fleet-upgrade").validate(found)
    assert not list(unknown(found, schema("fleet-upgrade"), schema("fleet-upgrade")))
    assert {one["name"]: one["state"] for one in found["clusters"]} == {
        stopped.name: STOPPED,
        merged.name: REFUSED,
        dead.name: FAILED,
        refusing.name: PUSHED,
    }
    require_pushed(world, refusing)


def test_where_all_have_it_nothing_is_next(fleet: tuple[World, list[Made]]) -> None:
    upgrade("--only", "c0")
    done = upgrade("--only", "c0")
    assert done.out == f"{GOAL} for 1 cluster: 1 there already\n"


def test_interrupted_before_anything_is_begun(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint is the command as it was given, for there is none to go on with."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("git_ekf.commands.fleet_upgrade.upgrade_fleet", interrupted)
    begin = "git ekf fleet upgrade 1.10"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"wave": "1", "dry_run": True}, "--wave canary --dry-run"),
        ({"wave": "2", "without_records": True}, "--wave early --without-records"),
        ({"only": ["c0"], "max_failed": 0}, "--only c0 --max-failed 0"),
    ]
    for options, again in cases:
        with pytest.raises(Interrupted) as raised:
            upgrade_command("1.10", **options)
        assert raised.value.message == "interrupted; nothing was pushed"
        assert raised.value.hint == f"{begin} {again}"
    write_run(open_store(read_fleet("fleet.toml")), GOAL, {"c0": MadeInRun("1" * 40)})
    with pytest.raises(Interrupted) as raised:
        upgrade_command("1.10", wave="1")
    assert raised.value.hint == f"{begin} --continue"


def test_a_dry_run_is_none_to_go_on_with(fleet: tuple[World, list[Made]]) -> None:
    _, made = fleet
    upgrade("--wave", "canary", "--dry-run")
    assert [refs(one) for one in made] == [one.refs for one in made]
    assert not any(
        ref.startswith("refs/ekf/")
        for ref in read_packed(open_store(read_fleet("fleet.toml")).path)
    )


@rare
def test_one_at_which_git_fails_fails_alone(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = fleet
    real = read_work

    def instead(view: Repository, *rest: Any) -> Any:
        if view.place.top.endswith("c1"):
            raise GitFailed(["rev-list"], 128, "fatal: it is broken")
        return real(view, *rest)

    monkeypatch.setattr("git_ekf.fleet.branches.read_work", instead)
    found = upgraded(world, members=read_fleet(str(world.file)).members[:3])
    assert list(states(found).values()) == [PUSHED, FAILED, PUSHED]
    assert found["c1"].why == "git rev-list failed with code 128: fatal: it is broken"


def test_a_branch_of_the_vendors_is_no_upgrade(fleet: tuple[World, list[Made]]) -> None:
    """Where an internal repository began as a copy of the vendor's, it has its branches."""
    world, made = fleet
    vendor = world.git("rev-parse", GOAL)
    run("git", "-C", made[0].path, "update-ref", f"refs/heads/{GOAL}", vendor)
    found = upgraded(world, members=read_fleet(str(world.file)).members[:1])
    why = f"its {GOAL} is the vendor's, without any commit of its own"
    assert (found["c0"].state, found["c0"].why) == (REFUSED, why)
    assert refs(made[0])[f"refs/heads/{GOAL}"] == vendor


# --- meanwhile ---


def before_push(monkeypatch: pytest.MonkeyPatch, act: Callable[[str], object]) -> None:
    """Does something before a cluster is pushed to, once."""
    real = push
    met: set[str] = set()

    def instead(git: Any, one: Any, seconds: int) -> Any:
        if one.member.name not in met:
            met.add(one.member.name)
            act(one.member.name)
        return real(git, one, seconds)

    monkeypatch.setattr("git_ekf.fleet.upgrade.push", instead)


@rare
def test_one_that_moves_is_planned_again(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = fleet
    moving, other = made[3:5]
    theirs = world.git(
        "commit-tree", "-p", world.git("rev-parse", GOAL), "-m", "By hand", f"{GOAL}^{{tree}}"
    )

    def move(name: str) -> None:
        if name == moving.name:
            world.commit(moving, "Meanwhile", "site/new.yaml", "new\n")
        if name == other.name:
            run("git", "-C", other.path, "update-ref", f"refs/heads/{GOAL}", theirs)

    before_push(monkeypatch, move)
    found = upgraded(world)
    assert found[other.name].state == THERE
    assert refs(other)[f"refs/heads/{GOAL}"] == theirs
    for one in made:
        if one is not other:
            assert found[one.name].state == PUSHED, found[one.name]
            require_pushed(world, one)
    assert "Meanwhile" in run("git", "-C", moving.path, "log", "-1", "--format=%s", GOAL).out


def test_one_whose_hook_sees_that_it_has_moved(fleet: tuple[World, list[Made]]) -> None:
    """Somebody else's push arrives after git has looked at the refs, and before its hook is asked."""
    world, made = fleet
    theirs = world.git(
        "commit-tree", "-p", world.git("rev-parse", GOAL), "-m", "By hand", f"{GOAL}^{{tree}}"
    )
    hook = made[0].path / "hooks/pre-receive"
    judging = hook.rename(hook.with_name("judging"))
    script(
        hook,
        "unset GIT_QUARANTINE_PATH",
        f"git update-ref refs/heads/{GOAL} {theirs}",
        f"exec {judging}",
    )
    found = upgraded(world, members=read_fleet(str(world.file)).members[:1])
    assert (found["c0"].state, refs(made[0])[f"refs/heads/{GOAL}"]) == (THERE, theirs)


@rare
def test_one_that_always_moves_fails_alone(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = fleet
    moving = made[-1]
    real = push

    def instead(git: Any, one: Any, seconds: int) -> Any:
        if one.member.name == moving.name:
            world.commit(moving, "Once more")
        return real(git, one, seconds)

    monkeypatch.setattr("git_ekf.fleet.upgrade.push", instead)
    found = upgraded(world)
    why = "somebody else pushes to it all the time, or was cut off there"
    assert (found[moving.name].state, found[moving.name].why) == (FAILED, why)
    assert refs(moving) == moving.refs
    assert set(states(found).values()) == {PUSHED, FAILED}


@rare
def test_two_at_once(fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch) -> None:
    world, made = fleet
    seen = []

    def second(name: str) -> None:
        with pytest.raises(Refused) as caught:
            upgraded(world)
        seen.append(caught.value.message)

    before_push(monkeypatch, second)
    upgraded(world, members=read_fleet(str(world.file)).members[:1])
    assert seen == ["another git-ekf command is at work in this repository"]
    require_pushed(world, made[0])


def test_failures_end_a_wave(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    for one in made[:2]:
        shutil.rmtree(one.path)
    found = upgraded(world)
    assert list(states(found).values()) == [FAILED] * 2 + ["left"] * 6
    assert [refs(one) for one in made[2:]] == [one.refs for one in made[2:]]
    found = upgraded(world, proceed=True, max_failed=2)
    assert list(states(found).values()) == [FAILED] * 2 + [PUSHED] * 6


def test_the_next_operator_takes_it_over(fleet: tuple[World, list[Made]], tmp_path: Path) -> None:
    """In a clone of one cluster, `git ekf upgrade` finds the branch, and goes on from it."""
    world, made = fleet
    one = made[0]
    upgraded(world, members=read_fleet(str(world.file)).members[:1])
    place = tmp_path / "work"
    done = run(
        "git-ekf", "clone", world.vendor, place, "--internal", one.path, "--release", one.release
    )
    assert done.code == 0, done
    done = run("git-ekf", "upgrade", "1.10", "--no-build", cwd=place)
    assert done.code == 0, done
    head = run("git", "rev-parse", "HEAD", GOAL, cwd=place).out.split()
    assert head == [refs(one)[f"refs/heads/{GOAL}"]] * 2
    require_pushed(world, one)
    for words in (("tag", "-m", "Deployed"), ("save",)):
        done = run("git-ekf", *words, cwd=place)
        assert done.code == 0, done
    done = upgrade("--wave", "2", code=4)
    assert "saved yet by: c1, c2 (wave canary)" in done.err


# --- interrupted ---

# Each is a step of an upgrade, which ends in the middle of it, and in which of its calls.
STEPS = (
    ("push", 3),
    ("fetch_held", 1),
    ("BranchMaker", 1),
    ("write_run", 1),
    ("write_run", 2),
    ("push", 1),
    ("fetch_held", 2),
    ("write_run", 3),
)


def breaking_off(
    monkeypatch: pytest.MonkeyPatch, step: str, call: int, after: bool, end: Callable[[], object]
) -> None:
    """Ends before or after one of the calls of a step."""
    real = getattr(upgrading, step)
    calls: list[int] = []

    def instead(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) != call:
            return real(*args, **options)
        if after:
            real(*args, **options)
        return end()

    monkeypatch.setattr(upgrading, step, instead)


@rare
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("step", "call"), [STEPS[0], *(pytest.param(*one, marks=rare) for one in STEPS[1:])]
)
def test_killed_anywhere_it_can_be_gone_on_with(
    fleet: tuple[World, list[Made]],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    call: int,
    after: bool,
) -> None:
    world, made = fleet
    world.write_file(made, "jobs = 1\n")  # else a push of another thread goes on a little
    child = os.fork()
    if not child:
        try:
            breaking_off(
                monkeypatch, step, call, after, lambda: os.kill(os.getpid(), signal.SIGKILL)
            )
            upgraded(world)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    whole = [one for one in made if f"refs/heads/{GOAL}" in refs(one)]
    for one in made:
        if one in whole:
            require_pushed(world, one)
        else:
            assert refs(one) == one.refs
    store = open_store(read_fleet(str(world.file)))
    begun = read_run(store, GOAL)
    if begun:
        found = upgraded(world, proceed=True)
        assert set(states(found)) == set(begun)
        for one in whole:
            assert one.name not in found or found[one.name].state == THERE
        for name, entry in begun.items():
            if entry.new and found[name].state == PUSHED:
                assert found[name].new == entry.new
    else:
        with pytest.raises(Refused, match=r"there is no upgrade to release-1\.10 to go on with"):
            upgraded(world, proceed=True)
        upgraded(world)
    for one in made:
        require_pushed(world, one)
    assert read_run(store, GOAL) == {}
    assert not Path(store.incoming).exists()
    done = run("git", "-C", store.path, "fsck", "--connectivity-only", "--no-dangling")
    assert done.code == 0, done


@rare
@pytest.mark.parametrize("step", ["push", "write_run"])
def test_interrupted_it_can_be_gone_on_with(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    world, made = fleet

    def end() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        breaking_off(patch, step, 2, False, end)
        with pytest.raises(KeyboardInterrupt):
            upgraded(world)
    for one in made:
        if f"refs/heads/{GOAL}" in refs(one):
            require_pushed(world, one)
        else:
            assert refs(one) == one.refs
    done = upgrade("--continue")
    assert "pushed" in done.out
    for one in made:
        require_pushed(world, one)


# --- servers ---


def configure(one: Made, *settings: str) -> None:
    for setting in settings:
        key, _, value = setting.partition("=")
        assert run("git", "-C", one.path, "config", key, value).code == 0


def test_servers_that_take_less(fleet: tuple[World, list[Made]]) -> None:
    """One takes no atomic push, one no ref of ours, one has the vendor's commit of a later day."""
    world, made = fleet
    one_by_one, branches_only, ahead = made[:3]
    configure(one_by_one, "receive.advertiseAtomic=false")
    (branches_only.path / "hooks/pre-receive").unlink()
    hook = branches_only.path / "hooks/update"
    hook.write_text(
        "#!/bin/sh\ncase $1 in refs/heads/*) ;; *) echo 'branches only' >&2; exit 1;; esac\n"
    )
    hook.chmod(0o755)
    later = world.git(
        "commit-tree", "-p", world.git("rev-parse", GOAL), "-m", "Later", f"{GOAL}^{{tree}}"
    )
    run("git", "-C", ahead.path, "update-ref", f"refs/ekf/upstream/{GOAL}", later)
    (ahead.path / "hooks/pre-receive").unlink()
    members = read_fleet(str(world.file)).members[:3]
    found = upgraded(world, members=members)
    assert states(found) == {one.name: PUSHED for one in made[:3]}, found
    require_pushed(world, one_by_one)
    note = f"without refs/ekf/upstream/{GOAL}, which it does not take"
    assert found[branches_only.name].why == found[ahead.name].why == note
    for one in (branches_only, ahead):
        assert refs(one)[f"refs/heads/{GOAL}"] == found[one.name].new
    assert refs(ahead)[f"refs/ekf/upstream/{GOAL}"] == later


@rare
def test_a_server_that_hangs_fails_alone(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = fleet
    monkeypatch.setattr("git_ekf.fleet.pushing._LONGER", 0.25)
    world.write_file(made, "timeout = 20\n")
    hook = made[0].path / "hooks/pre-receive"
    hook.unlink()
    hook.write_text("#!/bin/sh\nexec sleep 60\n")
    hook.chmod(0o755)
    found = upgraded(world, members=read_fleet(str(world.file)).members[:2])
    assert (found["c0"].state, found["c0"].why) == (FAILED, "no answer within 5 s")
    assert refs(made[0]) == made[0].refs
    require_pushed(world, made[1])


@rare
def test_a_server_that_dies_at_it(fleet: tuple[World, list[Made]]) -> None:
    """Before it has taken the branch, and when it has: that is looked up, and gone on with."""
    world, made = fleet
    hooks = [made[0].path / "hooks/update", made[1].path / "hooks/post-receive"]
    for hook in hooks:
        script(hook, "kill -9 $PPID; sleep 1")
    members = read_fleet(str(world.file)).members[:2]
    found = upgraded(world, members=members)
    assert states(found) == {"c0": FAILED, "c1": THERE}, found
    assert "the remote end hung up unexpectedly" in found["c0"].why
    assert refs(made[0]) == made[0].refs
    require_pushed(world, made[1])
    for hook in hooks:
        hook.unlink()
    assert states(upgraded(world, members=members, proceed=True)) == {"c0": PUSHED}
    require_pushed(world, made[0])


@rare
def test_a_server_that_undoes_it_is_found_out(
    fleet: tuple[World, list[Made]],
) -> None:
    world, made = fleet
    hook = made[0].path / "hooks/post-receive"
    hook.write_text(f"#!/bin/sh\ngit update-ref -d refs/heads/{GOAL}\n")
    hook.chmod(0o755)
    found = upgraded(world, members=read_fleet(str(world.file)).members[:1])
    assert (found["c0"].state, found["c0"].why) == (
        FAILED,
        f"it was pushed, and refs/heads/{GOAL} is not there",
    )
    hook.unlink()
    assert states(upgraded(world, proceed=True)) == {"c0": PUSHED}
    require_pushed(world, made[0])


# --- how commits are made ---


@rare
def test_settings_of_who_runs_it(fleet: tuple[World, list[Made]], tmp_path: Path) -> None:
    """What only a rebase could do is refused, and a hook that forbids pushes is heeded."""
    world, made = fleet
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    run("git", "config", "--global", "core.hooksPath", hooks)
    members = read_fleet(str(world.file)).members[:1]
    hook = hooks / "prepare-commit-msg"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    found = upgraded(world, members=members)
    why = "only git rebase can carry its commits over, in a clone of it"
    assert (found["c0"].state, found["c0"].why) == (REFUSED, why)
    hook.rename(hooks / "pre-push")
    (hooks / "pre-push").write_text("#!/bin/sh\necho 'no pushes today' >&2\nexit 1\n")
    found = upgraded(world, members=members)
    assert (found["c0"].state, found["c0"].why) == (FAILED, "no pushes today")
    (hooks / "pre-push").unlink()
    assert states(upgraded(world, members=members)) == {"c0": PUSHED}
    require_pushed(world, made[0])
    run("git", "config", "--global", "merge.renormalize", "true")
    with pytest.raises(Refused, match=r"no commits can be made here: merge\.renormalize is set"):
        upgraded(world)


def test_what_the_configuration_of_a_cluster_says_counts(fleet: tuple[World, list[Made]]) -> None:
    """Which side it prefers, where the vendor's commits are kept, and that a migration has to be trusted."""
    world, made = fleet
    preferring, elsewhere, migrating = made[:3]
    world.commit(preferring, "Own version", CLASH, "mine\n")
    world.commit(
        preferring,
        "Prefer ours",
        ".ekf.toml",
        '[[upgrade.prefer]]\npath = "VERSION"\nside = "local"\nsince = "1.8"\n',
    )
    world.commit(
        elsewhere,
        "Keep it below branches",
        ".ekf.toml",
        '[internal]\nnamespace = "refs/heads/ekf/"\n',
    )
    configure(elsewhere, "ekf.internal.namespace=refs/heads/ekf/")
    migration = '[[upgrade.migrations]]\nto = "1.10"\ncommand = ["true"]\n'
    world.commit(migrating, "Migrate", ".ekf.toml", migration)
    found = upgraded(world, members=read_fleet(str(world.file)).members[:3])
    assert found[preferring.name].state == PUSHED
    assert run("git", "-C", preferring.path, "show", f"{GOAL}:VERSION").out == "mine\n"
    assert found[migrating.name].state == REFUSED
    assert "is not trusted" in found[migrating.name].why
    assert found[elsewhere.name].state == PUSHED
    assert f"refs/heads/ekf/upstream/{GOAL}" in refs(elsewhere)


@rare
def test_a_conflict_that_the_team_has_resolved_is_none(
    fleet: tuple[World, list[Made]], tmp_path: Path
) -> None:
    """Resolved in a clone of one cluster, and signed there, it stops no other one that asks the same."""
    world, made = fleet
    team = make_team(tmp_path / "team")
    members = read_fleet(str(world.file)).members
    alike = [one for one in made if one.release == "1.8"]
    for one in alike:
        world.commit(one, "Own version", CLASH, "mine\n")
    place = tmp_path / "work"
    first = alike[0]
    done = run(
        "git-ekf", "clone", world.vendor, place, "--internal", first.path, "--release", "1.8"
    )
    assert done.code == 0, done
    for setting in (
        ("ekf.resolutions", team.repository.path),
        ("gpg.format", "ssh"),
        ("user.signingKey", team.folder / "ada"),
    ):
        run("git", "config", "--global", *setting)
    found = upgraded(world, members=members)
    assert {name for name, state in states(found).items() if state == STOPPED} == {
        one.name for one in alike
    }
    assert run("git-ekf", "upgrade", "1.10", "--no-build", cwd=place).code == 3
    (place / CLASH).write_text("resolved\n")
    for command in (
        ("git", "add", CLASH),
        ("git-ekf", "upgrade", "--continue", "--no-build"),
        ("git-ekf", "resolutions", "save"),
    ):
        done = run(*command, cwd=place)
        assert done.code == 0, done
    done = upgrade("--continue", code=3)
    assert done.out.count(
        "is not used: nobody here has approved it, and no allowed signers are set here"
    ) == len(alike)
    run("git", "config", "--global", "gpg.ssh.allowedSignersFile", team.signers)
    done = upgrade("--continue")
    assert done.out.splitlines()[0] == f"{GOAL} for {len(alike)} clusters: {len(alike)} pushed"
    for one in alike:
        assert run("git", "-C", one.path, "show", f"{GOAL}:{CLASH}").out == "resolved\n"


def behind_servers(
    made: list[Made], kinds: Sequence[servers.Server]
) -> tuple[list[Made], list[Made]]:
    """The clusters in the repositories of servers, by turns; and as a fleet file is to name them."""
    there, named = [], []
    for number, one in enumerate(made):
        server = kinds[number % len(kinds)]
        path = server.repository.with_name(f"{one.name}.git")
        shutil.copytree(one.path, path, symlinks=True)
        moved = one._replace(path=path)
        configure(moved, "http.receivepack=true")
        there.append(moved)
        url = server.url.replace(server.repository.name, path.name)
        named.append(one._replace(path=cast(Path, url)))
    return there, named


@rare
def test_real_servers(
    fleet: tuple[World, list[Made]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind ssh and HTTP, in three waves: one moves meanwhile, one is refused by its hook, one dies."""
    world, made = fleet
    with (
        servers.ssh(tmp_path / "ssh") as by_ssh,
        servers.http(tmp_path / "http") as by_http,
    ):
        for name, value in {**by_ssh.env, **by_http.env}.items():
            monkeypatch.setenv(name, value)
        there, named = behind_servers(made, (by_ssh, by_http))
        world.write_file(named)
        moving, refused = there[0], there[1]
        hook = refused.path / "hooks/update"
        hook.write_text("#!/bin/sh\necho 'Closed for the night' >&2\nexit 1\n")
        hook.chmod(0o755)
        met = []

        def move(name: str) -> None:
            if name == moving.name:
                met.append(world.commit(moving, "Meanwhile", "site/new.yaml", "new\n"))

        before_push(monkeypatch, move)
        members = read_fleet(str(world.file)).members
        found = upgraded(world, members=members[:3], max_failed=3)
        assert met
        assert states(found) == {"c0": PUSHED, "c1": FAILED, "c2": PUSHED}, found
        assert "Closed for the night" in found["c1"].why
        hook.unlink()
        assert states(upgraded(world, proceed=True)) == {"c1": PUSHED}
        for one in there[:3]:
            require_pushed(world, one)
            world.deploy(one, "1.10", refs(one)[f"refs/heads/{GOAL}"])
        shutil.rmtree(there[3].path)
        done = upgrade("--wave", "early", code=5)
        assert "2 pushed, 1 failed" in done.out.splitlines()[0]
        done = upgrade("--wave", "rest", code=4)
        assert "is saved yet by: c3, c4, c5 (wave early)" in done.err
        upgrade("--wave", "rest", "--without-records")
        for one in there[4:]:
            require_pushed(world, one)


# How each that is odd ends, where it is not upgraded all the same.
ODD_ENDS = {
    "empty": (REFUSED, "it has no release branch yet"),
    "unrelated": (REFUSED, "it has no commit in common with the vendor"),
    "merge": (REFUSED, "a merge commit is among the configuration commits"),
    "unreachable": (FAILED, "does not appear to be a git repository"),
    "sha256": (FAILED, "it names objects by SHA-256"),
    "truncated": (FAILED, ""),
    "incomplete": (FAILED, "it lacks objects that its own refs lead to"),
    "corrupt": (FAILED, ""),
}


def test_a_fleet_in_every_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is odd about one is its own matter: the others get their branch."""
    monkeypatch.chdir(tmp_path)
    world, made = make_fleet(tmp_path, 17)
    world.commit(made[-1], "Half merged", "site/x", f"{'<' * 7} a\n{'=' * 7}\n{'>' * 7} b\n")
    planned = json.loads(run("git-ekf", "fleet", "plan", "1.10", "--json").out)["clusters"]
    clean = {one["name"] for one in planned if one["clean"]}
    done = upgrade("--where", "name=*", "--without-records", "--max-failed=9", "--json", code=5)
    found = {one["name"]: one for one in json.loads(done.out)["clusters"]}
    ends = {**ODD_ENDS, "marked": (REFUSED, "the policy is broken (conflict-marker: ")}
    for one in made:
        kind = "marked" if one is made[-1] else one.odd
        state, why = ends.get(kind, (PUSHED, ""))
        assert (found[one.name]["state"], why in (found[one.name]["why"] or "")) == (state, True), (
            found[one.name]
        )
    # What is planned is what is done; but for rules of the policy, which no plan looks at.
    pushed = {name for name, one in found.items() if one["state"] == PUSHED}
    assert clean == pushed | {made[-1].name}


@rare
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ended_by_a_signal(fleet: tuple[World, list[Made]], number: int, code: int) -> None:
    """While a server judges."""
    world, made = fleet
    begun, hook = world.folder / "begun", made[0].path / "hooks/update"
    hook.write_text(f"#!/bin/sh\ntouch {begun}\nsleep 3\n")
    hook.chmod(0o755)
    command = ["git-ekf", "fleet", "upgrade", "1.10", "--wave", "canary"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        wait_for(begun.exists, "the hook")
        process.send_signal(number)
        _, err = process.communicate()
    assert process.returncode == code, err
    assert "Traceback" not in err
    if number == signal.SIGINT:
        assert err.splitlines()[-2:] == [
            "git-ekf: interrupted; each cluster has its new branch whole, or not at all",
            "hint: git ekf fleet upgrade 1.10 --continue",
        ]
    hook.unlink()
    done = upgrade("--continue")
    assert "failed" not in done.out
    for one in made[:3]:
        require_pushed(world, one)


@rare
def test_real_stacks(kubeflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stacks of kubeflow's own: each gets what `git rebase` makes of it, or stops where that does."""
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path)
    world.vendor = world.factory = kubeflow
    names = world.git("for-each-ref", "--format=%(refname)", "refs/stacks/1.8/").splitlines()
    base, vendor = world.git("rev-parse", "release-1.8", "release-1.9").splitlines()
    made = []
    for at, ref in enumerate(names[:: len(names) // 6]):
        tip = world.git("rev-parse", ref)
        one = Made(f"c{at}", "", "1.8", world.internal(f"c{at}"), {}, [tip], base)
        run("git", "init", "-q", "--bare", one.path)
        (one.path / "objects/info/alternates").write_text(f"{kubeflow}/objects\n")
        one.refs.update({"refs/heads/release-1.8": tip, "refs/ekf/upstream/release-1.8": base})
        publish(one)
        made.append(one)
    world.write_file(made)
    found = upgraded(world, goal="release-1.9")
    for one in made:
        ended = found[one.name]
        if ended.state == REFUSED:
            assert "conflict-marker" in ended.why or "merge commit" in ended.why
            continue
        begin = world.git("merge-base", base, one.commits[0])
        there = upstream(kubeflow, begin, one.commits[0], vendor)
        by_git = rebase(kubeflow, begin, one.commits[0], vendor, there)
        assert ended.state == (STOPPED if by_git.stopped else PUSHED)
        if by_git.stopped:
            assert f"({by_git.stopped[:7]})" in ended.why
            continue
        lines = run(
            "git", "-C", one.path, "log", "--reverse", "--format=%T", f"{vendor}..release-1.9"
        )
        assert lines.out.split() == by_git.trees
    assert {PUSHED, STOPPED} <= set(states(found).values())


@rare
def test_branches_of_another_name(fleet: tuple[World, list[Made]]) -> None:
    """One cluster has the vendor's branches by names of its own configuration."""
    world, made = fleet
    one = made[0]
    for release in ("1.8", "1.9", "1.10"):
        run("git", "-C", world.vendor, "branch", f"v{release}-branch", f"release-{release}")
    world.commit(one, "Names", ".ekf.toml", '[branches]\nrelease = "v{version}-branch"\n')
    for prefix in ("refs/heads", "refs/ekf/upstream"):
        one.refs[f"{prefix}/v1.8-branch"] = one.refs.pop(f"{prefix}/release-1.8")
    for ref in [ref for ref in one.refs if ref.startswith("refs/tags/")]:
        del one.refs[ref]
    publish(one)
    configure(one, "ekf.branches.release=v{version}-branch")
    found = upgraded(world, members=read_fleet(str(world.file)).members[:1])
    assert found["c0"].state == PUSHED, found
    assert refs(one)["refs/heads/v1.10-branch"] == found["c0"].new
    assert refs(one)["refs/ekf/upstream/v1.10-branch"] == world.git("rev-parse", GOAL)


@rare
def test_only_those_of_the_fleet_are_remembered(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    for one in made[:2]:
        world.commit(one, "Own version", CLASH, "mine\n")
    done = upgrade("--wave", "canary", code=3)
    assert done.out.splitlines()[0] == f"{GOAL} for 3 clusters of wave canary: 1 pushed, 2 stopped"
    store = open_store(read_fleet(str(world.file)))
    assert read_run(store, GOAL).keys() == {"c0", "c1"}
    row = f"  upgrade       {GOAL} is not in 2 clusters that it was begun for"
    status = run("git-ekf", "fleet", "status", "--no-fetch").out
    assert status.splitlines()[-1] == f"{row}    git ekf fleet upgrade 1.10 --continue"
    document = json.loads(run("git-ekf", "fleet", "status", "--no-fetch", "--json").out)
    validator("fleet-status").validate(document)
    assert document["upgrades"] == [{"branch": GOAL, "waiting": ["c0", "c1"]}]
    world.write_file(made[1:])
    upgrade("--continue", code=3)
    assert read_run(store, GOAL).keys() == {"c1"}


@rare
def test_commits_are_signed_where_git_is_told_to(
    fleet: tuple[World, list[Made]], tmp_path: Path
) -> None:
    world, made = fleet
    team = make_team(tmp_path / "team")
    for setting in (
        ("commit.gpgsign", "true"),
        ("gpg.format", "ssh"),
        ("user.signingKey", team.folder / "ada"),
        ("gpg.ssh.allowedSignersFile", team.signers),
    ):
        run("git", "config", "--global", *setting)
    upgraded(world, members=read_fleet(str(world.file)).members[:1])
    require_pushed(world, made[0])
    new = f"refs/ekf/upstream/{GOAL}..{GOAL}"
    done = run("git", "-C", made[0].path, "log", "--format=%G?", new)
    assert set(done.out.split()) == {"G"}, done


@rare
def test_gone_on_with_while_a_push_of_the_killed_one_arrives(
    fleet: tuple[World, list[Made]],
) -> None:
    """A git whose git-ekf was killed pushes on: what it brings is what would be brought again."""
    world, made = fleet
    begun, hook = world.folder / "begun", made[0].path / "hooks/update"
    hook.write_text(f"#!/bin/sh\ntouch {begun}\nsleep 1\n")
    hook.chmod(0o755)
    command = ["git-ekf", "fleet", "upgrade", "1.10", "--wave", "canary"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        wait_for(begun.exists, "the hook")
        process.kill()
    made_before = read_run(open_store(read_fleet("fleet.toml")), GOAL)["c0"].new
    upgrade("--continue")
    for one in made[:3]:
        require_pushed(world, one)
    assert refs(made[0])[f"refs/heads/{GOAL}"] == made_before


ERRORS = [
    (("next", "--wave", "1"), 2, "next is not a valid release"),
    (("", "--wave", "1"), 2, "an empty argument is not a valid release"),
    (("1.10",), 2, "this fleet is upgraded a wave at a time"),
    (("1.10", "--wave", "last"), 2, '"last" is not a wave of this fleet'),
    (("1.10", "--wave", "4"), 2, '"4" is not a wave of this fleet'),
    (("1.10", "--wave", "0"), 2, '"0" is not a wave of this fleet'),
    (("1.10", "--only", "c9"), 2, 'there is no cluster "c9" in this fleet'),
    (
        ("1.10", "--wave", "1", "--continue"),
        2,
        "--continue goes on in the waves that were begun, and takes no --wave",
    ),
    (("1.10", "--continue"), 4, f"there is no upgrade to {GOAL} to go on with"),
    (("9.9", "--wave", "1"), 4, "the vendor has no release-9.9"),
]


def test_errors(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    for args, code, error in ERRORS:
        done = run("git-ekf", "fleet", "upgrade", *args)
        assert (done.code, done.out) == (code, ""), done
        assert done.err.splitlines()[0] == f"git-ekf: {error}"
    world.vendor.rename(world.folder / "away")
    done = upgrade("--wave", "1", code=5)
    assert re.match("git-ekf: the vendor cannot be fetched: .*; nothing was changed\n", done.err)
    (world.folder / "away").rename(world.vendor)
    unknown = {
        f"GIT_{who}_{what}": "" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = run("git-ekf", "fleet", "upgrade", "1.10", "--wave", "1", env=unknown)
    assert (done.code, done.err.splitlines()[0]) == (
        4,
        "git-ekf: git does not know who you are, and every commit names its committer",
    )
    assert [refs(one) for one in made] == [one.refs for one in made]
    store = open_store(read_fleet(str(world.file)))
    assert read_run(store, GOAL) == {}


def test_only_those_that_are_chosen_by_where_they_stand(fleet: tuple[World, list[Made]]) -> None:
    _, made = fleet
    upgrade("--where", "branch=release-1.8", "--where", "region=eu", "--without-records")
    for one in made:
        assert (f"refs/heads/{GOAL}" in refs(one)) == (one.release == "1.8")
    done = upgrade("--where", "region=us", "--only", "c7", code=4)
    again = "git ekf fleet status --list --where wave=canary shows them"
    assert done.err.splitlines()[1] == f"hint: {again}; --without-records does not wait"
    for words in (("region=ue",), ("state=empty",), ("region=us", "--wave", "1", "--only", "c0")):
        done = upgrade("--where", *words, "--without-records", code=2)
        chosen = "--where region=us --only c0" if "--only" in words else f"--where {words[0]}"
        wave = "--wave canary " if "--wave" in words else ""
        assert done.err.splitlines() == [
            f"git-ekf: no cluster of fleet.toml fits {wave}{chosen}",
            "hint: git ekf fleet status --list",
        ]
    Path("nobody").touch()
    done = upgrade("--only", "@nobody", "--without-records")
    assert done.out == f"{GOAL} for 0 clusters: nothing to do\n"


@rare
def test_a_damaged_store_is_said_once(fleet: tuple[World, list[Made]]) -> None:
    """It is nobody's fault among the clusters, and what helps is the same for all."""
    world, made = fleet
    assert run("git-ekf", "fleet", "status").code == 0
    store = open_store(read_fleet(str(world.file)))
    for pack in Path(store.objects, "pack").iterdir():
        pack.unlink()
    done = upgrade("--wave", "1", code=5)
    assert "is damaged" in done.err
    shutil.rmtree(store.path)
    upgrade("--wave", "1")
    require_pushed(world, made[0])
