"""git ekf save: everything of this release to the internal repository."""

from __future__ import annotations

from git_ekf.commands.recovered import recovered
from git_ekf.deploy.save import save as save_to_internal
from git_ekf.git.refs import HEADS
from git_ekf.terminal.text import counted, say


def save() -> None:
    """Push release branch and deploy records to the internal repository, and verify.

    All or nothing: what was pushed is read back.
    """
    repo = recovered()
    saved = save_to_internal(repo)
    for note in saved.notes:
        say(f"note: {note}")
    for ref in saved.pushed:
        if repo.namespace.is_backup(ref.ref):
            say(f"What {saved.branch} was there is kept as {ref.ref}")
    records = f" and {counted(len(saved.records), 'deploy record')}" if saved.records else ""
    commit = next(ref.oid for ref in saved.pushed if ref.ref == HEADS + saved.branch)
    content = f"{saved.branch} at {commit[:7]}{records}"
    say(f"Saved: {repo.config.internal} has {content}, read back and verified.")
