"""The values of a fleet file: each kind read, and refused where it is wrong."""

from __future__ import annotations

import os
import re
from typing import Any

from git_ekf.config_values import WrongValue, as_string, as_strings
from git_ekf.names import valid_branch
from git_ekf.shown import is_byte

# What git asks by itself (git(1), GIT_PROTOCOL_FROM_USER); all else runs a program of its own.
_TRANSPORTS = ("file", "git", "ssh", "git+ssh", "ssh+git", "http", "https")
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*")
# What a cluster is chosen by beside its labels.
CHOSEN_BY = ("name", "wave", "branch", "state", "rule")


def as_name(value: Any) -> str:
    """The name of a cluster, a component of a ref (git-check-ref-format(1)). Raises WrongValue."""
    text = as_line(value)
    if not valid_branch(text) or text[0] == "@" or "/" in text or len(os.fsencode(text)) > 200:
        raise WrongValue(
            f'is "{text}", which names no cluster: letters, digits and dashes do, as in eu-west-1'
        )
    return text


def as_line(value: Any) -> str:
    """A text on one line, without control characters. Raises WrongValue."""
    text = as_string(value)
    if not text.isprintable() or any(map(is_byte, text)):
        raise WrongValue("has a control character, or a byte that is no text")
    return text


def as_url(value: Any) -> str:
    """A repository's URL or path, as git takes it. Raises WrongValue."""
    text = as_line(value)
    scheme, sep, rest = text.partition("://")
    if text.startswith("-") or not text.strip():
        raise WrongValue(f'is "{text}", which is neither a URL nor a path')
    if _HELPER.match(text) or (sep and scheme.lower() not in _TRANSPORTS and "/" not in scheme):
        raise WrongValue("names a program of its own (git-remote-helpers(7)), which is not allowed")
    if sep and not rest.strip("/"):
        raise WrongValue(f'is "{text}", which names no repository')
    return text


def as_waves(value: Any) -> tuple[str, ...]:
    """The waves in their order. Raises WrongValue."""
    waves = tuple(map(as_line, as_strings(value)))
    if len(set(waves)) < len(waves):
        raise WrongValue("names a wave twice")
    return waves


def as_labels(value: Any) -> dict[str, str]:
    """The labels of a cluster. Raises WrongValue."""
    if not isinstance(value, dict):
        raise WrongValue('must be a table of strings: { region = "eu-west" }')
    labels = {}
    for key, text in value.items():
        if not _LABEL.fullmatch(key) or key in CHOSEN_BY:
            raise WrongValue(f'has a label that cannot be called "{key}"')
        try:
            labels[key] = as_line(text)
        except WrongValue as wrong:
            raise WrongValue(f'has a label "{key}" that {wrong}') from None
    return labels


def as_pattern(value: Any) -> re.Pattern[str]:
    """A regular expression with one group, which finds the name in a URL. Raises WrongValue."""
    try:
        pattern = re.compile(as_line(value))
    except re.error as error:
        raise WrongValue(f"is not a regular expression: {error}") from None
    if pattern.groups != 1:
        raise WrongValue(r"must have one group, which is the name: '([^/]+)\.git$'")
    return pattern
