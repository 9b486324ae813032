"""git ekf mirror: the vendor's channels and tags in a repository of your own.

It is for a site that cannot reach the vendor.
"""

from __future__ import annotations

import os
from typing import Annotated

from git_ekf import config as configuration
from git_ekf.airgap.elsewhere import is_url
from git_ekf.airgap.mirror import MirrorOrder
from git_ekf.airgap.mirror import mirror as bring_up_to_date
from git_ekf.commands.mirror_changes import Accept, show_backups, show_changes
from git_ekf.declared import Argument, Option
from git_ekf.errors import UsageError
from git_ekf.git.calls import Git, leave_repository
from git_ekf.git.refs import HEADS, RECORDS, TAGS
from git_ekf.names import without_credentials
from git_ekf.shown import shell
from git_ekf.terminal.screen import transfer_progress
from git_ekf.terminal.text import counted, say


def mirror(
    primary: Annotated[str, Argument(metavar="PRIMARY", help="The vendor's repository.")],
    target: Annotated[
        str,
        Argument(metavar="DIR|URL", help="The mirror: a bare repository here, or one to push to."),
    ],
    release: Annotated[
        list[str] | None,
        Option(metavar="X.Y", help="Mirror this release, not all; may be repeated."),
    ] = None,
    accept: Accept = None,
) -> None:
    """Mirror the vendor's channels and tags for a site that cannot reach them."""
    if not primary or not target:
        raise UsageError("PRIMARY and the mirror have to be named", "git ekf mirror PRIMARY DIR")
    leave_repository()
    if not is_url(primary):
        primary = os.path.abspath(primary)
    git = Git(progress=transfer_progress())
    order = MirrorOrder(primary, target, release or [], accept or [])
    done = bring_up_to_date(git, configuration.load(None, git.config_pairs()).scheme, order)
    say(f"{without_credentials(target)} mirrors {without_credentials(primary)}:")
    show_changes(done.changes)
    if done.left_out:
        tags = counted(done.left_out, "tag")
        records = RECORDS.removeprefix(TAGS)
        say(f"  {tags} left out: {records} is where your own deploy records are")
    show_backups(done.backups)
    if done.head != done.newest:
        checked_out = done.head or "nothing"
        fix = f"git symbolic-ref HEAD {shell(HEADS + done.newest)}"
        say(f"note: a plain clone of it checks out {checked_out}; on its server: {fix}")
    moved = any(change.moves for change in done.changes)
    say("All of it was read back and verified." if moved else "Nothing is new.")
