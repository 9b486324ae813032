"""What a hook adds to `git commit` and `git push`: git-ekf beside lefthook, pre-commit and a line of shell."""

from __future__ import annotations

import importlib.util
import itertools
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from bench.generate import BRANCH, Clone, World
from bench.measure import Bound, Case, Table, medians

NONE, EKF, EKF_TOML, LEFTHOOK, PRE_COMMIT, SHELL = (
    "no hook",
    "git-ekf",
    "git-ekf with .ekf.toml",
    "lefthook, native",
    "pre-commit, one local hook",
    "one line of shell",
)

# skip_lfs: where git-lfs is installed, lefthook would run it at every push, three times its own cost.
_LEFTHOOK = "skip_lfs: true\n" + "\n".join(
    f"""{hook}:
  jobs:
    - name: branch
      run: case "$(git symbolic-ref --short HEAD)" in release-*) ;; *) exit 1 ;; esac
"""
    for hook in ("pre-commit", "pre-push")
)
_PRE_COMMIT = """repos:
- repo: local
  hooks:
  - id: branch
    name: branch
    language: system
    entry: sh -c 'case "$(git symbolic-ref --short HEAD)" in release-*) ;; *) exit 1 ;; esac'
    always_run: true
    pass_filenames: false
"""
_SHELL = """#!/bin/sh
case "$(git symbolic-ref --short HEAD)" in release-*) ;; *) echo "not a release branch" >&2; exit 1 ;; esac
"""
_TOML = """[branches]
allow = ["main"]

[paths]
customer = ["site"]
"""


class Bench:
    """One clone, into which the hooks of each tool in turn are moved."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.world = clone.world
        self.hooks = clone.path / ".git" / "hooks"
        self.toml = clone.path / ".ekf.toml"
        self.numbers = itertools.count()
        self.tip = ""

    def prepare(self) -> None:
        """Installs each tool by its own installer and keeps what that made; each has to refuse a commit on a wrong branch."""
        clone = self.clone
        (clone.path / ".git" / "info" / "exclude").write_text("/.ekf.toml\n")
        for name, text in (
            ("lefthook.yml", _LEFTHOOK),
            (".pre-commit-config.yaml", _PRE_COMMIT),
            ("site/values.yaml", "replicas: 1\n"),
        ):
            (clone.path / name).parent.mkdir(exist_ok=True)
            (clone.path / name).write_text(text)
            clone.git("add", name)
        clone.git("commit", "-q", "--no-verify", "-m", "Configure")
        clone.git("push", "-q", "--no-verify", "internal", BRANCH)
        self._keep(EKF)
        self._keep(EKF_TOML, like=EKF)
        self._install(LEFTHOOK, [lefthook(), "install"])
        self._install(
            PRE_COMMIT,
            [sys.executable, "-m", "pre_commit", "install", "-t", "pre-commit", "-t", "pre-push"],
        )
        self._install(NONE, ["true"])
        self._install(SHELL, ["true"])
        for hook in ("pre-commit", "pre-push"):
            path = self._kept(SHELL) / hook
            path.write_text(_SHELL)
            path.chmod(0o755)
        clone.git("switch", "-q", "-c", "wrong")
        for name in (EKF, EKF_TOML, LEFTHOOK, PRE_COMMIT, SHELL):
            self.use(name)
            self._change_file()
            self.world.run("git", "commit", "-q", "-m", "Wrong", cwd=clone.path, ok=False)
        clone.git("reset", "-q", "--hard")
        clone.git("switch", "-q", BRANCH)

    def _kept(self, name: str) -> Path:
        return self.hooks.with_name("hooks-of-" + name.replace(" ", "-"))

    def _keep(self, name: str, like: str = "") -> None:
        self._kept(name).mkdir()
        for path in self._kept(like).iterdir() if like else list(self.hooks.iterdir()):
            (self._kept(name) / path.name).write_bytes(path.read_bytes())
            (self._kept(name) / path.name).chmod(0o755)

    def _install(self, name: str, command: list[str]) -> None:
        for path in self.hooks.iterdir():
            path.unlink()
        self.world.run(*command, cwd=self.clone.path)
        self._keep(name)

    def use(self, name: str) -> None:
        """Makes a tool's hooks the repository's."""
        if self.hooks.is_symlink():
            self.hooks.unlink()
        elif self.hooks.exists():
            self.hooks.rename(self.hooks.with_name("hooks-at-first"))
        self.hooks.symlink_to(self._kept(name).name)
        if name == EKF_TOML:
            self.toml.write_text(_TOML)
        else:
            self.toml.unlink(missing_ok=True)

    # --- the acts, each with what has to be done before it ---

    def commit_empty(self, table: Table, rounds: int, most: float) -> None:
        everyone = [NONE, EKF, EKF_TOML, LEFTHOOK, PRE_COMMIT, SHELL]
        self._act(table, rounds, most, "commit --allow-empty", everyone, _nothing)

    def commit_file(self, table: Table, rounds: int, most: float) -> None:
        everyone = [NONE, EKF, EKF_TOML, LEFTHOOK, SHELL]
        self._act(table, rounds, most, "commit of a changed file", everyone, self._change_file)

    def commit_new_file(self, table: Table, rounds: int) -> None:
        title = "commit of a new file"
        self._act(table, rounds, None, title, [NONE, EKF, LEFTHOOK], self._add_file)

    def push(self, table: Table, rounds: int, most: float) -> None:
        everyone = [NONE, EKF, EKF_TOML, LEFTHOOK, PRE_COMMIT, SHELL]
        self._act(
            table,
            rounds,
            most,
            "push of one commit",
            everyone,
            self._commit_to_push,
            self._take_back,
        )

    def push_record(self, table: Table, rounds: int) -> None:
        title = "push with a deploy record (git-ekf: full rules)"
        self._act(
            table, rounds, None, title, [NONE, EKF, LEFTHOOK], self._record_to_push, self._take_back
        )

    def _act(
        self,
        table: Table,
        rounds: int,
        most: float | None,
        title: str,
        names: list[str],
        before: Callable[[], None],
        after: Callable[[], None] | None = None,
    ) -> None:
        self.use(NONE)
        self.tip = self.clone.head()
        command = (
            ["git", "push", "-q", "internal", BRANCH]
            if title.startswith("push")
            else ["git", "commit", "-q", "-m", "Configure"]
        )
        if "empty" in title:
            command.append("--allow-empty")

        def ready(name: str) -> Callable[[], None]:
            def prepare() -> None:
                self.use(name)
                before()

            return prepare

        cases = [
            Case(name, command, self.clone.path, ready(name), after or _nothing) for name in names
        ]
        took = medians(self.world, cases, rounds)
        table.heading(f"git {title}, {rounds} rounds")
        theirs = took[LEFTHOOK] - took[NONE]
        for name in names:
            added = took[name] - took[NONE]
            ratio: object = f"{added / theirs:5.2f}"
            if name in (EKF, EKF_TOML) and most is not None:
                ratio = Bound(added / theirs, most)
            table.row(
                name,
                took[name],
                "" if name == NONE else f"added {added:7.1f}   of lefthook's {ratio}",
            )

    def _change_file(self) -> None:
        self._stage("site/values.yaml")

    def _add_file(self) -> None:
        self._stage(f"site/values-{next(self.numbers)}.yaml")

    def _stage(self, name: str) -> None:
        (self.clone.path / name).write_text(f"replicas: {next(self.numbers)}\n")
        self.clone.git("add", name)

    def _commit_to_push(self) -> None:
        commit = self.clone.git(
            "commit-tree",
            f"{self.tip}^{{tree}}",
            "-p",
            self.tip,
            "-m",
            f"Configure {next(self.numbers)}",
        )
        self.clone.git("update-ref", f"refs/heads/{BRANCH}", commit)
        self.clone.git("push", "-q", "--no-verify", "internal", f"+{self.tip}:refs/heads/{BRANCH}")

    def _record_to_push(self) -> None:
        self._commit_to_push()
        commit, base = self.clone.head(), self.clone.git("merge-base", f"origin/{BRANCH}", BRANCH)
        message = (
            f"Date: 2026-11-20\nLocal branch: {BRANCH}\nLocal SHA: {commit}\nUpstream branch: origin/{BRANCH}\n"
            f"Upstream SHA: {base}\nBackup branch: internal/{BRANCH}\nContext: Measured {next(self.numbers)}.\n"
        )
        self.clone.git(
            "tag", "-a", f"deploy/2026-11-20/{BRANCH}", "-m", message
        )  # push.followTags sends it

    def _take_back(self) -> None:
        """Every push starts from the same state."""
        tag = f"refs/tags/deploy/2026-11-20/{BRANCH}"
        for path in (self.clone.path, self.clone.internal):
            self.world.git(path, "update-ref", "-d", tag)
            self.world.git(path, "update-ref", f"refs/heads/{BRANCH}", self.tip)
        self.clone.git("update-ref", f"refs/remotes/internal/{BRANCH}", self.tip)


def _nothing() -> None:
    pass


def lefthook() -> str:
    """The Go program inside the pip package; what pip puts on the PATH is a Python wrapper, 30 ms slower."""
    found = importlib.util.find_spec("lefthook")
    folder = Path(found.origin or "").parent if found else Path()
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    program = folder / "bin" / f"lefthook-{platform.system().lower()}-{machine}" / "lefthook"
    if not os.access(program, os.X_OK):
        sys.exit(f"bench: no native lefthook at {program}: make bench installs it")
    return str(program)


def run(world: World, table: Table, clone: Clone, *, small: bool) -> None:
    bench = Bench(clone)
    bench.prepare()
    rounds, most = (30, 0.75) if small else (13, 0.35)
    bench.commit_empty(table, rounds, most)
    bench.commit_file(table, rounds, most)
    bench.commit_new_file(table, rounds)
    bench.push(table, rounds, most)
    bench.push_record(table, rounds)
