"""Writes the program's commands and options into the completion scripts of the shells.

    python packaging/completions.py

The scripts in `completions/` are written by hand but for what stands between two marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from usage import Argument, Option, Usage, Value, commands

FOLDER = Path(__file__).resolve().parents[1] / "completions"

_BEGIN = "# --- from here on: written by `python packaging/completions.py` ---\n"
_END = "# --- to here ---\n"

# Kinds that need not cover all there is: what they do not know may be a file.
_OR_FILES = ("paths", "remotes", "revisions")


# --- bash ---


def bash(found: list[Usage]) -> str:
    """Two tables: the words of each command, and what its options take."""
    lines = [
        "__git_ekf_command ()",
        "{",
        '\tsubcommands="" options="" valued="" arguments=""',
        "\tcase $1 in",
    ]
    for command in found:
        lines += [
            f"\t{_bash_quoted(command.words)})",
            *(f"\t\t{line}" for line in _bash_command(command)),
            "\t\t;;",
        ]
    lines += ["\tesac", "}", "", "__git_ekf_option ()", "{", '\tkind=""', "\tcase $1$2 in"]
    for command in found:
        for option in command.options:
            kind = option.value and _bash_kind(option.value)
            if kind:
                patterns = " | ".join(_bash_quoted(command.words + name) for name in option.names)
                lines.append(f"\t{patterns}) kind={kind} ;;")
    return "\n".join([*lines, "\tesac", "}", ""])


def _bash_command(command: Usage) -> Iterator[str]:
    names = [
        name + "=" * bool(option.value)
        for option in command.options
        for name in option.names
        if name.startswith("--")
    ]
    valued = [name for option in command.options if option.value for name in option.names]
    arguments = [
        (_bash_kind(one.value) or "none") + "..." * one.repeated for one in command.arguments
    ]
    if command.commands:
        yield f"subcommands={','.join(command.commands)}"
    yield f"options={','.join(names)}"
    if valued:
        yield f'valued="{" ".join(valued)}"'
    if arguments:
        yield f'arguments="{" ".join(arguments)}"'


def _bash_kind(value: Value) -> str:
    return f"one-of:{','.join(value.choices)}" if value.choices else value.kind


def _bash_quoted(words: str) -> str:
    return words if re.fullmatch(r"[A-Za-z-]+", words) else f'"{words}"'


# --- zsh ---


def zsh(found: list[Usage]) -> str:
    """One table, in the language of _arguments."""
    lines = ["__git-ekf_command() {", "  case $1 in"]
    for command in found:
        lines.append(f"    ({_zsh_quoted(command.words)})")
        if command.commands:
            lines += [
                "      commands=(",
                *(
                    f"        {_zsh_quoted(f'{name}:{text}')}"
                    for name, text in command.commands.items()
                ),
            ]
            lines.append("      )")
        specs = [*map(_zsh_option, command.options), *map(_zsh_argument, command.arguments)]
        lines += ["      specs=(", *(f"        {spec}" for spec in specs), "      )", "      ;;"]
    return "\n".join([*lines, "  esac", "}", ""])


def _zsh_option(option: Option) -> str:
    text = "[" + option.help.replace("[", "\\[").replace("]", "\\]") + "]"
    takes = f":{_zsh_value(option.value)}" if option.value else ""
    names = [name + ("=" if name.startswith("--") else "+") * bool(takes) for name in option.names]
    excluded = (
        "- : *"
        if "--help" in option.names or "--version" in option.names
        else " ".join(option.names)
    )
    before = "*" if option.repeated else f"({excluded})"
    if len(names) == 1:
        return _zsh_quoted(before + names[0] + text + takes)
    return f"{_zsh_quoted(before)}{{{','.join(names)}}}{_zsh_quoted(text + takes)}"


def _zsh_argument(argument: Argument) -> str:
    return _zsh_quoted(f"{'*' * argument.repeated}:{_zsh_value(argument.value)}")


def _zsh_value(value: Value) -> str:
    """`MESSAGE:ACTION`; the action " " shows the message alone."""
    actions = {
        "": " ",
        "directories": "_directories",
        "files": "_files",
        "programs": "_command_names -e",
    }
    asked = f" __git-ekf_ask {value.kind}{' _files' if value.kind in _OR_FILES else ''}"
    action = f"({' '.join(value.choices)})" if value.choices else actions.get(value.kind, asked)
    return value.name.replace(":", "\\:") + ":" + action


def _zsh_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


# --- fish ---


def fish(found: list[Usage]) -> str:
    """A `complete` for each command, option and argument."""
    groups = [command.words for command in found if command.commands]
    valued = [
        f"{command.words} {name}"
        for command in found
        for option in command.options
        if option.value
        for name in option.names
    ]
    lines = [
        f"set -g __git_ekf_groups {' '.join(map(_fish_quoted, groups))}",
        f"set -g __git_ekf_valued {' '.join(map(_fish_quoted, valued))}",
        "complete -c git-ekf -f",
    ]
    for command in found:
        lines += _fish_command(command)
    return "\n".join([*lines, ""])


def _fish_command(command: Usage) -> Iterator[str]:
    at = f"__git_ekf_at {command.words if command.words.isalpha() else _fish_quoted(command.words)}"
    here = f"complete -c git-ekf -n {_fish_quoted(at)}"
    for name, text in command.commands.items():
        yield f"{here} -a {name} -d {_fish_quoted(text)}"
    for option in command.options:
        names = " ".join(
            f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
        )
        takes = _fish_value(option.value, "-x", "-r -F") if option.value else ""
        yield " ".join(filter(None, (here, names, takes, "-d", _fish_quoted(option.help))))
    for number, argument in enumerate(command.arguments, 1):
        takes = _fish_value(argument.value, "", "-F")
        if takes:
            where = _fish_quoted(f"{at} {number}{'+' * argument.repeated}")
            yield f"complete -c git-ekf -n {where} {takes}"


def _fish_value(value: Value, only: str, or_files: str) -> str:
    """Options of `complete`: `only` where a file cannot be meant, else `or_files`."""
    if value.choices:
        return f"{only} -a {_fish_quoted(' '.join(value.choices))}".strip()
    asked = {
        "": "",
        "files": "",
        "directories": "(__fish_complete_directories)",
        "programs": "(__fish_complete_command)",
    }
    candidates = asked.get(value.kind, f"(__git_ekf_ask {value.kind})")
    files = or_files if value.kind in (*_OR_FILES, "files") else only
    return f"{files} -k -a {_fish_quoted(candidates)}".strip() if candidates else files


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# --- the scripts ---

_WRITERS: dict[str, Callable[[list[Usage]], str]] = {
    "git-ekf.bash": bash,
    "_git-ekf": zsh,
    "git-ekf.fish": fish,
}


def scripts() -> dict[str, str]:
    """File name -> the script as it has to be now: what is written by hand in it stays."""
    found = commands()
    made = {}
    for name, write in _WRITERS.items():
        before, begin, rest = (FOLDER / name).read_text(encoding="utf-8").partition(_BEGIN)
        made[name] = before + begin + write(found) + _END + rest.partition(_END)[2]
    return made


if __name__ == "__main__":
    for name, text in scripts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
