"""The commits of a replay, as `git rebase` would leave them: author, message and encoding kept, committed now and by the user."""

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
from git_ekf.git.encodings import decoded
from git_ekf.git.fastimport import Stream, finish, start
from git_ekf.git.quarantine import Quarantine
from git_ekf.replay.forecast import ReplayStep
from git_ekf.replay.scratch import Scratch
from git_ekf.replay.stack import Commit
from git_ekf.repository import Repository


class Text(NamedTuple):
    """What a commit object says beside its tree and parents, in the bytes of the encoding to write."""

    author: bytes
    message: bytes


class NewCommits(NamedTuple):
    """`commits` are (original, new), oldest first, for those that are kept; `tip` is the last, or the new base without any."""

    commits: list[tuple[str, str]]
    tip: str


class Writer:
    """Writes commits on `onto`, and all that they need, as one pack, while later ones are still being looked at.

    It is a context. Until `finish` nothing is in the repository, and no ref names anything of it even then.
    """

    def __init__(
        self, repo: Repository, scratch: Scratch, commits: list[Commit], onto: str
    ) -> None:
        """`commits` are all that may come."""
        self._repo, self._scratch, self._onto = repo, scratch, onto
        self._names = [commit.text_of or commit.oid for commit in commits]
        self._texts: dict[str, Text] = {}
        self._steps: SimpleQueue[list[ReplayStep] | None] = SimpleQueue()
        self._kept: list[ReplayStep] = []
        self._written: dict[int, str] = {}
        self._abandoned = False
        self._quarantine = Quarantine(os.path.join(repo.place.common_dir, "objects"))

    def __enter__(self) -> Writer:
        self._quarantine.__enter__()
        self._work = Background(self._run)
        return self

    def __exit__(self, *exception: object) -> None:
        self._abandoned = True
        self._steps.put(None)
        with suppress(Exception):  # it was said already, or is of no interest any more
            self._work.result()
        self._quarantine.__exit__()

    def add(self, steps: list[ReplayStep]) -> None:
        """The next ones, oldest first."""
        self._steps.put([step for step in steps if step.verdict == "clean"])

    def finish(self) -> NewCommits:
        """What has come of it, now in the repository.

        Raises Refused where the user has no identity, CallFailed where signing fails.
        """
        self._steps.put(None)
        self._work.result()
        self._quarantine.migrate()
        new = [self._written[number] for number in sorted(self._written)]
        if self._repo.git_flag("commit.gpgsign"):
            new = _signed(
                self._repo.git, new, [self._text_of(step) for step in self._kept], self._onto
            )
        return NewCommits(
            [(step.commit.oid, oid) for step, oid in zip(self._kept, new, strict=True)],
            new[-1] if new else self._onto,
        )

    def _text_of(self, step: ReplayStep) -> Text:
        return self._texts[step.commit.text_of or step.commit.oid]

    def _run(self) -> None:
        encoding = self._repo.git_setting("i18n.commitencoding") or "UTF-8"
        self._texts = dict(
            zip(self._names, read_texts(self._scratch, self._names, encoding), strict=True)
        )
        header = b"committer " + os.fsencode(_committer(self._repo)) + b"\n"
        if not _is_utf8(encoding):
            header += b"encoding %s\n" % encoding.encode()
        git, marks = (
            self._quarantine.git(self._scratch.storing),
            os.path.join(self._scratch.folder, "written"),
        )
        process = start(git, marks)
        stream = Stream()
        parent: int | str = self._onto
        assert process.stdin
        self._write_files(stream)  # of a migration
        for steps in iter(self._steps.get, None):
            if any(step.merged or step.settled for step in steps):
                self._write_files(stream)
            for step in steps:
                text = self._text_of(step)
                parent = stream.commit(
                    parent, text.author + header, text.message, step.changes.items()
                )
            self._kept += steps
            with suppress(BrokenPipeError):  # it has ended, and finish tells why
                process.stdin.write(stream.take())
                process.stdin.flush()
        if self._abandoned:
            process.kill()
        self._written = finish(git, process, marks)

    def _write_files(self, stream: Stream) -> None:
        for content in self._scratch.objects.new_files():
            stream.blob(content)


def read_texts(scratch: Scratch, commits: list[str], encoding: str = "UTF-8") -> list[Text]:
    """Author lines and messages of commits, in an encoding, as sequencer.c reads them."""
    found = scratch.writing.read_objects(commits)
    return [_text(commit.content, encoding) for commit in found if commit]


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
            return decoded(text, written.decode()).encode(encoding)
    except (LookupError, ValueError):
        pass
    if text.isascii() or not _is_utf8(encoding):
        return text
    return _NO_TEXT.sub(
        lambda found: _as_latin1(found[0]), text.decode("utf-8", "surrogateescape")
    ).encode()


# Bytes that are no UTF-8, and code points that are for no text (U+FDD0 to U+FDEF, and the last two of each plane).
_NO_TEXT = re.compile(
    "[\udc80-\udcff\ufdd0-\ufdef"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
    )
    + "]"
)


def _as_latin1(char: str) -> str:
    return char.encode("utf-8", "surrogateescape").decode("latin-1")


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("-", "") == "utf8"


def _committer(repo: Repository) -> str:
    try:
        return repo.git.committer()
    except GitFailed:
        raise Refused(
            "git does not know who you are, and every commit names its committer",
            "git config user.name NAME, and user.email ADDRESS",
        ) from None


def _signed(git: Git, oids: list[str], texts: list[Text], parent: str) -> list[str]:
    signed = []
    for oid, text in zip(oids, texts, strict=True):
        name, _, rest = os.fsdecode(
            text.author.removeprefix(b"author ").removesuffix(b"\n")
        ).partition(" <")
        email, _, date = rest.rpartition("> ")
        author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": f"@{date}"}
        try:
            parent = git.commit_tree(oid, parent, text.message, sign=True, author=author)
        except GitFailed as error:
            said = error.stderr.strip().splitlines()[0].removeprefix("error: ")
            raise CallFailed(
                f"a commit could not be signed: {said}; nothing was changed",
                "git config --get-regexp 'gpg|signing'",
            ) from None
        signed.append(parent)
    return signed
