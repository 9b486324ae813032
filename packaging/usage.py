"""The program's commands, options and arguments, read from typer: for the completion scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

from git_ekf import cli, program
from git_ekf.manual import pages

# What a value is called in the usage -> what completes it: a kind that git_ekf.shell.complete
# knows; files, directories or programs; topics of the manual; "" where only the person knows.
KINDS = {
    "A": "revisions",
    "ADDRESS": "",
    "B": "revisions",
    "CLUSTER": "",
    "COMMAND": "programs",
    "CONTEXT": "",
    "DIR": "directories",
    "DIR|URL": "directories",
    "FILE": "files",
    "GITDIR": "directories",
    "KEY": "files",
    "KEY=VALUE": "",
    "N": "",
    "NAME": "",
    "NAME=VALUE": "",
    "NAME|@FILE": "",
    "PAGE|DIR": "topics",
    "PATH": "paths",
    "PRIMARY": "directories",
    "RECEIPT": "files",
    "RELEASE": "",
    "RESOLUTION": "",
    "REV": "revisions",
    "REV-RANGE": "revisions",
    "REVISION": "revisions",
    "SIDE[:PATTERN]": "sides",
    "SIGNERS": "files",
    "TAG": "records",
    "URL": "remotes",
    "WAVE": "",
    "X.Y": "channels",
    "YYYY-MM-DD": "",
}
# Where it means something else in one command.
_KINDS_OF = {
    ("clone", "X.Y"): "published",
    ("config", "KEY"): "keys",
    ("upgrade", "X.Y"): "newer",
}


class Value(NamedTuple):
    """The value of an option or argument; `choices` is all that it may be, () if not known."""

    name: str
    kind: str
    choices: tuple[str, ...]


class Option(NamedTuple):
    """`value` is None for one that is there or not."""

    names: tuple[str, ...]
    help: str
    value: Value | None
    repeated: bool


class Argument(NamedTuple):
    """A word that is not an option, or any number of them."""

    value: Value
    repeated: bool


class Usage(NamedTuple):
    """How a command is used: `words` name it behind `git ekf`, "" is the program itself.

    `commands` are those below it, with what they do.
    """

    words: str
    options: list[Option]
    arguments: list[Argument]
    commands: dict[str, str]


def commands() -> list[Usage]:
    """The program itself, then each command and its subcommands, in the order of the help."""
    root: Any = typer.main.get_command(program.app)
    named = {name: name for name in cli.COMMANDS} | cli.ALIASES
    found = [
        Usage(
            "",
            list(_options("", root)),
            [],
            {words: cli.COMMANDS[name] for words, name in named.items()},
        )
    ]
    for words, name in named.items():
        found += _commands(words, root.get_command(None, name))
    return found


def _commands(words: str, command: Any) -> Iterator[Usage]:
    below = {name: one for name, one in getattr(command, "commands", {}).items() if not one.hidden}
    told = {name: one.get_short_help_str(sys.maxsize) for name, one in below.items()}
    yield Usage(words, list(_options(words, command)), list(_arguments(words, command)), told)
    for name, one in below.items():
        yield from _commands(f"{words} {name}", one)


def _options(words: str, command: Any) -> Iterator[Option]:
    for param in command.params:
        if param.param_type_name == "option" and not param.hidden:
            value = None if param.is_flag else _value(words, param, param.metavar)
            yield Option((*param.opts, *param.secondary_opts), param.help, value, param.multiple)
    yield Option(("-h", "--help"), "Show the usage and exit.", None, False)


def _arguments(words: str, command: Any) -> Iterator[Argument]:
    """An argument of the program may stand for several of the usage: [A] [B] [PATH]..."""
    for param in command.params:
        if param.param_type_name == "argument" and not param.hidden:
            for name in param.metavar.split():
                bare = name.removesuffix("...")
                bare = bare[1:-1] if bare.startswith("[") else bare
                yield Argument(_value(words, param, bare), name.endswith("..."))


def _value(words: str, param: Any, name: str) -> Value:
    choices = tuple(getattr(param.type, "choices", ()))
    kind = _KINDS_OF.get((words, name)) or KINDS.get(name, "")
    if kind == "topics":
        names = [Path(page).stem for page in pages.pages()]
        choices, kind = tuple(name[len("git-ekf-") :] for name in names if name != "git-ekf"), ""
    elif kind == "sides":
        choices, kind = ("local", "vendor"), ""
    return Value(name, kind, choices)
