"""git ekf sync: the configuration commits onto newer commits of the same channel."""

from __future__ import annotations

from functools import partial

from git_ekf.commands.upgrade_or_sync import Request, run, with_request
from git_ekf.upgrade import target as targets


@with_request
def sync(request: Request) -> int:
    """Put the configuration commits on the newest commit of the channel that the branch follows."""
    return run("sync", partial(targets.sync, flatten=request.flatten), request)
