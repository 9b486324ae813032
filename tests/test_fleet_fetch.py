"""The store of a fleet: everybody fetched, what fails fails alone, and whatever happens it stays whole."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import servers
from conftest import run
from daemons import needed, wait_for
from fleets import Made, World, copy_fleet, make_fleet, publish
from reach import rare, some

from git_ekf.errors import NoSpace, Refused
from git_ekf.fleet import fetch as fetching
from git_ekf.fleet.connections import Silent, answers
from git_ekf.fleet.fetch import fetch
from git_ekf.fleet.file import Fleet, read_fleet
from git_ekf.fleet.reading import StoreObjects
from git_ekf.fleet.store import THE_VENDOR, Fetched, Store, open_store, place_of, read_fetched
from git_ekf.git.packedrefs import read_packed

BAD = {"unreachable", "sha256", "truncated", "incomplete", "corrupt"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, list[Made]]:
    return make_fleet(tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def fleet(template: tuple[World, list[Made]], tmp_path: Path) -> tuple[World, list[Made]]:
    return copy_fleet(*template, tmp_path)


def unwatched(title: str, numbers: Sequence[int]) -> Iterator[int]:
    return iter(numbers)


def fetched(world: World) -> tuple[Store, dict[str, Fetched]]:
    """The store after everybody was asked, and what is remembered."""
    given = read_fleet(str(world.file))
    store = open_store(given)
    fetch(store, given, unwatched)
    return store, read_fetched(store.path)


def kept(store: Store, name: str) -> dict[str, str]:
    """The refs of a cluster, as they are in its own repository."""
    prefix = f"refs/fleet/{name}/"
    refs = read_packed(store.path)
    return {
        f"refs/{ref[len(prefix) :]}": oid for ref, oid in refs.items() if ref.startswith(prefix)
    }


def require_whole(store: Store) -> None:
    """git finds nothing missing, and what is named is there."""
    done = run("git", "-C", store.path, "fsck", "--connectivity-only", "--no-dangling")
    said = [line for line in done.err.splitlines() if not line.startswith("notice: ")]
    assert (done.code, done.out, said) == (0, "", [])
    assert run("git", "-C", store.path, "for-each-ref", "--format=%(objecttype)").code == 0
    assert not list(Path(store.path).glob("*.lock"))


def test_everybody_is_fetched_and_what_fails_fails_alone(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    store, known = fetched(world)
    require_whole(store)
    assert {one.odd for one in made if known[one.name].failure} == BAD
    for one in made:
        entry = known[one.name]
        if one.odd in BAD:
            assert entry.seconds == 0.0
            assert kept(store, one.name) == {}
        else:
            assert (entry.failure, entry.error) == ("", "")
            assert kept(store, one.name) == one.refs
    errors = {one.odd: known[one.name] for one in made}
    assert errors["unreachable"].failure == "unreachable"
    assert errors["unreachable"].error.endswith("does not appear to be a git repository")
    assert (
        errors["sha256"].error
        == "it names objects by SHA-256, and those of a fleet are named by SHA-1"
    )
    assert errors["incomplete"].error == "it lacks objects that its own refs lead to"
    assert errors["truncated"].failure == "broken"
    assert os.stat(store.path).st_mode & 0o777 == 0o700


def test_the_second_time_only_what_moved_is_fetched(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = fleet
    store, before = fetched(world)
    packs = {path.name: path.stat().st_mtime_ns for path in Path(store.objects, "pack").iterdir()}
    trace = world.folder / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))
    store, again = fetched(world)
    said = trace.read_text()
    assert "built-in: git ls-remote" in said
    # Those that could not be taken are tried again, and nobody else.
    assert said.count("built-in: git fetch-pack") == sum(
        one.odd in ("truncated", "incomplete") for one in made
    )
    monkeypatch.delenv("GIT_TRACE")
    for name, entry in again.items():
        assert bool(entry.failure) == bool(before[name].failure)
        assert entry.seconds >= before[name].seconds
    moved, shrunk, left = (one for one in made[-3:])
    world.commit(moved)
    shrunk.refs.popitem()
    publish(shrunk)
    left.path.rename(left.path.with_name("away"))
    world.write_file([one for one in made if one is not made[-4]])
    store, after = fetched(world)
    require_whole(store)
    assert kept(store, moved.name) == moved.refs
    assert kept(store, shrunk.name) == shrunk.refs
    assert kept(store, left.name) == left.refs  # as it was last fetched
    assert (after[left.name].seconds, after[left.name].failure) == (
        again[left.name].seconds,
        "unreachable",
    )
    assert kept(store, made[-4].name) == {}  # no longer of the fleet
    assert packs.keys() - {path.name for path in Path(store.objects, "pack").iterdir()} <= {
        "multi-pack-index"
    }


def test_another_url_is_another_repository(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    fetched(world)
    one = made[-1]
    one.path.rename(world.folder / "gone")
    made[-1] = one._replace(path=world.folder / "elsewhere")
    world.write_file(made)
    store, known = fetched(world)
    assert kept(store, one.name) == {}
    assert known[one.name].seconds == 0.0


def test_without_the_vendor_there_is_no_fleet(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    away = world.folder / "away"
    world.vendor.rename(away)
    with pytest.raises(
        Refused, match=r"cannot read the vendor's repository .*vendor.git: "
    ) as caught:
        fetched(world)
    assert caught.value.hint == f"try it with: git ls-remote {world.vendor}"
    away.rename(world.vendor)
    fetched(world)
    world.vendor.rename(away)
    world.commit(made[-1])
    store, known = fetched(world)
    assert known[THE_VENDOR].failure == "unreachable"
    assert kept(store, made[-1].name) == made[-1].refs


# --- interrupted ---


# Each is a step of a fetch, which ends in the middle of it.
STEPS = (
    "_listed",
    "_fetched",
    "take_packs",
    "_connected",
    "write_packed",
    "write_fetched",
    "gather_packs",
)


def broken_off(step: str, after: bool, end: Callable[[], object]) -> Iterator[tuple[Any, str, Any]]:
    """What to put in the place of a step, so that `end` is called before or after it, in its second call."""
    from git_ekf.fleet import incoming
    from git_ekf.git.calls import Git

    owner: Any = {"gather_packs": Git, "_listed": incoming, "_fetched": incoming}.get(
        step, fetching
    )
    if step == "_connected":
        owner = fetching._Fetch
    real = getattr(owner, step)
    calls = []

    def instead(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2 or step == "gather_packs":
            try:
                return real(*args, **options) if after else None
            finally:
                end()
        return real(*args, **options)

    yield owner, step, instead


@rare
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_anywhere_the_store_is_whole(
    template: tuple[World, list[Made]], tmp_path: Path, step: str, after: bool
) -> None:
    world, made = copy_fleet(*template, tmp_path)
    child = os.fork()
    if not child:
        try:
            ending = broken_off(step, after, lambda: os.kill(os.getpid(), signal.SIGKILL))
            for owner, name, instead in ending:
                setattr(owner, name, instead)
            fetched(world)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    store = open_store(read_fleet(str(world.file)))
    require_whole(store)
    for one in made:
        assert kept(store, one.name) in ({}, one.refs)
    store, known = fetched(world)
    require_whole(store)
    assert {one.odd for one in made if known[one.name].failure} == BAD
    assert not Path(store.incoming).exists()


@pytest.mark.parametrize("step", some(STEPS, 3))
def test_interrupted_anywhere_it_ends_and_the_store_is_whole(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    world, _ = fleet

    def end() -> None:
        raise KeyboardInterrupt

    for owner, name, instead in broken_off(step, False, end):
        monkeypatch.setattr(owner, name, instead)
    with pytest.raises(KeyboardInterrupt):
        fetched(world)
    monkeypatch.undo()
    store = open_store(read_fleet(str(world.file)))
    require_whole(store)
    assert not Path(store.incoming).exists()


def test_a_full_disk_is_said_and_nothing_is_lost(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = fleet
    store, _ = fetched(world)
    refs = read_packed(store.path)
    world.commit(made[-1])
    commands = world.folder / "full"
    commands.mkdir()
    git = needed("git")
    servers.script(
        commands / "git",
        f'case "$*" in *fetch-pack*) echo "fatal: write error: No space left on device" >&2; exit 128;; esac; exec {git} "$@"',
    )
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    # Of a disk with room it is a server that speaks of its own.
    _, known = fetched(world)
    assert known[made[-1].name].failure == "unreachable"
    assert known[made[-1].name].error.endswith("No space left on device")
    monkeypatch.setattr("git_ekf.fleet.incoming._ROOM", 1 << 62)
    with pytest.raises(NoSpace):
        fetched(world)
    assert read_packed(store.path) == refs
    require_whole(store)


def test_a_repository_of_somebody_else_fails_alone(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """git says of it what it says of one that a command stands in, which is an error of another kind."""
    world, made = fleet
    commands = world.folder / "theirs"
    commands.mkdir()
    git = needed("git")
    place = made[-1].path
    said = f"fatal: detected dubious ownership in repository at '{place}'"
    servers.script(
        commands / "git",
        f'case "$*" in *ls-remote*{place.name}*) echo "{said}" >&2; exit 128;; esac; exec {git} "$@"',
    )
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    _, known = fetched(world)
    assert known[made[-1].name].error == f"git does not trust {place}: it belongs to another user"
    assert not known[made[-2].name].failure


def test_two_at_once_take_turns(fleet: tuple[World, list[Made]]) -> None:
    world, _ = fleet
    given = read_fleet(str(world.file))
    store = open_store(given)
    seen = []

    def watch(title: str, numbers: Sequence[int]) -> Iterator[int]:
        with pytest.raises(Refused) as caught:
            fetch(store, given, unwatched)
        seen.append(caught.value.message)
        return iter(numbers)

    fetch(store, given, watch)
    assert seen == ["another git-ekf command is at work in this repository"]
    require_whole(store)


def test_the_lock_of_one_that_was_killed_is_in_nobodys_way(fleet: tuple[World, list[Made]]) -> None:
    world, made = fleet
    world.write_file(made[-1:])
    store = open_store(read_fleet(str(world.file)))
    lock = Path(store.path, "packed-refs.lock")
    lock.write_text("half of it")
    fetched(world)
    assert kept(store, made[-1].name) == made[-1].refs
    assert not lock.exists()


def test_a_store_is_made_whole_or_not_at_all(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = fleet
    given = read_fleet(str(world.file))
    place = Path(place_of(given))
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(OSError, match="No space left"):
            open_store(given)
    assert list(place.parent.iterdir()) == []
    open_store(given)
    foreign = world.folder / "mine"
    foreign.mkdir()
    (foreign / "work").write_text("mine")
    for place in (foreign, foreign / "work"):
        with pytest.raises(Refused, match="is there, and is not the store of a fleet"):
            open_store(given._replace(store=str(place)))
    assert [path.name for path in foreign.iterdir()] == ["work"]


def test_whoever_reads_meanwhile_reads_on(fleet: tuple[World, list[Made]]) -> None:
    """Also where the packs that it began with were gathered in others."""
    world, made = fleet
    few = made[-4:]
    world.write_file(few)
    store, _ = fetched(world)
    reading = StoreObjects(store.path)
    assert reading.read(made[-1].commits[0])[0] == "commit"
    packs = set(Path(store.objects, "pack").glob("*.pack"))
    for one in few:
        world.commit(one)
    fetched(world)
    assert run("git", "-C", store.path, "repack", "-adq").code == 0
    assert not packs & set(Path(store.objects, "pack").glob("*.pack"))
    for one in few:
        for commit in (*one.commits, one.refs[f"refs/heads/release-{one.release}"]):
            assert reading.read(commit)[0] == "commit"


def test_a_relative_place_is_one_here(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = fleet
    monkeypatch.chdir(world.folder)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    store, _ = fetched(world)
    assert store.path.startswith(f"{world.folder}/cache/git-ekf/fleet/")
    assert kept(store, made[-1].name) == made[-1].refs


# --- hosts ---


@pytest.fixture
def silent() -> Iterator[int]:
    """A port at which everybody is let in, and nobody gets an answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@rare
def test_a_host_that_hangs_costs_its_time_once(
    fleet: tuple[World, list[Made]], silent: int
) -> None:
    world, made = fleet
    hanging = [
        f'[[cluster]]\nname = "h{at}"\ninternal = "http://me:secret@127.0.0.1:{silent}/h{at}.git"\n'
        for at in range(12)
    ]
    world.write_file(made[-2:], "timeout = 1\nper-host = 2\n" + "".join(hanging))
    _, known = fetched(world)
    errors = [known[f"h{at}"].error for at in range(12)]
    assert {known[f"h{at}"].failure for at in range(12)} == {"unreachable"}
    # While one of the first is still waited for, a third has begun perhaps.
    late = errors.count("no answer within 1 seconds")
    assert 2 <= late <= 3
    assert errors.count(f"127.0.0.1:{silent} does not answer") == 12 - late
    assert not known[made[-1].name].failure
    place = Path(place_of(read_fleet(str(world.file))))
    assert "secret" not in (place / "ekf/fetched.json").read_text()


def test_one_that_says_megabytes_is_cut_short(
    fleet: tuple[World, list[Made]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = fleet
    world.write_file([], '[[cluster]]\nname = "loud"\ninternal = "ssh://h/loud.git"\n')
    ssh = world.folder / "ssh"
    servers.script(ssh, "head -c 2000000 /dev/zero | tr '\\0' x >&2; exit 1")
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    _, known = fetched(world)
    assert known["loud"].error == f"{'x' * 397}..."


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_all_that_it_has_started(
    fleet: tuple[World, list[Made]], silent: int, number: signal.Signals
) -> None:
    world, made = fleet
    url = f"http://127.0.0.1:{silent}/hanging.git"
    world.write_file(made[-1:], f'[[cluster]]\nname = "hanging"\ninternal = "{url}"\n')
    command = ["git-ekf", "fleet", "status", "--file", str(world.file)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    wait_for(lambda: url in _arguments(process.pid), "the question to the one that hangs")
    os.kill(process.pid, number)
    said = process.communicate(timeout=60)[1].decode()
    assert (process.returncode, said) == {
        signal.SIGINT: (130, "\ngit-ekf: interrupted\n"),
        signal.SIGTERM: (143, "git-ekf: terminated\n"),
    }[number]
    wait_for(lambda: url not in _arguments(process.pid), "its end")


def _arguments(session: int) -> str:
    """The command lines of the processes in a session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(folder.name)) == session:
                found.append((folder / "cmdline").read_text())
    return "\n".join(found)


def test_hosts_take_turns_and_none_is_asked_too_much() -> None:
    tasks = [(host, number) for host in "ab" for number in range(20)]
    lock = threading.Lock()
    busy = {"a": 0, "b": 0}
    most = {"a": 0, "b": 0}

    def work(task: tuple[str, int]) -> int:
        host, number = task
        with lock:
            busy[host] += 1
            most[host] = max(most[host], busy[host])
        threading.Event().wait(0.002)
        with lock:
            busy[host] -= 1
        if host == "b" and number == 3:
            raise Silent("one of many")
        return number

    limits = Fleet("", "", (), jobs=5, per_host=3)
    found = list(answers(limits, tasks, lambda task: f"ssh://{task[0]}/r", work))
    assert sorted(one.task for one in found) == tasks
    assert {one.result for one in found if one.error is None} == set(range(20))
    assert max(most.values()) <= 3
    assert [str(one.error) for one in found if one.error] == ["one of many"]


def test_there_are_only_so_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        started.append(self)
        real(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    limits = Fleet("", "", (), jobs=999_999, per_host=999_999)
    found = answers(limits, range(3000), lambda _: "/r", abs)
    assert sorted(one.result for one in found if one.result is not None) == list(range(3000))
    assert len(started) == 256


@pytest.mark.parametrize("kind", [servers.ssh, servers.http], ids=["ssh", "http"])
def test_real_servers(
    fleet: tuple[World, list[Made]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
) -> None:
    world, made = fleet
    fine = made[-1]
    with kind(tmp_path / "server") as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        info = server.repository / "objects/info"
        info.mkdir(exist_ok=True)
        (info / "alternates").write_text(f"{world.factory}/objects\n")
        publish(fine._replace(path=server.repository))
        missing = f'[[cluster]]\nname = "missing"\ninternal = "{server.url}.missing"\n'
        behind = f'[[cluster]]\nname = "behind"\ninternal = "{server.url}"\n'
        world.write_file(made[-2:-1], missing + behind)
        store, known = fetched(world)
        assert (known["behind"].failure, known["missing"].failure) == ("", "unreachable")
        assert kept(store, "behind") == fine.refs
        world.commit(fine._replace(path=server.repository))
        store, known = fetched(world)
        assert kept(store, "behind") == fine.refs
        # All of what is new there the store has of another cluster.
        publish(made[-2]._replace(path=server.repository))
        store, known = fetched(world)
        assert kept(store, "behind") == made[-2].refs
        require_whole(store)
