"""The program as typer has it: help, errors of usage, and every spelling of a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Annotated, Any

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError
from typer._click.exceptions import UsageError as ClickUsageError
from typer.core import TyperGroup

from git_ekf import __version__
from git_ekf.cli import COMMANDS
from git_ekf.declared import REQUIRED, Option, Parameter, parameters
from git_ekf.errors import DONE, USAGE, UsageError


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

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the list of commands in the help, without loading one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


class Program(typer.Typer):
    """A typer program that knows what commands declare in `git_ekf.declared` too."""

    def command(self, *args: Any, **settings: Any) -> Callable[[Any], Any]:
        """Makes a function one of its commands."""
        register = super().command(*args, **settings)

        def registered(function: Any) -> Any:
            register(_as_typer_has_it(function))
            return function

        return registered


def program(**settings: Any) -> typer.Typer:
    """An empty typer program as all of ours are; `settings` are typer's own."""
    return Program(
        rich_markup_mode=None,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )


def _as_typer_has_it(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the same parameters, declared by typer's own classes."""

    @wraps(command)
    def same(*args: Any, **values: Any) -> Any:
        return command(*args, **values)

    made = [_parameter(one) for one in parameters(command)]
    same.__signature__ = inspect.Signature(made)  # type: ignore[attr-defined]
    same.__annotations__ = {one.name: one.annotation for one in made}
    return same


def _parameter(one: Parameter) -> inspect.Parameter:
    annotation, declared = one.annotation, one.declared
    if isinstance(declared, Option):
        annotation = Annotated[one.type, typer.Option(*one.names, **declared.settings)]
    elif declared:
        annotation = Annotated[one.type, typer.Argument(**declared.settings)]
    default = inspect.Parameter.empty if one.default is REQUIRED else one.default
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(one.name, kind, default=default, annotation=annotation)


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


def run(argv: list[str]) -> Any:
    """Runs the command: what that returns. Raises UsageError, and what the command raises."""
    try:
        command = typer.main.get_command(app)
        # The method `main` of typer's would do this too, but has its own idea of ^C and of a pipe
        # that nobody reads.
        with command.make_context("git ekf", list(argv)) as context:
            return command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except NoArgsIsHelpError as error:
        print(error.format_message())
        return USAGE
    except ClickException as error:
        command_path = "git ekf"
        if isinstance(error, ClickUsageError) and error.ctx:
            command_path = error.ctx.command_path
        raise UsageError(_sentence(error.format_message()), f"{command_path} -h") from None


def _sentence(message: str) -> str:
    message = " ".join(message.split())
    return message[:1].lower() + message[1:].rstrip(".")
