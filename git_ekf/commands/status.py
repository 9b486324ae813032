"""git ekf status: where things stand, on one screen."""

from __future__ import annotations

import shlex
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from git_ekf.commands.options import Json
from git_ekf.names import without_credentials
from git_ekf.policy.report import as_json
from git_ekf.repository import Repository
from git_ekf.status import Status
from git_ekf.status import status as status_of
from git_ekf.terminal.screen import paint, terminal_width
from git_ekf.terminal.text import (
    age,
    counted,
    document,
    escape,
    shortened,
    unicode_text,
    with_article,
)
from git_ekf.vendor import STALE

# A longer text pushes its own command to the right, not everybody's.
_WIDEST = 50


def status(
    json: Json = False,
    prompt: Annotated[
        bool,
        typer.Option(
            "--prompt", help="Print a few words for the shell's prompt, or nothing; never an error."
        ),
    ] = False,
) -> None:
    """Show where things stand, and the command that moves each line on."""
    if prompt:  # with another option beside it; alone it does not come here
        from git_ekf.shell.prompt import main

        main()
        return
    repo = Repository()
    state = status_of(repo)
    if json:
        print(document("status", _as_json(state)))
        return
    print(paint(_headline(state), "bold"))
    rows = _rows(state, repo, time.time())
    width = max(
        (len(text) for _, text, command in rows if command and len(text) <= _WIDEST), default=0
    )
    columns = terminal_width()
    for label, text, command in rows:
        # On a narrow terminal the command stands below, whole, to be copied.
        below = len(f"  {label:<14} {text:<{width}}   {command}") > columns
        padded = text if below or not command else f"{text:<{width}}"
        colour = _colour(label, state)
        shown = paint(padded, colour) if colour else escape(padded)
        gap = f"\n{'':17}" if below else "   "
        print(
            f"  {label:<14} {shown}{gap}{paint(command, 'cyan')}"
            if command
            else f"  {label:<14} {shown}"
        )


def _colour(label: str, state: Status) -> str:
    if label == "policy":
        severities = {finding.severity for finding in state.findings}
        return "red" if "error" in severities else "yellow" if severities else "green"
    return "red" if label in ("in progress", "not committed") else ""


def _headline(state: Status) -> str:
    if state.branch is None:
        return f"HEAD is detached at {(state.head or '')[:7]}"
    if state.release is None:
        return f"On {state.branch}, which is not a release branch"
    return f"On {state.branch}, following {state.upstream or 'nothing'}"


def _rows(state: Status, repo: Repository, now: float) -> list[tuple[str, str, str]]:
    """(label, text, the command that moves it on)."""
    primary, internal = repo.config.primary, repo.config.internal
    heard = f"fetched {age(max(0.0, now - state.fetched))}" if state.fetched else "never fetched"
    if state.mirror:
        ahead = state.mirror.is_ahead(now)
        heard += (
            ", the mirror updated by a clock that is ahead"
            if ahead
            else f", the mirror updated {age(state.mirror.age())}"
        )
    rows = []
    if state.cut_off:
        rows.append(
            ("in progress", f"{with_article(state.cut_off)} that was cut off", "git ekf undo")
        )
    if state.under_way:
        rows.append(
            ("in progress", with_article(state.under_way), f"git ekf {state.under_way} --continue")
        )
    elif state.operation:
        rows.append(("in progress", with_article(state.operation), "git status"))
    elif not state.release:
        release = next(reversed(repo.release_branches), None)
        rows.append(
            (
                "release",
                "none is checked out",
                f"git switch {release}" if release else "git ekf init",
            )
        )
    if state.configuration is not None:
        on = f" on {state.base[:7]}" if state.base else ""
        rows.append(("configuration", f"{counted(state.configuration, 'commit')}{on}", ""))
    if state.changed or state.untracked:
        parts = [counted(state.changed, "changed file")] if state.changed else []
        parts += [counted(state.untracked, "untracked file")] if state.untracked else []
        rows.append(
            (
                "not committed",
                ", ".join(parts),
                "" if state.operation else "git add -A && git commit",
            )
        )
    if state.release:
        upstream = f"{primary}/{state.branch}"
        if state.channel_ahead is None:
            rows.append(
                ("channel", f"{upstream} is not known here ({heard})", f"git fetch {primary}")
            )
        elif state.channel_ahead:
            rows.append(
                (
                    "channel",
                    f"{counted(state.channel_ahead, 'new vendor commit')} ({heard})",
                    "git ekf sync",
                )
            )
        else:
            rows.append(("channel", f"up to date ({heard})", ""))
        if state.mirror and state.mirror.age() > STALE and primary in repo.remotes:
            url = without_credentials(next(iter(repo.remotes[primary].urls), ""))
            update = f"git ekf mirror {shlex.quote(state.mirror.primary)} {shlex.quote(url)}"
            rows.append(("mirror", f"{primary} is one, long without an update", update))
        if state.newer:
            rows.append(("newer", ", ".join(state.newer), "git ekf upgrade --plan"))
        rows.append(_saved(state, internal))
        if state.last_deploy:
            context = state.last_deploy.context.partition("\n")[0]
            said = f' "{shortened(context, 40)}"' if context else ""
            since = state.last_deploy.commits_since
            when = f"{counted(since, 'commit')} ago" if since else "this commit"
            rows.append(("last deploy", f"{state.last_deploy.name}{said}, {when}", ""))
        else:
            rows.append(("last deploy", "none recorded", ""))
    if state.findings:
        rows.append(
            (
                "policy",
                ", ".join(dict.fromkeys(finding.rule for finding in state.findings)),
                "git ekf check",
            )
        )
    else:
        rows.append(("policy", "ok", ""))
    return rows


def _saved(state: Status, internal: str) -> tuple[str, str, str]:
    save = "git ekf save"
    records = (
        f", {counted(state.unsaved_records, 'deploy record')}" if state.unsaved_records else ""
    )
    if state.unsaved is None:
        return "saved", f"never: {internal} has no {state.branch}", save
    if state.not_here:
        text = f"{counted(state.not_here, 'commit')} only on {internal}"
        if state.unsaved:
            text += f", {counted(state.unsaved, 'commit')} only here"
        return "saved", text, f"git log {state.branch}..{internal}/{state.branch}"
    if state.unsaved:
        return "saved", f"{counted(state.unsaved, 'commit')}{records} not on {internal}", save
    if records:
        return "saved", f"{records.removeprefix(', ')} not on {internal}", save
    return "saved", f"all of it is on {internal}", ""


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _as_json(state: Status) -> dict[str, object]:
    fetched = _time(state.fetched) if state.fetched else None
    return {
        **state._asdict(),
        "fetched": fetched,
        "mirror": {
            "primary": unicode_text(state.mirror.primary),
            "updated": _time(state.mirror.updated),
        }
        if state.mirror
        else None,
        "last_deploy": {
            **state.last_deploy._asdict(),
            "context": unicode_text(state.last_deploy.context),
        }
        if state.last_deploy
        else None,
        "findings": [as_json(finding) for finding in state.findings],
    }
