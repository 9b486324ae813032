"""`git ekf status --prompt`: a few words for the shell's prompt, from as few processes and imports as will do.

Where it is no clone that git-ekf has set up there are no words at all, and never an error.
"""

import os
import sys

from git_ekf.hooks.settings import Settings, client_settings, parse_config
from git_ekf.hooks.spawn import finish, start

_LIMIT = 1 << 24  # bytes; a longer answer is none


def main() -> None:
    os.environ["GIT_OPTIONAL_LOCKS"] = "0"  # nobody's commit is to fail because of a prompt
    try:
        text = segment()
        if text:
            sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr] # for a terminal that knows less than Unicode
            print(text, flush=True)
    except (OSError, ValueError):
        pass
    os._exit(0)  # nothing is left to be written, not even what could not be


def segment() -> str:
    """ "release-1.8 +12 -3 ~2 ^1": the vendor's channel lacks 12 commits and has 3 more, 2 files are changed, 1 commit is not saved."""
    place = start(["rev-parse", "--show-toplevel", "--absolute-git-dir"])
    config = start(["config", "-z", "--get-regexp", r"^(ekf|remote)\."])
    status = start(
        [
            "status",
            "--porcelain=v2",
            "--branch",
            "--untracked-files=no",
            "--ignore-submodules=dirty",
            "-z",
        ]
    )
    where = os.fsdecode(finish(place, _LIMIT) or b"").splitlines()
    fields = os.fsdecode(finish(status, _LIMIT) or b"").split("\0")
    known = finish(config, _LIMIT)
    if len(where) != 2 or len(fields) < 2:
        return ""
    top, git_dir = where
    os.chdir(top)
    values = parse_config(known)
    settings = client_settings(git_dir, values) or Settings()
    if f"remote.{settings.internal}.url" not in values:
        return ""
    headers = dict(field[2:].split(" ", 1) for field in fields if field.startswith("# "))
    branch, doing = _branch(headers.get("branch.head", ""), git_dir)
    words = [branch + doing]
    ahead, _, behind = headers.get("branch.ab", "").partition(" ")
    words += [count for count in (ahead, behind) if count.strip("+-0")]
    changed = sum(field[:2] in ("1 ", "2 ", "u ") for field in fields)
    if changed:
        words.append(f"~{changed}")
    unsaved = (
        _unsaved(branch, settings.internal)
        if settings.scheme.is_release(branch) and not doing
        else 0
    )
    if unsaved:
        words.append(f"^{unsaved}")
    return "".join(char if char.isprintable() else "?" for char in " ".join(words))


def _branch(head: str, git_dir: str) -> tuple[str, str]:
    """The branch, and what git is doing with it, in the words of git's own prompt."""
    for folder, doing in (("rebase-merge", "|REBASE"), ("rebase-apply", "|REBASE")):
        try:
            with open(
                os.path.join(git_dir, folder, "head-name"),
                encoding="utf-8",
                errors="surrogateescape",
            ) as file:
                return file.read().strip().removeprefix("refs/heads/"), doing
        except FileNotFoundError:
            pass
    for file_name, doing in (
        ("MERGE_HEAD", "|MERGING"),
        ("CHERRY_PICK_HEAD", "|CHERRY-PICKING"),
        ("BISECT_LOG", "|BISECTING"),
    ):
        if os.path.exists(os.path.join(git_dir, file_name)):
            return head, doing
    return head, ""


def _unsaved(branch: str, internal: str) -> int:
    """How many commits the internal repository does not have, as last heard; all are counted where it has no such branch."""
    saved = f"refs/remotes/{internal}/"
    count = finish(
        start(["rev-list", "--count", f"refs/heads/{branch}", "--not", f"{saved}{branch}", "--"]),
        _LIMIT,
    )
    if not count:
        count = finish(
            start(
                [
                    "rev-list",
                    "--count",
                    f"refs/heads/{branch}",
                    "--not",
                    f"--exclude={saved}*",
                    "--remotes",
                    "--",
                ]
            ),
            _LIMIT,
        )
    return int(count or b"0")
