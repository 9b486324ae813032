"""What a release consists of, installed the ways an operator would without a network: every copy works from clone to upgrade plan."""

from __future__ import annotations

import filecmp
import importlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Clone, Run, run
from reach import rare

from git_ekf import __version__

ROOT = Path(__file__).resolve().parents[1]
WHEELS = Path(sys.prefix) / "wheels"
# Outside of the environment, also where that has a copy of the interpreter in place of a link.
PYTHON = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
PAGES = sorted(page.name for page in (ROOT / "man").iterdir())

pytestmark = pytest.mark.skipif(
    not WHEELS.is_dir(), reason="the wheels to build with are not there: make lint fetches them"
)


def offline(*args: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Run:
    """Runs a program where there is no network; without the right to take it away, where pip and others cannot reach it."""
    if run("unshare", "-n", "true").code == 0:
        return run("unshare", "-n", *args, cwd=cwd, env=env)
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    return run(*args, cwd=cwd, env={**nowhere, **(env or {})})


def build(root: Path, out: Path, **env: str) -> None:
    done = offline(
        sys.executable,
        root / "packaging" / "dist.py",
        WHEELS / "run",
        out,
        env={"SOURCE_DATE_EPOCH": "1790000000", **env},
    )
    assert done.code == 0, done


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` builds."""
    out = tmp_path_factory.mktemp("release") / "dist"
    build(ROOT, out)
    return out


@rare
def test_the_sdist_builds_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(dist / f"git_ekf-{__version__}.tar.gz", tmp_path)
    again = tmp_path / "again"
    build(tmp_path / f"git_ekf-{__version__}", again, TZ="Asia/Tokyo", PYTHONHASHSEED="7")
    files = sorted(str(path.relative_to(dist)) for path in dist.rglob("*") if path.is_file())
    assert {name.rpartition("/")[0] for name in files} == {"", "wheels"}
    assert filecmp.cmpfiles(dist, again, files, shallow=False) == (files, [], [])
    assert os.access(again / "git-ekf.pyz", os.X_OK)


class Copy:
    """An installed git-ekf: how it is called, the folder it lies in, and its share folder."""

    def __init__(
        self, tmp_path: Path, command: list[str | Path], prefix: Path, share: Path | None
    ) -> None:
        self.command = command
        self.prefix = prefix
        self.share = share
        self.home = tmp_path / "operator"
        self.home.mkdir()
        (self.home / ".gitconfig").write_text(
            "[user]\n\tname = Operator\n\temail = operator@example.com\n", encoding="utf-8"
        )
        on_path = self.home / "bin"
        on_path.mkdir()
        (on_path / "git-ekf").symlink_to(command[-1])
        # The interpreter alone, without what is installed for it.
        (on_path / "python3").symlink_to(PYTHON)
        git = shutil.which("git")
        assert git
        self.path = f"{on_path}:{Path(git).parent}:/usr/bin:/bin"

    def run(self, *args: str | Path, cwd: Path | None = None) -> Run:
        """In an empty environment."""
        return offline(
            "env", "-i", f"HOME={self.home}", f"PATH={self.path}", *args, cwd=cwd or self.home
        )

    def ekf(self, *args: str | Path) -> str:
        """What a command of this copy prints, in the clone where there is one; it has to succeed."""
        work = self.home / "work"
        done = self.run(*self.command, *args, cwd=work if work.exists() else None)
        assert (done.code, done.err) == (0, ""), done
        return done.out

    def git(self, *args: str) -> Run:
        return self.run("git", *args, cwd=self.home / "work")


def install(tmp_path: Path, what: str, *places: Path) -> Copy:
    """With pip, into an environment with nothing else in it."""
    venv = tmp_path / "venv"
    assert run(PYTHON, "-m", "venv", "--without-pip", venv).code == 0
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--isolated",
        "--quiet",
        "--disable-pip-version-check",
        "--python",
        venv / "bin" / "python",
    ]
    found = [option for place in places for option in ("--find-links", place)]
    done = offline(*pip, "install", "--no-index", *found, what)
    assert done.code == 0, done
    return Copy(tmp_path, [venv / "bin" / "git-ekf"], venv, venv / "share")


def wheel(dist: Path, tmp_path: Path) -> Copy:
    return install(tmp_path, "git-ekf", dist / "wheels")


def sdist(dist: Path, tmp_path: Path) -> Copy:
    return install(
        tmp_path, str(dist / f"git_ekf-{__version__}.tar.gz"), dist / "wheels", WHEELS / "build"
    )


def single_file(dist: Path, tmp_path: Path) -> Copy:
    """With nothing but the interpreter: neither its environment nor its site-packages."""
    program = tmp_path / "opt" / "git-ekf"
    program.parent.mkdir()
    shutil.copy(dist / "git-ekf.pyz", program)
    return Copy(tmp_path, [PYTHON, "-I", "-S", program], program, None)


def debian_package(dist: Path, tmp_path: Path) -> Copy:
    if (
        not shutil.which("dpkg-buildpackage")
        or run("dpkg-checkbuilddeps", ROOT / "packaging/debian/control").code
    ):
        pytest.skip(
            "dpkg-buildpackage and what it builds with (debhelper, dh-python) are not installed"
        )
    done = offline(sys.executable, ROOT / "packaging" / "deb.py", dist, tmp_path / "build")
    assert done.code == 0, done
    (package,) = dist.glob("*.deb")
    assert run("dpkg-deb", "-x", package, tmp_path / "root").code == 0
    if shutil.which("lintian"):
        checked = run("lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", package)
        assert (checked.code, checked.out) == (0, ""), checked
    return Copy(
        tmp_path,
        [tmp_path / "root/usr/bin/git-ekf"],
        tmp_path / "root/usr",
        tmp_path / "root/usr/share",
    )


# The quickest has the same files in it as the others.
WAYS = [
    pytest.param(wheel, marks=rare),
    pytest.param(sdist, marks=rare),
    single_file,
    pytest.param(debian_package, marks=rare),
]


@pytest.mark.parametrize("installed", WAYS)
def test_an_installed_copy_works(
    installed: Callable[[Path, Path], Copy],
    dist: Path,
    vendor: Path,
    internal: Path,
    tmp_path: Path,
) -> None:
    copy = installed(dist, tmp_path)
    assert (
        copy.run("git", "ekf", "--version").out
        == copy.ekf("--version")
        == f"git-ekf {__version__}\n"
    )

    copy.ekf("clone", vendor, "work", "--internal", internal, "--release", "1.8")
    shim = (copy.home / "work/.git/hooks/pre-commit").read_text(encoding="utf-8")
    assert str(copy.prefix.resolve()) in shim
    assert str(ROOT) not in shim
    assert copy.ekf("hooks", "status").count(" ok\n") == 3
    (copy.home / "work/site.yaml").write_text("replicas: 2\n", encoding="utf-8")
    assert copy.git("add", "site.yaml").code == copy.git("commit", "-qm", "Configure").code == 0
    assert copy.ekf("check") == "No rule is broken.\n"
    assert copy.ekf("tag", "-m", "First").startswith("Recorded deploy/")
    assert "1 deploy record, read back and verified." in copy.ekf("save")
    assert copy.ekf("upgrade", "--plan").endswith("It would go through: git ekf upgrade 1.9\n")
    copy.git("switch", "-q", "-c", "feature")
    for refused in (
        copy.git("commit", "-q", "--allow-empty", "-m", "x"),
        copy.git("push", "-q", "internal", "feature"),
    ):
        assert refused.code == 1
        assert "  error  branch-name: " in refused.err

    assert copy.ekf("man", "config").lower().count("git-ekf-config(1)") >= 2
    if copy.share:
        pages = copy.share.glob("man/man?/*ekf*")
        assert sorted(page.name.removesuffix(".gz") for page in pages) == PAGES
        for place in (
            "bash-completion/completions/git-ekf",
            "zsh/*/_git-ekf",
            "fish/vendor_completions.d/git-ekf.fish",
        ):
            [script] = copy.share.glob(place)
            text = script.read_text(encoding="utf-8")
            if "fish" in place:
                text += "\n" + (copy.share / "fish/vendor_conf.d/git-ekf.fish").read_text(
                    encoding="utf-8"
                )
            assert (
                text.rstrip()
                == copy.ekf("completion", place.partition("-")[0].partition("/")[0]).rstrip()
            )


@rare
def test_the_single_file_finds_the_template_of_a_report(
    dist: Path, clone: Clone, tmp_path: Path
) -> None:
    """Where the Python that runs it has jinja2; without it, the report says what is missing."""
    program = dist / "git-ekf.pyz"
    done = run(PYTHON, "-I", "-S", program, "report", cwd=clone.path)
    assert (done.code, done.out) == (4, "")
    assert "needs jinja2" in done.err
    for name in ("jinja2", "markupsafe"):
        place = Path(importlib.import_module(name).__path__[0])
        shutil.copytree(place, tmp_path / "libraries" / name)
    libraries = f"import sys; sys.path.insert(0, {str(tmp_path / 'libraries')!r}); "
    start = f"sys.argv = ['git-ekf', 'report', '-o', '-']; import runpy; runpy.run_path({str(program)!r}, run_name='__main__')"
    done = run(PYTHON, "-I", "-S", "-c", libraries + start, cwd=clone.path)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("</html>\n")


@rare
def test_the_single_file_names_the_python_it_needs(dist: Path) -> None:
    program = dist / "git-ekf.pyz"
    older = f"import runpy, sys; sys.version_info = (3, 9); runpy.run_path({str(program)!r})"
    done = run(sys.executable, "-I", "-S", "-c", older)
    assert (done.code, done.out) == (4, "")
    assert (
        done.err
        == f"git-ekf: Python 3.11 or newer is needed, this is 3.9\nhint: name one that is: python3.11 {program}\n"
    )
