"""The table of commands, loaded one at a time. Here errors become messages and exit codes."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError
from typer._click.exceptions import UsageError as ClickUsageError
from typer.core import TyperGroup

from git_ekf import __version__
from git_ekf.errors import DONE, INTERRUPTED, USAGE, EkfError, SystemFailed, UsageError
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
    "save": "Push release branch and deploy records to the internal repository, and verify.",
    "pull": "Take what internal has and this clone lacks, your unsaved commits on top of it.",
    "rollback": "Bring the configuration back to a deploy record, keeping history linear.",
    "sync": "Put the configuration commits on the newest commit of their channel.",
    "upgrade": "Carry the configuration commits to the next release channel.",
    "undo": "Take back the last pull, sync, upgrade, rollback or tag.",
    "mirror": "Mirror the vendor's channels and tags for a site that cannot reach them.",
    "bundle": "Carry the vendor's channels across an air gap in one file.",
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

# Commands that move refs, wholly or not at all: whoever interrupts one wants to know which.
_MOVING = ("pull", "rollback", "sync", "undo", "upgrade")


class Commands(TyperGroup):
    """Imports only the command that is asked for: the whole table costs half a second."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, name: str) -> Any:
        """A command, imported now; None for a name that there is not."""
        if name not in COMMANDS:
            return None
        module = import_module(f"git_ekf.commands.{name}")
        app = getattr(module, "app", None)
        if app is None:
            app = program()
            app.command(name)(getattr(module, name))
        command = typer.main.get_command(app)
        command.name = name
        return command

    def invoke(self, ctx: Any) -> Any:
        """Runs the command. Raises Exit where it was interrupted: typer says nothing then."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _print_interrupted()
            if ctx.invoked_subcommand in _MOVING:
                print_hint(
                    "git ekf status shows how far it has got; what is done git ekf undo takes back"
                )
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError as error:  # of which typer would make exit 1, and silence
            if _is_reader_gone():
                raise
            raise SystemFailed(error) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names, and the words for it. Raises UsageError."""
        name = ALIASES.get(args[0], args[0])
        if not name.startswith("-") and name not in COMMANDS:
            from difflib import get_close_matches  # 5 ms of every command

            close = get_close_matches(name, COMMANDS, n=1)
            hint = f"git ekf {close[0]}" if close else "git ekf -h lists the commands"
            raise UsageError(f"{name} is not a git-ekf command", hint)
        return super().resolve_command(ctx, [name, *args[1:]])

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the list of commands in the help, without loading one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def program(**settings: Any) -> typer.Typer:
    """An empty typer program as all of ours are; `settings` are typer's own."""
    return typer.Typer(
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )


app = program(cls=Commands, no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"git-ekf {__version__}")
        raise typer.Exit(DONE)


@app.callback(invoke_without_command=False)
def git_ekf(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Run a vendor's Kubernetes manifests the GitOps way."""


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
        try:
            code = _run(argv)
            sys.stdout.flush()
        except OSError as error:
            if isinstance(error, BrokenPipeError) and _is_reader_gone():
                raise
            code = _report(SystemFailed(error))
    except BrokenPipeError:
        _end_by_sigpipe()
    return code


def _run(argv: list[str]) -> int:
    """The exit code of a command, its errors printed. Raises OSError."""
    try:
        code = app(argv, prog_name="git ekf", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except EkfError as error:
        return _report(error)
    except NoArgsIsHelpError as error:
        print(error.format_message())
        return USAGE
    except ClickException as error:
        command = "git ekf"
        if isinstance(error, ClickUsageError) and error.ctx:
            command = error.ctx.command_path
        return _report(UsageError(_sentence(error.format_message()), f"{command} -h"))
    except (KeyboardInterrupt, typer.Abort):
        _print_interrupted()
        return INTERRUPTED
    except _Terminated as signalled:
        print("git-ekf: terminated", file=sys.stderr)
        return 128 + int(signalled.args[0])
    except SystemExit:  # what typer makes of a BrokenPipeError, its own help's for example
        raise BrokenPipeError from None


def _report(error: EkfError) -> int:
    """Prints an error. Its exit code, which is all there is where standard error is full."""
    try:
        print_error(error)
    except BrokenPipeError:
        raise
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


def _print_interrupted() -> None:
    print("\ngit-ekf: interrupted", file=sys.stderr)  # below the terminal's ^C


def _sentence(message: str) -> str:
    message = " ".join(message.split())
    return message[:1].lower() + message[1:].rstrip(".")
