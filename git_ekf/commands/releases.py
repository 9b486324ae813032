"""git ekf releases: the vendor's channels in version order."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from git_ekf.commands.options import Json
from git_ekf.errors import CallFailed, Refused
from git_ekf.repository import Repository
from git_ekf.status import Channel
from git_ekf.status import channels as channels_of
from git_ekf.terminal.screen import paint
from git_ekf.terminal.text import age, counted, document, escape, say
from git_ekf.vendor import last_fetch


def releases(
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Add what an upgrade to each newer channel would do.")
    ] = False,
    json: Json = False,
) -> None:
    """List the vendor's release channels in version order."""
    repo = Repository()
    channels = channels_of(repo)
    forecasts = _forecasts(repo) if forecast else {}
    primary = repo.config.primary
    if not channels:
        raise Refused(
            f"no release branch ({repo.config.scheme.pattern}) of {primary} is known here",
            f"git fetch {primary}",
        )
    if json:
        listed = [
            {
                **channel._asdict(),
                "relation": channel.relation or None,
                **({"forecast": forecasts.get(channel.branch, (None, ""))[0]} if forecast else {}),
            }
            for channel in channels
        ]
        print(document("releases", {"primary": primary, "channels": listed}))
        return
    width = max(len(channel.branch) for channel in channels)
    for channel in channels:
        current = channel.relation == "current"
        name = (
            paint(f"* {channel.branch:<{width}}", "green")
            if current
            else f"  {escape(channel.branch):<{width}}"
        )
        print(f"{name}  {channel.commit[:7]}  {channel.date[:10]}  {_words(channel)}".rstrip())
        if channel.branch in forecasts:
            say(f"  {'':<{width}}  {forecasts[channel.branch][1]}")
    fetched = last_fetch(repo)
    say(
        f"As of the last fetch, {age(max(0.0, time.time() - fetched))}. Newer ones: git fetch {primary}"
        if fetched
        else f"Never fetched: git fetch {primary}"
    )


def _words(channel: Channel) -> str:
    if channel.behind is None:
        return channel.relation
    words = [channel.relation] if channel.relation else []
    words.append(counted(channel.ahead or 0, "configuration commit"))
    words.append(f"{channel.behind} behind" if channel.behind else "up to date")
    return ", ".join(words)


def _forecasts(repo: Repository) -> dict[str, tuple[dict[str, int] | None, str]]:
    """Newer channel -> how many commits become what (None where that cannot be told), and the same in words."""
    from git_ekf.upgrade import carry
    from git_ekf.upgrade import target as targets  # most lists are without a forecast

    found: dict[str, tuple[dict[str, int] | None, str]] = {}
    for target in targets.forecasts(repo):
        try:
            targets.require_linear(repo, target, flatten=False)
            plan = carry.plan(repo, target, carry.Options())
        except (Refused, CallFailed) as error:
            found[target.goal] = None, f"no forecast: {error.message}"
            continue
        verdicts = [step.verdict for step in plan.steps]
        counts = {
            verdict: verdicts.count(verdict)
            for verdict in ("clean", "upstream", "empty", "conflict")
        }
        files = {
            path
            for step in plan.conflicts
            for conflict in step.conflicts
            for path in conflict.paths
        }
        stops = f"an upgrade would stop: {carry.summary(plan)} ({counted(len(files), 'file')})"
        found[target.goal] = (
            counts,
            stops if plan.conflicts else f"an upgrade would go through: {carry.summary(plan)}",
        )
    return found
