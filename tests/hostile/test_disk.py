"""A disk that is full: nothing stays in the way of the second try."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Clone
from reach import rare
from upgrading import wrapper

from git_ekf.airgap.bare import opened
from git_ekf.errors import EkfError, NoSpace
from git_ekf.git import complaints
from git_ekf.git.calls import Git
from git_ekf.git.complaints import no_space_in


@pytest.mark.parametrize("existed", [False, True])
def test_half_a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existed: bool) -> None:
    """A mirror of which git could make only a part is taken away again."""
    script = (
        'case " $* " in *" init "*) $real "$@"; echo "fatal: No space left on device" >&2; exit 128;; '
        'esac\nexec $real "$@"'
    )
    mirror = tmp_path / "mirror"
    if existed:
        mirror.mkdir()
    with monkeypatch.context() as patch:
        for name, value in wrapper(tmp_path / "bin", script).items():
            patch.setenv(name, value)
        with pytest.raises(EkfError, match="No space"), opened(Git(), str(mirror), "sha1", "main"):
            pass
    assert mirror.exists() == existed
    with opened(Git(), str(mirror), "sha1", "main") as git:
        assert git.refs() == []


FULL = "there is no space left on the disk: "


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("fatal: write error: No space left on device\n", "write error: No space left on device"),
        (
            "fatal: sha1 file 'x/pack/tmp_pack_1' write error. Out of diskspace",
            "sha1 file 'x/pack/tmp_pack_1' write error. Out of diskspace",
        ),
        (
            "warning: of something else\nerror: file write error: Disk quota exceeded\n",
            "file write error: Disk quota exceeded",
        ),
        ("fatal: unable to write new index file: File too large", ""),  # a limit, and no disk
        ("remote: fatal: write error: No space left on device\nfatal: early EOF\n", ""),
        ("error: Your local changes to 'No space left on device' are in the way\n", ""),
        ("error: unable to write file own/a\n", ""),  # there is room, so it was something else
    ],
)
def test_what_git_says_of_it(said: str, reason: str) -> None:
    found = no_space_in(said)
    assert (found.message if found else "") == (FULL + reason if reason else "")


@pytest.mark.parametrize(
    "said",
    [
        "fatal: prepare: cannot update ref 'refs/ekf/hold/0': couldn't write '/x/0.lock'",
        "error: cannot update ref 'refs/heads/x': couldn't write '/x/x.lock'",
        "fatal: unable to write new_index file",
        "fatal: Could not write new index file.",
        "error: unable to write file own/a",
        "error: failed to write new configuration file /x/config.lock",
    ],
)
def test_what_git_does_not_say(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a write failed, and not why: the disk of the repository tells, not the one here."""
    asked: list[str] = []

    def full(place: str) -> bool:
        asked.append(place)
        return place != "/there"

    monkeypatch.setattr(complaints, "_has_space", full)
    process = subprocess.Popen(["false"], stdout=subprocess.PIPE)
    process.communicate()
    found = complaints.failure(process, f"{said}\n", cwd="/there")
    assert (type(found), asked) == (NoSpace, ["/there"])
    assert found.message.startswith(FULL)
    assert "prepare" not in found.message
    assert type(complaints.failure(process, f"{said}\n")) is not NoSpace


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A directory with a disk of its own, of ten megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, but: int) -> Path:
    """A file that leaves so many kilobytes."""
    path = disk / "fill"
    free = os.statvfs(disk)
    path.write_bytes(bytes(free.f_bavail * free.f_bsize - but * 1024))
    return path


@pytest.mark.parametrize("left", [40, 250, pytest.param(700, marks=rare)])
def test_clone(vendor: Path, disk: Path, left: int) -> None:
    """At any step: nothing is left behind, and the second try works."""
    source = Clone(disk.parent / "source")
    source.path.mkdir()
    source.git("clone", "-q", "-b", "release-1.8", str(vendor), ".")
    (source.path / "large").write_bytes(os.urandom(600_000))
    source.git("add", "large")
    source.git("commit", "-q", "-m", "Large")
    source.git("push", "-q", "origin", "release-1.8")
    subprocess.run(["git", "init", "-q", "--bare", "internal.git"], cwd=disk.parent, check=True)
    filler = fill(disk, left)
    here = Clone(disk)
    words = ("clone", str(vendor), "new", "--internal", str(disk.parent / "internal.git"))
    done = here.ekf(*words)
    assert done.code == 5, done
    said = done.err.split("git-ekf: ")[-1]
    assert said.startswith("there is no space left on the disk: "), done
    assert "\nhint: " in said.partition("df -h")[0], done
    assert list(disk.iterdir()) == [filler]
    filler.unlink()
    assert here.ekf(*words).code == 0


@pytest.mark.parametrize(
    "left", [pytest.param(0, marks=rare), 8, 100, pytest.param(500, marks=rare)]
)
def test_commands(clone: Clone, vendor: Path, disk: Path, left: int) -> None:
    """Each says so, and leaves refs, files and directory as they were; the second try works."""
    clone.commit("own/a", "1\n")
    source = Clone(clone.path.with_name("source"))
    source.path.mkdir()
    source.git("clone", "-q", "-b", "release-1.8", str(vendor), ".")
    (source.path / "large").write_bytes(os.urandom(600_000))
    source.git("add", "large")
    source.git("commit", "-q", "-m", "Large")
    source.git("push", "-q", "origin", "release-1.8")
    two = Clone(disk / "clone")
    shutil.copytree(clone.path, two.path, symlinks=True)
    commands = (
        ["sync", "--no-build", "--no-save-check"],
        ["tag", "-m", "A record"],
        ["save"],
        ["mirror", str(vendor), str(disk / "mirror")],
    )
    failed = 0
    for command in commands:
        refs, files = two.out("for-each-ref"), two.out("status", "--porcelain")
        there = sorted(disk.iterdir())
        filler = fill(disk, left)
        done = two.ekf(*command)
        filler.unlink()
        assert "Traceback" not in done.err
        if done.code:
            failed += 1
            assert done.code == 5, (command, done)
            assert FULL.removesuffix(": ") in done.err, (command, done)
            assert "git add" not in done.err
            status = two.ekf("status")
            assert "git add" not in status.out, (command, status)
            if "cut off" in status.out:
                assert two.ekf("undo").code == 0
            assert two.out("for-each-ref") == refs, command
            assert two.out("status", "--porcelain") == files, command
            assert sorted(disk.iterdir()) == there, command
            done = two.ekf(*command)
        assert done.code == 0, (command, done)
    assert failed


LIMITED = [
    ["tag", "-m", "A record"],
    ["upgrade", "--no-build", "--no-save-check"],
    ["undo"],
    ["mirror", "VENDOR", "../mirror"],
    ["clone", "VENDOR", "../other", "--internal", "INTERNAL"],
    ["bundle", "create", "../bundle"],
]


@rare
@pytest.mark.parametrize("limit", [0, pytest.param(60, marks=rare), pytest.param(700, marks=rare)])
def test_a_limit_of_the_size_of_files(
    clone: Clone, vendor: Path, internal: Path, limit: int
) -> None:
    """`ulimit -f`: git dies of it, where Python gets an error."""
    clone.commit("own/a", "1\n")
    assert clone.ekf("tag", "-m", "First").code == 0
    refs, files = clone.out("for-each-ref"), sorted(os.listdir(clone.path.parent))
    for words in LIMITED:
        known = {"VENDOR": str(vendor), "INTERNAL": str(internal)}
        done = subprocess.run(
            ["git-ekf", *(known.get(word, word) for word in words)],
            cwd=clone.path,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        assert (done.returncode, done.stderr.splitlines()[-2:]) == (
            5,
            [
                "git-ekf: a file would be larger than this shell lets files be",
                "hint: ulimit -f unlimited, then the same command again",
            ],
        ), (words, done)
        assert clone.out("for-each-ref") == refs
        assert sorted(os.listdir(clone.path.parent)) == files
    for words in LIMITED[:3]:
        assert clone.ekf(*words).code == 0
