"""The fast path of pre-commit: right branch, no markers, new files only where they may be."""

from git_ekf.hooks import spawn
from git_ekf.policy.limits import BOUNDED

# --no-renames: a renamed file is a new file where it arrives. The rest keeps the user's
# configuration and attributes from running programs in a mere question.
_OPTIONS = ["--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"]
_DIFF = [*BOUNDED, "diff-index", "--cached", "-p", "-U0", *_OPTIONS, "--ignore-submodules=none"]
_CONFIG = ["config", "-z", "--get-regexp", r"^(ekf|branch)\."]
_HEAD = b"ref: refs/heads/"


def passes() -> bool:
    """Whether the policy is sure to find nothing in the commit. Raises OSError and ValueError."""
    git_dir = spawn.git_dir()
    head = spawn.read(git_dir + "/HEAD") or b""
    if not head.startswith(_HEAD) or head.startswith(spawn.REFTABLE_HEAD):
        return False
    if spawn.exists(git_dir + "/MERGE_HEAD"):
        return False
    branch = spawn.text(head.removeprefix(_HEAD).rstrip(b"\n"))
    config = spawn.start(_CONFIG)
    diff = spawn.start([*_DIFF, "HEAD", "--"])
    from git_ekf.hooks.settings_cache import client_settings, parse_config  # while git is at work

    patch = spawn.finish(diff)
    values = parse_config(spawn.finish(config))
    settings = client_settings(git_dir, values)
    if settings is None or patch is None:
        return False
    # A line that it adds may be a conflict marker of any length. Only what git says begins a line
    # without a sign; "Binary files" is also what an attribute makes of a text.
    if b"\n+<" in patch or b"\n+>" in patch or b"\nBinary files " in patch:
        return False
    added = _new_directories(patch)
    if added is None:
        return False
    if not settings.scheme.is_release(branch):
        return branch in settings.allow
    if values.get(f"branch.{branch}.remote", [""])[-1] != settings.primary:
        return False
    if values.get(f"branch.{branch}.merge") != ["refs/heads/" + branch]:
        return False
    if not added:
        return True
    channel = f"refs/remotes/{settings.primary}/{branch}"
    theirs = spawn.finish(spawn.start(["ls-tree", "-d", "-z", "--name-only", channel]))
    return theirs is not None and added.isdisjoint(theirs.split(b"\0"))


def _new_directories(patch: bytes) -> set[bytes] | None:
    """Top-level directories of the new files that lie in no deploy overlay.

    None where git had to quote a name.
    """
    tops = set()
    # Only a header can begin so: lines of a file have a sign in front.
    before, *others = (b"\n" + patch).split(b"\nnew file mode ")
    for other in others:
        names = before.rpartition(b"\n")[2].removeprefix(b"diff --git ")
        before = other
        if not names.startswith(b"a/"):
            return None
        path = names[len(b"a/") : (len(names) - 1) // 2]  # "a/PATH b/PATH"
        if b"/" in path and b"/overlays/deploy/" not in path:
            tops.add(path.partition(b"/")[0])
    return tops
