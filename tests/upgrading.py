"""What the tests of upgrade and sync share: a world to copy, a vendor that goes on, snapshots, and git's own rebase beside ours."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from conftest import Clone, Run, copy_folder, make_clone

from git_ekf.demo.sample import deployment

ISTIO = "apps/istio/base/deployment.yaml"
DASHBOARD = "apps/dashboard/base/deployment.yaml"
SETTINGS = "own/settings"
NEWEST_GIT = Path(sys.prefix) / "newest-git" / "bin"
OTHERS = {
    "GIT_AUTHOR_NAME": "Ada Löf",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2025-01-02T03:04:05+05:30",
    "GIT_COMMITTER_NAME": "Somebody Else",
    "GIT_COMMITTER_EMAIL": "else@example.org",
    "GIT_COMMITTER_DATE": "2025-01-03T03:04:05+0000",
}

# The builder of these worlds is `true`, which every machine has.
BUILDS = "  builds    1 kustomization that your commits change\n"
NEXT = "Next: git ekf apply, then git ekf tag and git ekf save. To take it back: git ekf undo\n"


class World(Clone):
    """A clone with its vendor and internal repositories beside it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.vendor = Clone(path.with_name("vendor.git"))
        self.internal = Clone(path.with_name("internal.git"))

    def stack(self, branch: str = "", upstream: str = "") -> list[str]:
        """The configuration commits of a branch (of HEAD), oldest first."""
        branch = branch or self.out("symbolic-ref", "--short", "HEAD")
        return self.out(
            "rev-list", "--reverse", "--first-parent", f"{upstream or 'origin/' + branch}..{branch}"
        ).split()

    def tree(self, revision: str = "HEAD") -> str:
        return self.out("rev-parse", revision if ":" in revision else f"{revision}^{{tree}}")

    def short(self, revision: str) -> str:
        return self.out("rev-parse", revision)[:7]

    def save(self) -> None:
        """As `git ekf save`, but quicker."""
        branch = self.out("symbolic-ref", "--short", "HEAD")
        self.git(
            "push",
            "-q",
            "-f",
            "--no-verify",
            "internal",
            branch,
            f"origin/{branch}:refs/ekf/upstream/{branch}",
        )


def make(folder: Path, object_format: str = "sha1") -> World:
    """A saved stack of three commits on release-1.8: the first and third are their own, the second is on a file that 1.9 changes."""
    world = World(make_clone(folder, object_format).path)
    world.git("config", "ekf.render.command", "true")
    fill(world)
    return world


def fill(world: World) -> None:
    world.write(SETTINGS, "one\n")
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "Settings\n\nWith a körper.\n", env=OTHERS)
    world.commit(ISTIO, deployment("istio", "1.8.0", 3), "Three replicas")
    world.commit("own/more", "more\n", "More")
    assert world.ekf("save").code == 0


def copy(template: Path, folder: Path) -> World:
    """Another one like it."""
    copy_folder(template, folder)
    (folder / "work/.git/FETCH_HEAD").unlink(missing_ok=True)
    return World(folder / "work")


def vendor_commit(
    world: World,
    branch: str,
    files: Mapping[str, str | bytes | None],
    message: str = "Vendor's",
    parent: str = "",
    mode: str = "644",
) -> str:
    """A commit in the vendor's repository, on the tip of a branch or on `parent` ("-" for none); None removes a file."""
    start = "" if parent == "-" else f"from {parent or f'refs/heads/{branch}^0'}\n"
    when = "Vendor <vendor@example.com> 1700000000 +0000"
    stream = f"commit refs/heads/{branch}\nmark :1\ncommitter {when}\ndata {len(message.encode()) + 1}\n{message}\n\n{start}".encode()
    for path, content in files.items():
        raw = content.encode() if isinstance(content, str) else content
        name = os.fsencode('"{}"'.format(path.replace("\n", "\\n")))
        stream += (
            b"D %s\n" % name
            if raw is None
            else b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), name, len(raw), raw)
        )
    stream += b"get-mark :1\n"
    sent = stream.decode("utf-8", "surrogateescape")
    return world.vendor.git("fast-import", "--quiet", "--force", stdin=sent).out.strip()


def twin(world: World) -> World:
    """The same clone once more, for git to do it there in its own way."""
    path = world.path.with_name("twin")
    shutil.copytree(world.path, path, symlinks=True)
    other = World(path)
    other.git("update-index", "-q", "--refresh", ok=False)
    return other


def rebased(
    world: World, onto: str = "origin/release-1.9", base: str = "origin/release-1.8"
) -> World:
    """What git itself makes of the stack, in a twin."""
    other = twin(world)
    other.git("fetch", "-q", "origin")
    other.git("rebase", "-q", "--onto", onto, base, env={"EKF_HOOKS": "0"})
    return other


def assert_as_rebased(world: World, git: World, upstream: str = "origin/release-1.9") -> None:
    """The same commits to the last bit (the clock stands still), and a work tree that shows them."""
    assert world.stack(upstream=upstream) == git.stack("HEAD", upstream)
    assert_clean(world)


def assert_clean(world: World) -> None:
    """Index and files are those of HEAD, and nothing is in progress."""
    assert world.out("status", "--porcelain") == ""
    assert world.out("write-tree") == world.tree()
    for name in (
        "rebase-merge",
        "rebase-apply",
        "REBASE_HEAD",
        "CHERRY_PICK_HEAD",
        "MERGE_HEAD",
        "MERGE_MSG",
        "AUTO_MERGE",
        "index.lock",
    ):
        assert not (world.path / ".git" / name).exists(), name


def snapshot(world: Clone, *, exact: bool = False) -> dict[str, object]:
    """Everything that a command that refuses leaves alone; `exact`: the bytes of the index too, and every file in the git directory."""
    git_dir = Path(world.out("rev-parse", "--absolute-git-dir"))
    found: dict[str, object] = {
        "refs": world.out("for-each-ref", "--format=%(refname) %(objectname)"),
        "HEAD": world.git("rev-parse", "HEAD", "--symbolic-full-name", "HEAD", ok=False).out,
        "status": world.git(
            "status", "--porcelain", "--ignored", env={"GIT_OPTIONAL_LOCKS": "0"}
        ).out,
        "index": world.out("ls-files", "--stage"),
    }
    for name in ("config", "logs/HEAD", "ekf/journal", "ekf/rebase"):
        path = git_dir / name
        found[name] = path.read_bytes() if path.exists() else None
    for path in sorted(world.path.rglob("*")):
        if path.name != ".git" and git_dir not in path.parents and not path.is_dir():
            found[str(path.relative_to(world.path))] = (
                os.readlink(path) if path.is_symlink() else (path.stat().st_mode, path.read_bytes())
            )
    if exact:
        for path in sorted(git_dir.rglob("*")):
            if path == git_dir / "ekf/asked":  # whenever internal is asked
                continue
            if path.is_file():
                found[f".git/{path.relative_to(git_dir)}"] = (
                    path.stat().st_mtime_ns,
                    path.read_bytes(),
                )
            else:
                found[f".git/{path.relative_to(git_dir)}"] = ""
    return found


def private(world: World) -> set[str]:
    """What git-ekf keeps in the git directory."""
    known = {"lock", "journal", "asked"}
    return {path.name for path in (world.path / ".git/ekf").iterdir()} - known


def assert_refused(done: Run, message: str, hint: str, code: int = 4) -> None:
    assert (done.code, done.out, done.err) == (code, "", f"git-ekf: {message}\nhint: {hint}\n")


def script(path: Path, text: str) -> str:
    """Writes a program; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def use_builder(clone: Clone, *words: str) -> None:
    """Names the builder of manifests in the clone's own git configuration."""
    clone.git("config", "--unset-all", "ekf.render.command", ok=False)
    for word in words:
        clone.git("config", "--add", "ekf.render.command", word)


def wrapper(folder: Path, text: str) -> dict[str, str]:
    """An environment in which `git` is a shell script; $real is git."""
    script(folder / "git", f"#!/bin/sh\nreal={shutil.which('git')}\n{text}\n")
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def left_in(scratch: Path) -> list[Path]:
    """All in a place for temporary directories, but for the private one there, which stays."""
    private = scratch / f"git-ekf-{os.getuid()}"
    return [path for path in scratch.rglob("*") if path != private]
