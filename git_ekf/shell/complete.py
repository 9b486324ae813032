"""Candidates for the shells' completion: `git-ekf complete KIND WORD [EARLIER-WORD]...`.

The scripts in `completions/` ask while a person waits with a finger on TAB, so this loads no typer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
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
    recency,
    record_name,
    without_credentials,
)
from git_ekf.record import context
from git_ekf.records import read_records, record_names
from git_ekf.repository import Repository
from git_ekf.shown import escape
from git_ekf.terminal.text import first_line

# Reading the contexts of more records would be felt, and nobody reads so long a list.
_DESCRIBED = 100


class Candidate(NamedTuple):
    """A word that the shell may offer."""

    value: str
    description: str = ""


def main(argv: list[str]) -> None:
    """Prints a candidate a line, its description behind a tab.

    Nothing where there is nothing to say, for whatever reason.
    """
    kind, word = [*argv, "", ""][:2]
    find = _KINDS.get(kind)
    if not find:
        return
    with suppress(EkfError, OSError, KeyboardInterrupt):
        lines = []
        for value, description in find(word, argv[2:]):
            # What cannot be printed must not reach the terminal, and escaped it would be another
            # name.
            if value.startswith(word) and value.isprintable():
                words = [value, escape(first_line(description))] if description else [value]
                lines.append("\t".join(words) + "\n")
        sys.stdout.buffer.write("".join(lines).encode())
        sys.stdout.buffer.flush()


# --- releases ---


def _channels(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """Every channel, and every release branch there is here."""
    repo = Repository()
    scheme, here = repo.config.scheme, repo.head_branch or ""
    for branch in sorted({**repo.channels, **repo.release_branches}, key=scheme.key):
        relation = ""
        if branch == here:
            relation = "current"
        elif here and scheme.key(branch) > scheme.key(here):
            relation = "newer"
        yield Candidate(_release(scheme, branch, word), relation)


def _newer(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """The channels that an upgrade can go to."""
    repo = Repository()
    scheme = repo.config.scheme
    for branch in repo.channels:
        if scheme.key(branch) > scheme.key(repo.head_branch or ""):
            yield Candidate(_release(scheme, branch, word))


def _published(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """The channels of the repositories named earlier on the line.

    Only of those on this machine: completion asks no network.
    """
    git = Git()
    scheme = configuration.load(None, git.config_pairs()).scheme
    branches: set[str] = set()
    for path in map(os.path.expanduser, earlier):
        if os.path.exists(path):
            with suppress(EkfError):  # an ordinary file or folder
                refs = git.ls_remote(os.path.abspath(path), HEADS + "*")
                branches.update(ref.removeprefix(HEADS) for ref in refs)
    for branch in scheme.releases(branches):
        yield Candidate(_release(scheme, branch, word))


def _release(scheme: Scheme, branch: str, word: str) -> str:
    """A release as its version, or as its branch where that is what is being typed."""
    by_version = not word or word[0].isdigit()
    return scheme.version(branch) or "" if by_version else branch


# --- records and revisions ---


def _records(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """Deploy records newest first, with their contexts.

    Without deploy/ where the word begins otherwise.
    """
    repo = Repository()
    scheme = repo.config.scheme
    lead = DEPLOY if word[: len(DEPLOY)] == DEPLOY[: len(word)] else ""
    begin = word if lead else DEPLOY + word
    records = []
    for tag in record_names(repo, ""):
        name = record_name(tag, scheme)
        if tag.startswith(begin) and isinstance(name, RecordName):
            records.append((recency(0, name, scheme), tag))
    tags = [tag for _, tag in sorted(records, reverse=True)]
    contexts = {}
    if tags and len(tags) <= _DESCRIBED:
        for record in read_records(repo, *(TAGS + tag for tag in tags)):
            if record.raw:
                contexts[record.name] = context(record.raw, repo.config.tags_required)
    for tag in tags:
        yield Candidate(lead + tag.removeprefix(DEPLOY), contexts.get(tag, ""))


def _revisions(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """Branches, remote-tracking branches and tags; also as the end of a range, or behind ^."""
    before, dots, _ = word.rpartition("..")
    lead = before + dots or word[: word.startswith("^")]
    yield Candidate(f"{lead}HEAD")
    for ref in Git().ref_values(HEADS, "refs/remotes/", TAGS):
        yield Candidate(lead + ref.split("/", 2)[2])


# --- paths and remotes ---


def _paths(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """The next step to each kustomization below the folder being typed, and the files in there.

    What leads to one kustomization only is offered in full.
    """
    folder = word[: word.rfind("/") + 1]
    literal = "".join("\\" + char if char in "\\*?[" else char for char in folder)
    wanted = ("*", *(f"**/{name}" for name in KUSTOMIZATIONS))
    tracked = Git().tracked_files(f":(glob){literal}{pattern}" for pattern in wanted)
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


def _remotes(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """The URLs of the remotes there are."""
    for remote in Repository().remotes.values():
        for url in remote.urls:
            yield Candidate(without_credentials(url), remote.name)


def _keys(word: str, earlier: list[str]) -> Iterator[Candidate]:
    """The keys of the configuration, which need no repository."""
    yield from map(Candidate, configuration.known_keys())


_KINDS: dict[str, Callable[[str, list[str]], Iterator[Candidate]]] = {
    "channels": _channels,
    "newer": _newer,
    "published": _published,
    "records": _records,
    "revisions": _revisions,
    "paths": _paths,
    "remotes": _remotes,
    "keys": _keys,
}
