"""The configuration as one frozen value.

Defaults < `.ekf.toml` at the top of the tree < `git config ekf.<section>.<key>` < options.
A server has a file that its administrator names in place of `.ekf.toml`.
Unknown keys and wrong types are UsageErrors that name file, line and key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from git_ekf.config_lines import line_of
from git_ekf.config_values import (
    SPELLINGS,
    Grant,
    MigrationCommand,
    Preferred,
    WrongValue,
    as_amount,
    as_argument_globs,
    as_boolean,
    as_command,
    as_field_globs,
    as_grants,
    as_migrations,
    as_namespace,
    as_path,
    as_preferred,
    as_registry,
    as_scheme,
    as_severity,
    as_signed,
    as_string,
    as_strings,
    as_variable_globs,
    plain,
)
from git_ekf.errors import UsageError
from git_ekf.names import INTERNAL, PRIMARY, RECORD_FIELDS, Scheme
from git_ekf.shown import shell
from git_ekf.smallfile import CONFIGURATION, read_small

FILE = ".ekf.toml"
# How the administrator of a server names the file; git's configuration alone can say it.
SERVER_FILE = "server.config"
# Whose bundles a mirror takes, or whose answers to conflicts: no file of the vendor's may say that.
BUNDLE_SIGNERS = "bundle.allowed-signers"
_OF_GIT_ALONE = (SERVER_FILE, BUNDLE_SIGNERS, "resolutions", "resolutions.allowed-signers")

# Every rule of the policy with the severity it has unless `[rules]` says otherwise.
RULES = {
    "remote-missing": "error",
    "remote-same": "error",
    "remote-swapped": "error",
    "remote-extra": "warning",
    "push-primary": "error",
    "branch-name": "error",
    "branch-upstream": "error",
    "branch-base": "error",
    "branch-configuration": "error",
    "detached-head": "error",
    "linear-history": "error",
    "rewrite-unsaved": "error",
    "delete-protected": "error",
    "tag-name": "error",
    "tag-date": "error",
    "tag-lightweight": "error",
    "tag-fields": "error",
    "tag-mismatch": "error",
    "tag-moved": "error",
    "conflict-marker": "error",
    "vendor-path": "warning",
    "image-registry": "error",
    "ref-name": "error",
    "tree-entry": "error",
    "upstream-moved": "error",
    "backup-moved": "error",
    "signature-missing": "error",
    "push-denied": "error",
}


class Config(NamedTuple):
    """The configuration in force, defaults filled in; see ekf.toml(5)."""

    name: str = ""
    primary: str = PRIMARY
    internal: str = INTERNAL
    namespace: str = "refs/ekf/"
    remotes_allow: tuple[str, ...] = ()
    scheme: Scheme = Scheme()
    branches_allow: tuple[str, ...] = ()
    tags_required: tuple[str, ...] = RECORD_FIELDS
    tags_sign: bool = False
    customer_paths: tuple[str, ...] = ()
    rules: dict[str, str] = RULES
    apply_command: tuple[str, ...] = ("rok-deploy", "--apply", "{path}")
    apply_paths: tuple[str, ...] = ()
    apply_ignored: tuple[str, ...] = ()
    drift_command: tuple[str, ...] = ("kubectl", "diff", "-k", "{path}")
    render_command: tuple[str, ...] = ("kubectl", "kustomize", "{path}")
    images_registry: str = ""
    images_fields: tuple[str, ...] = ()
    images_arguments: tuple[str, ...] = ()
    images_variables: tuple[str, ...] = ()
    migrations: tuple[MigrationCommand, ...] = ()
    preferred: tuple[Preferred, ...] = ()
    server_file: str = ""
    server_judge: bool = True
    server_mirror: str = ""
    server_refs: tuple[str, ...] = ()
    server_signed: str = "off"
    server_signers: str = ""
    server_user: str = ""
    server_may_push: tuple[Grant, ...] = ()
    server_seconds: int = 30
    server_megabytes: int = 500
    bundle_signers: str = ""
    resolutions: str = ""
    resolution_signers: str = ""


# key in the file -> field of Config, the reader of its value
_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", as_string),
    "remotes.primary": ("primary", as_string),
    "remotes.internal": ("internal", as_string),
    "internal.namespace": ("namespace", as_namespace),
    "remotes.allow": ("remotes_allow", as_strings),
    "branches.release": ("scheme", as_scheme),
    "branches.allow": ("branches_allow", as_strings),
    "tags.required": ("tags_required", as_strings),
    "tags.sign": ("tags_sign", as_boolean),
    "paths.customer": ("customer_paths", as_strings),
    "apply.command": ("apply_command", as_command),
    "apply.paths": ("apply_paths", as_strings),
    "apply.ignored": ("apply_ignored", as_strings),
    "drift.command": ("drift_command", as_command),
    "render.command": ("render_command", as_command),
    "images.registry": ("images_registry", as_registry),
    "images.fields": ("images_fields", as_field_globs),
    "images.arguments": ("images_arguments", as_argument_globs),
    "images.variables": ("images_variables", as_variable_globs),
    "upgrade.migrations": ("migrations", as_migrations),
    "upgrade.prefer": ("preferred", as_preferred),
    SERVER_FILE: ("server_file", as_path),
    "server.judge": ("server_judge", as_boolean),
    "server.mirror": ("server_mirror", as_path),
    "server.allow-refs": ("server_refs", as_strings),
    "server.signed": ("server_signed", as_signed),
    "server.allowed-signers": ("server_signers", as_path),
    "server.user": ("server_user", as_string),
    "server.may-push": ("server_may_push", as_grants),
    "server.budget-time": ("server_seconds", as_amount),
    "server.budget-memory": ("server_megabytes", as_amount),
    BUNDLE_SIGNERS: ("bundle_signers", as_path),
    "resolutions": ("resolutions", as_string),
    "resolutions.allowed-signers": ("resolution_signers", as_path),
}
_OF_LISTS = {
    *(as_strings, as_command, as_grants),
    *(as_field_globs, as_argument_globs, as_variable_globs),
}
_LISTS = {key for key, (_, reader) in _KEYS.items() if reader in _OF_LISTS}
_BOOLEANS = {key for key, (_, reader) in _KEYS.items() if reader is as_boolean}


def load(toml: bytes | None, git_config: list[tuple[str, str]], file: str = FILE) -> Config:
    """The configuration from the bytes of `.ekf.toml` or another `file` (None: there is none) and
    git's `ekf.*` pairs.

    The pairs come in git's order of precedence, keys as `git config --list` prints them. Raises
    UsageError.
    """
    config = Config()
    if toml is not None:
        config = _from_toml(config, toml, file)
    return _from_git(config, git_config)


def read(path: str, file: str = FILE, *, follow: bool = False) -> bytes | None:
    """The bytes of a file of configuration, None without one; `file` is what it is called.

    Raises UsageError for anything but a small regular file, or with `follow` a link to one.
    """
    try:
        return read_small(path, CONFIGURATION, follow=follow)
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}", f"ls -l {shell(path)}"
        ) from None


def parse(toml: bytes, file: str, hint: str = "") -> tuple[str, dict[str, Any]]:
    """The text of a file, and the document that it is. Raises UsageError where it is none.

    `hint` is what helps then.
    """
    import tomli

    try:
        text = toml.removeprefix(b"\xef\xbb\xbf").decode()
        return text, tomli.loads(text)
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text", hint) from None
    except tomli.TOMLDecodeError as error:
        raise UsageError(f"{file}:{error.lineno}: {error.msg}", hint) from None
    except RecursionError:
        raise UsageError(f"{file} is nested too deeply", hint) from None
    except ValueError:
        raise UsageError(f"{file} has a number of too many digits", hint) from None


def each_value(document: dict[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    """(key, section, name, value) of all that a document sets.

    A key that is in no section is its own section, and its own name.
    """
    for section, values in document.items():
        if section in _KEYS or not isinstance(values, dict):
            yield section, section, section, values
            continue
        for name, value in values.items():
            yield f"{section}.{name}", section, name, value


def _from_toml(config: Config, toml: bytes, file: str) -> Config:
    text, document = parse(toml, file, _correct(file))
    for key, section, name, value in each_value(document):
        try:
            if key in _OF_GIT_ALONE:
                raise WrongValue("can only be set with git config")
            config = _set(config, key, value)
        except WrongValue as wrong:
            line = line_of(text, section, name)
            raise UsageError(f"{file}:{line}: {key} {wrong}", _correct(file)) from None
    return config


def _from_git(config: Config, pairs: list[tuple[str, str]]) -> Config:
    values: dict[str, list[str]] = {}
    for raw, value in pairs:
        if not raw.startswith("ekf."):
            continue
        key = raw[4:]
        if empties(key, value):
            values[key] = []
        else:
            values.setdefault(key, []).append(value)
    for key, given in values.items():
        try:
            config = _set(config, key, git_value(key, given))
        except WrongValue as wrong:
            raise UsageError(
                f"git config ekf.{key}: {key} {wrong}",
                f"find it with: git config --show-origin --get-all {shell(f'ekf.{key}')}",
            ) from None
    return config


def empties(key: str, value: str) -> bool:
    """Whether a value in git's configuration empties the list that a wider scope began."""
    return "." in key and value == ""


def is_list(key: str) -> bool:
    """Whether git's configuration has a value of the key for each element."""
    return key in _LISTS


def git_value(key: str, given: list[str]) -> Any:
    """The value that git's values of a key come to: all of a list, else the last."""
    if key in _LISTS:
        return given
    if not given:
        return ""
    return SPELLINGS.get(given[-1].lower()) if key in _BOOLEANS else given[-1]


def _set(config: Config, key: str, value: Any) -> Config:
    section, dot, name = key.partition(".")
    if dot and section == "rules":
        if name not in RULES:
            raise WrongValue(f"is not a rule; the rules are {', '.join(RULES)}")
        return config._replace(rules={**config.rules, name: as_severity(value)})
    if key not in _KEYS:
        raise WrongValue(unknown(key))
    field, reader = _KEYS[key]
    return config._replace(**{field: reader(value)})


def known_keys() -> list[str]:
    """Every key, as a file has it: SECTION.NAME."""
    return [*_KEYS, *(f"rules.{rule}" for rule in RULES)]


def value_of(config: Config, key: str) -> Any:
    """The value in force of a key, as JSON has it. Raises UsageError where it is none."""
    section, _, name = key.partition(".")
    if section == "rules" and name in RULES:
        return config.rules[name]
    if key not in _KEYS:
        raise UsageError(f"{key} {unknown(key)}", "git ekf config lists them")
    return plain(getattr(config, _KEYS[key][0]))


def unknown(key: str) -> str:
    """Why it is no key, as the end of a sentence, with the one that is perhaps meant."""
    from difflib import get_close_matches

    close = get_close_matches(key, known_keys(), n=1) if "." in key else []
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"is not a key of the configuration{meant}"


def _correct(file: str) -> str:
    if file != FILE:
        return "correct the file, which is the server's"
    return "correct the file, then check it with: git ekf check"
