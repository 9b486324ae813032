"""git ekf resolutions: a team's answers to conflicts, each given once."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from git_ekf.commands.consent import require_consent
from git_ekf.commands.options import Json, Yes
from git_ekf.commands.resolutions_fetched import note_resolutions
from git_ekf.errors import Refused
from git_ekf.program import program
from git_ekf.repository import Repository
from git_ekf.resolutions import judging
from git_ekf.resolutions.judging import (
    Examiner,
    ListedResolution,
    difference,
    fault_of,
    named,
    require_sound,
    standings,
)
from git_ekf.resolutions.source import Added, Addition, add, require_source
from git_ekf.shown import escape, shell
from git_ekf.terminal.screen import paged
from git_ekf.terminal.text import counted, document, say
from git_ekf.upgrade.rebase_end import answers

app = program(no_args_is_help=True)

NoFetch = Annotated[bool, typer.Option("--no-fetch", help="Go by what is known here.")]


@app.callback()
def resolutions() -> None:
    """Share answers to conflicts among clusters."""


@app.command("list")
def list_(no_fetch: NoFetch = False, json: Json = False) -> None:
    """List those that are kept, and which of them are used here."""
    repo = _repository(no_fetch=no_fetch)
    found = standings(Examiner(repo))
    if json:
        content = {"source": repo.config.resolutions, "resolutions": list(map(_row, found))}
        print(document("resolutions list", content))
        return
    if not found:
        say("No resolution is kept yet.")
        return
    with paged():
        for one in found:
            _print_standing(one)


def _print_standing(one: ListedResolution) -> None:
    resolution = one.resolution
    path = resolution.path or "?"
    state = "waiting" if one.waiting else one.state
    say(f"{resolution.short}  {resolution.date}  {state:<8}  {path}  ({resolution.who})")
    if one.why:
        say(f"         {one.why}")


def _row(one: ListedResolution) -> dict[str, Any]:
    resolution = one.resolution
    return {
        "key": resolution.key,
        "path": resolution.path or None,
        "state": one.state,
        "why": one.why or None,
        "commit": resolution.commit or None,
        "who": resolution.who or None,
        "date": resolution.date if resolution.commit else None,
    }


@app.command()
def approve(
    keys: Annotated[
        list[str],
        typer.Argument(metavar="RESOLUTION...", help="Those to be used here, by their keys."),
    ],
    yes: Yes = False,
    no_fetch: NoFetch = False,
) -> None:
    """Show the diff of some, and let them be used in this clone."""
    repo = _repository(no_fetch=no_fetch)
    commits = [commit for commit in (repo.head, *repo.channels.values()) if commit]
    unasked = f"git ekf resolutions approve --yes {shell(*keys)}"
    approve_named(Examiner(repo), keys, commits, "git ekf resolutions list", unasked, yes=yes)


def approve_named(
    examiner: Examiner, keys: list[str], commits: list[str], shows: str, unasked: str, *, yes: bool
) -> None:
    """Shows the diff of some, asks, and lets them be used.

    A command `shows` which there are, and `unasked` is this one without the question. Raises
    UsageError, Refused.
    """
    new = [one for one in named(standings(examiner), keys, shows) if one.why]
    for one in new:
        require_sound(examiner, one.resolution, commits, shows)
    if not new:
        say("All of them are used here already.")
        return
    for one in new:
        _print_standing(one)
        print_lines(difference(examiner.repo, one.resolution))
    if not yes:
        require_consent(
            "They go into files that are deployed. Use them here?",
            unasked="nobody is there to ask whether these resolutions may be used",
            hint=unasked,
        )
    judging.approve(examiner.repo, [one.resolution.tree for one in new])
    say(f"Approved here: {counted(len(new), 'resolution')}.")


def print_lines(lines: list[str]) -> None:
    """Prints lines of files as they are, but for what is not harmless to a terminal."""
    for line in lines:
        print("  " + "\t".join(map(escape, line.split("\t"))))


@app.command()
def save(
    no_sign: Annotated[
        bool,
        typer.Option("--no-sign", help="Do not sign them; each clone has to approve them then."),
    ] = False,
) -> None:
    """Share what the last upgrade or sync was resolved to by hand."""
    repo = Repository()
    repo.require_work_tree()
    require_source(repo)
    found = answers(repo)
    if found is None:
        raise Refused("an upgrade or sync is still under way", "git ekf upgrade --continue")
    additions = []
    for answer in found:
        question, result = answer.question, answer.result
        why = f"it is not a plain file in {answer.commit[:7]}"
        if result and result.is_file:
            why = fault_of(repo.git, question, result)
        if result and not why:
            additions.append(Addition(question, result))
        else:
            say(f"  not shared  {question.path}: {why}")
    if not additions:
        say("Nothing was resolved by hand in the last upgrade or sync that can be shared.")
        return
    _show_added(repo, add(repo, additions, sign=not no_sign))


def _show_added(repo: Repository, added: Added) -> None:
    """Prints what was shared, and both answers where there are two. Raises Refused for these."""
    for one in added.new:
        say(f"  shared      {one.question.key[:7]} {one.question.path}")
    for one in added.known:
        say(f"  known       {one.question.key[:7]} {one.question.path}")
    for one in added.withdrawn:
        why = "an answer to it was withdrawn, and none is used again"
        say(f"  not shared  {one.question.path}: {why}")
    for one, there in added.contradicted:
        say(f"  CONTRADICTS {there.short} {there.path}: {there.who} has answered it otherwise")
        say(f"  from the answer of {there.date} to yours:")
        if there.result:
            print_lines(repo.git.diff_blobs(there.result.oid, one.result.oid))
    say(f"{counted(len(added.new), 'resolution')} shared.")
    if added.contradicted:
        raise Refused(
            f"{counted(len(added.contradicted), 'resolution')} of yours contradict what is kept,"
            " and people have to agree on one answer",
            "git ekf resolutions list",
        )


def _repository(*, no_fetch: bool) -> Repository:
    repo = Repository()
    require_source(repo)
    if not no_fetch:
        note_resolutions(repo)
    return repo
