"""Which commands of the tracked configuration may run in this clone.

`.ekf.toml` arrives with a fetch, so a command that it names is somebody else's word until the
person here has agreed to it. What was agreed to is in `ekf/trusted` in the common git directory, a
line of JSON a command, with its exact words: another word makes another command.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from git_ekf import config as configuration
from git_ekf.config import Config
from git_ekf.errors import Refused
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.smallfile import STATE, read_small, write_small
from git_ekf.transaction.journal import locked, unreadable

APPLY = "apply"
DRIFT = "drift"
RENDER = "render"
MIGRATIONS = "upgrade.migrations"

FILES = "files"

_PATH = "{path}"
# What is filled in as a command is run; of a version, from and to.
_FILLED = ("{path}", "{from}", "{to}")

# What separates the words of a line for a shell, and a value from its name.
_PARTS = re.compile(r"[\s;|&()<>'\"`=,@]+")

SHIPPED = ".ekf/migrate"  # where a channel may have a migration of its own


class Command(NamedTuple):
    """The exact words of a section: apply, drift, render or upgrade.migrations.

    In the section files the words are the path and the object id of a file that a command runs.
    """

    section: str
    words: tuple[str, ...]


def require_trusted(
    repo: Repository, section: str, command: tuple[str, ...], tree: str = "HEAD"
) -> None:
    """Raises Refused unless it was agreed to the command, and to the files of the tree that it
    runs.

    A command that nobody else can have put here needs no consent, but the bytes of a file that came
    with a commit do, whoever named it.
    """
    wanted = Command(section, command)
    known = remembered(repo)
    require_trusted_files(repo, command, tree, known, is_offered=True)
    if wanted not in known and wanted not in _own(repo):
        raise Refused(
            f"{configuration.FILE} names a command that is not trusted here: {shell(*command)}",
            "git ekf trust",
        )


def require_trusted_files(
    repo: Repository,
    words: tuple[str, ...],
    tree: str,
    known: list[Command] | None = None,
    *,
    is_offered: bool = False,
) -> None:
    """Raises Refused for a file of the tree that the words name and that was not agreed to.

    `is_offered`: `tracked` has the files of this tree, a commit by its id otherwise.
    """
    known = remembered(repo) if known is None else known
    for file in files_named(repo, words, tree):
        if file not in known:
            path, oid = file.words
            raise Refused(
                f"{path} ({oid[:12]}) would be run, and is not trusted here in this version",
                "git ekf trust" if is_offered else f"git ekf trust {shell(tree[:12])}",
            )


def files_named(repo: Repository, words: tuple[str, ...], tree: str) -> list[Command]:
    """The files of a tree that a command's words name, in the section files.

    A program without a slash in its name is not of the tree: it is found on the PATH. A word may
    name files in parts of it: an option's value, a line for `sh -c`, a script beside
    {path} or of the release {to}.
    """
    values = [value for value in words[:1] if "/" in value]
    for word in words[1:]:
        values += [word, *_PARTS.split(word)]
        if word.startswith("-"):
            values.append(word[2:])
    paths = dict.fromkeys(filter(None, map(_inside, values)))
    patterns = [path for path in paths if path not in _FILLED and _wildcards(path) != path]
    if patterns:
        paths |= dict.fromkeys(_matching(repo.git.ls_tree(tree, recursive=True), patterns))
    oids = repo.git.file_ids(f"{tree}:{path}" for path in paths)
    pairs = zip(paths, oids, strict=True)
    return [Command(FILES, pair) for pair in pairs if pair[1]]


def _inside(value: str) -> str:
    """The path from the top of a tree that a value is, "" for none."""
    if _PATH in value:
        # Where a way up leads depends on the path: what follows may be anywhere.
        _, up, rest = value.rpartition("/../")
        value = f"{_PATH}/{rest}" if up else value
    path = os.path.normpath(value) if value else "."
    if os.path.isabs(value) or path == "." or path.split("/")[0] == ".." or "\n" in path:
        return ""
    return path


def _wildcards(text: str) -> str:
    """A path, or an expression made of it, with .* for whatever is filled in."""
    for name in _FILLED:
        text = text.replace(re.escape(name), ".*").replace(name, ".*")
    return text


def _matching(files: Iterable[str], patterns: list[str]) -> Iterator[str]:
    """The files that one of the patterns names for some value, also for the path of the top."""
    wanted = "|".join(_wildcards(re.escape(pattern)) for pattern in patterns)
    tops = [os.path.normpath(pattern.replace(_PATH, ".")) for pattern in patterns]
    for file in files:
        if "\n" not in file and (file in tops or re.fullmatch(wanted, file)):
            yield file


def require_shipped_trusted(repo: Repository, branch: str, oid: str) -> None:
    """Raises Refused when the migration that a channel ships was not agreed to in this clone, in
    this version of it.
    """
    if _shipped(repo, branch, oid) not in remembered(repo):
        channel = f"{repo.config.primary}/{branch}"
        raise Refused(
            f"{channel} ships a migration that is not trusted here: {SHIPPED} ({oid[:12]})",
            "git ekf trust",
        )


def _shipped(repo: Repository, branch: str, oid: str) -> Command:
    return Command(MIGRATIONS, (f"{repo.config.primary}/{branch}:{SHIPPED}", oid))


def shipped(repo: Repository) -> list[Command]:
    """The migrations that the vendor's channels ship, newer than the branch checked out."""
    key = repo.config.scheme.key
    here = repo.head_branch or ""
    newer = [branch for branch in repo.channels if key(branch) > key(here)]
    found = ((branch, repo.git.ref_value(f"{repo.channels[branch]}:{SHIPPED}")) for branch in newer)
    return [_shipped(repo, branch, oid) for branch, oid in found if oid]


def tracked(repo: Repository, deployed: str = "", others: Sequence[str] = ()) -> list[Command]:
    """The commands that `.ekf.toml` names, but for those that would run without it, and the files.

    These are all that commands run, also those of git's configuration. `deployed` is the commit
    that the cluster runs, "" for none known: the comparison runs on its files. `others` are more
    commits that commands run on. Raises UsageError.
    """
    own = _own(repo)
    named = _commands(configuration.load(repo.toml, []))
    commands = [command for command in dict.fromkeys(named) if command not in own]
    config, scheme = repo.config, repo.config.scheme
    files = files_named(repo, config.apply_command, "HEAD")
    files += files_named(repo, config.render_command, "HEAD")
    for tree in filter(None, (deployed, "HEAD")):
        files += files_named(repo, config.drift_command, tree)
    for migration in config.migrations:
        channel = repo.channels.get(scheme.branch(migration.to))
        if channel:
            files += files_named(repo, migration.command, channel)
        files += files_named(repo, migration.command, "HEAD")
    for commit in others:
        for _, words in _commands(config):
            files += files_named(repo, words, commit)
    return [*commands, *dict.fromkeys(files)]


def remembered(repo: Repository) -> list[Command]:
    """The commands that were agreed to in this clone. A line that cannot be read agrees to nothing.

    Raises Refused where the file itself cannot be read.
    """
    try:
        content = read_small(_file(repo), STATE)
    except OSError as error:
        raise unreadable(error) from None
    found = []
    for line in (content or b"").split(b"\n"):
        try:
            values = json.loads(line)
            found.append(Command(str(values["section"]), tuple(map(str, values["command"]))))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return found


def trust(repo: Repository, commands: list[Command]) -> None:
    """Remembers commands beside those agreed to before.

    Raises Refused while another git-ekf command is at work.
    """
    with locked(repo):
        _write(repo, list(dict.fromkeys([*remembered(repo), *commands])))


def revoke(repo: Repository) -> list[Command]:
    """Forgets all commands; returns them.

    Raises Refused while another git-ekf command is at work.
    """
    with locked(repo):
        forgotten = remembered(repo)
        if forgotten:
            _write(repo, [])
        return forgotten


def _own(repo: Repository) -> list[Command]:
    """Commands that nobody else can have put here: the defaults, and git's configuration."""
    here = configuration.load(None, repo.git_config)
    return [command for config in (Config(), here) for command in _commands(config)]


def _commands(config: Config) -> list[Command]:
    return [
        Command(APPLY, config.apply_command),
        Command(DRIFT, config.drift_command),
        Command(RENDER, config.render_command),
        *(Command(MIGRATIONS, migration.command) for migration in config.migrations),
    ]


def _file(repo: Repository) -> str:
    return os.path.join(repo.place.common_dir, "ekf", "trusted")


def _write(repo: Repository, commands: list[Command]) -> None:
    lines = []
    for section, words in commands:
        lines.append(json.dumps({"section": section, "command": words}) + "\n")
    write_small(_file(repo), "".join(lines).encode())
