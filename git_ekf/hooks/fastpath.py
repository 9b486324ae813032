"""Decides in a few milliseconds that a commit or a push, sent or received, is fine; whatever is not plainly fine goes to hooks.py.

`passes` may say yes only where the full policy finds nothing, not even a warning: a test holds the two
against each other. It imports names.py and nothing that is not built in, and asks git two
questions side by side, and a third only where a commit brings new files: each import and each process here
is felt at every commit. `posix` is what os is made of; os itself takes 1.5 of the 12 ms that a hook has,
__future__ another 0.2.
"""

import posix
import sys

from git_ekf import __version__
from git_ekf.names import INTERNAL, PRIMARY, RELEASE_PATTERN, Scheme, normalise_url
from git_ekf.policy.limits import BOUNDED

PROTOCOL = "1"

# What the file HEAD has where refs are kept in a reftable: the real one is elsewhere.
_REFTABLE = b"ref: refs/heads/.invalid"

# A larger patch is read by the full rules, which need not hold it in memory.
_PATCH_LIMIT = 1 << 20
# More new commits than this are for the full rules.
_COMMIT_LIMIT = 1000

_DIFF_OPTIONS = [
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--ignore-submodules=none",
]
_COMMIT_DIFF = [*BOUNDED, "diff-index", "--cached", "-p", "-U0", *_DIFF_OPTIONS, "HEAD", "--"]
_CONFIG = ["config", "-z", "--get-regexp", r"^(ekf|branch|remote|url)\."]
_SERVER_CONFIG = ["config", "-z", "--get-regexp", r"^ekf\."]

# Begins what a server's configuration is remembered by: the repository of a work tree may be a client and a server.
SERVER = b"server\0"

# Those of git's variables that git itself sets for pre-receive, where PATH leads to. Any other may come from the client,
# whom sshd may let set it, and could loosen the rules: GIT_CONFIG_GLOBAL, say.
_OF_THE_HOOK = (
    b"GIT_DIR",
    b"GIT_QUARANTINE_PATH",
    b"GIT_OBJECT_DIRECTORY",
    b"GIT_ALTERNATE_OBJECT_DIRECTORIES",
    b"GIT_EXEC_PATH",
)


class Settings:
    """The part of the configuration that the fast path goes by. `allow`: plain names in `branches.allow`, or a server's `grants`."""

    __slots__ = ("allow", "internal", "primary", "scheme")

    def __init__(
        self,
        pattern: str = RELEASE_PATTERN,
        primary: str = PRIMARY,
        internal: str = INTERNAL,
        allow: tuple[str, ...] = (),
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
        if argv[1:] == ["pre-receive"]:
            return _receive_passes(stdin)
    except (OSError, ValueError):
        pass
    return False


def _commit_passes() -> bool:
    git_dir = _git_dir()
    head = _read(git_dir + "/HEAD") or b""
    if not head.startswith(b"ref: refs/heads/") or _exists(git_dir + "/MERGE_HEAD"):
        return False
    branch = _text(head[len(b"ref: refs/heads/") :].rstrip(b"\n"))
    if head.startswith(_REFTABLE):
        return False
    config = start(_CONFIG)
    diff = start(_COMMIT_DIFF)
    patch = finish(diff, _PATCH_LIMIT)
    settings, values = settings_of(finish(config, _PATCH_LIMIT), git_dir)
    if settings is None or patch is None:
        return False
    if settings.scheme.is_release(branch):
        section = f"branch.{branch}."
        if values.get(section + "remote", [""])[-1] != settings.primary or values.get(
            section + "merge"
        ) != ["refs/heads/" + branch]:
            return False
    elif branch not in settings.allow:
        return False
    if _has_markers(patch):
        return False
    added = _new_directories(patch)
    if not added or not settings.scheme.is_release(branch):
        return added is not None
    theirs = finish(
        start(["ls-tree", "-d", "-z", "--name-only", f"refs/remotes/{settings.primary}/{branch}"]),
        _PATCH_LIMIT,
    )
    return theirs is not None and not added.intersection(theirs.split(b"\0"))


def _new_directories(patch: bytes) -> set[bytes] | None:
    """Top-level directories of the new files that lie in no deploy overlay; None where git had to quote a name."""
    tops = set()
    patch = b"\n" + patch
    at = patch.find(
        b"\nnew file mode "
    )  # only a header can begin so: lines of a file have a sign in front
    while at >= 0:
        names = patch[patch.rindex(b"\n", 0, at) + len(b"\ndiff --git ") : at]
        if not names.startswith(b"a/"):
            return None
        path = names[len(b"a/") : (len(names) - 1) // 2]  # "a/PATH b/PATH"
        if b"/" in path and b"/overlays/deploy/" not in path:
            tops.add(path.partition(b"/")[0])
        at = patch.find(b"\nnew file mode ", at + 1)
    return tops


def _push_passes(remote: str, url: str, stdin: bytes) -> bool:
    """Only release branches, each fast-forwarded over commits of its own line."""
    updates = [line.rsplit(" ", 3) for line in _text(stdin).splitlines()]
    if not updates:
        return True
    # Away from the top of the work tree (git --work-tree=… push) there may be an .ekf.toml that is not seen from here.
    if len(updates) != 1 or not _exists(".git"):
        return False
    local, new, ref, old = updates[0]
    if (
        ref != local
        or not ref.startswith("refs/heads/")
        or not new.strip("0")
        or not old.strip("0")
    ):
        return False
    branch = ref[len("refs/heads/") :]
    commits = _start_commits(
        PRIMARY, branch, old, new
    )  # a guess, while git reads its configuration
    settings, values = settings_of(finish(start(_CONFIG), _PATCH_LIMIT), _git_dir())
    if settings is None or remote != settings.internal or not settings.scheme.is_release(branch):
        return False
    if any(
        key.startswith("url.") for key in values
    ):  # rewritten URLs: git has to be asked for them
        return False
    primary = values.get(f"remote.{settings.primary}.url", [])
    if not primary or _same_repository(
        url, [*primary, *values.get(f"remote.{settings.primary}.pushurl", [])]
    ):
        return False
    if settings.primary != PRIMARY:
        finish(commits, 0)
        commits = _start_commits(settings.primary, branch, old, new)
    listed = finish(commits, _PATCH_LIMIT)
    return listed is not None and not _has_markers(listed) and _is_chain(listed, old, new)


def _receive_passes(stdin: bytes) -> bool:
    """Only a release branch, fast-forwarded over commits of its own line, by one who may, on a server that asks for nothing more."""
    updates = _text(stdin).removesuffix("\n").split("\n")
    old, new, ref = updates[0].split(" ", 2)
    if (
        len(updates) != 1
        or not ref.startswith("refs/heads/")
        or not new.strip("0")
        or not old.strip("0")
    ):
        return False
    environment = server_environment()
    if b"GIT_NAMESPACE" in _environment():
        return False
    if _is_symbolic(ref):
        return False
    branch = ref[len("refs/heads/") :]
    config = start(_SERVER_CONFIG, environment)
    vendor = [f"refs/ekf/upstream/{branch}", "--glob=refs/ekf/upstream/*"]
    commits = start(_list_commits(vendor, old, new), environment)
    listed = finish(commits, _PATCH_LIMIT)
    settings = _server_settings(finish(config, _PATCH_LIMIT))
    if (
        settings is None
        or not settings.scheme.is_release(branch)
        or not _may_push(settings.allow, ref)
    ):
        return False
    return listed is not None and not _has_markers(listed) and _is_chain(listed, old, new)


def _server_settings(config: bytes | None) -> Settings | None:
    """The server's settings; None where it asks for more than the fast path knows, or only the full reader can tell."""
    values = _pairs(config)
    if config is not None and not values:
        return Settings()
    file = values.get("ekf.server.config")
    toml = _read(file[-1]) if file else b""
    return None if toml is None else recall(_git_dir(), fingerprint(SERVER + toml, values))


def grants(user: str, may_push: "tuple[tuple[str, tuple[str, ...]], ...]") -> tuple[str, ...]:
    """Who may push what, to be remembered: the variable that names the user, then USER: REF for each grant that `_matches` can tell."""
    given = [
        (who, ref) for who, refs in may_push for ref in refs if _is_plain(who) and _is_plain(ref)
    ]
    return (user, *(f"{who}: {ref}" for who, ref in given)) if may_push else ()


def _is_plain(pattern: str) -> bool:
    return not set(pattern) & set("?[") and "*" not in pattern[:-1]


def _may_push(remembered: tuple[str, ...], ref: str) -> bool:
    """Whether one of the grants is sure to let this user push the ref; without any, everybody may."""
    if not remembered:
        return True
    user = _text(_environment().get(remembered[0].encode("utf-8", "surrogateescape"), b""))
    pairs = (grant.partition(": ") for grant in remembered[1:])
    return user != "" and any(
        _matches(user, who) and _matches(ref, pattern) for who, _, pattern in pairs
    )


def _matches(text: str, pattern: str) -> bool:
    """As fnmatch has it, for a pattern with at most one star, at its end."""
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def _is_symbolic(ref: str) -> bool:
    """Whether the ref may be another name for one: those are files of their own, but in a reftable nobody can tell from here."""
    git_dir = _git_dir()
    return any(
        (_read(f"{git_dir}/{name}") or b"").startswith(beginning)
        for name, beginning in ((ref, b"ref:"), ("HEAD", _REFTABLE))
    )


def server_environment() -> dict[bytes, bytes]:
    """The environment for a server's questions to git. Refs under refs/replace/ change no answer."""
    given = _environment()
    # An empty one, as a server hands on that has nothing in quarantine, would be the current directory to git.
    environment = {
        name: value
        for name, value in given.items()
        if not name.startswith(b"GIT_") or (value and name in _OF_THE_HOOK)
    }
    environment[b"GIT_NO_REPLACE_OBJECTS"] = b"1"
    return environment


def _start_commits(primary: str, branch: str, old: str, new: str) -> tuple[int, int]:
    vendor = [
        f"refs/remotes/{primary}/{branch}",
        f"--glob=refs/remotes/{primary}/*",
        "--glob=refs/ekf/upstream/*",
    ]
    return start(_list_commits(vendor, old, new))


def _list_commits(vendor: list[str], old: str, new: str) -> list[str]:
    """Lists the customer's commits on either side of an update, with their patches; fails where the channel is not known."""
    options = (
        f"--topo-order --max-count={_COMMIT_LIMIT} --left-right --format=%x00%m%H%x20%P".split()
    )
    quiet = ["--no-show-signature", "--no-notes", "--no-decorate", "-p", "-U0", *_DIFF_OPTIONS]
    return [*BOUNDED, "log", *options, *quiet, f"{old}...{new}", "--not", *vendor, "--"]


def _is_chain(listed: bytes, old: str, new: str) -> bool:
    """Whether the commits lead from `new` down to `old`, parent by parent, and nothing else is listed."""
    expected = new.encode()
    for entry in listed.split(b"\0")[1:]:
        words = entry.partition(b"\n")[0].split(b" ")
        if len(words) != 2 or words[0] != b">" + expected:
            return False
        expected = words[1]
    return expected == old.encode()


def _has_markers(patch: bytes) -> bool:
    return b"\n+<<<<<<<" in patch or b"\n+>>>>>>>" in patch


def _same_repository(url: str, others: list[str]) -> bool:
    """Whether it is one of the others, links followed. git runs pre-push where relative paths start."""
    name = normalise_url(url, _realpath)
    return any(name == normalise_url(other, _realpath) for other in others)


def _realpath(path: str) -> str:
    import os  # for a remote that is a path

    return os.path.realpath(path)


def settings_of(config: bytes | None, git_dir: str) -> tuple[Settings | None, dict[str, list[str]]]:
    """The settings in force and git's configuration; None where only the full reader can tell."""
    values = _pairs(config)
    ours = {key: value for key, value in values.items() if key.startswith("ekf.")}
    toml = _read(".ekf.toml")
    if toml is None and not ours:
        return Settings(), values
    return recall(git_dir, fingerprint(toml, ours)), values


def _pairs(config: bytes | None) -> dict[str, list[str]]:
    """What `git config -z` prints: key -> values."""
    values: dict[str, list[str]] = {}
    for entry in _text(config or b"").split("\0"):
        key, newline, value = entry.partition("\n")
        if key:
            values.setdefault(key, []).append(value if newline else "true")
    return values


# --- what the full reader made of a configuration, kept in the git directory ---


def fingerprint(toml: bytes | None, ekf_config: dict[str, list[str]]) -> bytes:
    """Everything the configuration is made from. Compared whole, so a remembered one is never stale."""
    return repr((__version__, toml, sorted(ekf_config.items()))).encode("utf-8", "surrogateescape")


def remember(
    git_dir: str, key: bytes, pattern: str, primary: str, internal: str, allow: tuple[str, ...]
) -> None:
    """Keeps the settings for `recall`. That it cannot be written costs time, nothing else."""
    import os

    lines = [pattern, primary, internal, *allow]
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
    pattern, primary, internal, *allow = _text(lines).split("\n")
    return Settings(pattern, primary, internal, tuple(allow))


# --- files and processes ---


def _environment() -> dict[bytes, bytes]:
    """As the process got it; where os is loaded after all, as in the tests, with what has changed since."""
    return dict(sys.modules["os"].environb) if "os" in sys.modules else posix.environ


def _git_dir() -> str:
    return _text(_environment().get(b"GIT_DIR", b".git"))


def _text(raw: bytes) -> str:
    """What os.fsdecode makes of it."""
    return raw.decode(sys.getfilesystemencoding(), "surrogateescape")


def _exists(path: str) -> bool:
    try:
        posix.stat(path)
    except FileNotFoundError:
        return False
    return True


def _read(path: str) -> bytes | None:
    try:
        descriptor = posix.open(path, posix.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        parts = []
        while part := posix.read(descriptor, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        posix.close(descriptor)


def start(args: list[str], environment: dict[bytes, bytes] | None = None) -> tuple[int, int]:
    """Starts git, in an environment of its own where one is given; its process id and the reading end of its output."""
    out, into = posix.pipe()
    quiet = [(posix.POSIX_SPAWN_OPEN, number, "/dev/null", posix.O_RDWR, 0) for number in (0, 2)]
    pid = posix.posix_spawnp(
        "git",
        ["git", *args],
        environment or _environment(),
        file_actions=[(posix.POSIX_SPAWN_DUP2, into, 1), *quiet],
    )
    posix.close(into)
    return pid, out


def finish(process: tuple[int, int], limit: int) -> bytes | None:
    """The output; None when git failed or said more than `limit` bytes (1, "no such key", is no failure)."""
    pid, out = process
    parts = []
    size = 0
    while size <= limit and (part := posix.read(out, 1 << 16)):
        parts.append(part)
        size += len(part)
    posix.close(out)
    _, status = posix.waitpid(pid, 0)
    code = posix.waitstatus_to_exitcode(status)
    return b"".join(parts) if code in (0, 1) and size <= limit else None
