"""The entry of all commands: completion and the prompt have to be quick, without cli.main."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # signal itself takes 4 ms more
import gc
import os
import sys


def main() -> None:
    """Does what sys.argv asks for, and ends the process, mostly without the clean-up of Python."""
    _open_what_is_closed()
    # ^C ends a program that is still loading without a word; only cli.main has a mess to tidy up.
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    if sys.argv[1:2] == ["hook"]:
        from git_ekf.hooks import judge

        stdin = sys.stdin.buffer.read() if sys.argv[3:4] in (["pre-push"], ["pre-receive"]) else b""
        sys.exit(judge.main(sys.argv[2:], stdin))
    # A command lives for a tenth of a second: looking for cycles costs it 5 ms and finds nothing.
    gc.disable()
    if sys.argv[1:2] == ["complete"]:
        from git_ekf.shell import complete

        try:
            complete.main(sys.argv[2:])
            sys.stdout.flush()
        except OSError:
            pass  # the shell has gone
        os._exit(0)
    if sys.argv[1:] == ["status", "--prompt"]:
        from git_ekf.shell import prompt

        return prompt.main()
    from git_ekf import cli
    from git_ekf.errors import FAILED

    code = cli.main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        code = FAILED  # cli.main has said so
    # Taking the interpreter apart in good order takes 15 ms, to free what the system frees anyway.
    os._exit(code)


def _open_what_is_closed() -> None:
    """As git does (setup.c, sanitize_stdfds): else a file would get the number of a stream."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, mode))


if __name__ == "__main__":
    main()
