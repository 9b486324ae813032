"""Whether a push only adds commits of a branch's own line, which both its fast paths ask."""

from git_ekf.hooks import spawn
from git_ekf.policy.limits import BOUNDED, DIFF_OPTIONS, has_markers

# More new commits than this are for the full rules.
_COMMIT_LIMIT = 1000


def moved_branch(ref: str, old: str, new: str) -> str:
    """The branch that an update moves, "" where it does anything else."""
    if not ref.startswith("refs/heads/") or not new.strip("0") or not old.strip("0"):
        return ""
    return ref.removeprefix("refs/heads/")


def start(
    channels: list[str], old: str, new: str, env: dict[bytes, bytes] | None = None
) -> tuple[int, int]:
    """Lists the customer's commits on either side of an update, with their patches; for `is_plain`.

    git fails where one of the vendor's channels is not known.
    """
    options = ["--topo-order", f"--max-count={_COMMIT_LIMIT}", "--left-right"]
    options += ["--format=%x00%m%H%x20%P", "--no-show-signature", "--no-notes", "--no-decorate"]
    options += ["-p", "-U0", *DIFF_OPTIONS]
    commits = [f"{old}...{new}", "--not", *channels]
    return spawn.start([*BOUNDED, "log", *options, *commits, "--"], env)


def is_plain(commits: tuple[int, int], old: str, new: str) -> bool:
    """Whether what was started lists a chain without new conflict markers and nothing else.

    The chain leads from `new` down to `old`, parent by parent.
    """
    listed = spawn.finish(commits)
    if listed is None or has_markers(listed):
        return False
    expected = new.encode()
    for entry in listed.split(b"\0")[1:]:
        commit, *parents = entry.partition(b"\n")[0].split(b" ")
        if commit != b">" + expected or len(parents) != 1:
            return False
        expected = parents[0]
    return expected == old.encode()
