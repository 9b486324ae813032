"""Writes a bundle: what a repository knows of the vendor, less what the other side has by its receipt."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple

from git_ekf import config as configuration
from git_ekf.airgap import archive
from git_ekf.airgap.archive import BLOCK, BUNDLE, MANIFEST, SIGNATURE, SUMS
from git_ekf.airgap.manifest import TOOL, Manifest, Receipt, parse_receipt
from git_ekf.airgap.pack import write_bundle
from git_ekf.errors import Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS, RECORDS, TAGS
from git_ekf.names import Scheme, without_credentials
from git_ekf.repository import Repository
from git_ekf.vendor import MirrorState, read_mirror_state

_LATEST = 8**11 - 1  # in the year 2242: what the eleven octal digits of a file's time in ustar hold
_MOST_RECEIPT = 1 << 26  # bytes


class CreateOrder(NamedTuple):
    """What is asked for: `source` is a directory or URL ("" for the repository here), `receipt` a file, `key` as for signature.sign."""

    path: str
    source: str
    releases: Sequence[str]
    receipt: str
    key: str


class Created(NamedTuple):
    """`manifest` is None where nothing is new, and then no file was written; `scheme` is that of the channels."""

    manifest: Manifest | None
    digest: str
    receipt: Receipt | None
    scheme: Scheme


class _Source(NamedTuple):
    """Where the objects are, and what the vendor has as far as is known there. `whole`: what is not there, the vendor does not have."""

    git: Git
    whole: bool
    primary: str
    object_format: str
    updated: float | None
    scheme: Scheme
    refs: dict[str, str]


def create(git: Git, order: CreateOrder) -> Created:
    """Raises UsageError, Refused, CallFailed; then no file was written, and one that was there is as it was."""
    _require_place(order.path)
    receipt = read_receipt(order.receipt) if order.receipt else None
    created = now()
    with _opened(git, order) as source:
        refs = _selected(source, order.releases)
        if receipt:
            _require_same_vendor(order.receipt, receipt, source)
            bearing = (
                receipt.refs
                if source.whole and not order.releases
                else {ref: receipt.refs.get(ref) for ref in refs}
            )
            if bearing == refs:
                return Created(None, receipt.digest, receipt, source.scheme)
        known = _known(source.git, receipt) if receipt else []
        previous = {ref: oid for ref, oid in receipt.refs.items() if ref in refs} if receipt else {}
        manifest = Manifest(
            tool=TOOL,
            created=created,
            updated=int(source.updated or created),
            primary=source.primary,
            object_format=source.object_format,
            sequence=receipt.sequence + 1 if receipt else 1,
            after=receipt.digest if receipt else "",
            complete=source.whole and not order.releases,
            refs=refs,
            previous=previous,
            prerequisites=tuple(_prerequisites(source.git, known, receipt.refs)) if receipt else (),
            commits=0,
            objects=0,
            size=0,
            sha256="",
        )
        with _replacing(order.path) as file:
            manifest, digest = _write(file, source.git, manifest, known, order.key)
    return Created(manifest, digest, receipt, source.scheme)


def read_receipt(path: str) -> Receipt:
    try:
        with open(path, "rb") as file:
            raw = file.read(_MOST_RECEIPT)
    except OSError as error:
        raise UsageError(
            f"cannot read the receipt {path}: {error.strerror}",
            "without --receipt the bundle has everything",
        ) from None
    return parse_receipt(raw, path)


def _require_same_vendor(path: str, receipt: Receipt, source: _Source) -> None:
    if (
        not MirrorState(receipt.primary, 0).is_of(source.primary)
        or receipt.object_format != source.object_format
    ):
        raise Refused(
            f"{path} is the receipt of a mirror of {receipt.primary}, and this is {source.primary}",
            "name the repository it is for with --from, or leave the receipt out",
        )


def _prerequisites(git: Git, known: list[str], refs: dict[str, str]) -> list[str]:
    """The commits that the other side has for sure: its channels, and the commits of tags that are on none of them."""
    channels = {oid for ref, oid in refs.items() if ref.startswith(HEADS)}
    tips = [oid for oid in known if oid in channels]
    infos = git.object_infos(f"{oid}^{{commit}}" for oid in known)
    tagged = {info.oid for info in infos if info}
    beside = set(git.commits([oid for oid in known if oid not in channels], tips))
    return sorted({*tips, *(beside & tagged)})


def _known(git: Git, receipt: Receipt) -> list[str]:
    """What the other side has and is here too: the vendor may have rewritten a channel, and what it was be gone."""
    oids = sorted(set(receipt.refs.values()))
    return [oid for oid, info in zip(oids, git.object_infos(oids), strict=True) if info]


def now() -> int:
    """The time, or what SOURCE_DATE_EPOCH says instead (reproducible-builds.org, in seconds)."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not given:
        return int(time.time())
    if not (given.isascii() and given.isdigit()) or len(given) > 20 or int(given) > _LATEST:
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {given}, which is no time in seconds", "unset SOURCE_DATE_EPOCH"
        )
    return int(given)


# --- where from ---


@contextmanager
def _opened(git: Git, order: CreateOrder) -> Iterator[_Source]:
    """Raises Refused where there is no repository, or one without the vendor's channels."""
    if order.source and not os.path.isdir(order.source):
        # Here and below, what few need is imported when it is: git does the rest in less time.
        import tempfile

        from git_ekf.airgap.mirror import MirrorOrder, mirror

        scheme = configuration.load(None, git.config_pairs()).scheme
        with tempfile.TemporaryDirectory(
            prefix=".git-ekf-", dir=os.path.dirname(os.path.abspath(order.path))
        ) as folder:
            place = os.path.join(folder, "mirror.git")
            mirror(git, scheme, MirrorOrder(order.source, place, order.releases, []))
            yield _source(Repository(_faithful(git, place)))._replace(
                updated=None
            )  # it was heard just now, whatever the clock is told to be
        return
    yield _source(Repository(_faithful(git, order.source or None)))


def _faithful(git: Git, directory: str | None) -> Git:
    """Git that takes every commit for what it is, whatever `git replace` says."""
    return git.variant(directory, {"GIT_NO_REPLACE_OBJECTS": "1"})


def _source(repo: Repository) -> _Source:
    place = repo.place
    if place.shallow:
        raise Refused(
            "this repository is shallow: it does not have the whole history",
            "git fetch --unshallow origin",
        )
    if place.bare:
        scheme = configuration.load(None, repo.git_config).scheme
        state = read_mirror_state(repo.git)
        primary = state.primary if state else repo.git_setting("remote.origin.url") or place.git_dir
        there = repo.git.ref_values(HEADS, TAGS)
        refs = {**_channels(there, scheme, HEADS), **_tags(there)}
        return _Source(
            repo.git,
            True,
            without_credentials(primary),
            place.object_format,
            state.updated if state else None,
            scheme,
            refs,
        )
    from git_ekf.vendor import last_fetch

    remote = repo.remotes.get(repo.config.primary)
    if remote is None or not remote.urls:
        raise Refused(
            f"there is no remote {repo.config.primary} here",
            "git ekf init --primary URL, or name a mirror with --from",
        )
    channels = _channels(
        repo.git.ref_values(repo.primary_prefix), repo.config.scheme, repo.primary_prefix
    )
    # Nothing tells a tag of the vendor's from one of the user's, but that it is on the vendor's commits, and no deploy record.
    tags = repo.git.ref_values(TAGS, merged=channels.values()) if channels else {}
    refs = {**channels, **_tags(tags)}
    updated = last_fetch(repo)
    return _Source(
        repo.git,
        False,
        without_credentials(remote.urls[0]),
        place.object_format,
        updated,
        repo.config.scheme,
        refs,
    )


def _channels(refs: dict[str, str], scheme: Scheme, prefix: str) -> dict[str, str]:
    """refs/heads/NAME -> commit of the release branches under a prefix."""
    found = {ref.removeprefix(prefix): oid for ref, oid in refs.items() if ref.startswith(prefix)}
    return {HEADS + name: oid for name, oid in found.items() if scheme.is_release(name)}


def _tags(refs: dict[str, str]) -> dict[str, str]:
    return {
        ref: oid
        for ref, oid in refs.items()
        if ref.startswith(TAGS) and not ref.startswith(RECORDS)
    }


def _selected(source: _Source, releases: Sequence[str]) -> dict[str, str]:
    """All refs, or those of some releases: their channels, and the tags on them."""
    channels = [ref.removeprefix(HEADS) for ref in source.refs if ref.startswith(HEADS)]
    if not channels:
        raise Refused(
            f"this repository has no channel of the vendor ({source.scheme.pattern})",
            "git fetch origin, or name a mirror with --from",
        )
    if not releases:
        return source.refs
    from git_ekf.vendor import choose_release

    asked = {HEADS + choose_release(source.scheme, release, channels) for release in releases}
    on_them = _tags(source.git.ref_values(TAGS, merged=[source.refs[ref] for ref in asked]))
    return {ref: oid for ref, oid in source.refs.items() if ref in asked or ref in on_them}


# --- where to ---


def _require_place(path: str) -> None:
    if os.path.isdir(path) or not os.path.basename(path):
        raise UsageError(
            f"{path} is a directory",
            f"name a file: git ekf bundle create {os.path.join(path, 'channels.tar')}",
        )
    if os.path.lexists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        raise UsageError(f"{path} is no ordinary file", "name another one")


@contextmanager
def _replacing(path: str) -> Iterator[IO[bytes]]:
    """A file that takes the place of another once it is whole; before that it is PATH.part, which whoever comes next may begin anew."""
    part = f"{path}.part"
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    with open(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"another git-ekf command writes {path}", "wait for it, then try again"
            ) from None
        if not os.path.exists(part) or not os.path.samestat(os.stat(part), os.fstat(descriptor)):
            raise Refused(f"another git-ekf command has just written {path}", "try again")
        try:
            file.truncate()
            yield file
            file.flush()
            os.fsync(descriptor)
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(
    file: IO[bytes], git: Git, manifest: Manifest, known: list[str], key: str
) -> tuple[Manifest, str]:
    """Manifest and its digest, with what is only known now: the bundle is written as git makes it, and the block before it afterwards."""
    counting = git.counting(dict.fromkeys(manifest.refs.values()), manifest.prerequisites)
    try:
        file.seek(BLOCK)
        reproducible = "SOURCE_DATE_EPOCH" in os.environ
        written = write_bundle(
            file,
            git,
            manifest.object_format,
            manifest.refs,
            manifest.prerequisites,
            known,
            reproducible=reproducible,
        )
    except BaseException:
        counting.stop()
        raise
    commits = counting.result()
    file.write(archive.padding(written.size))
    manifest = manifest._replace(
        commits=commits, objects=written.objects, size=written.size, sha256=written.sha256
    )
    text = manifest.text()
    digest = hashlib.sha256(text).hexdigest()
    texts = {MANIFEST: text, SUMS: archive.sums(written.sha256, digest)}
    if key:
        from git_ekf.airgap.signature import sign

        texts[SIGNATURE] = sign(git, key, text)
    for name, content in texts.items():
        file.write(
            archive.header(name, len(content), manifest.created)
            + content
            + archive.padding(len(content))
        )
    file.write(archive.END)
    file.seek(0)
    file.write(archive.header(BUNDLE, written.size, manifest.created))
    return manifest, digest
