"""Decides in a few milliseconds that a commit or a push is fine; whatever is not plainly fine goes to hooks.py.

`passes` may say yes only where the full policy finds nothing, not even a warning: a test holds the two
against each other. It imports os and names.py and nothing else, and asks git at most two questions,
side by side: each import and each process here is felt at every commit.
"""

from __future__ import annotations

import os

from git_ekf import __version__
from git_ekf.names import INTERNAL, PRIMARY, RELEASE_PATTERN, Scheme, normalise_url

PROTOCOL = "1"

# A larger patch is read by the full rules, which need not hold it in memory.
_PATCH_LIMIT = 1 << 20
# More new commits than this are for the full rules.
_COMMIT_LIMIT = 1000

_DIFF_OPTIONS = ["--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none"]
_COMMIT_DIFF = ["diff-index", "--cached", "-p", "-U0", *_DIFF_OPTIONS, "HEAD"]
_CONFIG = ["config", "-z", "--get-regexp", r"^(ekf|branch|remote|url)\."]


class Settings:
    """The part of the configuration that the fast path goes by."""

    __slots__ = ("allow", "internal", "primary", "scheme")

    def __init__(
        self, pattern: str = RELEASE_PATTERN, primary: str = PRIMARY, internal: str = INTERNAL, allow: tuple[str, ...] = ()
    ) -> None:
        self.scheme = Scheme(pattern)
        self.primary = primary
        self.internal = internal
        self.allow = allow


def passes(argv: list[str], stdin: bytes) -> bool:
    """Whether the hook (argv: protocol, hook, its arguments) is sure to find nothing."""
    if argv[:1] != [PROTOCOL]:
        return False
    try:
        if argv[1:2] == ["pre-commit"]:
            return _commit_passes()
        if argv[1:2] == ["pre-push"] and len(argv) == 4:
            return _push_passes(argv[2], argv[3], stdin)
    except (OSError, ValueError):
        pass
    return False


def _commit_passes() -> bool:
    git_dir = os.environ.get("GIT_DIR", ".git")
    head = _read(git_dir + "/HEAD") or b""
    if not head.startswith(b"ref: refs/heads/") or os.path.exists(git_dir + "/MERGE_HEAD"):
        return False
    branch = os.fsdecode(head[len(b"ref: refs/heads/") :].rstrip(b"\n"))
    if branch == ".invalid":  # reftable: HEAD is elsewhere
        return False
    config = _start(_CONFIG)
    diff = _start(_COMMIT_DIFF)
    patch = _finish(diff, _PATCH_LIMIT)
    settings, values = _settings(_finish(config, _PATCH_LIMIT), git_dir)
    if settings is None or patch is None:
        return False
    if settings.scheme.is_release(branch):
        section = f"branch.{branch}."
        if values.get(section + "remote", [""])[-1] != settings.primary or values.get(section + "merge") != ["refs/heads/" + branch]:
            return False
    elif branch not in settings.allow:
        return False
    return not any(mark in patch for mark in (b"\n+<<<<<<<", b"\n+>>>>>>>", b"\nnew file mode "))


def _push_passes(remote: str, url: str, stdin: bytes) -> bool:
    """Only release branches, each fast-forwarded over commits of its own line."""
    updates = [line.rsplit(" ", 3) for line in os.fsdecode(stdin).splitlines()]
    if not updates:
        return True
    if len(updates) != 1:
        return False
    local, new, ref, old = updates[0]
    if ref != local or not ref.startswith("refs/heads/") or not new.strip("0") or not old.strip("0"):
        return False
    branch = ref[len("refs/heads/") :]
    commits = _start_commits(PRIMARY, branch, old, new)  # a guess, while git reads its configuration
    settings, values = _settings(_finish(_start(_CONFIG), _PATCH_LIMIT), os.environ.get("GIT_DIR", ".git"))
    if settings is None or remote != settings.internal or not settings.scheme.is_release(branch):
        return False
    if any(key.startswith("url.") for key in values):  # rewritten URLs: git has to be asked for them
        return False
    primary = values.get(f"remote.{settings.primary}.url", [])
    if not primary or _may_be_same(url, [*primary, *values.get(f"remote.{settings.primary}.pushurl", [])]):
        return False
    if settings.primary != PRIMARY:
        _finish(commits, 0)
        commits = _start_commits(settings.primary, branch, old, new)
    listed = _finish(commits, _PATCH_LIMIT)
    return listed is not None and _is_chain(listed, old, new)


def _start_commits(primary: str, branch: str, old: str, new: str) -> tuple[int, int]:
    """Lists the customer's commits on either side of the update; fails where the channel is not known."""
    options = f"--parents --topo-order --max-count={_COMMIT_LIMIT} --left-right".split()
    vendor = [f"refs/remotes/{primary}/{branch}", f"--glob=refs/remotes/{primary}/*", "--glob=refs/ekf/upstream/*"]
    return _start(["rev-list", *options, f"{old}...{new}", "--not", *vendor])


def _is_chain(listed: bytes, old: str, new: str) -> bool:
    """Whether the commits lead from `new` down to `old`, parent by parent, and nothing else is listed."""
    expected = new.encode()
    for line in listed.splitlines():
        words = line.split(b" ")
        if len(words) != 2 or words[0] != b">" + expected:
            return False
        expected = words[1]
    return expected == old.encode()


def _may_be_same(url: str, others: list[str]) -> bool:
    """Whether the last part of the paths agrees: then links and relative paths have to be resolved to tell."""
    name = normalise_url(url).rpartition("/")[2]
    return any(name == normalise_url(other).rpartition("/")[2] for other in others)


def _settings(config: bytes | None, git_dir: str) -> tuple[Settings | None, dict[str, list[str]]]:
    """The settings in force and git's configuration; None where only the full reader can tell."""
    values: dict[str, list[str]] = {}
    for entry in os.fsdecode(config or b"").split("\0"):
        key, newline, value = entry.partition("\n")
        if key:
            values.setdefault(key, []).append(value if newline else "true")
    ours = {key: value for key, value in values.items() if key.startswith("ekf.")}
    toml = _read(".ekf.toml")
    if toml is None and not ours:
        return Settings(), values
    return recall(git_dir, fingerprint(toml, ours)), values


# --- what the full reader made of a configuration, kept in the git directory ---


def fingerprint(toml: bytes | None, ekf_config: dict[str, list[str]]) -> bytes:
    """Everything the configuration is made from. Compared whole, so a remembered one is never stale."""
    return repr((__version__, toml, sorted(ekf_config.items()))).encode("utf-8", "surrogateescape")


def remember(git_dir: str, key: bytes, pattern: str, primary: str, internal: str, allow: tuple[str, ...]) -> None:
    """Keeps the settings for `recall`. That it cannot be written costs time, nothing else."""
    lines = [pattern, primary, internal, *(name for name in allow if not set(name) & set("*?["))]
    if any("\n" in line or not line for line in lines):
        return
    path = os.path.join(git_dir, "ekf", "settings")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.{os.getpid()}", "wb") as file:
            file.write(os.fsencode("\n".join(lines)) + b"\n\n" + key)
        os.replace(f"{path}.{os.getpid()}", path)
    except OSError:
        pass


def recall(git_dir: str, key: bytes) -> Settings | None:
    lines, _, known = (_read(git_dir + "/ekf/settings") or b"").partition(b"\n\n")
    if not known or known != key:
        return None
    pattern, primary, internal, *allow = os.fsdecode(lines).split("\n")
    return Settings(pattern, primary, internal, tuple(allow))


# --- files and processes ---


def _read(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        parts = []
        while part := os.read(descriptor, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _start(args: list[str]) -> tuple[int, int]:
    """Starts git; its process id and the reading end of its output."""
    out, into = os.pipe()
    quiet = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (0, 2)]
    pid = os.posix_spawnp("git", ["git", *args], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, into, 1), *quiet])
    os.close(into)
    return pid, out


def _finish(process: tuple[int, int], limit: int) -> bytes | None:
    """The output; None when git failed or said more than `limit` bytes (1, "no such key", is no failure)."""
    pid, out = process
    parts = []
    size = 0
    while size <= limit and (part := os.read(out, 1 << 16)):
        parts.append(part)
        size += len(part)
    os.close(out)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return b"".join(parts) if code in (0, 1) and size <= limit else None
