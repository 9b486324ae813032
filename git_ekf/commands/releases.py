"""git ekf releases: the vendor's channels in version order."""

from __future__ import annotations

import time

from git_ekf.commands.options import Json
from git_ekf.errors import Refused
from git_ekf.output import age, counted, document, say
from git_ekf.repository import Repository
from git_ekf.status import Channel, last_fetch
from git_ekf.status import channels as channels_of


def releases(json: Json = False) -> None:
    """List the vendor's release channels in version order."""
    repo = Repository()
    channels = channels_of(repo)
    primary = repo.config.primary
    if not channels:
        raise Refused(f"no release branch ({repo.config.scheme.pattern}) of {primary} is known here", f"git fetch {primary}")
    if json:
        listed = [{**channel._asdict(), "relation": channel.relation or None} for channel in channels]
        print(document("releases", {"primary": primary, "channels": listed}))
        return
    width = max(len(channel.branch) for channel in channels)
    for channel in channels:
        mark = "*" if channel.relation == "current" else " "
        say(f"{mark} {channel.branch:<{width}}  {channel.commit[:7]}  {channel.date[:10]}  {_words(channel)}".rstrip())
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
