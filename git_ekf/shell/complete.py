"""What only a repository knows, for the shells' completion: `git-ekf complete KIND WORD [EARLIER-WORD]...` prints candidates.

The scripts in `completions/` ask while a person waits with a finger on TAB, so this loads no typer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from git_ekf import config as configuration
from git_ekf.errors import EkfError
from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS, TAGS
from git_ekf.names import (
    DEPLOY,
    KUSTOMIZATIONS,
    RecordName,
    Scheme,
    record_name,
    without_credentials,
)
from git_ekf.record import context
from git_ekf.repository import Repository
from git_ekf.terminal.text import escape

# Reading the contexts of more records would be felt, and nobody reads so long a list.
_DESCRIBED = 100


class Candidate(NamedTuple):
    value: str
    description: str = ""


def main(argv: list[str]) -> None:
    """Prints a candidate a line, its description behind a tab; nothing where there is nothing to say, for whatever reason."""
    kind, word = [*argv, "", ""][:2]
    find = _KINDS.get(kind)
    with suppress(EkfError, OSError, KeyboardInterrupt):
        lines = [_line(one) for one in find(word, argv[2:]) if _offered(one, word)] if find else []
        sys.stdout.buffer.write(b"".join(lines))
        sys.stdout.buffer.flush()


def _offered(one: Candidate, word: str) -> bool:
    # What cannot be printed must not reach the terminal, and escaped it would be another name.
    return one.value.startswith(word) and one.value.isprintable()


def _line(one: Candidate) -> bytes:
    if not one.description:
        return f"{one.value}\n".encode()
    return f"{one.value}\t{escape(one.description.partition(chr(10))[0])}\n".encode()


# --- releases ---


def _channels(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """Every channel, and every release branch there is here."""
    repo = Repository()
    here = repo.head_branch or ""
    return _releases(repo.config.scheme, {**repo.channels, **repo.release_branches}, word, here)


def _newer(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """The channels that an upgrade can go to."""
    repo = Repository()
    key = repo.config.scheme.key
    here = repo.head_branch or ""
    return _releases(
        repo.config.scheme, [branch for branch in repo.channels if key(branch) > key(here)], word
    )


def _published(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """The channels of the repositories named earlier on the line, of those on this machine: completion asks no network."""
    git = Git()
    scheme = configuration.load(None, git.config_pairs()).scheme
    found: list[str] = []
    for path in map(os.path.expanduser, earlier):
        if os.path.exists(path):
            with suppress(EkfError):  # an ordinary file or folder
                found += [
                    ref.removeprefix(HEADS)
                    for ref in git.ls_remote(os.path.abspath(path), HEADS + "*")
                ]
    return _releases(scheme, found, word)


def _releases(
    scheme: Scheme, branches: Iterable[str], word: str, here: str = ""
) -> Iterator[Candidate]:
    """Each as its version, or as the branch where that is what is being typed."""
    by_version = not word or word[0].isdigit()
    for branch in sorted(
        {branch for branch in branches if scheme.is_release(branch)}, key=scheme.key
    ):
        relation = (
            "current"
            if branch == here
            else "newer"
            if here and scheme.key(branch) > scheme.key(here)
            else ""
        )
        yield Candidate(scheme.version(branch) or "" if by_version else branch, relation)


# --- records and revisions ---


def _records(word: str, earlier: list[str]) -> list[Candidate]:
    """Deploy records newest first, with their contexts; without deploy/ where the word begins otherwise."""
    repo = Repository()
    scheme = repo.config.scheme
    lead = DEPLOY if word[: len(DEPLOY)] == DEPLOY[: len(word)] else ""
    begun = [
        name for name in repo.record_names("") if name.startswith(word if lead else DEPLOY + word)
    ]
    named = [
        taken
        for taken in (record_name(name, scheme) for name in begun)
        if isinstance(taken, RecordName)
    ]
    names = [
        str(one)
        for one in sorted(
            named, key=lambda one: (one.date, one.number, scheme.key(one.branch)), reverse=True
        )
    ]
    contexts = {}
    if names and len(names) <= _DESCRIBED:
        records = repo.read_records(*(TAGS + name for name in names))
        contexts = {
            record.name: context(record.raw, repo.config.tags_required)
            for record in records
            if record.raw
        }
    return [Candidate(lead + name.removeprefix(DEPLOY), contexts.get(name, "")) for name in names]


def _revisions(word: str, earlier: list[str]) -> list[Candidate]:
    """Branches, remote-tracking branches and tags; also as the end of a range, or behind ^."""
    before, dots, _ = word.rpartition("..")
    lead = before + dots or word[: word.startswith("^")]
    refs = Git().ref_values(HEADS, "refs/remotes/", TAGS)
    names = [ref.split("/", 2)[2] for ref in refs]
    return [Candidate(lead + name) for name in ["HEAD", *names]]


# --- paths and remotes ---


def _paths(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """The next step to each kustomization below the folder being typed, and the plain files in that folder.

    What leads to one kustomization only is offered in full.
    """
    folder = word[: word.rfind("/") + 1]
    literal = "".join("\\" + char if char in "\\*?[" else char for char in folder)
    asked = [f":(glob){literal}**/{name}" for name in KUSTOMIZATIONS]
    tracked = Git().tracked_files([f":(glob){literal}*", *asked])
    steps: dict[str, list[str]] = {}
    for path in tracked:
        directory, _, name = path[len(folder) :].rpartition("/")
        if directory and name in KUSTOMIZATIONS:
            steps.setdefault(directory.partition("/")[0], []).append(directory)
    for step, below in sorted(steps.items()):
        if len(below) == 1:
            yield Candidate(folder + below[0], "kustomization")
            continue
        if step in below:
            yield Candidate(folder + step, "kustomization")
        yield Candidate(f"{folder}{step}/", f"{len(below)} kustomizations")
    for path in tracked:
        if "/" not in path[len(folder) :] and os.path.basename(path) not in KUSTOMIZATIONS:
            # Unless it is behind --, where it may begin so, no command may take it for an option.
            yield Candidate(f"./{path}" if path.startswith("-") and not word else path)


def _remotes(word: str, earlier: list[str]) -> list[Candidate]:
    """The URLs of the remotes there are."""
    remotes = Repository().remotes.values()
    return [
        Candidate(without_credentials(url), remote.name)
        for remote in remotes
        for url in remote.urls
    ]


_KINDS: dict[str, Callable[[str, list[str]], Iterable[Candidate]]] = {
    "channels": _channels,
    "newer": _newer,
    "published": _published,
    "records": _records,
    "revisions": _revisions,
    "paths": _paths,
    "remotes": _remotes,
}
