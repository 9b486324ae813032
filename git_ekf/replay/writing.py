"""The commits of a replay, as `git rebase` would leave them.

Author, message and encoding are kept; they are committed now and by the user.
"""

from __future__ import annotations

import codecs
import os
import re
from contextlib import suppress
from queue import SimpleQueue
from typing import NamedTuple

from git_ekf.background import Background
from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.git.calls import Git
from git_ekf.git.complaints import complaints
from git_ekf.git.encodings import decoded
from git_ekf.git.fastimport import Stream, finish, start
from git_ekf.git.quarantine import Quarantine
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Commit
from git_ekf.replay.step import ReplayStep
from git_ekf.repository import Repository


class Text(NamedTuple):
    """A commit object's author line and message, in the encoding to write."""

    author: bytes
    message: bytes


class NewCommits(NamedTuple):
    """`commits` are (original, new), oldest first, for those that are kept.

    `tip` is the last, or the new base without any.
    """

    commits: list[tuple[str, str]]
    tip: str


class Writer:
    """Writes commits on `onto`, and all that they need, as one pack.

    It writes while later ones are still being looked at. It is a context.
    """

    def __init__(
        self,
        repo: Repository,
        scratch: Scratch,
        quarantine: Quarantine,
        commits: list[Commit],
        onto: str,
    ) -> None:
        """`commits` are all that may come."""
        self._repo = repo
        self._scratch = scratch
        self._onto = onto
        self._names = [commit.text_of for commit in commits]
        self._steps: SimpleQueue[list[ReplayStep] | None] = SimpleQueue()
        self._kept: list[tuple[str, Text]] = []  # of each commit that is written: the original
        self._written: dict[int, str] = {}
        self._abandoned = False
        self._quarantine = quarantine

    def __enter__(self) -> Writer:
        self._work = Background(self._run)
        return self

    def __exit__(self, *exception: object) -> None:
        self._abandoned = True
        self._steps.put(None)
        with suppress(Exception):  # it was raised already, or is of no interest any more
            self._work.result()

    def add(self, steps: list[ReplayStep]) -> None:
        """Takes the next ones, oldest first."""
        self._steps.put([step for step in steps if step.verdict == "clean"])

    def finish(self) -> NewCommits:
        """The new commits, which are to be migrated to the repository.

        Raises Refused where the user has no identity, CallFailed where signing fails.
        """
        self._steps.put(None)
        self._work.result()
        new = [self._written[number] for number in sorted(self._written)]
        if self._repo.git_flag("commit.gpgsign"):
            git = self._quarantine.git(self._repo.git)
            new = _signed(git, new, [text for _, text in self._kept], self._onto)
        originals = [oid for oid, _ in self._kept]
        return NewCommits(list(zip(originals, new, strict=True)), new[-1] if new else self._onto)

    def _run(self) -> None:
        if not self._names:  # no git has to be started
            return
        encoding = self._repo.git_setting("i18n.commitencoding") or "UTF-8"
        found = read_texts(self._scratch, self._names, encoding)
        texts = dict(zip(self._names, found, strict=True))
        header = b"committer %s\n" % os.fsencode(committer(self._repo))
        if not _is_utf8(encoding):
            header += b"encoding %s\n" % encoding.encode()
        git = self._quarantine.git(self._scratch.storing)
        marks = os.path.join(self._scratch.folder, "written")
        process = start(git, marks)
        assert process.stdin
        stream = Stream()
        stream.blobs(self._scratch.objects.new_files())  # of a migration
        parent: int | str = self._onto
        for steps in iter(self._steps.get, None):
            if any(step.merged or step.settled for step in steps):
                stream.blobs(self._scratch.objects.new_files())
            for step in steps:
                text = texts[step.commit.text_of]
                author = text.author + header
                parent = stream.commit(parent, author, text.message, step.changes.items())
                self._kept.append((step.commit.oid, text))
            with suppress(BrokenPipeError):  # it has ended, and finish tells why
                process.stdin.write(stream.take())
                process.stdin.flush()
        if self._abandoned:
            process.kill()
        self._written = finish(git, process, marks)


def read_texts(scratch: Scratch, commits: list[str], encoding: str = "UTF-8") -> list[Text]:
    """Author lines and messages of commits, in an encoding, as sequencer.c reads them."""
    found = scratch.writing.read_objects(commits)
    return [_text(commit.content, encoding) for commit in found if commit]


# What git-commit-tree(1) leaves as it is of an author: it strips some characters at both ends of
# name and address (ident.c), and takes a date apart.
_END = rb"[^\x00- .,:;<>\"\\']"
_WORDS = rb"%b(?:[^\x00\n<>]*%b)?" % (_END, _END)
_KEPT_AUTHOR = (
    rb"author %b <(?:%b)?> (?:0|[1-9]\d{0,9}) (?:\+|-(?!0000))(?:0\d|1[0-4])[0-5]\d\n"
    % (_WORDS, _WORDS)
)


def survives_signing(text: Text) -> bool:
    """Whether a commit that is made again to be signed would have the same author, to the byte."""
    return bool(re.fullmatch(_KEPT_AUTHOR, text.author))


def _text(raw: bytes, encoding: str) -> Text:
    head, _, message = raw.partition(b"\n\n")
    author = b"author  <> 0 +0000"
    written_in = b"UTF-8"
    for line in head.split(b"\n"):
        if line.startswith(b"author "):
            author = line.replace(b"author <", b"author  <", 1)
        elif line.startswith(b"encoding "):
            written_in = line[len(b"encoding ") :]
    message = re.sub(rb"\A(?:[ \t\r\v\f]*\n)+|\A\s*\Z", b"", message)
    # One text to git: it is converted as a whole, or not at all.
    text = _recoded(author + b"\n" + message, written_in.decode("latin-1"), encoding)
    author, _, message = text.partition(b"\n")
    return Text(author + b"\n", message)


def _recoded(text: bytes, written_in: str, encoding: str) -> bytes:
    """The text in another encoding.

    What cannot be converted stays, and is made UTF-8 where that is asked for (commit.c).
    """
    with suppress(LookupError, ValueError):
        if codecs.lookup(written_in) != codecs.lookup(encoding):
            return decoded(text, written_in).encode(encoding)
    if text.isascii() or not _is_utf8(encoding):
        return text
    return re.sub(_NOT_TEXT, _as_latin1, text.decode("utf-8", "surrogateescape")).encode()


# Bytes that are not UTF-8, and code points that are for no text (U+FDD0 to U+FDEF, and the last two
# of each plane).
_PLANES = range(0, 0x110000, 0x10000)
_LAST_TWO = "".join(chr(plane + 0xFFFE) + chr(plane + 0xFFFF) for plane in _PLANES)
_NOT_TEXT = f"[\udc80-\udcff\ufdd0-\ufdef{_LAST_TWO}]"  # made a pattern where it is needed


def _as_latin1(found: re.Match[str]) -> str:
    return found[0].encode("utf-8", "surrogateescape").decode("latin-1")


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("-", "") == "utf8"


def committer(repo: Repository) -> str:
    """See `git.committer`. Raises Refused where git cannot tell."""
    try:
        return repo.git.committer()
    except GitFailed:
        raise Refused(
            "git does not know who you are, and every commit names its committer",
            "git config user.name NAME, and user.email ADDRESS",
        ) from None


def _signed(git: Git, oids: list[str], texts: list[Text], parent: str) -> list[str]:
    """The commits again, signed, on `parent`. Raises CallFailed."""
    signed = []
    for oid, text in zip(oids, texts, strict=True):
        line = os.fsdecode(text.author.removeprefix(b"author ").removesuffix(b"\n"))
        name, _, rest = line.partition(" <")
        email, _, date = rest.rpartition("> ")
        author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": f"@{date}"}
        try:
            parent = git.commit_tree(oid, parent, text.message, sign=True, author=author)
        except GitFailed as error:
            reason = complaints(error.stderr)[0] or "git said nothing"
            raise CallFailed(
                f"a commit could not be signed: {reason}; nothing was changed",
                "git config --get-regexp 'gpg|signing'",
            ) from None
        signed.append(parent)
    return signed
