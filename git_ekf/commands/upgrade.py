"""git ekf upgrade: the configuration commits to the next release channel."""

from __future__ import annotations

from git_ekf.commands.upgrade_options import Request, with_request
from git_ekf.commands.upgrade_or_sync import run


@with_request(*Request._fields)
def upgrade(request: Request) -> int:
    """Carry the configuration commits to the next release channel, on a new branch; the old
    one stays.
    """
    return run("upgrade", request)
