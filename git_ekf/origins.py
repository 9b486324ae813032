"""Where each value of the configuration is from, and which of several counts."""

from __future__ import annotations

from typing import Any, NamedTuple

from git_ekf import config as configuration
from git_ekf.config_lines import line_of
from git_ekf.repository import Repository


class ValueSource(NamedTuple):
    """A place that gives a key a value, and whether that counts.

    `origin` is "default", "file" or "git"; `file` the file ("" for the command line), `line` its
    line where that is known (else 0), `scope` git's: system, global, local, worktree or command.
    """

    origin: str
    file: str
    line: int
    scope: str
    value: Any
    wins: bool


class Key(NamedTuple):
    """A key, the value in force as JSON has it, and its sources, those that count first."""

    key: str
    value: Any
    sources: list[ValueSource]


def origins(repo: Repository, wanted: str = "") -> list[Key]:
    """Every key, or the one that is wanted, with or without "ekf." before it.

    Raises UsageError for one that there is not, and for an error in the configuration.
    """
    wanted = _spelt(wanted)
    name, content = _file(repo)
    config = configuration.load(content, repo.git_config, name)
    default = configuration.Config()
    in_file = {} if content is None else _in_file(content, name)
    in_git = _in_git(repo)
    found = []
    for key in [wanted] if wanted else configuration.known_keys():
        value = configuration.value_of(config, key)
        sources = in_git.get(key, [])
        if key in in_file:
            line, given = in_file[key]
            file = ValueSource("file", name, line, "", given, not sources)
            sources = [*sources, file]
        if not sources:
            given = configuration.value_of(default, key)
            sources = [ValueSource("default", "", 0, "", given, wins=True)]
        found.append(Key(key, value, sources))
    return found


def _spelt(key: str) -> str:
    """A key as it is called here; in git's configuration its section stands behind "ekf."."""
    key = key.removeprefix("ekf.")
    known = {name.casefold(): name for name in configuration.known_keys()}
    return known.get(key.casefold(), key)


def _file(repo: Repository) -> tuple[str, bytes | None]:
    """The name of the file that counts here, and its bytes; None where there is none."""
    named = repo.git_setting(f"ekf.{configuration.SERVER_FILE}")
    if repo.place.top or not named:
        return configuration.FILE, repo.toml
    return named, configuration.read(named, named, follow=True)  # on a server, as the hook does


def _in_file(content: bytes, file: str) -> dict[str, tuple[int, Any]]:
    """Key -> line and value of those in the file."""
    text, document = configuration.parse(content, file)
    found = {}
    for key, section, name, value in configuration.each_value(document):
        found[key] = line_of(text, section, name), value
    return found


def _in_git(repo: Repository) -> dict[str, list[ValueSource]]:
    """Key -> its values in git's configuration, those that count first, each file once a key."""
    found: dict[str, list[ValueSource]] = {}
    for scope, origin, raw, value in repo.git.located_settings():
        if not raw.startswith("ekf."):
            continue
        key = raw.removeprefix("ekf.")
        kind, _, file = origin.partition(":")
        given = [] if configuration.empties(key, value) else [value]
        source = ValueSource("git", file if kind == "file" else "", 0, scope, given, wins=True)
        before = found.setdefault(key, [])
        if not given or not configuration.is_list(key):
            before[:] = [one._replace(wins=False) for one in before]
            before.append(source)
        elif before and before[-1].wins and before[-1][1:4] == source[1:4]:
            before[-1].value.append(value)
        else:
            before.append(source)
    return {key: _in_order(key, sources) for key, sources in found.items()}


def _in_order(key: str, sources: list[ValueSource]) -> list[ValueSource]:
    shown = [one._replace(value=configuration.git_value(key, one.value)) for one in sources]
    # The first of those that count, then the others, the last word first.
    counting = [one for one in shown if one.wins]
    return [*counting, *reversed([one for one in shown if not one.wins])]
