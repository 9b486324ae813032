"""`git ekf status --prompt`: a few words for the shell's prompt, with few processes and imports.

Where no clone is that git-ekf has set up there are no words at all, and never an error.
"""

import os
import sys
import time

from git_ekf.hooks.settings_cache import Settings, client_settings, parse_config
from git_ekf.hooks.spawn import finish, limit, read, start
from git_ekf.names import AHEAD, Scheme, recency, record_name
from git_ekf.transaction.at_work import at_work

_LIMIT = 1 << 24  # bytes; a longer answer is none
_SECONDS = 3  # how long a shell waits at most for its prompt: then there are no words

# A prompt runs no program of the repository that it is in, which may have come with a commit.
_STATUS = (
    "-c core.fsmonitor=false -c core.hooksPath=/dev/null -c safe.bareRepository=explicit"
    " status --porcelain=v2 --branch --untracked-files=no --ignore-submodules=dirty -z"
)

_PLACE = [
    *("rev-parse", "--path-format=absolute"),
    *("--show-toplevel", "--git-dir", "--git-common-dir"),
]

# More than one, because some may be of a clock in the future.
_RECORDS = [
    *("for-each-ref", "--count=10", "--sort=-creatordate"),
    *("--format=%(creatordate:unix) %(refname)", "refs/tags/deploy/"),
]

# What git is doing, in the words of git's own prompt.
_REBASES = ("rebase-merge", "rebase-apply")
_OPERATIONS = {
    "MERGE_HEAD": "|MERGING",
    "CHERRY_PICK_HEAD": "|CHERRY-PICKING",
    "BISECT_LOG": "|BISECTING",
}


def main() -> None:
    """Prints the words, and ends the process with exit code 0 in any case."""
    os.environ["GIT_OPTIONAL_LOCKS"] = "0"  # nobody's commit is to fail because of a prompt
    limit(_SECONDS)
    try:
        text = segment()
        if text:
            # For a terminal that knows less than Unicode.
            sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
            print(text, flush=True)
    except (OSError, ValueError):
        pass
    os._exit(0)  # nothing is left to be written, not even what could not be


def segment() -> str:
    """ "release-1.8 +12 -3 ~2 ^1 !1.9", or "" outside a clone that git-ekf has set up.

    The vendor's channel lacks 12 commits and has 3 more, 2 files are changed, 1 commit is unsaved,
    and the cluster runs 1.9.
    """
    place = start(_PLACE)
    records = start(_RECORDS)
    config = start(["config", "-z", "--get-regexp", r"^(ekf|remote)\."])
    status = start(_STATUS.split())
    where = os.fsdecode(finish(place, _LIMIT) or b"").split("\n")[:-1]
    fields = os.fsdecode(finish(status, _LIMIT) or b"").split("\0")
    known = finish(config, _LIMIT)
    newest = os.fsdecode(finish(records, _LIMIT) or b"").split("\n")
    if len(where) != 3 or len(fields) < 2:
        return ""
    top, git_dir, common_dir = where
    os.chdir(top)
    values = parse_config(known)
    settings = client_settings(git_dir, values) or Settings()
    if f"remote.{settings.internal}.url" not in values:
        return ""
    headers = dict(field[2:].split(" ", 1) for field in fields if field.startswith("# "))
    branch, operation = _branch(headers.get("branch.head", ""), git_dir)
    # In another terminal: before a rebase, which may be its own.
    name = at_work(os.path.join(common_dir, "ekf"))
    if name:
        operation = f"|{name.upper()}"
    words = [branch + operation]
    counts = headers.get("branch.ab", "").split(" ")  # "+12 -3", "+0 -0" where all is equal
    words += [count for count in counts if count.strip("+-0")]
    changed = sum(field[:2] in ("1 ", "2 ", "u ") for field in fields)
    if changed:
        words.append(f"~{changed}")
    if settings.scheme.is_release(branch) and not operation:
        unsaved = _unsaved(branch, settings.internal)
        if unsaved:
            words.append(f"^{unsaved}")
    runs = _runs(newest, settings.scheme)
    if runs and runs != branch and settings.scheme.is_release(branch):
        words.append(f"!{settings.scheme.version(runs)}")
    return "".join(char if char.isprintable() else "?" for char in " ".join(words))


def _branch(head: str, git_dir: str) -> tuple[str, str]:
    """The branch, and what git is doing with it."""
    for folder in _REBASES:
        rebased = read(os.path.join(git_dir, folder, "head-name"))
        if rebased is not None:
            return os.fsdecode(rebased.strip()).removeprefix("refs/heads/"), "|REBASE"
    for name, operation in _OPERATIONS.items():
        if os.path.exists(os.path.join(git_dir, name)):
            return head, operation
    return head, ""


def _runs(records: list[str], scheme: Scheme) -> str:
    """The release of the newest deploy record that no clock in the future has made; or "".

    The rule is that of `cluster.cluster_of`, which takes too long to load for a prompt.
    """
    latest = time.time() + AHEAD
    dated = []
    for line in records:
        seconds, _, ref = line.partition(" ")
        name = record_name(ref.removeprefix("refs/tags/"), scheme)
        if seconds.isdigit() and int(seconds) <= latest and not isinstance(name, str):
            dated.append((recency(int(seconds), name, scheme), name.branch))
    return max(dated)[1] if dated else ""


def _unsaved(branch: str, internal: str) -> int:
    """How many commits the internal repository does not have, by what was fetched last.

    All of the configuration where it has no such branch.
    """
    saved = f"refs/remotes/{internal}/"
    count = ["rev-list", "--count", f"refs/heads/{branch}", "--not"]
    number = finish(start([*count, f"{saved}{branch}", "--"]), _LIMIT)
    if not number:
        number = finish(start([*count, f"--exclude={saved}*", "--remotes", "--"]), _LIMIT)
    return int(number or b"0")
