"""What the server's hook adds to a push, beside an empty one and beside lefthook on the client's side."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from bench.generate import BRANCH, Clone, World
from bench.hooks import lefthook
from bench.measure import Bound, Case, Table, medians
from bench.size import scaled
from git_ekf.git.refs import RECORDS
from git_ekf.hooks.budget import family
from git_ekf.hooks.spawn import own_memory

NONE, SHELL, EKF, LEFTHOOK = (
    "no hook",
    "empty shell hook",
    "git-ekf",
    "lefthook, native, on the client",
)

_LEFTHOOK = """skip_lfs: true
pre-push:
  jobs:
    - name: branch
      run: case "$(git symbolic-ref --short HEAD)" in release-*) ;; *) exit 1 ;; esac
"""


class Server:
    """An internal repository into which each hook in turn is put, and a client without hooks, or with lefthook's."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.world = clone.world
        self.path = clone.internal
        self.hook = self.path / "hooks" / "pre-receive"
        self.kept: dict[str, bytes] = {NONE: b"", LEFTHOOK: b"", SHELL: b"#!/bin/sh\nexit 0\n"}
        self.numbers = itertools.count()
        self.world.run("git", "ekf", "hooks", "install", "--server", self.path)
        self.kept[EKF] = self.hook.read_bytes()
        channel = self.world.git(clone.path, "rev-parse", f"origin/{BRANCH}")
        self.git("update-ref", f"refs/ekf/upstream/{BRANCH}", channel)
        self.git("pack-refs", "--all")
        self.tip = self.git("rev-parse", BRANCH)

    def git(self, *args: str, stdin: bytes = b"") -> str:
        return self.world.git(self.path, *args, stdin=stdin)

    def install_lefthook(self) -> None:
        for path in (self.clone.path / ".git" / "hooks").iterdir():
            path.unlink()
        (self.clone.path / "lefthook.yml").write_text(_LEFTHOOK)
        self.clone.git("add", "lefthook.yml")
        self.clone.git("commit", "-q", "-m", "Configure")
        self.world.run(lefthook(), "install", cwd=self.clone.path)
        self.clone.git("push", "-q", "--no-verify", "internal", BRANCH)
        self.tip = self.clone.head()

    def ready(self, name: str, before: Callable[[], None] = lambda: None) -> Callable[[], None]:
        def prepare() -> None:
            self.clone.git(
                "config", "core.hooksPath", ".git/hooks" if name == LEFTHOOK else "/dev/null"
            )
            self.hook.write_bytes(self.kept[name])
            self.hook.chmod(0o755 if self.kept[name] else 0o644)
            before()

        return prepare

    def commit(self) -> None:
        made = self.clone.git(
            "commit-tree",
            f"{self.tip}^{{tree}}",
            "-p",
            self.tip,
            "-m",
            f"Configure {next(self.numbers)}",
        )
        self.clone.git("update-ref", f"refs/heads/{BRANCH}", made)

    def take_back(self) -> None:
        """Every push starts from the same refs."""
        deletions = self.git("for-each-ref", "--format=delete %(refname)", RECORDS).splitlines()
        self.git(
            "update-ref",
            "--stdin",
            stdin="".join(
                f"{line}\n" for line in [*deletions, f"update refs/heads/{BRANCH} {self.tip}"]
            ).encode(),
        )
        self.clone.git("update-ref", f"refs/remotes/internal/{BRANCH}", self.tip)


def one_commit(world: World, table: Table, clone: Clone, what: str) -> None:
    """The everyday push, which the fast path passes. Its share is what lefthook's client hook adds to the same push."""
    server = Server(clone)
    server.install_lefthook()
    names = [NONE, SHELL, EKF, LEFTHOOK]
    push = ["git", "push", "-q", "internal", BRANCH]
    took = medians(
        world,
        [
            Case(name, push, clone.path, server.ready(name, server.commit), server.take_back)
            for name in names
        ],
        30,
    )
    table.heading(f"A server receives one commit, {what}, 30 rounds")
    theirs = took[LEFTHOOK] - took[NONE]
    for name in names:
        added = took[name] - took[NONE]
        ratio = Bound(added / theirs, 0.75) if name == EKF else f"{added / theirs:5.2f}"
        table.row(
            name, took[name], "" if name == NONE else f"added {added:7.1f}   of lefthook's {ratio}"
        )


def many(world: World, table: Table, clone: Clone, what: str) -> None:
    """A push of everything that the clone has: by the full rules."""
    server = Server(clone)
    names = [SHELL, EKF]
    push = ["git", "push", "-q", "internal", BRANCH, f"{RECORDS}*:{RECORDS}*"]
    took = medians(
        world,
        [Case(name, push, clone.path, server.ready(name), server.take_back) for name in names],
        9,
    )
    table.heading(f"A server receives {what}, 9 rounds")
    for name in names:
        table.row(name, took[name], Bound(took[name] / took[SHELL], 1.5) if name == EKF else "")
    server.ready(EKF)()
    world.git(clone.path, *push[1:])
    few = _memory(server)
    tag = server.git("for-each-ref", "--count=1", "--format=%(objectname)", RECORDS)
    server.git(
        "update-ref",
        "--stdin",
        stdin="".join(
            f"create {RECORDS}more/{number} {tag}\n" for number in range(scaled(50_000))
        ).encode(),
    )
    server.git("pack-refs", "--all")
    many = _memory(server)
    table.heading(
        f"Peak memory of the full rules for one commit and its record: {few} MB, with 50,000 more refs on the server {many} MB"
    )


def _memory(server: Server) -> int:
    """Megabytes of the largest process of the hook, for the last commit and a record pushed once more."""
    record = server.git("for-each-ref", "--count=1", "--format=%(objectname) %(refname)", RECORDS)
    oid, ref = record.split(" ")
    tip, parent = server.git("rev-parse", BRANCH), server.git("rev-parse", f"{BRANCH}^")
    branch = f"refs/heads/{BRANCH}"
    back = f"delete {ref}\nupdate {branch} {parent} {tip}\n"
    server.git("update-ref", "--stdin", stdin=back.encode())
    updates = f"{parent} {tip} {branch}\n{'0' * len(oid)} {oid} {ref}\n"
    with subprocess.Popen(
        [server.hook],
        cwd=server.path,
        env={**server.world.env, "GIT_DIR": "."},
        stdin=subprocess.PIPE,
    ) as hook:
        assert hook.stdin is not None
        hook.stdin.write(updates.encode())
        hook.stdin.close()
        _, status, usage = os.wait4(hook.pid, 0)
        hook.returncode = os.waitstatus_to_exitcode(status)
    assert hook.returncode == 0
    server.git(
        "update-ref", "--stdin", stdin=f"create {ref} {oid}\nupdate {branch} {tip}\n".encode()
    )
    return round(usage.ru_maxrss / 1024)


def worst(world: World, table: Table, clone: Clone) -> None:
    """The costliest pushes that are known, accepted and refused: nothing is to take 30 s or 500 MB."""
    server = Server(clone)
    server.ready(EKF)()
    tip = server.tip
    table.heading("The server's hook on what costs most: seconds, and MB of memory in use at most")
    for name, updates in _costly(server, tip):
        code, seconds, megabytes = _judge(server, updates)
        verdict = "accepted" if code == 0 else "refused"
        bounds = f"{Bound(seconds, 30)}; {megabytes:.0f} MB {Bound(megabytes / 500, 1)}"
        table.row(f"{name}, {verdict}", 1000 * seconds, bounds)


def _costly(server: Server, tip: str) -> Iterator[tuple[str, list[str]]]:
    """What a push does, with the lines that the hook is told; the objects are there."""
    zero, branch = "0" * len(tip), f"refs/heads/{BRANCH}"
    channel = server.git("rev-parse", f"refs/ekf/upstream/{BRANCH}")

    def on_top(tree: str) -> list[str]:
        commit = server.git("commit-tree", tree, "-p", tip, "-m", "Large")
        return [f"{tip} {commit} {branch}"]

    def tree(entries: list[str]) -> str:
        return server.git("mktree", stdin="".join(f"{entry}\n" for entry in entries).encode())

    def files(contents: list[bytes]) -> list[str]:
        oids = [server.git("hash-object", "-w", "--stdin", stdin=content) for content in contents]
        return [f"100644 blob {oid}\tfile-{number:03}" for number, oid in enumerate(oids)]

    nested = tree(files([b"<<<<<<< ours\n"]))
    for _ in range(30):
        nested = tree([f"040000 tree {nested}\t{name}" for name in "ab"])
    yield "2^30 paths in 900 bytes", on_top(nested)
    many = scaled(100_000)
    small = files([b"<\n"])[0]
    wide = tree([small.replace("file-000", f"{n:06}") for n in range(many)])
    yield "100,000 files", on_top(wide)
    lines = b"<\n" * scaled(1_950_000, 1000)
    one = files([lines])[0]
    yield "20 paths to one file of 3.9 MB", on_top(tree([f"{one}-{n:02}" for n in range(20)]))
    numbers = range(scaled(100))
    yield "100 files of 3.9 MB", on_top(tree(files([b"<%d\n" % n + lines for n in numbers])))
    sizes = "".join(f"*{n:02} conflict-marker-size={n + 1}\n" for n in range(64)).encode()
    attributes = files([sizes])[0].replace("file-000", ".gitattributes")
    sized = [attributes, *(f"{one}-{n:02}" for n in range(64))]
    yield "64 lengths of markers in a file of 3.9 MB", on_top(tree(sized))
    rules = files([b"*.x conflict-marker-size=7\n" * 5000])[0].replace("file-000", ".gitattributes")
    deep = tree([rules, files([b"<\n"])[0]])
    for number in range(scaled(1000)):
        marked = files([b"<%d\n" % number])[0]
        deep = tree([rules, f"040000 tree {deep}\td", marked])
    yield "135 kB of attributes in each of 1,000 directories", on_top(deep)
    for what, name in (("one", "x"), ("20,000", "x/")):
        name = (name * 64_000)[:64_000] + "x"
        yield f"a name of 64 kB in {what} part", [f"{zero} {tip} refs/heads/{name}"]
    updates = [f"{zero} {tip} refs/tags/{number}" for number in range(scaled(20_000))]
    yield "20,000 tags", updates
    above, commits, channels = channel, [], []
    for number in range(scaled(200)):
        above = server.git("commit-tree", f"{channel}^{{tree}}", "-p", above, "-m", str(number))
        commits.append(server.git("commit-tree", f"{tip}^{{tree}}", "-p", above, "-m", "Own"))
        channels.append(above)
    updates = []
    for number, (own, vendor) in enumerate(zip(commits, channels, strict=True)):
        updates.append(f"{zero} {vendor} refs/ekf/upstream/release-5.{number}")
        updates.append(f"{zero} {own} refs/heads/release-5.{number}")
    yield "200 channels with a branch each", updates


def _judge(server: Server, updates: list[str]) -> tuple[int, float, float]:
    """The hook's exit code, the seconds that it took, and the MB that it and its children had."""
    environment = {
        **server.world.env,
        "GIT_DIR": ".",
        "GIT_OBJECT_DIRECTORY": str(server.path / "objects"),
    }
    begin = time.perf_counter()
    most = 0
    with subprocess.Popen(
        [server.hook],
        cwd=server.path,
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as hook:
        assert hook.stdin is not None
        with suppress(BrokenPipeError), hook.stdin:
            hook.stdin.write("".join(f"{line}\n" for line in updates).encode())
        while hook.poll() is None:
            most = max(most, sum(map(own_memory, family(hook.pid))))
            time.sleep(0.005)
    return hook.returncode, time.perf_counter() - begin, most / 1024
