"""git ekf sync: the configuration commits onto newer commits of the same channel."""

from __future__ import annotations

from git_ekf.commands.upgrade_options import OF_SYNC, Request, with_request
from git_ekf.commands.upgrade_or_sync import run


@with_request(*OF_SYNC)
def sync(request: Request) -> int:
    """Put the configuration commits on the newest commit of the channel that the branch follows."""
    return run("sync", request)
