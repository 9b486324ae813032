"""Answers put into the team's repository, for others to use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.git.calls import Git
from git_ekf.git.complaints import complaints
from git_ekf.git.questions.remotes import PushOutcome
from git_ekf.git.refs import RESOLUTIONS, RefUpdate
from git_ekf.git.trees import Entry
from git_ekf.repository import Repository
from git_ekf.resolutions.kept import (
    META,
    RESULT,
    SIDES,
    Resolution,
    directory,
    git_for,
    meta_of,
    read_kept,
    withdrawn,
)
from git_ekf.resolutions.question import Question
from git_ekf.resolutions.source import fetch_resolutions, require_source
from git_ekf.shown import scrub
from git_ekf.temporary import temporary

# Others may add at the same time; whoever comes later puts his on top.
_ATTEMPTS = 5


class Addition(NamedTuple):
    """A question and its answer."""

    question: Question
    result: Entry


class Added(NamedTuple):
    """Additions by what became of them.

    They are new, there already, there with another answer, or under a key that is never used again.
    """

    new: list[Addition]
    known: list[Addition]
    contradicted: list[tuple[Addition, Resolution]]
    withdrawn: list[Addition]


def add(repo: Repository, additions: Iterable[Addition], *, sign: bool) -> Added:
    """Puts what is new into the team's repository, in one commit on what is there now.

    It never takes the place of another answer. Raises Refused, CallFailed.
    """
    given = list({one.question.key: one for one in additions}.values())
    source = require_source(repo)
    git = git_for(repo)
    for _ in range(_ATTEMPTS):
        tip = fetch_resolutions(repo)
        added = _sorted(git, tip, given)
        if not added.new:
            return added
        commit = _commit(repo, git, tip, added.new, sign=sign)
        null = "0" * len(commit)
        outcome = git.push(
            source, [f"{commit}:{RESOLUTIONS}"], expected={RESOLUTIONS: tip}, verify=False
        )
        if not outcome.code:
            git.update_refs([RefUpdate(RESOLUTIONS, tip or null, commit)])
            return added
        if "stale info" not in outcome.rejected.get(RESOLUTIONS, ""):
            raise _refused(source, outcome)
    raise CallFailed(
        f"{scrub(source)} moves faster than anything can be added", "the same command again"
    )


def _sorted(git: Git, tip: str, given: list[Addition]) -> Added:
    kept = read_kept(git, tip)
    gone = withdrawn(git, tip) if tip else set()
    added = Added([], [], [], [])
    for one in given:
        there = kept.get(one.question.key)
        if one.question.key in gone:
            added.withdrawn.append(one)
        elif there is None:
            added.new.append(one)
        elif there.result == one.result:
            added.known.append(one)
        else:
            added.contradicted.append((one, there))
    return added


def _commit(repo: Repository, git: Git, tip: str, new: list[Addition], *, sign: bool) -> str:
    """A commit with the additions, which no ref names yet. Raises Refused, CallFailed."""
    entries: dict[str, Entry] = {}
    for question, result in new:
        meta = Entry("100644", git.write_blob(meta_of(question)))
        files = zip((*SIDES, RESULT, META), (*question[1:4], result, meta), strict=True)
        entries.update((f"{directory(question.key)}/{name}", entry) for name, entry in files)
    infos = git.object_infos(entry.oid for entry in entries.values())
    missing = [path for path, info in zip(entries, infos, strict=True) if info is None]
    if missing:
        raise Refused(f"an object of the conflict is no longer here: {entries[missing[0]].oid}")
    with temporary() as folder:
        index = git.variant(env={"GIT_INDEX_FILE": f"{folder}/index"})
        if tip:
            index.read_tree(tip)
        index.update_index(entries.items())
        tree = index.write_tree()
    if sign and repo.git_setting("gpg.format") != "ssh":
        raise Refused(
            "a resolution is signed with an ssh key, and git signs with another kind here",
            "git config gpg.format ssh, or --no-sign: somebody has to approve it then",
        )
    try:
        return git.commit_tree(tree, tip, _message(new), sign=sign)
    except GitFailed as error:
        if not sign or error.returncode < 0:
            raise
        raise CallFailed(
            f"git could not sign the resolution: {complaints(error.stderr)[0]}",
            "git config user.signingKey FILE, or --no-sign: somebody has to approve it then",
        ) from None


def _message(new: list[Addition]) -> bytes:
    first = new[0].question
    more = f" and {len(new) - 1} more" if len(new) > 1 else ""
    lines = [f"Resolve {first.path}{more}", ""]
    lines += [f"{one.question.key[:7]} {one.question.path}" for one in new]
    return (
        "\n".join(line.replace("\n", "?") for line in lines).encode("utf-8", "surrogateescape")
        + b"\n"
    )


def _refused(source: str, outcome: PushOutcome) -> CallFailed:
    reason = outcome.rejected.get(RESOLUTIONS) or complaints(outcome.messages)[0]
    said = [line for line in outcome.messages.split("\n") if line.startswith("remote: ")]
    return CallFailed(
        f"{scrub(source)} does not take the resolutions: {scrub(reason)}", details=said
    )
