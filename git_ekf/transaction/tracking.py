"""What a release branch tracks: the vendor's channel of its name, wherever it came from."""

from __future__ import annotations

from git_ekf.git.calls import Git
from git_ekf.git.refs import HEADS
from git_ekf.repository import Repository


def tracking(primary: str, branch: str) -> dict[str, str]:
    """The settings by which a branch tracks the channel of its name, known here already or not."""
    return {f"branch.{branch}.remote": primary, f"branch.{branch}.merge": HEADS + branch}


def track(git: Git, primary: str, branch: str) -> None:
    """Makes a branch track that channel."""
    for key, value in tracking(primary, branch).items():
        git.set_setting(key, value)


def restore_tracking(repo: Repository, *, only_new: bool = False) -> list[str]:
    """Makes release branches track their channel that track the same branch of `internal`.

    So git switch leaves them, by checkout.defaultRemote. Returns a sentence on each: none where the
    rule branch-upstream is off, or nothing was to be done. Raises GitFailed.

    `only_new`: of branches alone that have not moved since they were made.
    """
    internal, primary = repo.config.internal, repo.config.primary
    if repo.config.rules["branch-upstream"] == "off" or primary not in repo.remotes:
        return []
    restored = []
    for branch in repo.release_branches:
        if repo.upstream(branch) == (internal, [HEADS + branch]) and not (
            only_new and len(repo.git.reflog(HEADS + branch)) > 1
        ):
            track(repo.git, primary, branch)
            restored.append(
                f"{branch} tracks {primary}/{branch} again; git had it track {internal}/{branch}"
            )
    return restored
