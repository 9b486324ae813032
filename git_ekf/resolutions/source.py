"""The team's repository of resolutions: what is new there is fetched, and answers are added."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.git.calls import Git
from git_ekf.git.complaints import complaints
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
    known_tip,
    meta_of,
    read_kept,
    withdrawn,
)
from git_ekf.resolutions.question import Question
from git_ekf.shown import folder, scrub, shell
from git_ekf.temporary import temporary

# Others may add at the same time; whoever comes later puts his on top.
_ATTEMPTS = 5


def require_source(repo: Repository) -> str:
    """The URL or remote of the repository, as git's configuration has it.

    Raises Refused where none is set, and where it is the vendor's: what is answered here is the
    team's own.
    """
    source = repo.config.resolutions
    if not source:
        raise Refused("no repository of resolutions is set", "git config ekf.resolutions URL")
    theirs = set(map(repo.normalise, _urls(repo, repo.config.primary)))
    urls = _urls(repo, source) or (source,)
    if not theirs.isdisjoint(map(repo.normalise, urls)):
        raise Refused(
            f"ekf.resolutions is the vendor's repository: {scrub(source)}",
            "git config ekf.resolutions URL",
        )
    return source


def _urls(repo: Repository, name: str) -> tuple[str, ...]:
    """All that a remote is fetched from and pushed to; none where there is no such remote."""
    remote = repo.remotes.get(name)
    return (*remote.urls, *remote.push_urls) if remote else ()


def fetch_resolutions(repo: Repository) -> str:
    """Brings what the team's repository has. Its commit there; "" where it has none yet.

    One question where nothing is new. Raises Refused where it has lost what was known here,
    CallFailed.
    """
    source = require_source(repo)
    git = git_for(repo)
    there = git.ls_remote(source, RESOLUTIONS).get(RESOLUTIONS, "")
    here = known_tip(repo)
    if there == here:
        return there
    failure = None
    if there:
        try:
            git.fetch_copy(source, f"{RESOLUTIONS}:{RESOLUTIONS}")
        except GitFailed as error:
            failure = error
    # Where it could not be fetched, nobody can say what it lacks.
    if here and (not there or (git.commit(there) and not git.is_ancestor(here, there))):
        # Nobody is inside of a bare one, such as a fleet's store.
        command = "git" if repo.place.top else f"git -C {folder(repo.place.git_dir)}"
        raise Refused(
            f"{scrub(source)} no longer has all resolutions that were known here:"
            f" {here[:12]} is not below {there[:12] or 'anything'}",
            f"see that this is right, then: {command} update-ref -d {RESOLUTIONS} {shell(here)}",
        )
    if failure:
        raise failure
    tip = known_tip(repo)
    if tip and not git.commit(tip):
        git.update_refs([RefUpdate(RESOLUTIONS, tip, here or "0" * len(tip))])
        raise CallFailed(f"{RESOLUTIONS} is not a commit there")
    return tip


def why_not_fetched(error: CallFailed) -> str:
    """The error in a few words."""
    reason = complaints(error.stderr)[:1] if isinstance(error, GitFailed) else []
    return scrub(next(iter(reason), error.message))


# --- answers put there, for others to use ---


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
        if sign and repo.git_setting("gpg.format") != "ssh":
            raise Refused(
                "a resolution is signed with an ssh key, and git signs with another kind here",
                "git config gpg.format ssh, or --no-sign: somebody has to approve it then",
            )
        commit = _commit(git, tip, added.new, sign=sign)
        outcome = git.push(
            source, [f"{commit}:{RESOLUTIONS}"], expected={RESOLUTIONS: tip}, verify=False
        )
        if not outcome.code:
            with suppress(Refused):  # another command has fetched it meanwhile
                git.update_refs([RefUpdate(RESOLUTIONS, tip or "0" * len(commit), commit)])
            return added
        reason = outcome.rejected.get(RESOLUTIONS, "")
        if "stale info" not in reason:
            lines = outcome.messages.split("\n")
            raise CallFailed(
                f"{scrub(source)} does not take the resolutions:"
                f" {scrub(reason or complaints(outcome.messages)[0])}",
                details=[line for line in lines if line.startswith("remote: ")],
            )
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


def _commit(git: Git, tip: str, new: list[Addition], *, sign: bool) -> str:
    """A commit with the additions, which no ref names yet. Raises Refused, CallFailed."""
    entries: dict[str, Entry] = {}
    for question, result in new:
        meta = Entry("100644", git.write_blob(meta_of(question)))
        files = zip((*SIDES, RESULT, META), (*question[1:4], result, meta), strict=True)
        entries.update((f"{directory(question.key)}/{name}", entry) for name, entry in files)
    oids = [entry.oid for entry in entries.values()]
    for oid, info in zip(oids, git.object_infos(oids), strict=True):
        if info is None:
            raise Refused(f"an object of the conflict is no longer here: {oid}")
    with temporary() as index_folder:
        index = git.variant(env={"GIT_INDEX_FILE": f"{index_folder}/index"})
        if tip:
            index.read_tree(tip)
        index.update_index(entries.items())
        tree = index.write_tree()
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
