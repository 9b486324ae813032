"""The list of commits that a push brings to a branch, which git begins before more is loaded."""

from git_ekf.hooks import spawn

# More are for the full rules.
COMMITS = 200


def moved_branch(ref: str, old: str, new: str) -> str:
    """The branch that an update moves, "" where it does anything else."""
    if not ref.startswith("refs/heads/") or not new.strip("0") or not old.strip("0"):
        return ""
    return ref.removeprefix("refs/heads/")


def start(channels: list[str], old: str, new: str, env: dict[bytes, bytes] | None = None) -> int:
    """Has git list the customer's commits on either side of an update.

    Returns its process id, for `added_commits.are_plain`. There is nothing in the list but ids. git
    fails where a vendor's channel is not known.
    """
    options = ["--topo-order", f"--max-count={COMMITS + 1}", "--left-right", "--parents"]
    return spawn.start(["rev-list", *options, f"{old}...{new}", "--not", *channels, "--"], env)
