"""Starts git and waits for it. Only the files of this package start it.

Every call is an argument vector; what comes from outside stands behind `--` or `--end-of-options`.
Text is decoded as file names are (UTF-8 with surrogates), so that any byte survives the round trip.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Generic, Self, TypeVar

from git_ekf.background import Background
from git_ekf.errors import CallFailed, GitFailed
from git_ekf.git.complaints import failure, no_git, no_space_in, shown
from git_ekf.git.transfer import Transfer, stop
from git_ekf.shown import shell

T = TypeVar("T")
# What git answers to words and an input; None where it was not asked, or has failed.
Asked = Callable[[tuple[str, ...], bytes], bytes | None]


# Of our own pathspecs nothing is to be changed by what the user has set for his (git(1)).
_KINDS = ("LITERAL", "GLOB", "NOGLOB", "ICASE")
_OWN_PATHSPECS = {f"GIT_{kind}_PATHSPECS": "0" for kind in _KINDS}


class Process:
    """git, run in a directory and with an environment of its own."""

    def __init__(
        self,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        *,
        settings: Iterable[str] = (),
        progress: Callable[[bytes], object] | None = None,
        asked: Asked | None = None,
    ) -> None:
        """`cwd` is where git runs (None: the current directory), `env` is added to the environment.

        `settings` (key=value) go before all others. `progress` is given what git says of how far a
        transfer is, as bytes for a terminal; git is silent about it without one. `asked` has the
        answers to what was asked before.
        """
        self.cwd = cwd
        self.env = dict(env or {})
        self.settings = tuple(settings)
        self.progress = progress
        self._asked = asked

    def variant(
        self,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        *,
        settings: Iterable[str] = (),
    ) -> Self:
        """The same git in another directory, or with more in its environment and settings."""
        return type(self)(
            self.cwd if cwd is None else cwd,
            {**self.env, **(env or {})},
            settings=(*self.settings, *settings),
            progress=self.progress,
            asked=None if cwd or "GIT_DIR" in (env or {}) else self._asked,
        )

    # --- one question, one answer ---

    def _start(
        self,
        *args: str,
        stdin: bool | IO[bytes] = False,
        output: int | IO[bytes] | None = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Starts git without waiting.

        `stdin` is whether there will be any, or what to read it from; `output` may be a file for
        all that it says, or None, for its output to go where ours does.
        """
        source: int | IO[bytes] = subprocess.DEVNULL
        if stdin is True:
            source = subprocess.PIPE
        elif stdin is not False:
            source = stdin
        try:
            return subprocess.Popen(
                ["git", *self._with_settings(args)],
                cwd=self.cwd,
                stdin=source,
                stdout=output,
                stderr=subprocess.PIPE if output in (None, subprocess.PIPE) else subprocess.STDOUT,
                env={**_environment(), **self.env},
                bufsize=1 << 16,  # as much as a pipe has
            )
        except FileNotFoundError:
            raise no_git(self.cwd) from None

    def _with_settings(self, args: Sequence[str]) -> list[str]:
        words = []
        for setting in self.settings:
            words += ["-c", setting]
        return [*words, *args]

    def _finish(
        self,
        process: subprocess.Popen[bytes],
        *,
        stdin: bytes | None = None,
        ok: Sequence[int] = (0,),
        timeout: float | None = None,
    ) -> bytes:
        """Output of a started git, once it has ended.

        Raises GitFailed when its exit code is not in `ok`, CallFailed after `timeout` seconds.
        """
        out: bytes
        try:
            try:
                out, err = process.communicate(stdin, timeout)
            except BrokenPipeError:  # of what was buffered for one that has ended: its code tells
                out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            stop(process)
            raise CallFailed(f"no answer within {timeout:g} seconds") from None
        except BaseException:
            stop(process)
            raise
        if process.returncode not in ok:
            objects = self.env.get("GIT_OBJECT_DIRECTORY", "")
            raise failure(process, os.fsdecode(err), objects, self.cwd or "")
        return out

    def _run(
        self,
        *args: str,
        stdin: bytes | None = None,
        ok: Sequence[int] = (0,),
        timeout: float | None = None,
    ) -> bytes:
        """Output. Raises as `_finish`."""
        known = self._answer_to(*args, stdin=stdin or b"")
        if known is not None:
            return known
        process = self._start(*args, stdin=stdin is not None)
        return self._finish(process, stdin=stdin, ok=ok, timeout=timeout)

    def _run_or_none(self, *args: str, ok: Sequence[int] = (0, 1)) -> bytes | None:
        """Output; None where git ends with another of the codes than 0."""
        known = self._answer_to(*args)
        if known is not None:
            return known
        process = self._start(*args)
        out = self._finish(process, ok=ok)
        return None if process.returncode else out

    def _word_or_none(self, *args: str, ok: Sequence[int] = (0, 1)) -> str | None:
        """The same without white space around it."""
        out = self._run_or_none(*args, ok=ok)
        # Of the bytes: to a text, U+2028 would be white space too, and a ref may end in it.
        return None if out is None else os.fsdecode(out.strip())

    def _answer_to(self, *args: str, stdin: bytes = b"") -> bytes | None:
        return self._asked(tuple(self._with_settings(args)), stdin) if self._asked else None

    def _text(self, *args: str, stdin: bytes | None = None) -> str:
        """Output without the final newline."""
        return os.fsdecode(self._run(*args, stdin=stdin)).removesuffix("\n")

    def _lines(self, *args: str, stdin: bytes | None = None) -> list[str]:
        # Not splitlines(): U+2028 and friends are no line ends to git.
        text = self._text(*args, stdin=stdin)
        return text.split("\n") if text else []

    def _nul_fields(self, *args: str) -> list[str]:
        """Output of a command with -z."""
        return split_fields(self._run(*args))

    def _about_paths(self, paths: Iterable[str], *args: str) -> bytes:
        """Output of a command on exactly these paths, which count from the top of the tree."""
        pathspecs = [f":(top,literal){path}" for path in paths]
        return self.variant(env=_OWN_PATHSPECS)._run(*args, "--", *pathspecs)

    # --- longer talks ---

    def _piped(self, first: Sequence[str], second: Sequence[str]) -> bytes:
        """What the second of two commands makes of the output of the first. Raises GitFailed."""
        feeding = self._start(*first)
        assert feeding.stdout
        reading = self._start(*second, stdin=feeding.stdout)
        feeding.stdout.close()  # so that it ends when nobody reads it any more
        fed = Background(lambda: self._finish(feeding))
        out = self._finish(reading)
        fed.result()
        return out

    def _ahead(
        self,
        *args: str,
        read: Callable[[bytes], T],
        stdin: bytes = b"",
    ) -> Ahead[T]:
        """A question asked ahead of time; `read` makes the answer of git's output."""
        process = self._start(*args, stdin=bool(stdin))
        if process.stdin:
            with suppress(BrokenPipeError), process.stdin:  # it has ended, and its code says why
                process.stdin.write(stdin)
            process.stdin = None
        return Ahead(self, process, read)

    @contextmanager
    def _transfer(
        self, command: str, *args: str, stdin: bool = False, progress: bool = True
    ) -> Iterator[Transfer]:
        """A git that moves objects, whose pipes are for the block to use; it ends with the block.

        `progress` is whether it may be asked to say how far it is.
        """
        watched = self.progress if progress else None
        options = ["--progress"] if watched else []
        process = self._start(command, *options, *args, stdin=stdin)
        transfer = Transfer(process)
        listener = threading.Thread(target=transfer.listen, args=(watched,), daemon=True)
        listener.start()
        try:
            yield transfer
            if process.stdin:
                with suppress(BrokenPipeError):  # it has ended, and its code says why
                    process.stdin.close()
            process.wait()
        except BaseException:
            stop(process)
            raise
        listener.join()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()

    def _show(self, *args: str) -> None:
        """Runs git with its output going to the person's terminal. Raises CallFailed."""
        process = self._start(*args, output=None)
        transfer = Transfer(process)
        try:
            transfer.listen(lambda part: os.write(2, part))
            if process.stderr:
                process.stderr.close()
            process.wait()
        except BaseException:
            stop(process)
            raise
        if not process.returncode:
            return
        full = no_space_in(transfer.messages, self.cwd or ".", process.returncode)
        if full:
            raise full
        words = shown(process.args)
        if process.returncode < 0:
            raise GitFailed(words, process.returncode, transfer.messages)
        raise CallFailed(f"git {shell(*words)} failed with code {process.returncode}")


class Ahead(Generic[T]):
    """A question that git is at work on."""

    def __init__(
        self, git: Process, process: subprocess.Popen[bytes], read: Callable[[bytes], T]
    ) -> None:
        self._git = git
        self._process = process
        self._read = read

    def result(self, timeout: float | None = None) -> T:
        """Waits for the answer, at most `timeout` seconds. Raises GitFailed, CallFailed."""
        return self._read(self._git._finish(self._process, timeout=timeout))

    def close(self) -> None:
        """Ends git where it has not answered."""
        if self._process.poll() is None:
            stop(self._process)


def flags(**chosen: bool | int | str) -> list[str]:
    """Options of git, but for those without a value: --some-name, or --some-name=VALUE."""
    words = []
    for name, value in chosen.items():
        option = f"--{name.replace('_', '-')}"
        if value:
            words.append(option if value is True else f"{option}={value}")
    return words


def as_lines(words: Iterable[str]) -> bytes:
    """One word a line, for git's standard input."""
    return os.fsencode("".join(f"{word}\n" for word in words))


def split_fields(out: bytes) -> list[str]:
    """The fields of an output with -z."""
    text = os.fsdecode(out).removesuffix("\0")
    return text.split("\0") if text else []


def _environment() -> dict[str, str]:
    # git speaks English, because some of it is recognised: without a directory of translations it
    # sets no locale at all (gettext.c). The user's own locale stays, for hooks and filters.
    environment = {**os.environ, "GIT_TEXTDOMAINDIR": os.devnull}
    # What is read is not what is shown: behind a pager even diff-tree would colour its answer.
    environment.pop("GIT_PAGER_IN_USE", None)
    return environment
