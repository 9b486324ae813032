"""What the server's hook adds to a push, beside an empty one and beside lefthook on the client's side."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Callable

from bench.generate import BRANCH, Clone, World
from bench.hooks import lefthook
from bench.measure import Bound, Case, Table, medians
from bench.size import scaled
from git_ekf.git.refs import RECORDS

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
