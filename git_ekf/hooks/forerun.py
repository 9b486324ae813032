"""What the full rules of pre-receive ask git in any case, asked before Python has loaded them.

Loading takes as long as git needs for all of it. A question that is asked otherwise after all costs
a process, nothing else; a test holds that these are the ones.
"""

from git_ekf.hooks import listing, spawn
from git_ekf.policy.limits import BOUNDED

# Bytes of an answer: a server may have a hundred thousand refs.
_MOST = 1 << 25

_REFS = ["for-each-ref", "--format=%(objectname) %(refname) %(symref)"]
_TREES = [
    "--objects",
    "--no-object-names",
    "--filter-provided-objects",
    "--filter=object:type=tree",
]
_COMMITS = ["rev-list", "--parents", "--topo-order", "--not", "--glob=refs/ekf/upstream/*", "--not"]

# By the words behind "git", and what it reads.
_asked: dict[tuple[tuple[str, ...], bytes], int] = {}


def begin(stdin: bytes) -> None:
    """Asks what can be told from what git has told the hook."""
    environment = {**spawn.server_environment(), b"GIT_FLUSH": b"0"}
    _ask(environment, ["config", "--list", "-z"])
    _ask(environment, _REFS)
    updates = [line.split(b" ", 2) for line in stdin.split(b"\n") if line.count(b" ") > 1]
    new = dict.fromkeys(new + b"\n" for _, new, _ in updates if new.strip(b"0"))
    if new and b"GIT_OBJECT_DIRECTORY" in environment:
        known = ["--missing=allow-any", "--stdin", "--not", "--glob=refs/*"]
        _ask(environment, [*BOUNDED, "rev-list", *_TREES, *known], b"".join(new))
    for old, tip, ref in updates:
        if listing.moved_branch(spawn.text(ref), spawn.text(old), spawn.text(tip)):
            _ask(environment, [*_COMMITS, "--stdin"], tip + b"\n^" + old + b"\n")
            break


def _ask(environment: dict[bytes, bytes], words: list[str], stdin: bytes = b"") -> None:
    try:  # noqa: SIM105 (contextlib is what is being loaded meanwhile)
        _asked[tuple(words), stdin] = spawn.start(words, environment, stdin)
    except OSError:  # whoever asks next finds out why
        pass


def answer(words: tuple[str, ...], stdin: bytes) -> bytes | None:
    """The words of git, once; None where it was not asked so, has failed, or says very much."""
    pid = _asked.pop((words, stdin), None)
    return None if pid is None else spawn.finish(pid, _MOST)
