"""upgrade and sync, killed or interrupted at any moment: it is as before, as after, or the next command leads to one of the two.

There are 1689 such moments, of twelve commands: 940 before, during and after each process that git-ekf starts and each
file it writes; 196 inside git (a hook that it calls, a file that it checks out), each with and without git-ekf; and 357
for ^C. EKF_TEST_ALL=1 tries them all, in about 15 minutes; otherwise it is every 59th, and the worst ones by name.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from reach import EVERYTHING, long, rare, some
from upgrading import ISTIO, World, copy, script, vendor_commit

from git_ekf import cli
from git_ekf.commands import status, sync, undo, upgrade  # noqa: F401
from git_ekf.demo.sample import deployment
from git_ekf.transaction.journal import Journal

# Imported here, and not once more in each child.
from git_ekf.upgrade import verify  # noqa: F401

STRIDE = 59
RESOLVED = deployment("istio", "1.9.0-mine", 3)
ARGV = {"upgrade": ["upgrade", "1.9", "--no-build"], "sync": ["sync", "--no-build"]}


class Killed(NamedTuple):
    code: int
    said: str


# --- a world, its two ends, and how it is told from them ---


@pytest.fixture(scope="module")
def templates(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three commits, all of which go through; and three of which the second is in conflict with both channels."""
    clean = copy(template, tmp_path_factory.mktemp("clean"))
    vendor_commit(
        clean,
        "release-1.8",
        {"VERSION": "1.8.1\n", ISTIO: deployment("istio", "1.8.1", 1), "new/file": "new\n"},
        "1.8.1",
    )
    # A copy with the same times is the same to git then: the files need not be looked at again after each.
    clean.git("config", "core.checkStat", "minimal")
    clean.git("config", "core.trustctime", "false")
    clean.write("own/untracked", "theirs\n")
    clean.write("notes", "theirs, too\n")
    stops = copy(clean.path.parent, tmp_path_factory.mktemp("stops"))
    stops.git("reset", "-q", "--hard", "HEAD~2")
    stops.save()
    stops.commit(ISTIO, deployment("istio", "1.8.0-mine", 3), "Our image")
    stops.commit("own/last", "last\n", "Last")
    stops.save()
    return {"clean": clean.path.parent, "stops": stops.path.parent}


def rebasing(world: World) -> bool:
    return (world.path / ".git/rebase-merge").exists()


def state(world: World) -> dict[str, object]:
    """All that counts. The clock stands still, so the same commits have the same ids."""
    git_dir = world.path / ".git"
    refs = world.out(
        "for-each-ref",
        "--format=%(refname) %(objectname)",
        "refs/heads",
        "refs/tags",
        "refs/ekf/backup",
    )
    found: dict[str, object] = {
        "refs": re.sub(r"(refs/ekf/backup/\S+/)\S+", r"\1…", refs),
        "HEAD": (git_dir / "HEAD").read_text(),
        "config": sorted(world.out("config", "--local", "--list").splitlines()),
        "index": world.out("ls-files", "--stage"),
        "status": world.out("status", "--porcelain"),
        "in progress": sorted(
            name
            for name in ("rebase-merge", "MERGE_HEAD", "CHERRY_PICK_HEAD")
            if (git_dir / name).exists()
        ),
    }
    return found | files(world)


def files(world: World) -> dict[str, object]:
    return {
        str(path.relative_to(world.path)): path.read_bytes()
        for path in world.path.rglob("*")
        if path.is_file() and world.path / ".git" not in path.parents
    }


def fingerprint(world: World) -> str:
    """What tells one crash from another: all but the objects, what was fetched, and the times in it."""
    digest = hashlib.sha1(world.git("ls-files", "--stage", ok=False).out.encode())
    for path in sorted(world.path.rglob("*")):
        name = str(path.relative_to(world.path))
        if (
            path.is_file() and not name.startswith((".git/objects", ".git/index"))
        ) or name == ".git/index.lock":
            content = (
                re.sub(rb"\d{8}T\d{6}\.\d+Z", b"", path.read_bytes())
                if name.startswith(".git/")
                else path.read_bytes()
            )
            digest.update(re.sub(r"\d{8}T\d{6}\.\d+Z", "", name).encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


class Scene:
    """A command about to run in a world. `old` and `new` are the states before and after the whole upgrade or sync."""

    def __init__(self, world: World, command: str, stack: str, moment: str) -> None:
        self.world, self.command = world, command
        self.spare = world.path.with_name("spare")
        self.crashed = world.path.with_name("crashed")
        self.untracked = {"own/untracked": b"theirs\n", "notes": b"theirs, too\n"}
        if moment == "undo":  # which refuses where there are files that git does not know
            world.git("clean", "-q", "-f", "-d")
            self.untracked = {}
        self.old_tip = world.out("rev-parse", "release-1.8")
        self.old = state(world)
        at_once = stack == "clean"
        self.argv = (
            [command, f"--{moment}"]
            if moment in ("continue", "abort")
            else [moment]
            if moment == "undo"
            else ARGV[command]
        )
        if moment == "continue":
            self.argv.append("--no-build")
        shutil.copytree(world.path, self.spare, symlinks=True)
        assert world.ekf(*ARGV[command]).code == (0 if at_once else 3)
        if not at_once:
            self.stopped = state(world)
            if moment == "abort":
                self._keep()
            resolve(world)
            if moment == "continue":
                self._keep()
            assert world.ekf(command, "--continue", "--no-build").code == 0
        if moment == "undo":
            self._keep()
        self.new = state(world)
        assert not rebasing(world)
        assert self.new != self.old
        assert (
            self.new["status"]
            == self.old["status"]
            == "\n".join(f"?? {path}" for path in sorted(self.untracked))
        )
        self.reset()
        if moment == "go":
            # An attempt that ends where it began, but for what was fetched.
            assert state(world) == self.old

    def _keep(self) -> None:
        shutil.rmtree(self.spare)
        shutil.copytree(self.world.path, self.spare, symlinks=True)

    def reset(self, source: Path | None = None) -> None:
        shutil.rmtree(self.world.path)
        shutil.copytree(source or self.spare, self.world.path, symlinks=True)


def resolve(world: World) -> None:
    if world.out("ls-files", "--unmerged"):
        (world.path / ".git/index.lock").unlink(
            missing_ok=True
        )  # of a git that was killed; git add says so
        world.write(ISTIO, RESOLVED)
        world.git("add", "--", ISTIO)


# --- killing ---


def forked(world: World, argv: list[str], prepare: Callable[[], None] = lambda: None) -> Killed:
    """Runs a command in a child of this process, with a process group of its own; -9 when it was killed. Waits for what it has started."""
    sys.stdout.flush()
    output = world.path.with_name("output")
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            os.chdir(world.path)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False)
            prepare()
            code = cli.main(argv)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    wait_for_group(child)
    return Killed(code, output.read_text(errors="replace"))


def wait_for_group(group: int) -> None:
    """Until the processes of a group have ended (they may be left as zombies where nobody inherits them)."""
    for _ in range(3000):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        if not any(alive_in(group)):
            return
        time.sleep(0.01)
    pytest.fail("a process hangs")


def alive_in(group: int) -> Iterator[bool]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        yield int(fields[2]) == group and fields[0] not in "ZX"


class Killer:
    """Counts the steps of git-ekf and sends a signal at one: processes it starts, and what it writes in the git directory.

    SIGKILL goes to git-ekf alone, or to all that it has started as well.
    """

    def __init__(
        self,
        at: int,
        number: int = signal.SIGKILL,
        log: Path | None = None,
        *,
        to_all: bool = False,
    ) -> None:
        self.at, self.number, self.log, self.count = at, number, log, 0
        self.to_all = to_all
        self.one_at_a_time = threading.Lock()  # steps are taken in threads, too

    def step(self, name: str) -> None:
        with self.one_at_a_time:
            self.count += 1
            reached = self.count == self.at
            if self.log:
                log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.write(log, f"{name}\n".encode())
                os.close(log)
        if reached:
            if self.number == signal.SIGKILL and not self.to_all:
                os.kill(os.getpid(), self.number)
            os.killpg(0, self.number)  # ^C goes to all that run in the terminal

    def install(self) -> None:
        killer = self
        begin, communicate, append = (
            subprocess.Popen.__init__,
            subprocess.Popen.communicate,
            Journal._append,
        )
        replace, unlink, real_open = os.replace, os.unlink, builtins.open

        def started(process: subprocess.Popen[bytes], args: list[str], **kwargs: object) -> None:
            killer.step(f"before {shown(args)}")
            begin(process, args, **kwargs)  # type: ignore[call-overload]
            killer.step(f"during {shown(args)}")

        def ended(process: subprocess.Popen[bytes], *args: object, **kwargs: object) -> object:
            result = communicate(process, *args, **kwargs)  # type: ignore[arg-type, misc]
            killer.step(f"after {shown(process.args)}")
            return result

        def appended(journal: Journal, operation: object) -> None:
            killer.step("before journal")
            append(journal, operation)  # type: ignore[arg-type]
            killer.step("after journal")

        def replaced(old: str, new: str) -> None:
            killer.step(f"before replacing {Path(new).name}")
            replace(old, new)
            killer.step(f"after replacing {Path(new).name}")

        def unlinked(path: str, **kwargs: object) -> None:
            if "/.git/" in os.fspath(path):
                killer.step(f"before unlinking {Path(path).name}")
            unlink(path, **kwargs)  # type: ignore[arg-type]
            if "/.git/" in os.fspath(path):
                killer.step(f"after unlinking {Path(path).name}")

        def opened(file: str | int, mode: str = "r", *args: object, **kwargs: object) -> object:
            result = real_open(file, mode, *args, **kwargs)  # type: ignore[call-overload]
            if isinstance(file, str) and "/.git/" in file and set(mode) & set("wa"):
                killer.step(f"after opening {Path(file).name}")
            return result

        subprocess.Popen.__init__ = started  # type: ignore[assignment, method-assign]
        subprocess.Popen.communicate = ended  # type: ignore[assignment, method-assign]
        Journal._append = appended  # type: ignore[method-assign, assignment]
        os.replace, os.unlink, builtins.open = replaced, unlinked, opened  # type: ignore[assignment]


def shown(args: object) -> str:
    assert isinstance(args, list)
    words = [str(word) for word in args]
    return " ".join(
        word
        for before, word in zip(["", *words], words, strict=False)
        if "-c" not in (before, word)
    )[:60]


# Where git tells that it is about to change something, or has: these hooks, and each file that a checkout writes.
_HOOKS = (
    "reference-transaction",
    "post-index-change",
    "post-checkout",
    "post-rewrite",
)
# Where one of these is installed, it is git that rebases, also where nothing stops.
_HOOKS_OF_PICKS = ("prepare-commit-msg", "post-commit")


class GitKiller:
    """Kills git at one of the moments at which it calls something, and git-ekf with it, or not."""

    def __init__(self, folder: Path, at: int, whole: bool, rebases: bool) -> None:
        self.count = folder / "count"
        self.count.write_text("")
        who = "0" if whole else "$PPID"
        text = f"echo $1 >>'{self.count}'; [ $(wc -l <'{self.count}') != {at} ] || kill -9 {who}"
        for name in (*_HOOKS, *(_HOOKS_OF_PICKS if rebases else ())):
            script(folder / "hooks" / name, f"#!/bin/sh\n{text}\nexit 0\n")
        (folder / "attributes").write_text("* filter=kill\n")
        self.settings = {
            "core.hooksPath": str(folder / "hooks"),
            "core.attributesFile": str(folder / "attributes"),
            "filter.kill.smudge": f"set smudge; {text}; cat",
        }

    def install(self) -> None:
        os.environ["GIT_CONFIG_COUNT"] = str(len(self.settings))
        for number, (key, value) in enumerate(self.settings.items()):
            os.environ[f"GIT_CONFIG_KEY_{number}"], os.environ[f"GIT_CONFIG_VALUE_{number}"] = (
                key,
                value,
            )


# --- what has to hold then ---


def without_locks(world: World, *args: str) -> Killed:
    """Runs a command; where a lock of a killed git is in the way, which it has to name, that is removed."""
    for _ in range(6):
        done = forked(world, list(args))
        assert "Traceback" not in done.said, done.said
        lock = re.search(r"(/\S+\.lock)\b", done.said)
        if not lock or not os.path.exists(lock[1]):
            break
        os.unlink(lock[1])
    return done


def assert_nothing_lost(scene: Scene) -> None:
    """The old tip is where it was, or where sync keeps it."""
    world = scene.world
    names = world.out(
        "for-each-ref",
        "--format=%(refname)",
        "--points-at",
        scene.old_tip,
        "refs/heads/",
        "refs/ekf/backup/",
    ).split()
    wanted = "refs/heads/release-1.8"
    assert wanted in names or (
        scene.command == "sync"
        and any(name.startswith("refs/ekf/backup/release-1.8/") for name in names)
    ), names
    assert files(world).items() >= scene.untracked.items()


def unfinished(world: World) -> bool:
    journal = Journal(str(world.path / ".git/ekf/journal"))
    return journal.unfinished() is not None or journal.handed_over() is not None


def check(
    scene: Scene, seen: set[str], *, locks: bool, ways: Sequence[Callable[[Scene], None]]
) -> None:
    """Looks at a crash, once only at each kind of it, and goes from it in each of these ways."""
    world = scene.world
    assert_nothing_lost(scene)
    now = fingerprint(world)
    if now in seen:
        return
    seen.add(now)
    left = {str(path) for path in world.path.rglob("*.lock") if path.parent.name != "ekf"}
    assert locks or not left, left
    # While the rebase is git's and has not stopped, index and files are anywhere between.
    if not (left or rebasing(world) or unfinished(world)):
        assert state(world) in (scene.old, scene.new)
    told = without_locks(world, "status")
    assert told.code == 0, told
    if scene.crashed.exists():
        shutil.rmtree(scene.crashed)
    os.rename(world.path, scene.crashed)
    world.path.mkdir()
    for way in ways:
        scene.reset(scene.crashed)
        way(scene)
        assert not unfinished(world)
        assert locks or not list(world.path.rglob("*.lock"))
        assert files(world).items() >= scene.untracked.items()


def forward(scene: Scene) -> None:
    """The same command again, or --continue where it has stopped, ends in the same as without the crash."""
    world = scene.world
    said: list[Killed] = []
    for _ in range(6):
        if rebasing(world):
            resolve(world)
            done = without_locks(world, scene.command, "--continue", "--no-build")
        else:
            done = without_locks(world, *ARGV[scene.command])
        said.append(done)
        assert done.code in (0, 3, 4), said
        if state(world) == scene.new and not unfinished(world):
            return
    difference(state(world), scene.new, said)


def backward(scene: Scene) -> None:
    """undo, or --abort where it has stopped, leads to where it began."""
    world = scene.world
    said: list[Killed] = []
    for _ in range(6):
        done = without_locks(world, *([scene.command, "--abort"] if rebasing(world) else ["undo"]))
        if (
            "hint: git add -A && git commit, or git stash -u" in done.said
        ):  # for the untracked files
            world.git("stash", "-q", "-u")
            done = without_locks(world, "undo")
            world.git("stash", "pop", "-q")
        said.append(done)
        assert done.code in (0, 4), said
        if state(world) == scene.old and not unfinished(world):
            return
    difference(state(world), scene.old, said)


def difference(one: dict[str, object], other: dict[str, object], said: list[Killed]) -> None:
    keys = [key for key in sorted(one | other) if one.get(key) != other.get(key)]
    apart = [
        f"{key}: {str(one.get(key))[-160:]} is not {str(other.get(key))[-160:]}" for key in keys
    ]
    pytest.fail("\n".join([*apart, *map(str, said[:2])]))


# --- at each of its own steps ---

SCENES = [
    ("upgrade", "clean", "go"),
    ("upgrade", "clean", "undo"),
    ("upgrade", "stops", "go"),
    ("upgrade", "stops", "continue"),
    ("upgrade", "stops", "abort"),
    ("upgrade", "stops", "undo"),
    ("sync", "clean", "go"),
    ("sync", "clean", "undo"),
    ("sync", "stops", "go"),
    ("sync", "stops", "continue"),
    ("sync", "stops", "abort"),
    ("sync", "stops", "undo"),
]
# Tried in every run: each command and each moment at least once, and the scenes of test_interrupted.
CHOSEN = SCENES if EVERYTHING else [SCENES[number] for number in (0, 2, 4, 9, 11)]


@pytest.fixture(scope="module")
def scenes(
    templates: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str, str], Scene]:
    """Each scene is built once, and brought back to its start for each test."""

    @functools.cache
    def built(command: str, stack: str, moment: str) -> Scene:
        folder = tmp_path_factory.mktemp("scene") / "world"
        return Scene(copy(templates[stack], folder), command, stack, moment)

    return built


@pytest.fixture
def scene(request: pytest.FixtureRequest, scenes: Callable[[str, str, str], Scene]) -> Scene:
    found = scenes(*request.param)
    found.reset()
    return found


def expected(scene: Scene) -> int:
    return 3 if scene.argv == ARGV[scene.command] and hasattr(scene, "stopped") else 0


def sampled(count: int) -> Sequence[int]:
    """The points to try: all of them, or every so many, the last included."""
    return some(range(1, count + 1), STRIDE)


def hold_in_all(
    scene: Scene,
    points: Iterator[tuple[str, Killed]],
    codes: tuple[int, ...],
    *,
    locks: bool,
    rebases: bool = False,
) -> None:
    """Checks the crash at each point, and names all that went wrong. `rebases`: git's own rebase was killed."""
    # Where git was killed while it picked a commit --continue refuses, and who saw an abort killed aborts once more.
    ways = (backward,) if rebases else (forward, backward)
    seen: set[str] = set()
    wrong = []
    for point, killed in points:
        try:
            assert killed.code in codes
            assert "Traceback" not in killed.said
            check(scene, seen, locks=locks, ways=ways)
        except (AssertionError, pytest.fail.Exception) as error:
            wrong.append(f"{point}: {killed}\n{error}"[:4000])
    assert not wrong, "\n\n".join(wrong)


def steps_of(scene: Scene, log: Path) -> list[str]:
    done = forked(scene.world, scene.argv, Killer(-1, log=log).install)
    assert done.code == expected(scene), done
    return log.read_text().splitlines()


def killed_at(
    world: World, argv: list[str], killer: Killer, *, whole: int
) -> tuple[str, Killed] | None:
    """The step at which it was killed, and what came of it.

    Threads take their steps in another order each time, and a few more or fewer of them: None
    where the whole command (its exit code is `whole`) has ended before that step.
    """
    assert killer.log
    killer.log.unlink(missing_ok=True)
    killed = forked(world, argv, killer.install)
    steps = killer.log.read_text().splitlines()
    if killed.code == whole and len(steps) < killer.at < len(steps) + 20:
        return None
    return f"{killer.at} {steps[: killer.at][-1]}", killed


def killed_at_steps(
    scene: Scene, log: Path, number: int, wanted: Callable[[str], bool]
) -> Iterator[tuple[str, Killed]]:
    for at in sampled(len(steps_of(scene, log))):
        scene.reset()
        killer = Killer(at, number, log)
        found = killed_at(scene.world, scene.argv, killer, whole=expected(scene))
        if found and wanted(found[0]):
            yield found


def is_safe(step: str) -> bool:
    """Not in the middle of a rebase: that has tests of its own."""
    return "during git rebase" not in step


@long
@pytest.mark.parametrize("scene", CHOSEN, indirect=True, ids=" ".join)
def test_killed_at_every_step(scene: Scene, tmp_path: Path) -> None:
    killed = killed_at_steps(scene, tmp_path / "steps", signal.SIGKILL, is_safe)
    hold_in_all(scene, killed, (-9,), locks=False)


@rare
@pytest.mark.parametrize("scene", [SCENES[0], SCENES[2], SCENES[9]], indirect=True, ids=" ".join)
def test_interrupted(scene: Scene, tmp_path: Path) -> None:
    """^C, which git gets as well."""
    killed = killed_at_steps(scene, tmp_path / "steps", signal.SIGINT, is_safe)
    hold_in_all(scene, killed, (130,), locks=True)


def rebases(scene: tuple[str, str, str]) -> bool:
    """Whether the command has git rebase: what is killed then is git's."""
    return scene[1] == "stops" and scene[2] != "undo"


@rare
@pytest.mark.parametrize("whole", [False, True], ids=["git alone", "git and git-ekf"])
@pytest.mark.parametrize(
    "scene",
    [scene for scene in CHOSEN if EVERYTHING or not rebases(scene)],
    indirect=True,
    ids=" ".join,
)
def test_killed_inside_git(scene: Scene, tmp_path: Path, whole: bool) -> None:
    folder = tmp_path / "killer"
    folder.mkdir()
    rebases = hasattr(scene, "stopped") and scene.argv != ["undo"]
    killer = GitKiller(folder, -1, whole, rebases)
    done = forked(scene.world, scene.argv, killer.install)
    assert done.code == expected(scene), done
    steps = killer.count.read_text().splitlines()

    def points() -> Iterator[tuple[str, Killed]]:
        for at in sampled(len(steps)):
            scene.reset()
            killer = GitKiller(folder, at, whole, rebases)
            killed = forked(scene.world, scene.argv, killer.install)
            reached = killer.count.read_text().splitlines()
            if len(reached) < at < len(reached) + 20:  # git refreshed an index less often
                assert killed.code == expected(scene), killed
                continue
            yield f"{at} {steps[at - 1]}", killed

    hold_in_all(scene, points(), (-9,) if whole else (0, 3, 4, 5, -9), locks=True, rebases=rebases)


# --- in the middle of a rebase ---


def kill_when(world: World, moment: str, ref: str) -> dict[str, str]:
    """Kills git and git-ekf when git has prepared, or committed, a change of a ref."""
    hooks = world.path.with_name("hooks")
    shutil.rmtree(hooks, ignore_errors=True)  # another test's, with the same scene
    text = f'#!/bin/sh\n[ "$1" = {moment} ] && grep -q " {ref}$" && kill -9 0\nexit 0\n'
    script(hooks / "reference-transaction", text)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": str(hooks),
    }


def killed(scene: Scene, environment: dict[str, str]) -> None:
    done = forked(scene.world, scene.argv, lambda: os.environ.update(environment))
    assert done.code == -9, done
    assert_nothing_lost(scene)


CONTINUE = ("upgrade", "stops", "continue")
SYNC_CONTINUE = ("sync", "stops", "continue")


@rare
@pytest.mark.parametrize(
    "scene", [("upgrade", "stops", "go"), CONTINUE], indirect=True, ids=" ".join
)
def test_killed_while_a_commit_is_picked(scene: Scene, tmp_path: Path) -> None:
    """The machine goes down while a file of "Last" is written, or one of "Our image" in conflict."""
    path = "own/last" if scene.argv[1] == "--continue" else ISTIO
    folder = tmp_path / "killer"
    folder.mkdir()
    (folder / "attributes").write_text(f"{path} filter=kill\n")
    # The first time the file is written it is by the checkout of the new base, but for "Last".
    again = (
        ""
        if path == "own/last"
        else f"[ -e '{folder}/once' ] || {{ touch '{folder}/once'; exec cat; }}; "
    )
    settings = {
        "core.attributesFile": str(folder / "attributes"),
        "filter.kill.smudge": f"{again}kill -9 0",
    }
    environment = {"GIT_CONFIG_COUNT": "2"}
    for number, (key, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    killed(scene, environment)
    done = without_locks(scene.world, scene.command, "--continue", "--no-build")
    assert (done.code, "would go on without it" in done.said) == (4, True), (
        done
    )  # as git itself would
    backward(scene)


@rare
@pytest.mark.parametrize(
    "scene", [("upgrade", "stops", "go"), ("sync", "stops", "go")], indirect=True, ids=" ".join
)
def test_git_ekf_alone_is_killed_during_the_rebase(scene: Scene, tmp_path: Path) -> None:
    steps = steps_of(scene, tmp_path / "steps")
    scene.reset()
    at = next(number for number, step in enumerate(steps, 1) if not is_safe(step))
    assert forked(scene.world, scene.argv, Killer(at).install).code == -9
    forward(scene)


@pytest.mark.parametrize("scene", [CONTINUE], indirect=True, ids=" ".join)
def test_killed_while_the_new_branch_is_made(scene: Scene) -> None:
    killed(scene, kill_when(scene.world, "prepared", "refs/heads/release-1.9"))
    without_locks(scene.world, "upgrade", "--continue", "--no-build")
    assert_nothing_lost(scene)


@pytest.mark.parametrize("scene", [CONTINUE], indirect=True, ids=" ".join)
def test_abort_after_the_new_branch_was_made(scene: Scene) -> None:
    environment = kill_when(scene.world, "prepared", "nothing")
    hook = scene.world.path.with_name("hooks") / "post-index-change"
    script(hook, "#!/bin/sh\n! git show-ref -q --verify refs/heads/release-1.9 || kill -9 0\n")
    killed(scene, environment)
    backward(scene)


@rare
@pytest.mark.parametrize("scene", [CONTINUE, SYNC_CONTINUE], indirect=True, ids=" ".join)
def test_killed_while_the_rebase_ends(scene: Scene) -> None:
    branch = "release-1.9" if scene.command == "upgrade" else "release-1.8"
    new = str(scene.new["refs"]).split(f"refs/heads/{branch} ")[1][:40]
    environment = kill_when(scene.world, "committed", f"refs/heads/{branch}")
    script(
        scene.world.path.with_name("hooks") / "reference-transaction",
        f'#!/bin/sh\n[ "$1" = committed ] && grep -q " {new} refs/heads/{branch}$" && kill -9 0\nexit 0\n',
    )
    killed(scene, environment)
    forward(scene)


@pytest.mark.parametrize("scene", [("upgrade", "stops", "abort")], indirect=True, ids=" ".join)
def test_abort_where_a_killed_git_has_left_its_locks(scene: Scene) -> None:
    """`git rebase --abort` would forget the rebase at some of them, without leading back."""
    world = scene.world
    names = [
        "HEAD",
        "index",
        "CHERRY_PICK_HEAD",
        "refs/heads/release-1.8",
        "refs/heads/release-1.9",
        "packed-refs",
    ]
    locks = [world.path / ".git" / f"{name}.lock" for name in names]
    for lock in locks:
        lock.touch()
    for _ in locks:
        done = world.ekf("upgrade", "--abort")
        assert (done.code, rebasing(world)) == (4, True), done
        [named] = re.findall(r"^hint: rm -f (\S+)$", done.err, re.MULTILINE)
        os.unlink(named)
    assert not any(lock.exists() for lock in locks)
    assert world.ekf("upgrade", "--abort").code == 0
    assert state(world) == scene.old


# --- two at once ---


@rare
@pytest.mark.parametrize("command", ["upgrade", "sync"])
def test_two_at_once(templates: dict[str, Path], tmp_path: Path, command: str) -> None:
    """However they meet, one does it, and the other refuses or finds it done."""
    world = copy(templates["clean"], tmp_path / "world")
    world.git("clean", "-q", "-f", "-d")
    hook = world.path / ".git/hooks/pre-rebase"
    script(
        hook,
        f"#!/bin/sh\ntouch '{tmp_path}/there'\nwhile [ ! -e '{tmp_path}/go' ]; do sleep 0.02; done\n",
    )
    first = subprocess.Popen(
        ["git-ekf", *ARGV[command]],
        cwd=world.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not (tmp_path / "there").exists():
            assert first.poll() is None, first.communicate()
            time.sleep(0.02)
        second = world.ekf(*ARGV[command])
        busy = (
            "git-ekf: another git-ekf command is at work in this repository",
            "hint: wait for it, then try again",
        )
        assert (second.code, second.out, tuple(second.err.splitlines())) == (4, "", busy)
        assert world.ekf("undo").code == 4
        assert world.ekf("status").code == 0
    finally:
        (tmp_path / "go").touch()
    out, err = first.communicate()
    assert (first.returncode, err) == (0, ""), out
    hook.unlink()
    assert world.ekf("undo").code == 0
    assert world.out("status", "--porcelain") == ""
    for _ in range(8 if EVERYTHING else 2):
        pair = [
            subprocess.Popen(
                ["git-ekf", *ARGV[command]],
                cwd=world.path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        said = [process.communicate() for process in pair]
        codes = sorted(process.returncode for process in pair)
        # A sync that comes after the other has ended has nothing to do.
        assert codes == [0, 4] or (
            command == "sync" and codes == [0, 0] and "nothing to do" in said[0][0] + said[1][0]
        ), said
        assert world.ekf("undo").code == 0
        assert world.ekf("undo").code == 4
