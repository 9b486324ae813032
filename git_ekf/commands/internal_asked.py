"""How a command that decides something begins: `internal` is asked what it has."""

from __future__ import annotations

import time
from contextlib import closing, nullcontext

from git_ekf.cluster import Cluster, cluster_of
from git_ekf.commands.at_once import ask_at_once
from git_ekf.commands.records_kept import note
from git_ekf.errors import EkfError
from git_ekf.internal import Answer, ask, can_be_asked, last_asked, question, take_in
from git_ekf.records import restore_records
from git_ekf.repository import Repository
from git_ekf.terminal.text import age, since
from git_ekf.vendor import fetch


def ask_internal(repo: Repository, *, no_fetch: bool) -> Repository:
    """The repository with what `internal` has now, unless it is not to be asked.

    Says so where it does not answer.
    """
    if no_fetch or not can_be_asked(repo):
        return repo
    return with_answer(repo, ask(repo))


def with_answer(repo: Repository, answer: Answer) -> Repository:
    """The repository with what `internal` has by its answer, of which it is said what is wrong."""
    note_answer(repo, answer)
    restore_records(repo.fresh())
    return repo.fresh()


def fetch_remotes(repo: Repository, *, tolerant: bool = False) -> Repository:
    """The repository with what both remotes have now, asked side by side.

    Says so where `internal` does not answer, and where `tolerant` is set also where the vendor does
    not. Raises Refused, CallFailed.
    """
    answer = fetch_both(repo, tolerant=tolerant)
    if answer:
        note_answer(repo, answer)
    restore_records(repo.fresh())
    return ask_at_once(repo.git)


def fetch_both(repo: Repository, *, tolerant: bool) -> Answer | None:
    """The answer of `internal`, None where it cannot be asked; the vendor is fetched beside it.

    Says so where `tolerant` is set and the vendor does not answer. Raises Refused, CallFailed.
    """
    with closing(question(repo)) if can_be_asked(repo) else nullcontext() as asking:
        try:
            fetch(repo)
        except EkfError as error:
            if not tolerant:
                raise
            note(error.message)
        return take_in(repo, asking) if asking else None


def note_answer(repo: Repository, answer: Answer) -> None:
    """Says where `internal` did not answer, or has lost what it had."""
    internal = repo.config.internal
    if answer.failure:
        then = last_asked(repo)
        known = f"what was known {age(time.time() - then)}" if then else "what is known here"
        note(f"{internal} cannot be asked ({answer.failure}); going by {known}")
    for sentence in answer.vanished.sentences(internal):
        note(sentence)


def note_elsewhere(repo: Repository, branch: str) -> None:
    """Says where the cluster runs a later release than the branch."""
    cluster, key = cluster_of(repo), repo.config.scheme.key
    if cluster.running and key(cluster.running.branch) > key(branch):
        note(f"{runs(cluster)}; this is {branch}")


def runs(cluster: Cluster) -> str:
    """ "prod runs release-1.8 at ae3a7ca since Tuesday", or that nothing was recorded."""
    running = cluster.running
    if running is None:
        return f"{cluster.name} has no deploy record yet"
    return f"{cluster.name} runs {running.branch} at {running.commit[:7]} {since(running.seconds)}"
