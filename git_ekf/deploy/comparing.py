"""A comparison with the live cluster at work: one tool, its output read as it comes."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from git_ekf.deploy.apply_run import Signals, noted_signals
from git_ekf.errors import CallFailed
from git_ekf.shown import shell

# Seconds between two looks at what is not told: a signal, a tool that has ended.
_LOOK = 0.2
# Seconds that an interrupted tool has to end by itself, and what it has left behind to print.
_GRACE = 2.0


def run(
    command: tuple[str, ...],
    folder: str,
    environment: dict[str, str],
    take: Callable[[bytes], None],
) -> int:
    """Runs a tool in a folder, and hands over what it prints; its code, as subprocess has it.

    Its input and its errors are this process's own, so that it can ask for a password. ^C, SIGTERM
    and SIGHUP end it first, then this process. Raises CallFailed where it cannot be started.
    """
    program = command[0]
    if os.sep not in program:
        # By the PATH as it is here: a relative entry is not to find a file of the folder.
        found = shutil.which(program, path=environment.get("PATH"))
        if not found:
            raise not_started(command, f"{program} is not on the PATH")
        program = os.path.abspath(found)
    with noted_signals() as signals:
        try:
            process = subprocess.Popen(
                command,
                executable=program,
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in a word
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise not_started(command, f"{program}: {why}") from None
        with process:
            signals.follow(process)
            _follow(process, signals, take)
            signals.process = None
    if signals.first:
        signal.raise_signal(signals.first)
    return process.returncode


def not_started(command: tuple[str, ...], why: str) -> CallFailed:
    """The error where there is no such tool."""
    install = "" if os.sep in command[0] else f"install {shell(command[0])}, or "
    return CallFailed(
        f"the comparison cannot be started ({shell(*command)}): {why}",
        f"{install}correct drift.command: git ekf man config",
    )


def _follow(
    process: subprocess.Popen[bytes], signals: Signals, take: Callable[[bytes], None]
) -> None:
    """Reads until the tool has ended, by itself or because of a signal.

    Something that it has left behind may still hold its output, and is not waited for.
    """
    assert process.stdout
    output = process.stdout.fileno()
    is_open = True
    deadline = 0.0
    while is_open or process.poll() is None:
        if is_open and select.select([output], [], [], _LOOK)[0]:
            part = os.read(output, 1 << 16)
            is_open = bool(part)
            take(part)
        elif process.poll() is not None:
            return
        elif not is_open:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK)
        has_ended = process.poll() is not None
        if not deadline and (signals.first or has_ended):
            deadline = time.monotonic() + _GRACE
            process.terminate()  # it only looks, so nothing is left half-way
        elif deadline and time.monotonic() > deadline:
            if has_ended:
                return
            process.kill()
