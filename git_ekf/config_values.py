"""The values of the configuration: each kind read, and refused where it is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from git_ekf.names import Scheme, valid_branch, version_key

SIDES = ("local", "vendor")

# Of true and false in git's configuration (git-config(1), boolean).
SPELLINGS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


class MigrationCommand(NamedTuple):
    """A release, and the command that brings a commit to its structure."""

    to: str
    command: tuple[str, ...]


class Preferred(NamedTuple):
    """The side that decides the conflicts of some paths, from a release on."""

    path: str
    side: str
    since: str


class Grant(NamedTuple):
    """Which refs a user may push; both are globs."""

    user: str
    refs: tuple[str, ...]


class WrongValue(Exception):
    """A wrong value: why, as the end of a sentence that begins with its key."""


def as_string(value: Any) -> str:
    """A text that is not empty. Raises WrongValue."""
    if not isinstance(value, str):
        raise WrongValue("must be a string")
    if not value:
        raise WrongValue("must not be empty")
    return value


def as_strings(value: Any) -> tuple[str, ...]:
    """A list of texts. Raises WrongValue."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WrongValue("must be a list of strings")
    return tuple(value)


def as_command(value: Any) -> tuple[str, ...]:
    """A program and its arguments. Raises WrongValue."""
    words = as_strings(value)
    if not words or not words[0]:
        raise WrongValue("must be a list of strings: the program, then its arguments")
    return words


def as_boolean(value: Any) -> bool:
    """True or false. Raises WrongValue."""
    if not isinstance(value, bool):
        raise WrongValue("must be true or false")
    return value


def as_amount(value: Any) -> int:
    """A number of up to six digits, as git's configuration has it too. Raises WrongValue."""
    digits = str(value)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 6 and int(digits)):
        raise WrongValue("must be a number from 1 to 999999")
    return int(digits)


def as_scheme(value: Any) -> Scheme:
    """How release branches are named. Raises WrongValue."""
    try:
        return Scheme(as_string(value))
    except ValueError as error:
        raise WrongValue(str(error)) from None


def _one_of(*choices: str) -> Callable[[Any], str]:
    """A reader of one of these words."""
    *others, last = (f'"{choice}"' for choice in choices)
    wrong = f"must be {', '.join(others)} or {last}"

    def read(value: Any) -> str:
        if value not in choices:
            raise WrongValue(wrong)
        return str(value)

    return read


# How severe a rule is.
as_severity = _one_of("error", "warning", "off")
# The things that a server wants signed.
as_signed = _one_of("off", "commits", "records", "all")
_as_side = _one_of(*SIDES)


def as_migrations(value: Any) -> tuple[MigrationCommand, ...]:
    """The migrations of releases. Raises WrongValue."""
    if not _are_tables(value, MigrationCommand._fields):
        raise WrongValue('must be [[upgrade.migrations]] tables with "to" and "command"')
    return tuple(
        MigrationCommand(as_string(item["to"]), as_command(item["command"])) for item in value
    )


def as_preferred(value: Any) -> tuple[Preferred, ...]:
    """The sides that were chosen for good. Raises WrongValue."""
    if not _are_tables(value, Preferred._fields):
        raise WrongValue('must be [[upgrade.prefer]] tables with "path", "side" and "since"')
    return tuple(map(_as_preferred, value))


def _are_tables(value: Any, names: tuple[str, ...]) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict) and set(item) == set(names) for item in value
    )


def _as_preferred(item: dict[str, Any]) -> Preferred:
    found = []
    for name, reader in (("path", as_string), ("side", _as_side), ("since", _as_release)):
        try:
            found.append(reader(item[name]))
        except WrongValue as wrong:
            raise WrongValue(f'has a "{name}" that {wrong}') from None
    return Preferred(*found)


def _as_release(value: Any) -> str:
    if version_key(as_string(value)) is None:
        raise WrongValue('must be a release, such as "1.10"')
    return str(value)


def as_namespace(value: Any) -> str:
    """The name below which internal keeps refs beside branches. Raises WrongValue."""
    text = as_string(value)
    kind = next((kind for kind in _KINDS if text.startswith(kind)), "")
    below = text.removeprefix(kind)
    if not kind or not text.endswith("/") or not valid_branch(f"{below}x"):
        raise WrongValue('must be "refs/ekf/", or a name as "refs/heads/ekf/" or "refs/tags/ekf/"')
    if kind != "refs/ekf/" and (not below or f"refs/tags/{below}".startswith("refs/tags/deploy/")):
        raise WrongValue("must be a name of its own below branches or tags, and not deploy/")
    return text


_KINDS = ("refs/heads/", "refs/tags/", "refs/ekf/")


def as_path(value: Any) -> str:
    """An absolute path. Raises WrongValue."""
    if not as_string(value).startswith("/"):
        raise WrongValue("must be an absolute path")
    return str(value)


def as_registry(value: Any) -> str:
    """A registry of images, or a path in one. Raises WrongValue."""
    from git_ekf.imagenames import is_registry  # 5 ms that hooks need not spend

    if not is_registry(as_string(value)):
        raise WrongValue('must be a registry, or a path in one: "registry.example.com/mirror"')
    return str(value)


def _globs(form: str, example: str) -> Callable[[Any], tuple[str, ...]]:
    """A reader of a list of globs, each of which has a form."""

    def read(value: Any) -> tuple[str, ...]:
        import re

        if not all(re.fullmatch(form, glob) for glob in as_strings(value)):
            raise WrongValue(f"must be a list of such as {example}")
        return tuple(value)

    return read


# Paths of fields, with dots between their names.
as_field_globs = _globs(r"(?!.*\[\])[^\s.](?:\S*[^\s.])?", '"spec.image" or "*.image"')
# Options of programs, with = where their value stands behind that.
as_argument_globs = _globs(r"-[^\s=]*[^\s=-]=?", '"--image=" or "-image"')
# Names of environment variables.
as_variable_globs = _globs(r"[^\s=$]+", '"RELATED_IMAGE_*"')


def as_grants(value: Any) -> tuple[Grant, ...]:
    """Who may push what. Raises WrongValue."""
    grants = []
    for line in as_strings(value):
        user, colon, refs = line.partition(":")
        patterns = tuple(ref.strip() for ref in refs.split(","))
        are_refs = all(pattern.startswith(("refs/", "*")) for pattern in patterns)
        if not colon or not user.strip() or not are_refs:
            raise WrongValue('must be a list of "USER: refs/…, refs/…"')
        grants.append(Grant(user.strip(), patterns))
    return tuple(grants)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Scheme):
        return value.pattern
    if isinstance(value, MigrationCommand | Preferred | Grant):
        return {name: plain(part) for name, part in value._asdict().items()}
    return list(map(plain, value)) if isinstance(value, tuple | list) else value
