"""git ekf man: pages found wherever the program is, shown with man and without, and put where man looks."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sys
import zipapp
from pathlib import Path

import pexpect
import pytest
from conftest import GIT_EKF, run
from manpages import MAN, PAGES, ROOT, source

from git_ekf.errors import Refused
from git_ekf.manual import pages, roff

NAMES = [(name.rpartition(".")[0], name) for name in PAGES]
needs_man = pytest.mark.skipif(not shutil.which("mandb"), reason="man-db is not on this machine")


@pytest.fixture
def no_man(tmp_path: Path) -> dict[str, str]:
    """An environment without man and mandoc."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for program in ("git", "sh", "cat"):
        (programs / program).symlink_to(str(shutil.which(program)))
    (programs / "git-ekf").symlink_to(GIT_EKF)
    return {"PATH": str(programs)}


@pytest.fixture
def own_man(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only folder in which man looks."""
    monkeypatch.setenv("MANPATH", str(tmp_path / "man"))
    return tmp_path / "man"


def title(text: str) -> str:
    return text.lstrip().partition(" ")[0].partition("\n")[0].lower()


# --- which page ---


def test_a_page_has_several_names() -> None:
    for name in ("upgrade", "git-ekf-upgrade", "ekf-upgrade"):
        assert pages.find(name).name == "git-ekf-upgrade.1"
    for name in ("", "ekf", "git-ekf"):
        assert pages.find(name).name == "git-ekf.1"
    assert pages.find("config").name == "git-ekf-config.1"
    assert pages.find("ekf.toml").name == "ekf.toml.5"
    assert list(pages.pages()) == PAGES


def test_unknown_page() -> None:
    done = run("git-ekf", "man", "upgrad")
    assert (done.code, done.out, done.err) == (
        2,
        "",
        "git-ekf: there is no page upgrad\nhint: git ekf man upgrade\n",
    )
    done = run("git-ekf", "man", "../xyzzy")
    assert (done.code, done.err) == (
        2,
        "git-ekf: there is no page ../xyzzy\nhint: git ekf man lists the commands\n",
    )


# --- with man and without ---


@needs_man
def test_shown_by_man() -> None:
    done = run("git-ekf", "man", "save")
    assert (done.code, title(done.out)) == (0, "git-ekf-save(1)")
    assert "git-ekf Manual" in done.out.partition("\n")[0]  # which our own text has not


def test_shown_by_mandoc(no_man: dict[str, str]) -> None:
    (Path(no_man["PATH"]) / "mandoc").write_text('#!/bin/sh\necho "$@"\n')
    (Path(no_man["PATH"]) / "mandoc").chmod(0o755)
    assert run("git-ekf", "man", "save", env=no_man).out == f"-a {MAN / 'git-ekf-save.1'}\n"


def test_shown_without_either(no_man: dict[str, str]) -> None:
    done = run("git-ekf", "man", env=no_man)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(
        "git-ekf(1)\n\nNAME\n       git-ekf - run a vendor's Kubernetes manifests the GitOps way\n"
    )


def test_a_man_that_only_says_how_to_get_it_is_none(no_man: dict[str, str]) -> None:
    """As in the images of some distributions."""
    (Path(no_man["PATH"]) / "man").write_text("#!/bin/sh\necho This system has been minimized.\n")
    (Path(no_man["PATH"]) / "man").chmod(0o755)
    assert title(run("git-ekf", "man", "save", env=no_man).out) == "git-ekf-save(1)"
    assert "There is no man" in run("git-ekf", "man", "--install", env=no_man).out


def test_man_that_fails(no_man: dict[str, str]) -> None:
    (Path(no_man["PATH"]) / "man").write_text('#!/bin/sh\n[ "$1" = -w ] && echo "$2" || exit 3\n')
    (Path(no_man["PATH"]) / "man").chmod(0o755)
    done = run("git-ekf", "man", "save", env=no_man)
    assert (done.code, done.out, done.err) == (5, "", "git-ekf: man ended with code 3\n")


def test_interrupting_the_pager_leaves_it_alone(no_man: dict[str, str]) -> None:
    pager = Path(no_man["PATH"]) / "mandoc"
    pager.write_text("#!/bin/sh\ntrap 'echo still here' INT\necho page\nread line\nread line\n")
    pager.chmod(0o755)
    child = pexpect.spawn(
        "git-ekf man save", env={**os.environ, **no_man}, encoding="utf-8", timeout=20
    )
    child.expect_exact("page")
    child.sendintr()
    child.expect_exact("still here")
    child.sendline()
    child.sendline()
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, "interrupted" in str(child.before)) == (0, False)


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not on this machine")
@pytest.mark.parametrize("page", PAGES)
def test_our_own_text_says_what_mandoc_says(page: str) -> None:
    formatted = run("mandoc", "-T", "ascii", "-O", "width=78", MAN / page).out.replace("+\bo", "*")
    _, *theirs, _ = re.sub(".\b", "", formatted).strip().split("\n")  # title and footer
    _, *ours = roff.text(source(page), 78).split("\n")
    assert "".join("".join(ours).split()) == "".join("".join(theirs).split())


def test_our_own_text_fits_the_terminal() -> None:
    page = (
        ".TH A 1\n.SH OPTIONS\n"
        + "word " * 9
        + "\n.TP\n.B \\-\\-option\n"
        + "more " * 9
        + "\n.PP\n.RS 4\n.nf\n$ a  \\-b\n.fi\n.RE\n"
    )
    assert roff.text(page, 40).splitlines() == [
        "a(1)",
        "",
        "OPTIONS",
        "       word word word word word word",
        "       word word word",
        "",
        "       --option",
        "              more more more more more",
        "              more more more more",
        "",
        "           $ a  -b",
    ]


# --- in a file that holds the program ---


@needs_man
def test_one_file_has_its_pages(tmp_path: Path, own_man: Path) -> None:
    inside = tmp_path / "inside"
    shutil.copytree(
        ROOT / "git_ekf", inside / "git_ekf", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(MAN, inside / "git_ekf/man")
    (inside / "__main__.py").write_text(
        "import sys\nfrom git_ekf.cli import main\nsys.exit(main(sys.argv[1:]))\n"
    )
    program = tmp_path / "git-ekf.pyz"
    zipapp.create_archive(inside, program)
    shutil.rmtree(inside)
    done = run(sys.executable, program, "man", "workflow")
    assert (done.code, title(done.out)) == (0, "git-ekf-workflow(7)")
    assert run(sys.executable, program, "man", "--install", own_man).code == 0
    assert {path.name: path.read_text() for path in own_man.rglob("*.?")} == {
        page: source(page) for page in PAGES
    }


# --- where man looks ---


@needs_man
def test_install_where_man_looks(own_man: Path) -> None:
    assert not pages.found_by_man()
    done = run("git-ekf", "man", "--install", own_man)
    said = f"{len(PAGES)} pages installed in {own_man}\nman finds them: git ekf --help\n"
    assert (done.code, done.out, done.err) == (0, said, "")
    assert pages.found_by_man()
    assert title(run("git", "ekf", "--help").out) == "git-ekf(1)"
    done = run("git-ekf", "man", "--install", own_man)
    assert (
        done.out
        == f"All pages are in {own_man}; nothing was changed.\nman finds them: git ekf --help\n"
    )


@needs_man
def test_pages_of_another_version_are_told_and_replaced(own_man: Path) -> None:
    pages.install(str(own_man))
    page = own_man / "man1/git-ekf-save.1"
    page.write_text(page.read_text() + "Older.\n")
    assert not pages.found_by_man()
    assert run("git-ekf", "man", "--install", own_man).out.startswith(
        f"1 page replaced by this version's in {own_man}\n"
    )
    assert pages.found_by_man()
    page.unlink()
    assert not pages.found_by_man()


@needs_man
def test_a_distribution_compresses_pages(own_man: Path) -> None:
    pages.install(str(own_man))
    for page in list(own_man.rglob("*.?")):
        Path(f"{page}.gz").write_bytes(gzip.compress(page.read_bytes()))
        page.unlink()
    assert pages.found_by_man()


@needs_man
def test_pages_that_stand_before_ours(
    own_man: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.install(str(own_man))
    (own_man / "man1/git-ekf-save.1").write_text(".TH OLD 1\n")
    later = tmp_path / "more"
    monkeypatch.setenv("MANPATH", f"{own_man}:{later}")
    later.mkdir()
    done = run("git-ekf", "man", "--install", later)
    assert done.out.endswith(
        f"\nman finds other pages first. Replace them: git ekf man --install {own_man}\n"
    )


def test_install_for_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(os.environ["HOME"])
    monkeypatch.setenv("MANPATH", "/nowhere")
    done = run("git-ekf", "man", "--install")
    assert done.out.startswith(f"{len(PAGES)} pages installed in {home}/.local/share/man\n")
    if shutil.which("mandb"):
        assert (
            f'man does not look there. Put this into your ~/.profile: export MANPATH={home}/.local/share/man:"$MANPATH"\n'
            in done.out
        )
    assert (home / ".local/share/man/man5/ekf.toml.5").read_text() == source("ekf.toml.5")


def test_install_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("git-ekf", "man", "--install", tmp_path / "file")
    assert (done.code, done.out, done.err) == (
        5,
        "",
        f"git-ekf: {tmp_path}/file/man1: Not a directory\nhint: ls -ld {tmp_path}/file {tmp_path}/file/man1\n",
    )


def test_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.install(str(tmp_path / "elsewhere/man"))
    monkeypatch.setattr(
        pages, "__file__", str(tmp_path / "lib/python3/site-packages/git_ekf/manual/pages.py")
    )
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "none"))
    with pytest.raises(Refused, match="no folder"):
        pages.folder()
    (tmp_path / "elsewhere").rename(tmp_path / "share")
    assert pages.folder() == str(tmp_path / "share/man")
    done = run("git-ekf", "man", "--path", "save")
    assert (done.code, done.err) == (2, "git-ekf: --path stands alone\nhint: git ekf man --path\n")


def test_help_is_the_same(no_man: dict[str, str]) -> None:
    shown = run("git-ekf", "help", "undo", env=no_man)
    assert (shown.code, title(shown.out)) == (0, "git-ekf-undo(1)")
    assert shown.out == run("git-ekf", "man", "undo", env=no_man).out
