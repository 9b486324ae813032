"""The table of commands, loaded one at a time. Here errors become messages and exit codes."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NoReturn

from git_ekf.declared import Abort, everyday
from git_ekf.errors import DONE, INTERRUPTED, EkfError, SystemFailed, UsageError
from git_ekf.terminal.screen import print_error, print_hint

# name -> what it does; the module is git_ekf.commands.<name>.
COMMANDS = {
    "clone": "Build the local repository from nothing, or restore it from the internal one.",
    "init": "Set up an existing clone; safe to run again at any time.",
    "status": "Show where things stand, and the command that moves each line on.",
    "releases": "List the vendor's release channels in version order.",
    "check": "Apply every policy rule; exit with 1 when one is broken.",
    "diff": "Show what changed between two deploy records.",
    "images": "List the images that the built manifests use, one a line.",
    "apply": "Run the deploy tool on a clean tree, path by path; with -m, record it.",
    "drift": "Show where the live cluster differs from its deploy record.",
    "tag": "Write the deploy record for HEAD, all fields filled in.",
    "adopt": "Complete older deploy records: a new one stands for each, and carries its time.",
    "log": "List the deploy records, newest first.",
    "show": "Show a deploy record in full, with the commits since the one before.",
    "report": "Write a page of HTML about the cluster's deployments and upgrades.",
    "save": "Push release branch and deploy records to the internal repository, and verify.",
    "pull": "Take what internal has and this clone lacks, your unsaved commits on top of it.",
    "rollback": "Bring the configuration back to a deploy record, keeping history linear.",
    "sync": "Put the configuration commits on the newest commit of their channel.",
    "upgrade": "Carry the configuration commits to the next release channel.",
    "undo": "Take back the last pull, sync, upgrade, rollback or tag.",
    "mirror": "Mirror the vendor's channels and tags for a site that cannot reach them.",
    "bundle": "Carry the vendor's channels across an air gap in one file.",
    "resolutions": "Share answers to conflicts among clusters, each given once.",
    "fleet": "Show where many clusters of one vendor stand; plan and upgrade them, in waves.",
    "hooks": "Install, remove or look at the hooks, on a server too.",
    "trust": "Allow the commands that the tracked configuration names to run.",
    "man": "Show a page of the manual, or put the pages where man looks.",
    "config": "Show every key of the configuration, its value, and where that is from.",
    "doctor": "Check machine and repository, each finding with its fix.",
    "completion": "Print the script that completes git ekf in a shell.",
    "demo": "Walk the whole flow in a sandbox, printing each command.",
}
# Other names, as git itself has them.
ALIASES = {"help": "man"}

# Commands that move branches or HEAD, wholly or not at all: which, whoever interrupts one asks.
_MOVING = ("pull", "rollback", "sync", "undo", "upgrade")


class _Terminated(BaseException):
    """SIGTERM or SIGHUP: what was begun is taken back, as for ^C."""


def _terminate(number: int, frame: object) -> NoReturn:
    raise _Terminated(number)


def main(argv: list[str]) -> int:
    """Runs a command. Returns the exit code; an error is printed, never raised.

    Where nobody reads what is printed any more, the process ends by SIGPIPE, as git's does.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as __main__ has it until here
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup's choice stays
            signal.signal(number, _terminate)
    if isinstance(sys.stdout, TextIOWrapper):  # for a terminal that knows less than Unicode
        sys.stdout.reconfigure(errors="backslashreplace")
    _make_absolute()
    try:
        code = _run(argv)
        sys.stdout.flush()
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _is_reader_gone():
            _end_by_sigpipe()
        code = _report(SystemFailed(error))
    return code


def _run(argv: list[str]) -> int:
    """The exit code of a command, its errors printed. Raises OSError."""
    name = ALIASES.get(argv[0], argv[0]) if argv else ""
    try:
        code = _call([name, *argv[1:]] if argv else [])
        return code if isinstance(code, int) else DONE
    except EkfError as error:
        return _report(error)
    except (KeyboardInterrupt, Abort) as stopped:
        print("\ngit-ekf: interrupted", file=sys.stderr)  # below the terminal's ^C
        if name in _MOVING and not isinstance(stopped, Abort):
            print_hint(
                "git ekf status shows how far it has got; what is done git ekf undo takes back"
            )
        return INTERRUPTED
    except _Terminated as signalled:
        print("git-ekf: terminated", file=sys.stderr)
        return 128 + int(signalled.args[0])


def _call(argv: list[str]) -> Any:
    """What the command returns, which typer reads only where it has to. Raises UsageError."""
    name = argv[0] if argv else "-h"
    if name not in COMMANDS and not name.startswith("-"):
        from difflib import get_close_matches  # for a wrong name only

        close = get_close_matches(name, COMMANDS, n=1)
        hint = f"git ekf {close[0]}" if close else "git ekf -h lists the commands"
        raise UsageError(f"{name} is not a git-ekf command", hint)
    if name in COMMANDS and not {"-h", "--help"}.intersection(argv):
        module = import_module(f"git_ekf.commands.{name}")
        if not hasattr(module, "app"):
            command = getattr(module, name)
            values = everyday(command, argv[1:])
            if values is not None:
                return command(**values)
    return import_module("git_ekf.program").run(argv)


def _report(error: EkfError) -> int:
    """Prints an error. Its exit code, which is all there is where standard error is full."""
    try:
        if error.code == INTERRUPTED:
            print(file=sys.stderr)  # below the terminal's ^C
        print_error(error)
    except BrokenPipeError:
        _end_by_sigpipe()
    except OSError:
        pass
    return error.code


def _make_absolute() -> None:
    """For git is run in other directories as well, and reads these from where it is."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"):
        if path := os.environ.get(name):
            with suppress(FileNotFoundError):  # the current directory, and git says so
                os.environ[name] = os.path.join(os.getcwd(), path)


def _is_reader_gone() -> bool:
    """Whether nobody reads what is printed any more: poll(2) says so of a pipe or a socket."""
    import select  # for few errors only

    watch = select.poll()
    for stream in (1, 2):
        watch.register(stream, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in watch.poll(0))


def _end_by_sigpipe() -> NoReturn:
    """Ends the process as whoever waits for it knows it from git: the shell has 141 then."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # which Python ignores
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPIPE])
    os.kill(os.getpid(), signal.SIGPIPE)
    os._exit(128 + signal.SIGPIPE)
