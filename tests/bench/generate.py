"""Repositories of a given size, written by `git fast-import` in seconds, in a world sealed off from the user's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.size import SHORT, scaled
from git_ekf.demo.sample import kustomization
from git_ekf.git.refs import RECORDS, SAVED
from git_ekf.names import RECORD_FIELDS

BRANCH = "release-1.8"
BUNDLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "kubeflow-manifests.bundle"

_PERSON = "Vendor <vendor@example.com>"
_START = 1_600_000_000  # seconds since the epoch
_FILES_IN_DIRECTORY = 200


class World:
    """A directory with a HOME, a PATH on which git-ekf is, and an identity; `git` runs in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        home = root / "home"
        self.bin.mkdir()
        home.mkdir()
        # A garbage collection in the middle of a measurement would be measured with it.
        (home / ".gitconfig").write_text(
            "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[advice]\n\tdetachedHead = false\n"
        )
        self.link(Path(sys.executable).with_name("git-ekf"))
        # The environment's own directory stays off the PATH: it has a lefthook that is a Python wrapper of the real one.
        scripts = Path(sys.executable).parent
        system = [
            path
            for path in os.environ["PATH"].split(os.pathsep)
            if Path(path).resolve() != scripts.resolve()
        ]
        self.env = {
            "HOME": str(home),
            "PATH": os.pathsep.join([str(self.bin), *system]),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            **{f"GIT_{who}_NAME": "Operator" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "operator@example.com" for who in ("AUTHOR", "COMMITTER")},
        }

    def link(self, program: Path) -> None:
        (self.bin / program.name).symlink_to(program)

    def run(
        self,
        *command: str | Path,
        cwd: Path | None = None,
        stdin: bytes = b"",
        ok: bool = True,
        may_find: bool = False,
    ) -> str:
        """What a program prints; it has to succeed (with `ok` False: to fail).

        Where it `may_find` something wrong, exit status 1 is no failure.
        """
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env=self.env,
            input=stdin,
            capture_output=True,
            check=False,
        )
        succeeded = done.returncode == 0 or (may_find and done.returncode == 1)
        if succeeded is not ok:
            sys.exit(
                f"bench: {command} ended with {done.returncode}\n{os.fsdecode(done.stdout + done.stderr)}"
            )
        return os.fsdecode(done.stdout).removesuffix("\n")

    def git(self, cwd: Path, *args: str, stdin: bytes = b"") -> str:
        return self.run("git", *args, cwd=cwd, stdin=stdin)


class Clone:
    """A local repository made by `git ekf clone`, with a bare repository on either side of it."""

    def __init__(self, world: World, path: Path, internal: Path) -> None:
        self.world = world
        self.path = path
        self.internal = internal

    def git(self, *args: str, stdin: bytes = b"") -> str:
        return self.world.git(self.path, *args, stdin=stdin)

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")


def vendor(world: World, path: Path, *, files: int, commits: int) -> None:
    """A bare repository with release-1.8 and, one commit on, release-1.9, in one pack."""
    files, commits = scaled(files, 20), scaled(commits)
    world.run("git", "init", "-q", "--bare", "-b", BRANCH, path)
    world.git(
        path, "fast-import", "--quiet", stdin="".join(_vendor_stream(files, commits)).encode()
    )
    world.git(path, "repack", "-adq")


def _vendor_stream(files: int, commits: int) -> Iterator[str]:
    yield _commit(BRANCH, _START, "Release 1.8.0")
    for number in range(files):
        yield _file(_path(number), kustomization([f"resource-{number}.yaml"]))
    for number in range(1, commits):
        changed = number * 7919 % files  # a prime, so that the changes are spread over the tree
        yield _commit(BRANCH, _START + 60 * number, f"Change {number}")
        yield _file(
            _path(changed), kustomization([f"resource-{changed}.yaml", f"change-{number}.yaml"])
        )
    yield (
        _commit("release-1.9", _START + 60 * commits, "Release 1.9.0")
        + f"from refs/heads/{BRANCH}\n"
    )
    yield _file("VERSION", "1.9.0\n")


def kubeflow_or_vendor(world: World, path: Path) -> str:
    """The real vendor, where its bundle lies beside the checkout; else a made one of its size. Returns which."""
    if SHORT or not BUNDLE.exists():
        vendor(world, path, files=2_000, commits=2_000)
        return "a generated vendor of 2,000 files"
    world.run("git", "init", "-q", "--bare", "-b", BRANCH, path)
    world.git(path, "fetch", "-q", str(BUNDLE), "refs/heads/*:refs/heads/*")
    return "kubeflow/manifests"


def clone(world: World, primary: Path, path: Path) -> Clone:
    """A clone on release-1.8 that is saved to its internal repository."""
    internal = path.with_name(path.name + "-internal.git")
    # A copy, not a push: that would take half a minute to pack 50,000 files.
    shutil.copytree(primary, internal)
    for ref in world.git(internal, "for-each-ref", "--format=%(refname)").split("\n"):
        if ref != f"refs/heads/{BRANCH}":
            world.git(internal, "update-ref", "-d", ref)
    world.run("git", "ekf", "clone", primary, path, "--internal", internal, "--release", "1.8")
    return Clone(world, path, internal)


def configure(clone: Clone, commits: int, records: int) -> None:
    """Configuration commits on release-1.8, saved, and deploy records spread evenly over them, all correct."""
    commits, records = scaled(commits), scaled(records)
    base = clone.head()
    # Later than the vendor's: commits that are older than their parents make git walk all of history.
    begin = int(clone.git("log", "-1", "--format=%ct"))
    stream = []
    for number in range(1, commits + 1):
        stream.append(_commit(BRANCH, begin + 60 * number, f"Configure {number}", f":{number}"))
        stream.append(f"from {base}\n" if number == 1 else "")
        stream.append(_file(f"site/overlay-{number % 50}.yaml", f"replicas: {number}\n"))
    marks = clone.path / ".git" / "marks"
    clone.git(
        "fast-import",
        "--quiet",
        "--force",
        f"--export-marks={marks}",
        stdin="".join(stream).encode(),
    )
    made = dict(line.split() for line in marks.read_text().splitlines())
    marks.unlink()
    tags = (
        _record(number, made[f":{1 + number * commits // records}"], base)
        for number in range(records)
    )
    clone.git("fast-import", "--quiet", stdin="".join(tags).encode())
    # As after a push to the internal repository, and packed as a clone has them.
    saved = clone.git(
        "for-each-ref", f"--format=create {SAVED}%(refname:lstrip=2) %(objectname)", RECORDS
    )
    clone.git(
        "update-ref",
        "--stdin",
        stdin=f"{saved}\nupdate refs/remotes/internal/{BRANCH} {made[f':{commits}']}\n".encode(),
    )
    clone.git("pack-refs", "--all")
    clone.git("reset", "-q", "--hard")
    settle(clone.path / ".git" / "index")


def settle(index: Path) -> None:
    """Else git would read again whatever was written in the same second as the index."""
    later = time.time() + 1
    os.utime(index, (later, later))


def _record(number: int, commit: str, base: str) -> str:
    year, day = divmod(number, 336)  # 12 months of 28 days: no calendar needed
    date = f"{2015 + year}-{day // 28 + 1:02}-{day % 28 + 1:02}"
    values = (
        date,
        BRANCH,
        commit,
        f"origin/{BRANCH}",
        base,
        f"internal/{BRANCH}",
        f"Deployment {number}.",
    )
    message = "".join(
        f"{field}: {value}\n" for field, value in zip(RECORD_FIELDS, values, strict=True)
    )
    return f"tag deploy/{date}/{BRANCH}\nfrom {commit}\ntagger {_PERSON} {_START + number} +0000\n{_data(message)}"


def _path(number: int) -> str:
    return f"apps/app-{number // _FILES_IN_DIRECTORY:03}/file-{number}.yaml"


def _commit(branch: str, when: int, message: str, mark: str = "") -> str:
    named = f"mark {mark}\n" if mark else ""
    return f"commit refs/heads/{branch}\n{named}committer {_PERSON} {when} +0000\n{_data(message)}"


def _file(path: str, content: str) -> str:
    return f"M 644 inline {path}\n{_data(content)}"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
