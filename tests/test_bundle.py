"""bundle: the vendor's channels across an air gap, in one file that may be damaged, old, foreign or hostile when it arrives."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from conftest import Clone, Run, run
from daemons import HOST, daemon, environment
from reach import rare

from git_ekf.airgap import archive
from git_ekf.airgap.apply import Applied, ApplyOrder
from git_ekf.airgap.apply import apply as apply_bundle
from git_ekf.airgap.archive import BUNDLE, MANIFEST, SIGNATURE, SUMS
from git_ekf.airgap.create import create as create_bundle
from git_ekf.airgap.read import verify
from git_ekf.demo.sample import make_vendor
from git_ekf.errors import EkfError, NoSpace, Refused, UsageError
from git_ekf.git.calls import Git

DAY = 86400
NOON = 1795780800  # 2026-11-27T12:00:00Z


def ekf(
    *args: str | Path, code: int = 0, env: dict[str, str] | None = None, cwd: Path | None = None
) -> Run:
    done = run("git-ekf", "bundle", *args, env=env, cwd=cwd)
    assert done.code == code, done
    return done


def refused(*args: str | Path, code: int = 4, env: dict[str, str] | None = None) -> str:
    """The error, of which there is one line, and a hint at most."""
    done = ekf(*args, code=code, env=env)
    first, *hint = done.err.splitlines()
    assert len(hint) <= 1, done
    assert all(line.startswith("hint: ") for line in hint)
    assert done.out == ""
    return first.removeprefix("git-ekf: ")


def refs(path: Path) -> dict[str, str]:
    lines = Clone(path).out("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def public(path: Path) -> dict[str, str]:
    return {
        ref: oid
        for ref, oid in refs(path).items()
        if ref.startswith(("refs/heads/release", "refs/tags/"))
    }


def sound(path: Path) -> bool:
    done = run("git", "-C", path, "fsck", "--strict", "--no-dangling")
    return (done.code, done.out) == (0, "")


def add(vendor: Path, branch: str, message: str, parent: str = "") -> str:
    """A commit of the vendor's on a channel, or with `parent` in place of what it was."""
    git = Clone(vendor)
    commit = git.out(
        "commit-tree", "-m", message, "-p", parent or branch, f"{parent or branch}^{{tree}}"
    )
    git.git("update-ref", f"refs/heads/{branch}", commit)
    return commit


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the clock to a day."""

    def day(number: int) -> None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(NOON + DAY * number))

    day(1)
    return day


def fetched(clone: Clone, number: int) -> None:
    """Makes a day that of the last fetch, whatever the machine's clock says."""
    then = NOON + DAY * number
    for path in (clone.path / ".git/logs/refs/remotes/origin").iterdir():
        os.utime(path, (then, then))
    os.utime(clone.path / ".git/FETCH_HEAD", (then, then))


def create(
    path: Path,
    source: Path,
    receipt: Path | str = "",
    releases: tuple[str, ...] = (),
    key: str = "",
) -> Any:
    return create_bundle(Git(), str(path), str(source), releases, str(receipt), key).manifest


def apply(path: Path, mirror: Path, *accepted: str, allowed: str = "") -> Applied:
    return apply_bundle(ApplyOrder(str(path), str(mirror), accepted, allowed, ""))


# --- there and back ---


@rare
def test_three_increments_with_a_rewritten_channel_in_the_second(
    vendor: Path, tmp_path: Path, day: Callable[[int], None]
) -> None:
    one, two, three, inside = (
        tmp_path / name for name in ("one.tar", "two.tar", "three.tar", "inside.git")
    )
    Clone(vendor).git("tag", "-a", "-m", "first", "v1.8.0", "release-1.8")
    Clone(vendor).git("tag", "light", "release-1.9")
    made = ekf("create", one, "--from", vendor)
    digest = made.out.splitlines()[-2].removeprefix("Its digest is ")
    assert made.out == (
        f"{one} is bundle 1, which follows none:\n"
        "  new        release-1.8   37a9995\n"
        "  new        release-1.9   ce3611c\n"
        "  new        release-1.10  5eddde6\n"
        "  2 tags: 2 new\n"
        "  11 commits, 55 objects\n"
        f"Its digest is {digest}\n"
        "Next: carry it across, then: git ekf bundle apply one.tar MIRROR\n"
    ).replace("55 objects", made.out.partition("commits, ")[2].partition("\n")[0])
    checked = ekf("verify", one).out
    assert checked.startswith(
        f"{one} is sound: bundle 1, which follows none\n  new        release-1.8   37a9995\n"
    )
    assert checked.endswith(
        f"digest     {digest}\nsignature  none\nchecked    everything: each object, and that none is missing\n"
    )
    done = ekf("apply", one, inside)
    assert done.out == (
        f"{inside} has bundle 1, of {vendor}:\n"
        "  new        release-1.8   37a9995\n"
        "  new        release-1.9   ce3611c\n"
        "  new        release-1.10  5eddde6\n"
        "  2 tags: 2 new\n"
        f"The next bundle needs {one}.receipt\n"
    )
    assert public(inside) == public(vendor)
    assert Clone(inside).out("symbolic-ref", "HEAD") == "refs/heads/release-1.10"
    receipt = json.loads(Path(f"{one}.receipt").read_text())
    assert (receipt["digest"], receipt["sequence"], receipt["primary"]) == (digest, 1, str(vendor))
    # Again: as if it had been cut off at the very end.
    Path(f"{one}.receipt").unlink()
    assert ekf("apply", one, inside).out.startswith(
        f"{inside} has bundle 1 already; nothing was changed.\n"
    )
    assert json.loads(Path(f"{one}.receipt").read_text()) == receipt
    done = ekf("create", two, "--from", vendor, "--receipt", f"{one}.receipt")
    assert (done.out, two.exists()) == (
        "Nothing is new since bundle 1; no file was written.\n",
        False,
    )

    day(2)
    old = public(vendor)["refs/heads/release-1.9"]
    rewritten = add(vendor, "release-1.9", "Release 1.9, once more", parent="release-1.9^")
    added = add(vendor, "release-1.8", "More")
    ekf("create", two, "--from", vendor, "--receipt", f"{one}.receipt")
    assert f"  changed    release-1.9   {old[:7]}..{rewritten[:7]}\n" in ekf("verify", two).out
    before = refs(inside)
    assert (
        refused("apply", two, inside)
        == f"the vendor has rewritten release-1.9, from {old[:7]} to {rewritten[:7]}; nothing was changed"
    )
    assert (refs(inside), list(inside.glob("objects/ekf*"))) == (before, [])
    done = ekf("apply", two, inside, "--accept", "release-1.9")
    backup = next(ref for ref in refs(inside) if ref.startswith("refs/ekf/backup/"))
    assert done.out == (
        f"{inside} has bundle 2, of {vendor}:\n"
        f"  updated    release-1.8   37a9995..{added[:7]}\n"
        f"  rewritten  release-1.9   {old[:7]}..{rewritten[:7]}\n"
        "  unchanged  release-1.10  5eddde6\n"
        "  2 tags: 2 unchanged\n"
        f"What was replaced is kept as {backup}\n"
        f"The next bundle needs {two}.receipt\n"
    )
    assert (public(inside), refs(inside)[backup]) == (public(vendor), old)

    day(3)
    Clone(vendor).git("branch", "release-1.11", "release-1.10")  # with no commit of its own
    Clone(vendor).git("branch", "-D", "release-1.8")
    add(vendor, "release-1.9", "And on")
    assert create(three, vendor, f"{two}.receipt").commits == 1
    assert (
        refused("apply", three, inside)
        == f"the vendor has withdrawn release-1.8, which was {added[:7]}; nothing was changed"
    )
    ekf("apply", three, inside, "--accept", "release-1.8")
    assert public(inside) == public(vendor)
    assert Clone(inside).out("symbolic-ref", "HEAD") == "refs/heads/release-1.11"
    assert sound(inside)
    # One that lost everything is rebuilt from all three, and only in that order.
    again = tmp_path / "again.git"
    for path, *accepted in ((one,), (two, "release-1.9"), (three, "release-1.8")):
        apply(path, again, *accepted)
    assert public(again) == public(vendor)


@rare
def test_the_real_vendor_in_three_increments(kubeflow: Path, tmp_path: Path) -> None:
    vendor, outside, inside = (
        tmp_path / name for name in ("vendor.git", "outside.git", "inside.git")
    )
    shutil.copytree(kubeflow, vendor)
    git = Clone(vendor)
    newest = public(kubeflow)
    for branch, back in (("release-1.9", 20), ("release-1.10", 10)):
        git.git("update-ref", f"refs/heads/{branch}", f"{branch}~{back}")
    git.git("branch", "-D", "release-1.11")
    git.git("tag", "-a", "-m", "1.8.0", "v1.8.0", "release-1.8~3")
    rewritten = ""
    receipt, paths = "", [tmp_path / f"{number}.tar" for number in (1, 2, 3)]
    for number, path in enumerate(paths):
        if number == 1:
            git.git("update-ref", "refs/heads/release-1.9", newest["refs/heads/release-1.9"])
            rewritten = add(vendor, "release-1.8", "The release, once more", parent="release-1.8~2")
        if number == 2:
            for ref, oid in newest.items():
                if ref != "refs/heads/release-1.8":
                    git.git("update-ref", ref, oid)
        accepted = ["--accept", "release-1.8"] if number == 1 else []
        assert run("git-ekf", "mirror", vendor, outside, *accepted).code == 0
        ekf("create", path, "--from", outside, *(["--receipt", receipt] if receipt else []))
        if accepted:
            ekf("verify", path)
            assert refused("apply", path, inside).startswith(
                "the vendor has rewritten release-1.8, from "
            )
        ekf("apply", path, inside, *accepted)
        receipt = f"{path}.receipt"
        assert public(inside) == public(vendor)
    assert public(inside)["refs/heads/release-1.8"] == rewritten
    assert public(inside)["refs/heads/release-1.11"] == newest["refs/heads/release-1.11"]
    assert paths[1].stat().st_size < paths[0].stat().st_size / 4
    assert run("git", "-C", inside, "fsck", "--connectivity-only").code == 0


def test_git_and_tar_are_enough(vendor: Path, tmp_path: Path, day: Callable[[int], None]) -> None:
    one, two, inside = tmp_path / "one.tar", tmp_path / "two.tar", tmp_path / "inside.git"
    create(one, vendor)
    apply(one, inside)
    add(vendor, "release-1.8", "More")
    day(2)
    create(two, vendor, f"{one}.receipt")
    for path in (one, two):
        folder = tmp_path / path.stem
        folder.mkdir()
        assert run("tar", "-xf", path, "-C", folder).code == 0
        assert sorted(file.name for file in folder.iterdir()) == [SUMS, BUNDLE, MANIFEST]
        assert run("sha256sum", "-c", SUMS, cwd=folder).out == f"{BUNDLE}: OK\n{MANIFEST}: OK\n"
    by_hand = tmp_path / "hand.git"
    assert run("git", "clone", "-q", "--mirror", tmp_path / "one" / BUNDLE, by_hand).code == 0
    assert run("git", "-C", by_hand, "bundle", "verify", tmp_path / "two" / BUNDLE).code == 0
    assert (
        run("git", "-C", by_hand, "fetch", "-q", tmp_path / "two" / BUNDLE, "+refs/*:refs/*").code
        == 0
    )
    assert public(by_hand) == public(vendor)
    # Packed again by hand, in whatever order, it is the same bundle.
    assert run("tar", "-cf", two, SUMS, MANIFEST, BUNDLE, cwd=tmp_path / "two").code == 0
    apply(two, inside)
    assert public(inside) == public(vendor)


def test_the_same_repository_gives_the_same_bytes(
    vendor: Path, tmp_path: Path, day: Callable[[int], None]
) -> None:
    paths = [tmp_path / "one.tar", tmp_path / "two.tar"]
    for path in paths:
        create(path, vendor)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_objects_named_by_sha256(tmp_path: Path, day: Callable[[int], None]) -> None:
    vendor, inside, one, two = (
        tmp_path / name for name in ("vendor.git", "inside.git", "one.tar", "two.tar")
    )
    make_vendor(str(vendor), object_format="sha256")
    create(one, vendor)
    apply(one, inside)
    add(vendor, "release-1.8", "More")
    day(2)
    create(two, vendor, f"{one}.receipt")
    verify(str(two), "")
    apply(two, inside)
    assert public(inside) == public(vendor)
    sha1 = tmp_path / "sha1.git"
    assert run("git", "init", "-q", "--bare", sha1).code == 0
    with pytest.raises(Refused, match="names objects by sha1"):
        apply(one, sha1)


# --- what goes in ---


def test_what_a_clone_knows_of_the_vendor(
    clone: Clone, vendor: Path, tmp_path: Path, day: Callable[[int], None]
) -> None:
    """The vendor's channels and tags, and nothing of the user's: no branch, no record, no tag on a commit of theirs."""
    one, inside = tmp_path / "one.tar", tmp_path / "inside.git"
    clone.git("tag", "vendors", "origin/release-1.8")
    clone.commit("site.yaml", "a: 1\n")
    clone.git("tag", "ours")
    assert clone.ekf("tag", "-m", "First").code == 0
    fetched(clone, 1)
    ekf("create", one, cwd=clone.path)
    apply(one, inside)
    assert public(inside) == {
        **public(vendor),
        "refs/tags/vendors": clone.out("rev-parse", "origin/release-1.8"),
    }
    # What a clone does not know, the vendor has not withdrawn.
    day(2)
    clone.git("branch", "-r", "-D", "origin/release-1.10")
    clone.git("update-ref", "refs/remotes/origin/release-1.9", "origin/release-1.8")
    fetched(clone, 2)
    ekf("create", one, "--receipt", f"{one}.receipt", cwd=clone.path)
    done = apply(one, inside, "release-1.9")
    assert [change.kind for change in done.changes] == ["unchanged", "rewritten", "unchanged"]
    assert public(inside).keys() == {*public(vendor), "refs/tags/vendors"}


def test_some_releases_only_and_from_a_url(
    vendor: Path, tmp_path: Path, day: Callable[[int], None]
) -> None:
    one, two, inside = tmp_path / "one.tar", tmp_path / "two.tar", tmp_path / "inside.git"
    for name, branch in (("on-8", "release-1.8"), ("on-9", "release-1.9")):
        Clone(vendor).git("tag", "-a", "-m", "x", name, branch)
    create(one, vendor, releases=("1.8",))
    apply(one, inside)
    assert public(inside).keys() == {"refs/heads/release-1.8", "refs/tags/on-8"}
    day(2)
    add(vendor, "release-1.8", "More")
    ekf(
        "create", two, "--from", f"file://{vendor}", "--release", "release-1.9", "--release", "1.10"
    )
    assert list(tmp_path.glob(".git-ekf-*")) == []
    done = apply(two, inside)  # the same vendor, in another spelling
    assert [(change.kind, change.name) for change in done.changes] == [
        ("new", "release-1.9"),
        ("new", "release-1.10"),
        ("new", "on-9"),
    ]
    assert {ref.rpartition("/")[2] for ref in public(inside)} == {
        "release-1.8",
        "release-1.9",
        "release-1.10",
        "on-8",
        "on-9",
    }


def test_what_cannot_be_packed(
    clone: Clone, vendor: Path, tmp_path: Path, day: Callable[[int], None]
) -> None:
    one, inside = tmp_path / "one.tar", tmp_path / "inside.git"
    create(one, vendor)
    apply(one, inside)
    kept = one.read_bytes()
    shallow, empty, other = tmp_path / "shallow", tmp_path / "empty.git", tmp_path / "other.git"
    assert run("git", "clone", "-q", "--depth=1", f"file://{vendor}", shallow).code == 0
    assert run("git", "init", "-q", "--bare", empty).code == 0
    shutil.copytree(vendor, other)
    receipt = f"{one}.receipt"
    assert (
        refused("create", one, "--from", shallow)
        == "this repository is shallow: it does not have the whole history"
    )
    assert (
        refused("create", one, "--from", empty)
        == "this repository has no channel of the vendor (release-{version})"
    )
    assert refused("create", one, "--from", vendor, "--release", "2.0", code=2).startswith(
        "there is no release 2.0; the vendor has "
    )
    assert (
        refused("create", one, "--from", vendor, "--receipt", "none", code=2)
        == "cannot read the receipt none: No such file or directory"
    )
    assert refused("create", one, "--from", vendor, "--receipt", one).endswith(
        "one.tar is not a JSON document of git-ekf"
    )
    assert (
        refused("create", one, "--from", other, "--receipt", receipt)
        == f"{receipt} is the receipt of a mirror of {vendor}, and this is {other}"
    )
    assert refused("create", tmp_path, "--from", vendor, code=2) == f"{tmp_path} is a directory"
    assert (
        refused("create", one, "--from", vendor, "--sign", "no/key", code=2)
        == "no such key: no/key"
    )
    for given in ("soon", "8589934592", "9" * 5000):
        env = {"SOURCE_DATE_EPOCH": given}
        assert (
            refused("create", one, "--from", vendor, code=2, env=env)
            == f"SOURCE_DATE_EPOCH is {given}, which is not a valid time in seconds"
        )
    env = {"SOURCE_DATE_EPOCH": "8589934591"}
    ekf("create", tmp_path / "late.tar", "--from", vendor, env=env)
    verify(str(tmp_path / "late.tar"), "")
    assert refused("create", tmp_path / "no/one.tar", "--from", vendor, code=5).endswith(
        "No such file or directory"
    )
    assert (one.read_bytes(), list(tmp_path.glob("*.part"))) == (kept, [])
    # What a killed one has left is in nobody's way; another at work is.
    Path(f"{one}.part").write_text("half of it")
    ekf("create", one, "--from", vendor)
    assert (one.read_bytes(), list(tmp_path.glob("*.part"))) == (kept, [])
    with open(f"{one}.part", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert refused("create", one, "--from", vendor) == f"another git-ekf command writes {one}"


# --- what arrives ---


def tampered(
    path: Path,
    change: Callable[[dict[str, Any]], object] = lambda manifest: None,
    *,
    bundle: bytes | None = None,
) -> Path:
    """A copy with another manifest or bundle, of which the digests are right."""
    with tarfile.open(path) as tar:
        files = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    manifest = json.loads(files[MANIFEST])
    if bundle is not None:
        files[BUNDLE] = bundle
        pack = bundle.partition(b"\n\n")[2]
        manifest.update(size=len(bundle), objects=int.from_bytes(pack[8:12], "big"))
    manifest["sha256"] = hashlib.sha256(files[BUNDLE]).hexdigest()
    change(manifest)
    files[MANIFEST] = json.dumps(manifest).encode()
    files[SUMS] = archive.sums(manifest["sha256"], hashlib.sha256(files[MANIFEST]).hexdigest())
    return archived(path.with_name("tampered.tar"), files)


def archived(path: Path, files: dict[str, bytes]) -> Path:
    blocks = (
        archive.header(name, len(content), NOON) + content + archive.padding(len(content))
        for name, content in files.items()
    )
    path.write_bytes(b"".join(blocks) + archive.END)
    return path


def reason(path: Path, error: type[EkfError] = Refused, **options: str) -> str:
    """Why it is refused, by `verify`."""
    with pytest.raises(error) as raised:
        verify(str(path), options.get("allowed", ""))
    return raised.value.message.removeprefix(f"{path} ")


@pytest.fixture
def one(vendor: Path, tmp_path: Path, day: Callable[[int], None]) -> Path:
    Clone(vendor).git("tag", "-a", "-m", "first", "v1.8.0", "release-1.8")
    create(tmp_path / "one.tar", vendor)
    return tmp_path / "one.tar"


@pytest.fixture
def inside(one: Path, tmp_path: Path) -> Path:
    apply(one, tmp_path / "inside.git")
    return tmp_path / "inside.git"


def test_whatever_byte_is_damaged_it_is_noticed(one: Path, tmp_path: Path) -> None:
    whole = one.read_bytes()
    path = tmp_path / "damaged.tar"
    with tarfile.open(one) as tar:
        bundle = tar.getmember(BUNDLE)
    inside_pack = range(bundle.offset_data + 600, bundle.offset_data + bundle.size)
    for at in range(0, len(whole), 7):
        if at in inside_pack and at % 203:  # there git is asked, which takes its time
            continue
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x15]) + whole[at + 1 :])
        reason(path)


def test_where_a_file_that_is_cut_off_ends(one: Path, tmp_path: Path) -> None:
    whole = one.read_bytes()
    path = tmp_path / "short.tar"
    with tarfile.open(one) as tar:
        size, manifest, sums = (tar.getmember(name) for name in (BUNDLE, MANIFEST, SUMS))
    for length, but in (
        (0, "it is empty"),
        (100, "the archive goes on"),
        (2000, f"{BUNDLE} goes on to byte {512 + size.size}"),
        (
            manifest.offset_data + 9,
            f"{MANIFEST} goes on to byte {manifest.offset_data + manifest.size}",
        ),
        (sums.offset, "the archive goes on"),
        (len(whole) - 1024, "the archive goes on"),
        (len(whole) - 1, "its last block is missing"),
    ):
        path.write_bytes(whole[:length])
        assert reason(path) == f"is cut off: it ends at byte {length}, but {but}"
    path.write_bytes(whole + bytes(9216))  # as tar fills it up
    verify(str(path), "")
    path.write_bytes(whole + b"more")
    assert reason(path) == f"has something behind its end, at byte {len(whole) - 1024}"


def member(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **more: Any
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (member("../evil"), 'has in it "../evil", which does not belong there'),
        (member("/etc/passwd"), 'has in it "/etc/passwd", which does not belong there'),
        (
            member("channels.bundle/../x"),
            'has in it "channels.bundle/../x", which does not belong there',
        ),
        (
            member("manifest.json\x1b[2J"),
            'has in it "manifest.json\x1b[2J", which does not belong there',
        ),
        (
            member(MANIFEST, tarfile.SYMTYPE, linkname="/etc/passwd"),
            'has in it, by the name "manifest.json", a symbolic link',
        ),
        (member("x", tarfile.LNKTYPE, linkname=BUNDLE), 'has in it, by the name "x", a hard link'),
        (member("x", tarfile.CHRTYPE), 'has in it, by the name "x", a device'),
        (member("x", tarfile.FIFOTYPE), 'has in it, by the name "x", a named pipe'),
        (member("x", tarfile.DIRTYPE), 'has in it, by the name "x/", a directory'),
        (
            member("./@LongLink", tarfile.GNUTYPE_LONGNAME, b"x"),
            'has in it, by the name "./@LongLink", something else than a file',
        ),
        (member(MANIFEST, content=b"{}"), "has manifest.json twice"),
        (
            member(SIGNATURE, content=bytes(1 << 17)),
            f"has a manifest.json.sig of {1 << 17} bytes, which is more than is ever read",
        ),
        (member(SIGNATURE, content=b"signed, honestly"), None),
    ],
)
def test_what_does_not_belong_into_the_archive(
    one: Path, tmp_path: Path, extra: tuple[tarfile.TarInfo, bytes], said: str | None
) -> None:
    with tarfile.open(one, "a", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(extra[0], io.BytesIO(extra[1]))
    before = sorted(tmp_path.iterdir())
    message = reason(one)
    assert message == (
        said or f"the signature of {one} is neither one of ssh-keygen nor one of gpg"
    )
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_no_bundle_at_all(one: Path, vendor: Path, tmp_path: Path) -> None:
    path = tmp_path / "other"
    assert run("git", "-C", vendor, "bundle", "create", "-q", path, "release-1.8").code == 0
    assert reason(path) == "is a bundle of git's own, without a manifest"
    path.write_bytes(os.urandom(2000))
    assert reason(path) == "is not a git-ekf bundle"
    path.write_bytes(bytes(2000))
    assert reason(path) == "is not a git-ekf bundle"
    assert reason(archived(path, {BUNDLE: b""})) == "has no manifest.json"
    assert reason(tmp_path, UsageError) == "is not a regular file"
    assert reason(tmp_path / "none", UsageError).startswith("cannot read ")
    os.mkfifo(tmp_path / "pipe")
    assert reason(tmp_path / "pipe", UsageError) == "is not a regular file"
    # A size of eight exabytes, in a header that is otherwise right.
    huge = bytearray(archive.header(BUNDLE, 1 << 63, NOON))
    path.write_bytes(bytes(huge) + bytes(4096))
    assert (
        reason(path)
        == f"is cut off: it ends at byte 4608, but {BUNDLE} goes on to byte {(1 << 63) + 512}"
    )


def test_a_manifest_that_is_wrong(one: Path, inside: Path) -> None:
    channel = {"name": "release-9.9", "tip": "1" * 40, "previous": None}
    wrong = 'the manifest of {path} is wrong: "{key}" is missing, or is not what belongs there'
    cases: list[tuple[Callable[[dict[str, Any]], object], str]] = [
        (
            lambda m: m.update(version=2),
            "the manifest of {path} has version 2 of its format, and this git-ekf knows version 1",
        ),
        (
            lambda m: m.update(format="zip"),
            'the manifest of {path} is not a JSON document of git-ekf with the format "git-ekf-bundle"',
        ),
        (
            lambda m: m["channels"].append(channel),
            "contradicts its manifest: refs/heads/release-9.9 is not there in the bundle, and 111111111 by the manifest",
        ),
        (
            lambda m: m["channels"].pop(),
            "contradicts its manifest: refs/heads/release-1.9 is ce3611cc8 in the bundle, and not there by the manifest",
        ),
        (
            lambda m: m.update(commits=1),
            "contradicts its manifest: the bundle has 11 commits and not 1",
        ),
        (
            lambda m: m.update(objects=m["objects"] + 1),
            "contradicts its manifest: the bundle has {objects} objects and not {more}",
        ),
        (
            lambda m: m.update(size=1),
            "contradicts its manifest: the bundle has {size} bytes and not 1",
        ),
        (
            lambda m: m.update(prerequisites=["1" * 40]),
            "contradicts its manifest: the bundle builds on other commits",
        ),
        (lambda m: m.update(after="1" * 64), wrong.replace("{key}", "after")),
        (lambda m: m.update(sequence=2), wrong.replace("{key}", "after")),
        (lambda m: m.update(sequence=True), wrong.replace("{key}", "sequence")),
        (lambda m: m.update(sequence=1e3), wrong.replace("{key}", "sequence")),
        (lambda m: m.update(sequence=10**400), wrong.replace("{key}", "sequence")),
        (lambda m: m.update(primary="https://x\x1b[2J"), wrong.replace("{key}", "primary")),
        (lambda m: m.update(created="yesterday"), wrong.replace("{key}", "created")),
        (lambda m: m.update(created="2026-11-20T10:00:00"), wrong.replace("{key}", "created")),
        (lambda m: m.update(object_format="md5"), wrong.replace("{key}", "object_format")),
        (lambda m: m.update(object_format=[]), wrong.replace("{key}", "object_format")),
        (lambda m: m.pop("complete"), wrong.replace("{key}", "complete")),
        (
            lambda m: m["channels"][0].update(name="../../config"),
            wrong.replace("{key}", "channels"),
        ),
        (lambda m: m["channels"][0].update(name="a\nb"), wrong.replace("{key}", "channels")),
        (lambda m: m["channels"][0].update(name="\ud800"), wrong.replace("{key}", "channels")),
        (
            lambda m: m["channels"][0].update(name=m["channels"][1]["name"]),
            wrong.replace("{key}", "channels"),
        ),
        (lambda m: m["channels"][0].update(tip="HEAD"), wrong.replace("{key}", "channels")),
        (lambda m: m["channels"][0].update(tip="0" * 40), wrong.replace("{key}", "channels")),
        (lambda m: m["channels"][0].update(previous=7), wrong.replace("{key}", "channels")),
        (lambda m: m["tags"].append("x"), wrong.replace("{key}", "tags")),
    ]
    manifest = verify(str(one), "").manifest
    before = refs(inside)
    for change, said in cases:
        path = tampered(one, change)
        words = said.format(
            path=path, objects=manifest.objects, more=manifest.objects + 1, size=manifest.size
        )
        assert reason(path) == words
        with pytest.raises(Refused):
            apply(path, inside)
        assert (refs(inside), list(inside.glob("objects/tmp*"))) == (before, [])
    with tarfile.open(one) as tar:
        files = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    for raw in (b"[" * 100_000, b'{"format": 1, "format": 2}', b"\xff", b"7", b""):
        files[MANIFEST] = raw
        files[SUMS] = archive.sums(manifest.sha256, hashlib.sha256(raw).hexdigest())
        assert reason(archived(one.with_name("tampered.tar"), files)).startswith(
            f"the manifest of {one.with_name('tampered.tar')} is not a JSON document"
        )


def test_a_bundle_with_other_things_in_it_than_channels_and_tags(
    one: Path, inside: Path, vendor: Path
) -> None:
    with tarfile.open(one) as tar:
        whole = tar.extractfile(BUNDLE).read()  # type: ignore[union-attr]
    header, _, content = whole.partition(b"\n\n")
    tip = Clone(vendor).out("rev-parse", "release-1.8")
    before = refs(inside)
    for line, said in (
        (
            f"{tip} refs/ekf/mirror/state",
            f"contradicts its manifest: refs/ekf/mirror/state is {tip[:9]} in the bundle, and not there by the manifest",
        ),
        (
            f"{tip} HEAD",
            f"contradicts its manifest: HEAD is {tip[:9]} in the bundle, and not there by the manifest",
        ),
        (
            "ref: refs/heads/x",
            "contradicts its manifest: refs/heads/x is ref: in the bundle, and not there by the manifest",
        ),
        ("@filter=blob:none", "the bundle in {path} asks for something that a mirror cannot do"),
        (
            f"{tip} refs/heads/release-1.8",
            "the bundle in {path} names refs/heads/release-1.8 twice",
        ),
    ):
        path = tampered(one, bundle=header + b"\n" + line.encode() + b"\n\n" + content)
        assert reason(path) == said.format(path=path)
        with pytest.raises(Refused):
            apply(path, inside)
    assert "does not begin as a bundle" in reason(tampered(one, bundle=b"# v9 git bundle\n"))
    assert "has no end of its header" in reason(tampered(one, bundle=header))
    assert reason(tampered(one, bundle=header + b"\n\n" + content[:-1] + b"x")).startswith(
        f"the pack in {one.with_name('tampered.tar')} is not sound: "
    )
    assert refs(inside) == before


def test_objects_that_are_missing(
    one: Path, inside: Path, vendor: Path, tmp_path: Path, day: Callable[[int], None]
) -> None:
    """A pack that is sound in itself, but lacks a file; of everything, and of what is new."""
    git, two = Clone(vendor), tmp_path / "two.tar"
    blob = git.git("hash-object", "-w", "--stdin", stdin="new\n").out.strip()
    tree = git.git("mktree", stdin=f"100644 blob {blob}\tnew\n").out.strip()
    commit = git.out("commit-tree", "-m", "New", "-p", "release-1.8", tree)
    git.git("update-ref", "refs/heads/release-1.8", commit)
    day(2)
    everything = git.out("rev-list", "--all", "--objects", "--no-object-names").split()
    for receipt, objects in (("", everything), (f"{one}.receipt", [commit, tree, blob])):
        create(two, vendor, receipt)
        with tarfile.open(two) as tar:
            header = tar.extractfile(BUNDLE).read().partition(b"\n\n")[0]  # type: ignore[union-attr]
        kept = [oid for oid in objects if oid != blob]
        made = run(
            "git",
            "-C",
            vendor,
            "pack-objects",
            "-q",
            tmp_path / "pack",
            stdin="".join(f"{oid}\n" for oid in kept),
        ).out.strip()
        content = (tmp_path / f"pack-{made}.pack").read_bytes()
        path = tampered(two, bundle=header + b"\n\n" + content)
        before = refs(inside)
        if not receipt:
            assert blob in reason(path) or reason(path) == "lacks objects to which its own lead"
        with pytest.raises(Refused, match=f"{blob}|lacks objects"):
            apply(path, inside)
        assert (refs(inside), list(inside.glob("objects/tmp*"))) == (before, [])
    apply(two, inside)
    assert public(inside) == public(vendor)


# --- in which order, for whom, by whom ---


@rare
def test_what_does_not_follow(
    one: Path, inside: Path, vendor: Path, tmp_path: Path, day: Callable[[int], None]
) -> None:
    paths = [one, *(tmp_path / f"{number}.tar" for number in (2, 3, 4))]
    copy = Path(shutil.copytree(inside, tmp_path / "copy.git"))
    for number, path in enumerate(paths[1:], 2):
        day(number)
        add(vendor, "release-1.8", f"{number}")
        create(path, vendor, f"{paths[number - 2]}.receipt")
        apply(path, copy)
    assert public(copy) == public(vendor)
    two, three, four = paths[1:]
    before = refs(inside)
    assert (
        refused("apply", three, inside)
        == f"{three} is bundle 3, and bundle 1 is the last that was applied: bundle 2 has to come first"
    )
    assert (
        refused("apply", four, tmp_path / "new.git")
        == f"{four} is bundle 4, and no bundle was ever applied to {tmp_path / 'new.git'}"
    )
    assert (refs(inside), (tmp_path / "new.git").exists()) == (before, False)
    before = refs(copy)
    assert (
        refused("apply", two, copy)
        == f"{two} is bundle 2, and bundle 4 was applied already; nothing was changed"
    )
    assert refused("apply", one, copy) == (
        f"{one} is older than what is there: it has what the vendor had on 2026-11-28T12:00:00+00:00, "
        "and the mirror that of 2026-12-01T12:00:00+00:00; nothing was changed"
    )
    # Two made for one receipt: what the first has brought, the second does not know of.
    day(5)
    create(tmp_path / "other.tar", vendor, f"{one}.receipt")
    apply(two, inside)
    assert refused("apply", tmp_path / "other.tar", inside).endswith(
        "is bundle 2, and bundle 2 was applied already; nothing was changed"
    )
    # The hint is the way out: a receipt from the mirror itself.
    hint = ekf("apply", three, tmp_path / "copy.git", code=4).err.splitlines()[1]
    command = hint.removeprefix("hint: ").partition(" >receipt")[0]
    (tmp_path / "receipt").write_text(run(*command.split()).out)
    day(6)
    add(vendor, "release-1.8", "5")
    create(tmp_path / "five.tar", vendor, tmp_path / "receipt")
    apply(tmp_path / "five.tar", copy)
    assert public(copy) == public(vendor)
    # Everything anew is taken as well, and what follows the old ones no more.
    day(7)
    create(tmp_path / "full.tar", vendor)
    apply(tmp_path / "full.tar", copy)
    assert refused("apply", four, copy).endswith(
        "is bundle 4, and bundle 1 is the last that was applied: bundle 2 has to come first"
    )


def test_a_clock_that_is_wrong_wedges_no_mirror(
    one: Path,
    inside: Path,
    vendor: Path,
    tmp_path: Path,
    day: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two, three, full = (tmp_path / f"{name}.tar" for name in ("two", "three", "full"))
    add(vendor, "release-1.8", "2")
    before = refs(inside)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "8589934591")
    create(two, vendor, f"{one}.receipt")
    day(2)
    said = f"{two} is of 2242-03-16T12:56:31+00:00, and the clock here says 2026-11-29T12:00:00+00:00; nothing was changed"
    assert refused("apply", two, inside) == said
    assert refs(inside) == before
    assert (
        "\nmade       2242-03-16T12:56:31+00:00, by a clock ahead of the one here\n"
        in ekf("verify", two).out
    )
    # Where the clock is wrong on both sides, or was, the next one is the next one, and one with everything is not held for an old one.
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "8589934591")
    apply(two, inside)
    wedged = Path(shutil.copytree(inside, tmp_path / "wedged.git"))
    day(3)
    told = run("git-ekf", "doctor", "--offline", cwd=inside).out
    said = f"a mirror of {vendor}, updated on 2242-03-16 12:56+00:00 by its own clock, which is ahead of the one here\n"
    assert f"  warning  mirror         {said}" in told
    add(vendor, "release-1.8", "3")
    create(three, vendor, f"{two}.receipt")
    create(full, vendor)
    for path, mirror in ((three, inside), (full, wedged)):
        apply(path, mirror)
        assert public(mirror) == public(vendor)


def test_a_hint_has_all_that_was_given(
    one: Path, inside: Path, vendor: Path, tmp_path: Path, day: Callable[[int], None]
) -> None:
    moved, full = Path(shutil.copytree(vendor, tmp_path / "moved.git")), tmp_path / "full.tar"
    day(2)
    add(moved, "release-1.9", "Anew", parent="release-1.9^")
    create(full, moved)
    said = [
        "git",
        "ekf",
        "bundle",
        "apply",
        str(full),
        str(inside),
        "--receipt",
        str(tmp_path / "receipt"),
    ]
    for name in (str(vendor), "release-1.9"):
        hint = run(*said).err.strip()
        said += ["--accept", name]
        assert hint.endswith(": " + " ".join(said))
    assert run(*said).code == 0
    assert public(inside) == public(moved)


def test_what_it_builds_on_is_gone(
    one: Path, inside: Path, vendor: Path, tmp_path: Path, day: Callable[[int], None]
) -> None:
    two = tmp_path / "two.tar"
    day(2)
    tip = add(vendor, "release-1.8", "More")
    create(two, vendor, f"{one}.receipt")
    manifest = verify(str(two), "").manifest
    lost = Path(shutil.copytree(inside, tmp_path / "lost.git"))
    for path in (lost / "objects/pack").iterdir():
        path.unlink()
    for ref in ("refs/ekf/mirror/state", "refs/ekf/bundle/receipt"):
        Git(str(lost)).write_blob(Git(str(inside)).blob(ref))
    assert refused("apply", two, lost).startswith(
        f"{two} builds on {manifest.prerequisites[0][:7]}, which {lost} does not have; "
    )
    # A bare repository of somebody's, another vendor's mirror, and a ref that only names another one.
    assert (
        refused("apply", two, vendor)
        == f"{vendor} has branches or tags, and is not a mirror that git ekf has made"
    )
    other, foreign = Path(shutil.copytree(vendor, tmp_path / "other.git")), tmp_path / "foreign.tar"
    create(foreign, other)
    message = (
        f"{foreign} is from {other}, and {inside} is a mirror of {vendor}; nothing was changed"
    )
    assert refused("apply", foreign, inside) == message
    Clone(inside).git("symbolic-ref", "refs/heads/release-1.9", "refs/heads/release-1.8")
    assert (
        refused("apply", two, inside)
        == "refs/heads/release-1.9 is a symbolic ref here, to refs/heads/release-1.8; nothing was changed"
    )
    Clone(inside).git("symbolic-ref", "--delete", "refs/heads/release-1.9")
    ekf("apply", foreign, inside, "--accept", vendor)  # the vendor has moved
    assert public(inside)["refs/heads/release-1.8"] == tip
    clone = tmp_path / "clone"
    assert run("git", "clone", "-q", vendor, clone).code == 0
    assert refused("apply", one, clone).endswith("already exists and is not a bare repository")


@rare
def test_signatures_by_ssh(vendor: Path, tmp_path: Path, day: Callable[[int], None]) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not on this machine")
    good, other, signers, path, inside = (
        tmp_path / name for name in ("good", "other", "signers", "one.tar", "inside.git")
    )
    for key in (good, other):
        assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "x", "-f", key).code == 0
    public_key = " ".join(Path(f"{good}.pub").read_text().split()[:2])
    signers.write_text(f'# people\nvendor@example.com namespaces="git-ekf-bundle" {public_key}\n')
    assert run("git", "config", "--global", "ekf.bundle.allowed-signers", signers).code == 0
    create(path, vendor)
    unsigned = f"{path} is not signed, and only what one of the allowed signers in {signers} has signed is taken here"
    assert refused("apply", path, inside) == unsigned
    assert refused("verify", path, "--allowed-signers", signers) == unsigned
    verify(str(path), "")
    create(path, vendor, key=str(other))
    fingerprint = run("ssh-keygen", "-lf", other).out.split()[1]
    message = f"{path} is signed by {fingerprint}, which is not among the allowed signers"
    assert refused("apply", path, inside) == message
    assert (
        f"signature  by the ssh key {fingerprint}, held against no list of signers\n"
        in ekf("verify", path).out
    )
    assert run("git", "config", "--global", "gpg.ssh.allowedSignersFile", signers).code == 0
    assert refused("verify", path) == message
    ekf("create", path, "--from", vendor, "--sign", good)
    named = f"by vendor@example.com, the ssh key {run('ssh-keygen', '-lf', good).out.split()[1]}\n"
    assert f"signature  {named}" in ekf("verify", path).out
    # The signature of one manifest under another, and one that was made for something else.
    with tarfile.open(path) as tar:
        files = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
    (tmp_path / "manifest").write_bytes(files[MANIFEST])
    assert (
        run("ssh-keygen", "-q", "-Y", "sign", "-f", good, "-n", "git", tmp_path / "manifest").code
        == 0
    )
    changed = files[MANIFEST].replace(b'"complete": true', b'"complete": false')
    sums = archive.sums(
        hashlib.sha256(files[BUNDLE]).hexdigest(), hashlib.sha256(changed).hexdigest()
    )
    for wrong in (
        {MANIFEST: changed, SUMS: sums},
        {SIGNATURE: (tmp_path / "manifest.sig").read_bytes()},
        {SIGNATURE: b"x"},
    ):
        forged = archived(tmp_path / "forged.tar", {**files, **wrong})
        assert refused("apply", forged, inside).startswith(f"the signature of {forged} is n")
    assert not inside.exists()
    # Signed by hand, later, elsewhere.
    del files[SIGNATURE]
    (tmp_path / MANIFEST).write_bytes(files[MANIFEST])
    assert (
        run(
            "ssh-keygen",
            "-q",
            "-Y",
            "sign",
            "-f",
            good,
            "-n",
            "git-ekf-bundle",
            tmp_path / MANIFEST,
        ).code
        == 0
    )
    archived(path, files)
    assert run("tar", "-rf", path, SIGNATURE, cwd=tmp_path).code == 0
    assert f"Signed {named}" in ekf("apply", path, inside).out
    # A tree of the vendor's that would have it otherwise is not asked.
    assert run("git", "config", "--global", "ekf.bundle.allowed-signers", "signers").code == 0
    assert refused("apply", path, inside, code=2).startswith(
        "git config ekf.bundle.allowed-signers: "
    )


def test_nothing_hides_what_a_mirror_demands(one: Path, inside: Path, tmp_path: Path) -> None:
    """Of a mirror that git does not find from its directory, the configuration counts all the same."""
    signers, new, path = tmp_path / "signers", tmp_path / "new.git", str(one)
    signers.write_text("# nobody\n")
    Clone(inside).git("config", "ekf.bundle.allowed-signers", str(signers))
    said = f"{path} is not signed, and only what one of the allowed signers in {signers} has signed is taken here"
    assert refused("apply", path, inside) == said
    assert refused("apply", path, inside, env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}) == said
    assert run("git", "config", "--global", "safe.bareRepository", "explicit").code == 0
    assert refused("apply", path, inside) == said
    # What is demanded of a mirror by its place is known when it is made.
    assert (
        run("git", "config", "--global", f"includeIf.gitdir:{new}.path", inside / "config").code
        == 0
    )
    assert refused("apply", path, new) == said
    assert not new.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "FILE", "--allowed-signers", ""],
        ["apply", "FILE", "new.git", "--allowed-signers="],
        ["apply", "FILE", "new.git", "--receipt="],
        ["create", "new.tar", "--from", ""],
        ["create", "new.tar", "--from", "vendor.git", "--receipt", ""],
        ["create", "new.tar", "--from", "vendor.git", "--sign", ""],
    ],
)
def test_a_value_that_is_empty_is_not_left_out(
    one: Path, vendor: Path, tmp_path: Path, words: list[str]
) -> None:
    there = {"FILE": str(one), "vendor.git": str(vendor)}
    option = words[-1].rstrip("=") or words[-2]
    assert (
        refused(*(there.get(word, word) for word in words), code=2)
        == f"{option} has an empty value"
    )
    assert refused("apply", one, "", code=2) == "the mirror has to be named"
    assert not Path("new.git").exists()


def test_signatures_by_gpg(
    vendor: Path, tmp_path: Path, day: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which("gpg"):
        pytest.skip("gpg is not on this machine")
    home = Path(tempfile.mkdtemp(prefix="ekf"))  # a socket's path has to be short
    monkeypatch.setenv("GNUPGHOME", str(home))
    try:
        made = run(
            "gpg",
            "--batch",
            "--passphrase",
            "",
            "--faked-system-time",
            "20260101T000000",
            "--quick-gen-key",
            "vendor@example.com",
            "ed25519",
        )
        assert made.code == 0, made
        listed = run("gpg", "--batch", "--with-colons", "--list-keys").out
        key = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        path, signers = tmp_path / "one.tar", tmp_path / "signers"
        create(path, vendor, key="vendor@example.com")
        assert (
            f"signature  by the gpg key {key}, held against no list of signers\n"
            in ekf("verify", path).out
        )
        signers.write_text(f"someone gpg {'0' * 40}\nvendor@example.com gpg {key}\n")
        assert (
            f"signature  by vendor@example.com, the gpg key {key}\n"
            in ekf("verify", path, "--allowed-signers", signers).out
        )
        signers.write_text(f"someone gpg {'0' * 40}\n")
        assert (
            refused("verify", path, "--allowed-signers", signers)
            == f"{path} is signed by {key}, which is not among the allowed signers"
        )
        assert refused(
            "create", path, "--from", vendor, "--sign", "nobody@example.com", code=5
        ).startswith("gpg could not sign: ")
    finally:
        run("gpgconf", "--kill", "all")
        shutil.rmtree(home, ignore_errors=True)
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))
    assert "which gpg does not have; not checked\n" in ekf("verify", path).out


# --- cut off ---


def test_apply_that_is_killed_is_simply_run_again(
    one: Path, inside: Path, vendor: Path, tmp_path: Path, day: Callable[[int], None]
) -> None:
    two = tmp_path / "two.tar"
    day(2)
    add(vendor, "release-1.8", "More")
    add(vendor, "release-1.9", "Again", parent="release-1.9^")
    create(two, vendor, f"{one}.receipt")
    hook = inside / "hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    # $PPID is git update-ref, whose parent is git-ekf.
    hook.write_text(
        "#!/bin/sh\n[ $1 = prepared ] || exit 0\nread -r _ _ _ parent _ </proc/$PPID/stat\nkill -9 $parent $PPID\n"
    )
    hook.chmod(0o755)
    before = public(inside)
    assert run("git-ekf", "bundle", "apply", two, inside, "--accept", "release-1.9").code == -9
    assert public(inside) == before
    hook.unlink()
    (inside / "objects/ekf-new-left").mkdir()  # by one that was killed a moment earlier
    for lock in inside.rglob("*.lock"):
        lock.unlink()
    ekf("apply", two, inside, "--accept", "release-1.9")
    assert public(inside) == public(vendor)
    assert (sound(inside), list(inside.glob("objects/tmp*"))) == (True, [])
    # Where there is no room beside the bundle, it is applied all the same, and says where the receipt is.
    Path(f"{two}.receipt").unlink()
    Path(f"{two}.receipt").mkdir()
    done = ekf("apply", two, inside)
    command = done.out.splitlines()[-1].partition(f"beside {two}: ")[2].removesuffix(" >RECEIPT")
    assert json.loads(run(*command.split()).out)["sequence"] == 2
    done = ekf("apply", two, inside, "--receipt", tmp_path / "no/receipt", code=5)
    assert (
        f"the bundle is applied, but the receipt could not be written to {tmp_path / 'no/receipt'}\n"
        in done.err
    )


def test_a_receipt_follows_no_link_on_the_medium(one: Path, tmp_path: Path) -> None:
    victim, receipt = tmp_path / "victim", Path(f"{one}.receipt")
    victim.write_text("mine")
    for link in (Path(f"{receipt}.part"), receipt):
        link.symlink_to(victim)
    ekf("apply", one, tmp_path / "inside.git")
    assert (
        victim.read_text(),
        receipt.is_symlink(),
        json.loads(receipt.read_text())["sequence"],
    ) == ("mine", False, 1)
    assert sorted(path.name for path in tmp_path.glob("*.part")) == ["one.tar.receipt.part"]


def test_git_that_fails_is_no_fault_of_the_bundle(
    one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full, as git says it."""
    real = shutil.which("git")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text(
        f'#!/bin/sh\n[ "$1" = index-pack ] || exec {real} "$@"\n'
        "cat >/dev/null; echo 'fatal: write error: No space left on device' >&2; exit 128\n"
    )
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert "No space left on device" in reason(one, NoSpace)
    done = ekf("apply", one, tmp_path / "inside.git", code=5)
    assert ("No space left" in done.err, (tmp_path / "inside.git").exists()) == (True, False)


# --- from a URL ---


def kept() -> list[Path]:
    """The copies that are kept of what URLs have."""
    return sorted((Path.home() / ".cache" / "git-ekf" / "mirrors").glob("*.git"))


def packed(copy: Path) -> int:
    """How many objects have come in packs; one that came twice counts twice."""
    said = Clone(copy).out("count-objects", "-v")
    return int(said.partition("in-pack: ")[2].partition("\n")[0])


def daemon_of(vendor: Path, folder: Path) -> AbstractContextManager[int]:
    """A server with the vendor's repository, on a port of loopback."""

    def command(port: int) -> list[str]:
        where = [f"--listen={HOST}", f"--port={port}", f"--base-path={vendor.parent}"]
        return ["git", "daemon", "--export-all", "--verbose", *where]

    return daemon(folder / "daemon.log", command, environment(folder), "Ready to rumble")


def test_from_a_server_only_what_is_new_travels(
    vendor: Path,
    tmp_path: Path,
    day: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = [tmp_path / f"{number}.tar" for number in (1, 2, 3, 4)]
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:git")
    inside = tmp_path / "inside.git"
    Clone(vendor).git("tag", "moving", "release-1.8")
    with daemon_of(vendor, tmp_path) as port:
        url = f"git://{HOST}:{port}/{vendor.name}"
        ekf("create", paths[0], "--from", url)
        apply(paths[0], inside)
        [copy] = kept()
        everything = packed(copy)

        # The vendor moves a tag, rewrites a channel, adds to another and withdraws the third.
        day(2)
        add(vendor, "release-1.9", "More")
        rewritten = add(vendor, "release-1.8", "Other", "release-1.8~1")
        Clone(vendor).git("tag", "-f", "moving", "release-1.9")
        Clone(vendor).git("update-ref", "-d", "refs/heads/release-1.10")
        done = ekf("create", paths[1], "--from", url, "--receipt", f"{paths[0]}.receipt")
        assert "  2 commits, 2 objects\n" in done.out
        assert packed(copy) == everything + 2 + 1  # and a new blob for the copy's own state
        apply(paths[1], inside, "release-1.8", "release-1.10", "moving")
        assert public(inside) == public(vendor)
        assert public(inside)["refs/heads/release-1.8"] == rewritten

        # Of one release only what is on it now, whatever the copy remembers.
        asked = ("--from", url, "--release", "1.8")
        ekf("create", paths[2], *asked)
        apply(paths[2], tmp_path / "other.git")
        assert public(tmp_path / "other.git").keys() == {"refs/heads/release-1.8"}

        # A copy that is damaged, or cannot be kept, costs time and nothing else.
        (copy / "HEAD").write_text("")
        (copy / "packed-refs").write_text("what\n")
        ekf("create", paths[3], *asked)
        shutil.rmtree(copy)
        copy.write_text("")
        ekf("create", paths[3], *asked)
    assert list(tmp_path.glob(".git-ekf-*")) == []
