"""git ekf status: where things stand, on one screen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from git_ekf.cluster import branch_to_switch_to
from git_ekf.commands.options import Fetch, Json
from git_ekf.commands.records_kept import with_records
from git_ekf.declared import Option
from git_ekf.git.refs import HEADS
from git_ekf.internal import lacking
from git_ekf.names import without_credentials
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.status import Status
from git_ekf.status import status as status_of
from git_ekf.terminal.screen import paint, terminal_width
from git_ekf.terminal.text import (
    age,
    counted,
    counted_each,
    document,
    first_line,
    iso,
    nullable,
    shortened,
    since,
    the_first,
    with_article,
)
from git_ekf.vendor import STALE

# A longer text pushes its own command to the right, not everybody's.
_WIDEST = 60
# Newer channels that are named.
_NAMED = 3


def status(
    json: Json = False,
    prompt: Annotated[
        bool,
        Option(help="Print a few words for the shell's prompt, or nothing; never an error."),
    ] = False,
    fetch: Fetch = False,
) -> None:
    """Show where things stand, and the command that moves each line on."""
    if prompt:  # with another option beside it; alone it does not come here
        from git_ekf.shell.prompt import main

        main()
        return
    repo = with_records(fetch=fetch)
    state = status_of(repo)
    if json:
        print(document("status", _content(state)))
        return
    print(paint(_cluster(state), "bold"))
    print(paint(_headline(state), "bold"))
    rows = list(_rows(state, repo))
    widths = [len(row.text) for row in rows if row.command and len(row.text) <= _WIDEST]
    for row in rows:
        _print_row(row, max(widths, default=0))


class _Row(NamedTuple):
    """A line of the screen, and the command that moves it on."""

    label: str
    text: str
    command: str = ""
    colour: str = ""


def _print_row(row: _Row, width: int) -> None:
    lead, text, gap = f"  {row.label:<14} ", row.text, ""
    if row.command:
        padded = f"{text:<{width}}   "
        if len(lead + padded + row.command) <= terminal_width():
            text = padded
        else:  # below, whole, to be copied
            gap = f"\n{'':17}"
    print(f"{lead}{paint(text, row.colour)}{gap}{paint(row.command, 'cyan')}")


def _cluster(state: Status) -> str:
    """What the cluster runs by its newest record, whatever is checked out here."""
    deploy, asked = state.last_deploy, _ago("asked", state.asked)
    if deploy is None:
        return f"{state.cluster} has no deploy record ({asked})"
    text = shortened(first_line(deploy.context), 40)
    quoted = f': "{text}"' if text else ""
    runs = f"{state.cluster} runs {deploy.branch} at {deploy.commit[:7]} {since(deploy.since)}"
    saved = asked if deploy.saved else "its record is not saved"
    return f"{runs}{quoted} ({saved})"


def _ago(what: str, then: float | None) -> str:
    return f"{what} {age(time.time() - then)}" if then else f"never {what}"


def _headline(state: Status) -> str:
    if state.branch is None:
        return f"HEAD is detached at {(state.head or '')[:7]}"
    if state.release is None:
        return f"On {state.branch}, which is not a release branch"
    return f"On {state.branch}, following {state.upstream or 'nothing'}"


def _rows(state: Status, repo: Repository) -> Iterator[_Row]:
    if state.cut_off:
        text = f"{with_article(state.cut_off)} that was cut off"
        yield _Row("in progress", text, "git ekf undo", "red")
    if state.at_work:
        name = "a git-ekf command" if state.at_work == "command" else f"git ekf {state.at_work}"
        yield _Row("in progress", f"{name} is at work now", colour="yellow")
    elif state.under_way:
        command = f"git ekf {state.under_way} --continue"
        yield _Row("in progress", with_article(state.under_way), command, "red")
    elif state.operation:
        yield _Row("in progress", with_article(state.operation), "git status", "red")
    elif not state.release:
        release = branch_to_switch_to(repo)
        command = f"git switch {shell(release)}" if release else "git ekf init"
        yield _Row("release", "none is checked out", command)
    if state.configuration is not None:
        base = f" on {state.base[:7]}" if state.base else ""
        yield _Row("configuration", f"{counted(state.configuration, 'commit')}{base}")
    if state.changed or state.untracked:
        text = counted_each((state.changed, "changed file"), (state.untracked, "untracked file"))
        # What a command was killed or failed over is half of something, and nothing to commit.
        half_way = state.operation or state.cut_off or state.at_work
        command = "" if half_way else "git add -A && git commit"
        yield _Row("not committed", text, command, "red")
    if state.release:
        yield from _release_rows(state, repo)
    yield from _other_rows(state, repo)
    if state.findings:
        rules = ", ".join(dict.fromkeys(finding.rule for finding in state.findings))
        wrong = any(finding.severity == "error" for finding in state.findings)
        yield _Row("policy", rules, "git ekf check", "red" if wrong else "yellow")
    else:
        yield _Row("policy", "ok", colour="green")


def _release_rows(state: Status, repo: Repository) -> Iterator[_Row]:
    """What only a release branch has."""
    primary = repo.config.primary
    fetched = _fetched(state)
    if state.channel_ahead is None:
        text = f"{primary}/{state.branch} is not known here ({fetched})"
        yield _Row("channel", text, f"git fetch {shell(primary)}")
    elif state.channel_deleted:
        text = f"{primary} has no {state.branch} any more ({fetched})"
        yield _Row("channel", text, "git ekf upgrade --plan" if state.newer else "")
    elif state.channel_ahead:
        text = f"{counted(state.channel_ahead, 'new vendor commit')} ({fetched})"
        yield _Row("channel", text, "git ekf sync")
    else:
        yield _Row("channel", f"up to date ({fetched})")
    if state.mirror and state.mirror.age() > STALE and primary in repo.remotes:
        url = without_credentials(next(iter(repo.remotes[primary].urls), ""))
        update = f"git ekf mirror {shell(state.mirror.primary)} {shell(url)}"
        yield _Row("mirror", f"{primary} is one, long without an update", update)
    if state.newer:
        yield _Row(
            "newer", f"{the_first(state.newer, _NAMED)} ({fetched})", "git ekf upgrade --plan"
        )
    yield _Row("saved", *_saved(repo, state))
    yield _Row("last deploy", _last_deploy(state))


def _fetched(state: Status) -> str:
    text = _ago("fetched", state.fetched)
    if not state.mirror:
        return text
    if state.mirror.is_ahead(time.time()):
        return f"{text}, the mirror updated by a clock that is ahead"
    return f"{text}, the mirror updated {age(state.mirror.age())}"


def _saved(repo: Repository, state: Status) -> tuple[str, str]:
    """Text and command."""
    internal, asked = repo.config.internal, f"({_ago('asked', state.asked)})"
    if state.unsaved is None:
        return f"never: {internal} has no {state.branch} {asked}", "git ekf save"
    if state.not_here:
        text = f"{counted(state.not_here, 'commit')} only on {internal}"
        if state.unsaved:
            text += f", {counted(state.unsaved, 'commit')} only here"
        # What was rewritten here is to be saved; all else is to be taken first.
        lacks = lacking(repo, state.branch or "")
        return f"{text} {asked}", "git ekf pull" if lacks else "git ekf save"
    unsaved = counted_each((state.unsaved, "commit"), (state.unsaved_records, "deploy record"))
    if unsaved:
        return f"{unsaved} not on {internal} {asked}", "git ekf save"
    return f"all of it is on {internal} {asked}", ""


def _last_deploy(state: Status) -> str:
    """How the newest record stands to what is checked out."""
    deploy = state.last_deploy
    if not deploy:
        return "none recorded"
    if deploy.branch != state.branch:
        return f"{deploy.name}, of another release than this"
    number = deploy.commits_since
    if number is None:
        return f"{deploy.name}, on a commit that {state.branch} does not have here"
    return f"{deploy.name}, {counted(number, 'commit') + ' ago' if number else 'this commit'}"


def _other_rows(state: Status, repo: Repository) -> Iterator[_Row]:
    """Release branches that are not checked out and differ from what internal has."""
    internal = repo.config.internal
    refs = [HEADS + other.branch for other in state.others]
    known = repo.git.branches(refs) if refs else {}
    for other in state.others:
        parts = []
        if other.unsaved:
            parts.append(f"{counted(other.unsaved, 'commit')} not on {internal}")
        if other.not_here:
            parts.append(f"{counted(other.not_here, 'commit')} only on {internal}")
        act = "pull" if other.not_here else "save"
        tree = known[HEADS + other.branch].worktree
        command = f"git switch {shell(other.branch)} && git ekf {act}"
        if tree:  # where git lets no other one have it
            command = f"git -C {shell(tree)} ekf {act}"
        text = f"{other.branch}: {', '.join(parts)} ({_ago('asked', state.asked)})"
        yield _Row("other branch", text, command)
    if state.ahead:
        names = ", ".join(state.ahead[:3])
        text = f"{names}: of a clock in the future, does not count"
        yield _Row("records", text, f"git ekf show {shell(state.ahead[0])}", "yellow")


def _content(state: Status) -> dict[str, object]:
    mirror, deploy = state.mirror, state.last_deploy
    return {
        **state._asdict(),
        "fetched": iso(state.fetched),
        "mirror": {**mirror._asdict(), "updated": iso(mirror.updated)} if mirror else None,
        "asked": iso(state.asked),
        "last_deploy": {**deploy._asdict(), "since": iso(deploy.since)} if deploy else None,
        "findings": [nullable(finding) for finding in state.findings],
    }
