"""Which clusters of a fleet are meant: by name, wave and labels, and by where they stand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from git_ekf.config import RULES
from git_ekf.errors import UsageError
from git_ekf.fleet.file import Fleet, Member, command_of, read_given
from git_ekf.fleet.standing import STATES, Standing
from git_ekf.fleet.values import CHOSEN_BY
from git_ekf.shown import shell
from git_ekf.smallfile import STATE

# What only the store knows.
_KNOWN_LATER = ("branch", "state", "rule")
# What of that there can be.
_VALUES = {"state": STATES, "rule": tuple(RULES)}


class Choice(NamedTuple):
    """Pairs of a key and a value that all have to hold, and names, of which one has to (None all).

    `options` are those of the command, as they are given again.
    """

    where: tuple[tuple[str, str], ...]
    names: frozenset[str] | None
    options: tuple[str, ...] = ()

    def takes(self, member: Member) -> bool:
        """Whether the cluster may be meant, by what the fleet file says of it."""
        if self.names is not None and member.name not in self.names:
            return False
        said = {**member.labels, "wave": member.wave}
        for key, value in self.where:
            if key == "name":
                if not fnmatchcase(member.name, value):
                    return False
            elif key not in _KNOWN_LATER and said.get(key, "") != value:
                return False
        return True

    def fits(self, standing: Standing) -> bool:
        """Whether the cluster is meant, by where it stands."""
        rules = {finding.rule for finding in standing.findings}
        said = {"branch": {standing.branch}, "state": {standing.state}, "rule": rules}
        pairs = (pair for pair in self.where if pair[0] in _KNOWN_LATER)
        return all(value in said[key] for key, value in pairs)


def read_choice(fleet: Fleet, where: Sequence[str], only: Sequence[str], wave: str = "") -> Choice:
    """The clusters that are meant by KEY=VALUE, by names or files of names (@FILE), by a wave.

    Raises UsageError for a key, a wave or a name that the fleet does not have, and for a state or a
    rule that there is not.
    """
    names = frozenset(_names(fleet, only)) if only else None
    pairs = [("wave", wave)] if wave else []
    pairs += [_pair(fleet, text) for text in where]
    return Choice(tuple(pairs), names, tuple(options_of(where, only, wave)))


def options_of(where: Sequence[str], only: Sequence[str], wave: str = "") -> list[str]:
    """The options that choose the same clusters again."""
    options = []
    for option, texts in (("--wave", [wave]), ("--where", where), ("--only", only)):
        for text in filter(None, texts):
            options += [option, text]
    return options


def require_any(fleet: Fleet, choice: Choice, found: Sequence[object]) -> None:
    """Raises UsageError where no cluster was found that fits: most likely a word is mistaken.

    A wave may have none, and so may a file of names: these are known to be right.
    """
    mistaken = choice.names or any(key != "wave" for key, _ in choice.where)
    if mistaken and not found:
        raise UsageError(
            f"no cluster of {fleet.path} fits {shell(*choice.options)}",
            command_of(fleet.path, "status --list"),
        )


def no_wave(fleet: Fleet, given: str) -> UsageError:
    """The error for a word that is not a wave."""
    waves = ", ".join(fleet.waves) or "none"
    return UsageError(f'"{given}" is not a wave of this fleet', f"its waves are {waves}")


def _pair(fleet: Fleet, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    known = dict.fromkeys(CHOSEN_BY)
    for member in fleet.members:
        known.update(dict.fromkeys(member.labels))
    if not equals or key not in known:
        raise UsageError(
            f'--where takes KEY=VALUE, and "{key}" is not a key of this fleet',
            f"its keys are {', '.join(known)}",
        )
    if key == "wave" and value not in fleet.waves:
        raise no_wave(fleet, value)
    if key in _VALUES and value not in _VALUES[key]:
        raise UsageError(f'"{value}" is not a {key}', f"there are {', '.join(_VALUES[key])}")
    return key, value


def _names(fleet: Fleet, only: Iterable[str]) -> list[str]:
    known = {member.name for member in fleet.members}
    names = []
    for text in only:
        names += _names_in(text[1:]) if text.startswith("@") else [text]
    for name in names:
        if name not in known:
            from difflib import get_close_matches

            close = get_close_matches(name, known, n=1)
            hint = f"{command_of(fleet.path, 'status --list')} lists them"
            hint = f"perhaps {close[0]}; {hint}" if close else hint
            raise UsageError(f'there is no cluster "{name}" in this fleet', hint)
    return names


def _names_in(path: str) -> list[str]:
    content = read_given(path, STATE)
    if content is None:
        raise UsageError(f"there is no file {path}", "git ekf fleet status --failed >FILE")
    return [line.strip() for line in os.fsdecode(content).split("\n") if line.strip()]
