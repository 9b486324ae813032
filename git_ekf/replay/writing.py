"""The commits of a replay, as `git rebase` would leave them: author, message and encoding kept, committed now and by the user."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.git import Git
from git_ekf.replay.forecast import Step
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stream import Stream
from git_ekf.repository import Repository


class Text(NamedTuple):
    """What a commit object says beside its tree and parents, in the bytes of the encoding to write."""

    author: bytes
    message: bytes


class Written(NamedTuple):
    """`commits` are (original, new), oldest first, for those that are kept; `tip` is the last, or the new base without any."""

    commits: list[tuple[str, str]]
    tip: str


def write(repo: Repository, scratch: Scratch, steps: list[Step], onto: str) -> Written:
    """Writes the steps' commits on `onto`, and all that they need, as one pack. No ref names them yet.

    Raises Refused where the user has no identity, CallFailed where signing fails.
    """
    kept = [step for step in steps if step.verdict in ("clean", "conflict")]
    if not kept:
        return Written([], onto)
    encoding = repo.git_setting("i18n.commitencoding") or "UTF-8"
    header = b"committer " + os.fsencode(_committer(repo)) + b"\n"
    if not _is_utf8(encoding):
        header += b"encoding %s\n" % encoding.encode()
    texts, merged = read(scratch, [step.commit.text_of or step.commit.oid for step in kept], encoding)
    stream = Stream()
    for content in merged:
        stream.blob(content)
    parent: int | str = onto
    for step, text in zip(kept, texts, strict=True):
        parent = stream.commit(parent, text.author + header, text.message, step.changes.items())
    numbered = stream.write(scratch.storing, os.path.join(scratch.folder, "marks"))
    new = [numbered[number] for number in sorted(numbered)]
    if repo.git_flag("commit.gpgsign"):
        new = _signed(repo.git, new, texts, onto)
    return Written([(step.commit.oid, oid) for step, oid in zip(kept, new, strict=True)], new[-1])


def read(scratch: Scratch, commits: list[str], encoding: str = "UTF-8") -> tuple[list[Text], list[bytes]]:
    """Author lines and messages of commits, in an encoding, as sequencer.c reads them; and the files that merges have written."""
    objects = list(_read_objects(scratch.writing, [*commits, *scratch.written()]))
    texts = [_text(content, encoding) for _, content in objects[: len(commits)]]
    return texts, [content for kind, content in objects[len(commits) :] if kind == b"blob"]


def _read_objects(git: Git, oids: list[str]) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of each."""
    out = git.run("cat-file", "--batch", stdin="".join(f"{oid}\n" for oid in oids).encode())[1] if oids else b""
    at = 0
    for _ in oids:
        end = out.index(b"\n", at)
        _, kind, size = out[at:end].split(b" ")
        at = end + int(size) + 2
        yield kind, out[end + 1 : at - 1]


def _text(raw: bytes, encoding: str) -> Text:
    head, _, message = raw.partition(b"\n\n")
    author, written = b"author  <> 0 +0000", b"UTF-8"
    for line in head.split(b"\n"):
        if line.startswith(b"author "):
            author = line.replace(b"author <", b"author  <", 1)
        elif line.startswith(b"encoding "):
            written = line[len(b"encoding ") :]
    message = re.sub(rb"\A(?:[ \t\r\v\f]*\n)+|\A\s*\Z", b"", message)
    # One text to git: it is converted as a whole, or not at all.
    author, _, message = _recoded(author + b"\n" + message, written, encoding).partition(b"\n")
    return Text(author + b"\n", message)


def _recoded(text: bytes, written: bytes, encoding: str) -> bytes:
    """The text in another encoding. What cannot be converted stays, and is made UTF-8 where that is asked for (commit.c)."""
    try:
        if codecs.lookup(written.decode()) != codecs.lookup(encoding):
            return text.decode(written.decode()).encode(encoding)
    except (LookupError, ValueError):
        pass
    if text.isascii() or not _is_utf8(encoding):
        return text
    return _NO_TEXT.sub(lambda found: _as_latin1(found[0]), text.decode("utf-8", "surrogateescape")).encode()


# Bytes that are no UTF-8, and code points that are for no text (U+FDD0 to U+FDEF, and the last two of each plane).
_NO_TEXT = re.compile(
    "[\udc80-\udcff\ufdd0-\ufdef" + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)) + "]"
)


def _as_latin1(char: str) -> str:
    return char.encode("utf-8", "surrogateescape").decode("latin-1")


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("-", "") == "utf8"


def _committer(repo: Repository) -> str:
    try:
        return repo.git.text("var", "GIT_COMMITTER_IDENT")
    except GitFailed:
        raise Refused(
            "git does not know who you are, and every commit names its committer", "git config user.name NAME, and user.email ADDRESS"
        ) from None


def _signed(git: Git, oids: list[str], texts: list[Text], parent: str) -> list[str]:
    signed = []
    for oid, text in zip(oids, texts, strict=True):
        name, _, rest = os.fsdecode(text.author.removeprefix(b"author ").removesuffix(b"\n")).partition(" <")
        email, _, date = rest.rpartition("> ")
        author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": f"@{date}"}
        process = git.start("commit-tree", "-S", "-p", parent, "-F", "-", f"{oid}^{{tree}}", stdin=True, env=author)
        try:
            _, out = git.finish(process, stdin=text.message)
        except GitFailed as error:
            said = error.stderr.strip().splitlines()[0].removeprefix("error: ")
            raise CallFailed(
                f"a commit could not be signed: {said}; nothing was changed", "git config --get-regexp 'gpg|signing'"
            ) from None
        parent = out.decode().strip()
        signed.append(parent)
    return signed
