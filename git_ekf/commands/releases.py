"""git ekf releases: the vendor's channels in version order."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

from git_ekf.cluster import cluster_of
from git_ekf.commands.options import Json
from git_ekf.declared import Option
from git_ekf.errors import Refused
from git_ekf.repository import Repository
from git_ekf.shown import escape, shell
from git_ekf.status import Channel
from git_ekf.status import channels as channels_of
from git_ekf.terminal.screen import counting, paint
from git_ekf.terminal.text import age, counted, document, say
from git_ekf.vendor import last_fetch

if TYPE_CHECKING:
    from git_ekf.upgrade.forecasts import ChannelForecast


def releases(
    forecast: Annotated[
        bool, Option(help="Add what an upgrade to each newer channel would do.")
    ] = False,
    json: Json = False,
) -> None:
    """List the vendor's release channels in version order."""
    repo = Repository()
    channels = channels_of(repo)
    if not forecast:
        _list(repo, channels, None, json=json)
        return
    from git_ekf.upgrade.forecasts import forecasts  # most lists are without

    with forecasts(repo, partial(counting, "Looking at commits")) as foretell:
        _list(repo, channels, foretell, json=json)


def _list(
    repo: Repository,
    channels: list[Channel],
    foretell: Callable[[str], ChannelForecast | None] | None,
    *,
    json: bool,
) -> None:
    primary = repo.config.primary
    cluster = cluster_of(repo)
    runs = cluster.running.branch if cluster.running else ""
    if not channels:
        raise Refused(
            f"no release branch ({repo.config.scheme.pattern}) of {primary} is known here",
            f"git fetch {shell(primary)}",
        )
    if json:
        listed = []
        for channel in channels:
            values = {**channel._asdict(), "relation": channel.relation or None}
            if foretell:
                found = foretell(channel.branch)
                values["forecast"] = found.counts if found else None
            listed.append(values)
        content = {"primary": primary, "cluster": cluster.name, "runs": runs or None}
        print(document("releases", {**content, "channels": listed}))
        return
    width = max(len(channel.branch) for channel in channels)
    for channel in channels:
        name = f"  {escape(channel.branch):<{width}}"
        if channel.relation == "current":
            name = paint(f"* {channel.branch:<{width}}", "green")
        state = _state(channel)
        if channel.branch == runs:
            state = f"{state}, {escape(cluster.name)} runs it".removeprefix(", ")
        print(f"{name}  {channel.commit[:7]}  {channel.date[:10]}  {state}".rstrip(), flush=True)
        if foretell and (found := foretell(channel.branch)):
            say(f"  {'':<{width}}  {found.sentence}")
    fetched = last_fetch(repo)
    if fetched:
        when = age(time.time() - fetched)
        say(f"As of the last fetch, {when}. Newer ones: git fetch {shell(primary)}")
    else:
        say(f"Never fetched: git fetch {shell(primary)}")


def _state(channel: Channel) -> str:
    if channel.behind is None:
        return channel.relation
    words = [channel.relation] if channel.relation else []
    words.append(counted(channel.ahead or 0, "configuration commit"))
    words.append(f"{channel.behind} behind" if channel.behind else "up to date")
    return ", ".join(words)
