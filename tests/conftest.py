"""A sealed world for every test: its own HOME, fixed dates and identity, no editor, no user configuration, no network."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import forking
import pytest
from limits import pytest_timeout_set_timer  # noqa: F401 (a hook)
from reach import EVERYTHING, pytest_collection_modifyitems, pytest_configure_node  # noqa: F401 (hooks)

from git_ekf.demo.sample import make_vendor

if TYPE_CHECKING:
    from pexpect import spawn
    from servertools import Site
    from upgrading import World

GIT_EKF = Path(sys.executable).with_name("git-ekf")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


_OF_THE_USER = (
    *("GIT_", "EKF_", "XDG_", "SSH_", "LC_", "LANG", "GPG_", "PYTHON"),
    *("PRE_COMMIT", "LEFTHOOK", "HUSKY", "CLICOLOR", "PAGER", "MANPAGER", "LESS"),
)


def pytest_configure() -> None:
    """Signals as a terminal hands them on, however the tests were started.

    Under nohup, and in some CI runners, SIGINT is ignored, and so it would be by all that is started here.
    """
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # which Python ignores
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    _work_in_memory()


_MEMORY = "/dev/shm"
_ROOM = 8 << 30  # bytes; a whole run leaves two or three gigabytes until its end


def _work_in_memory() -> None:
    """Temporary files go where no disk is, on a system that has much room there.

    Not those of everything, which are many times as many.
    """
    if EVERYTHING or "TMPDIR" in os.environ or not os.path.isdir(_MEMORY):
        return
    system = os.statvfs(_MEMORY)
    runs_programs = not system.f_flag & os.ST_NOEXEC
    if runs_programs and system.f_bavail * system.f_frsize > _ROOM:
        os.environ["TMPDIR"] = _MEMORY
        tempfile.tempdir = None  # asked anew


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Neighbours run in one process, which makes what they share only once; who is done early takes over."""
    from xdist.scheduler import WorkStealingScheduling  # type: ignore[import-untyped]

    return WorkStealingScheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _sealed_session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """For fixtures that several tests share: they are made before any test's own seal."""
    with pytest.MonkeyPatch.context() as patch:
        seal(tmp_path_factory, patch)
        yield
    if not request.session.testsfailed:
        # pytest keeps the files of three runs, and takes 20 seconds to delete those of one.
        subprocess.run(["rm", "-rf", tmp_path_factory.getbasetemp()], check=False)


@pytest.fixture(autouse=True)
def _sealed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a HOME of its own, which it may configure."""
    seal(tmp_path_factory, monkeypatch)


def seal(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's user gets in, and nothing gets out."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(_OF_THE_USER):
            monkeypatch.delenv(name)
    commands = tmp_path_factory.mktemp("bin")
    (commands / "git-ekf").symlink_to(GIT_EKF)
    system = os.pathsep.join(
        path
        for path in os.environ["PATH"].split(os.pathsep)
        if Path(path) != GIT_EKF.parent and not (Path(path) / "git-ekf").exists()
    )
    settings = {
        "HOME": str(home),
        "PATH": f"{commands}{os.pathsep}{system}",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "NO_COLOR": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "echo unexpected editor >&2; false",
        "GIT_AUTHOR_NAME": "Operator",
        "GIT_AUTHOR_EMAIL": "operator@example.com",
        "GIT_AUTHOR_DATE": "2026-11-20T10:00:00+00:00",
        "GIT_COMMITTER_NAME": "Operator",
        "GIT_COMMITTER_EMAIL": "operator@example.com",
        "GIT_COMMITTER_DATE": "2026-11-20T10:00:00+00:00",
        "GIT_ALLOW_PROTOCOL": "file:http:ssh",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)


class Run:
    """What a process answered."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def __repr__(self) -> str:
        return f"code {self.code}\n--- out\n{self.out}--- err\n{self.err}"


def run(
    *args: str | Path, cwd: Path | None = None, stdin: str = "", env: dict[str, str] | None = None
) -> Run:
    """Runs a program without a terminal and without a shell."""
    environment = {**os.environ, **(env or {})}
    if args[0] == "git-ekf" and forking.can_run(environment, GIT_EKF):
        return Run(forking.run([str(arg) for arg in args], cwd, stdin, environment))
    done = subprocess.run(
        [str(arg) for arg in args],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env=environment,
        timeout=120,
        check=False,
    )
    return Run(done)


class Clone:
    """A work tree with git and git-ekf to call in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(
        self, *args: str, stdin: str = "", ok: bool = True, env: dict[str, str] | None = None
    ) -> Run:
        """git; with `ok` it has to succeed."""
        result = run("git", *args, cwd=self.path, stdin=stdin, env=env)
        assert not ok or result.code == 0, f"git {args}: {result}"
        return result

    def ekf(self, *args: str, env: dict[str, str] | None = None) -> Run:
        return run("git-ekf", *args, cwd=self.path, env=env)

    def in_terminal(
        self, *args: str, env: dict[str, str] | None = None, columns: int = 80
    ) -> spawn[str]:
        """git-ekf as a child in a pseudo-terminal."""
        from pexpect import spawn

        return spawn(
            str(GIT_EKF),
            list(args),
            cwd=str(self.path),
            timeout=60,
            encoding="utf-8",
            env={**os.environ, **(env or {})},
            dimensions=(24, columns),
        )

    def work_tree(self, path: Path, branch: str = "release-1.9") -> Clone:
        """Another work tree of the same repository, on a new branch that tracks its channel."""
        track = ("--track", str(path), f"origin/{branch}")
        self.git("worktree", "add", "-q", "-b", branch, *track)
        return Clone(path)

    def sign_with(self, folder: Path) -> None:
        """Signs all commits from now on with a new ssh key in a folder, and trusts it."""
        key, allowed = folder / "key", folder / "allowed"
        assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).code == 0
        allowed.write_text(f"operator@example.com {key.with_suffix('.pub').read_text()}")
        for name, value in (
            ("gpg.format", "ssh"),
            ("user.signingKey", str(key)),
            ("commit.gpgSign", "yes"),
            ("gpg.ssh.allowedSignersFile", str(allowed)),
        ):
            self.git("config", name, value)

    def out(self, *args: str) -> str:
        """What git prints, without the last newline."""
        return self.git(*args).out.removesuffix("\n")

    def write(self, path: str, text: str) -> None:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def commit(
        self, path: str, text: str, message: str = "Configure", *, verify: bool = False
    ) -> str:
        """Commits one file, without a hook but for `verify`; the new commit's id."""
        self.write(path, text)
        self.git("add", "--", path)
        # Whether there is much to pack need not be asked: it takes a third of the time.
        options = [] if verify else ["--no-verify"]
        self.git("-c", "maintenance.auto=false", "commit", "-q", "-m", message, *options)
        return self.out("rev-parse", "HEAD")

    def rules(self, *args: str) -> list[str]:
        """The rules that `git ekf check` finds broken."""
        import json

        return [
            finding["rule"]
            for finding in json.loads(self.ekf("check", "--format", "json", *args).out)["findings"]
        ]


def make_clone(folder: Path, object_format: str = "sha1") -> Clone:
    """What `git ekf clone --release 1.8` builds in folder/work, from the vendor.git and the empty internal.git beside it."""
    vendor, internal, work = (folder / name for name in ("vendor.git", "internal.git", "work"))
    make_vendor(str(vendor), object_format=object_format)
    made = run("git", "init", "-q", "--bare", f"--object-format={object_format}", internal)
    assert made.code == 0, made
    done = run("git-ekf", "clone", vendor, work, "--internal", internal, "--release", "1.8")
    assert done.code == 0, done
    return Clone(work)


_NEVER_ASKED_FOR = (
    *("hooks/*.sample", "description", "objects/pack/*.bitmap"),
    *("info/refs", "objects/info/packs"),  # for HTTP without git behind it
)


def slim(folder: Path) -> None:
    """Makes the repositories in a folder quick to copy: packed, and without what git never asks for."""
    for objects in folder.glob("*/**/objects"):
        done = run("git", "repack", "-a", "-d", "-q", cwd=objects.parent)
        assert done.code == 0, done
        shutil.rmtree(objects.parent / "branches", ignore_errors=True)  # of git's first years
        for pattern in _NEVER_ASKED_FOR:
            for file in objects.parent.glob(pattern):
                file.unlink()


def copy_all(to: Path, *folders: Path) -> None:
    """Copies folders into another one, which is made where it is missing.

    Not the times: how long ago something was fetched is told by them. Python takes half as long again.
    """
    to.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-R", *folders, to], check=True)


def copy_clone(folder: Path, to: Path, *also: Path) -> Clone:
    """Copies folder/work and what else is given; its remotes are then the repositories beside the copy."""
    copy_all(to, folder / "work", *also)
    work = to / "work"
    config = work / ".git/config"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(str(folder), str(to)), encoding="utf-8")
    clone = Clone(work)
    clone.git("update-index", "-q", "--refresh")  # to git a copied file may be another one
    return clone


def copy_folder(folder: Path, to: Path) -> Clone:
    """Copies a clone with its vendor's and its internal repository."""
    return copy_clone(folder, to, folder / "vendor.git", folder / "internal.git")


@pytest.fixture(scope="session")
def _clone_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    make_clone(folder)
    slim(folder)
    return folder


@pytest.fixture(scope="module")
def _arranged(
    _clone_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Callable[[Clone], object]], Path]:
    """Gives a folder in which something has happened to the clone; each is made once."""

    @functools.cache
    def folder(arrange: Callable[[Clone], object]) -> Path:
        made = tmp_path_factory.mktemp("arranged")
        arrange(copy_folder(_clone_template, made))
        slim(made)
        return made

    return folder


@pytest.fixture
def beginning(
    request: pytest.FixtureRequest,
    _clone_template: Path,
    _arranged: Callable[[Callable[[Clone], object]], Path],
) -> Path:
    """The folder that `vendor`, `internal` and `clone` are copied from.

    In a module with ARRANGED, the name of a fixture -> what happens to the clone for it, one in which that has happened.
    """
    for name, arrange in getattr(request.module, "ARRANGED", {}).items():
        if name in request.fixturenames:
            return _arranged(arrange)
    return _clone_template


@pytest.fixture
def vendor(beginning: Path, tmp_path: Path) -> Path:
    """A bare vendor repository with release-1.8, 1.9 and 1.10; every test has its own."""
    copy_all(tmp_path, beginning / "vendor.git")
    return tmp_path / "vendor.git"


@pytest.fixture
def internal(beginning: Path, tmp_path: Path) -> Path:
    """An empty bare repository for the cluster."""
    copy_all(tmp_path, beginning / "internal.git")
    return tmp_path / "internal.git"


@pytest.fixture
def clone(beginning: Path, vendor: Path, internal: Path, tmp_path: Path) -> Clone:
    """What `git ekf clone --release 1.8` builds."""
    return copy_clone(beginning, tmp_path)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the world that upgrades begin in; a module may have another one, made from this one's copy."""
    from upgrading import make

    folder = tmp_path_factory.mktemp("world")
    make(folder)
    slim(folder)
    return folder


@pytest.fixture
def world(template: Path, tmp_path: Path) -> World:
    """A saved stack of configuration commits on release-1.8, its vendor with 1.9 and 1.10, and its internal repository."""
    from upgrading import copy

    return copy(template, tmp_path / "world")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, to see what is left of them."""
    path = tmp_path / "scratch"
    path.mkdir()
    monkeypatch.setenv("TMPDIR", str(path))
    return path


@pytest.fixture(scope="session")
def site_template(tmp_path_factory: pytest.TempPathFactory) -> Site:
    from servertools import make_site

    folder = tmp_path_factory.mktemp("site")
    site = make_site(folder)
    slim(folder)
    return site


@pytest.fixture
def site(site_template: Site, tmp_path: Path) -> Site:
    """A vendor, an internal repository with the server's hook, and a clone without hooks."""
    from servertools import copy_site

    return copy_site(site_template, tmp_path)


@pytest.fixture(scope="session")
def kubeflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real history of kubeflow/manifests as a bare repository; skips where the data is absent."""
    bundle = DATA / "kubeflow-manifests.bundle"
    if not bundle.exists():
        pytest.skip("the kubeflow/manifests bundle is not on this machine")
    path = tmp_path_factory.mktemp("kubeflow") / "vendor.git"
    assert run("git", "init", "-q", "--bare", "-b", "release-1.8", path).code == 0
    assert (
        run(
            "git",
            "-C",
            path,
            "fetch",
            "-q",
            bundle,
            "refs/heads/*:refs/heads/*",
            "refs/stacks/*:refs/stacks/*",
        ).code
        == 0
    )
    return path
