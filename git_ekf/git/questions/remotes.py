"""Remotes: what they have, and what is fetched from them and pushed to them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from git_ekf.errors import CallFailed, UsageError
from git_ekf.git.process import Ahead, Process, as_lines, flags
from git_ekf.git.refs import HEADS
from git_ekf.git.transfer import ending_after

# Seconds that a question to a remote may take; a person may have to type a password.
REMOTE_TIMEOUT = 60.0


# Whatever fetch.prune and fetch.pruneTags say: a tag that the remote does not have may be the only
# record of a deployment.
_WITHOUT_PRUNING = ("--no-prune", "--no-prune-tags")
_AS_PACKS = ("fetch.unpackLimit=1",)


class PushOutcome:
    """How a push ended."""

    def __init__(self, code: int, rejected: dict[str, str], messages: str) -> None:
        """`code` is git's, 0 when all of it was taken; `rejected` is ref -> reason, of the rest.

        `messages` are what git, hooks and the server said.
        """
        self.code = code
        self.rejected = rejected
        self.messages = messages


class RemoteQuestions(Process):
    """About remotes."""

    def ls_remote(self, remote: str, *patterns: str, timeout: float = 0) -> dict[str, str]:
        """Ref -> object id at a remote (a name or a URL). Raises CallFailed.

        It has `timeout` seconds to answer; 0: GIT_EKF_TIMEOUT, or REMOTE_TIMEOUT.
        """
        question = ("ls-remote", "--end-of-options", remote, *patterns)
        return _parse_refs(self._run(*question, timeout=timeout or remote_timeout()))

    def asking_remote(self, remote: str, *patterns: str) -> Ahead[dict[str, str]]:
        """The same, asked ahead, without a limit of time."""
        question = ("ls-remote", "--end-of-options", remote, *patterns)
        return self._ahead(*question, read=_parse_refs)

    def remote_head(self, remote: str) -> str:
        """The branch that a plain clone checks out; "" where HEAD names one that is not there."""
        for line in self._lines("ls-remote", "--symref", "--end-of-options", remote, "HEAD"):
            if line.startswith("ref: "):
                return line.partition("\t")[0].removeprefix("ref: " + HEADS)
        return ""

    # --- fetched ---

    def fetch(self, remote: str) -> None:
        """Fetches what the configuration says. Raises GitFailed."""
        self._fetch(*_WITHOUT_PRUNING, "--", remote)

    def show_fetch(self, remote: str, *refspecs: str) -> None:
        """Fetches what the configuration says, or these refspecs, as a person would.

        git itself reports on the terminal, also of each ref, where anybody watches.
        Raises CallFailed.
        """
        progress = "--progress" if self.progress else "--quiet"
        # As a pack: while it writes single objects, git is silent where it is not on a terminal.
        git = self.variant(settings=_AS_PACKS)
        git._show("fetch", progress, *_WITHOUT_PRUNING, "--", remote, *refspecs)

    def fetch_objects(self, remote: str, refs: Iterable[str]) -> str:
        """Fetches what refs lead to, and moves no ref here but FETCH_HEAD. git's messages.

        git makes sure that it is what its name says, and complete. Raises GitFailed.
        """
        options = ("--no-tags", "--no-auto-maintenance", "--no-recurse-submodules", "--stdin")
        # As packs: of single objects git writes those only that are nowhere in the repository yet.
        git = self.variant(settings=_AS_PACKS)
        return git._fetch(*options, "--", remote, stdin=as_lines(refs))

    def fetch_pack(self, url: str, refs: Iterable[str], timeout: float) -> dict[str, str]:
        """Fetches what refs lead to as a pack, and moves no ref: ref -> object id, as it was then.

        Half of what a fetch costs: nothing tells whether the objects are complete. Not for HTTP.
        Raises GitFailed, CallFailed after `timeout` seconds.
        """
        # It knows no "--": the URL must not begin with a dash.
        options = ("--quiet", "--no-progress", "--stdin")
        git = self.variant(settings=_AS_PACKS)
        out = git._run("fetch-pack", *options, url, stdin=as_lines(refs), timeout=timeout)
        return _parse_refs(out, " ")  # a tab is in the line about the pack

    def fetch_copy(self, remote: str, *refspecs: str) -> None:
        """Makes the refs of the refspecs what they are at the remote, deleted ones too.

        Raises GitFailed.
        """
        options = ("--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
        self._fetch(*options, "--", remote, *refspecs)

    def _fetch(self, *args: str, stdin: bytes = b"") -> str:
        with self._transfer("fetch", "--quiet", *args, stdin=bool(stdin)) as transfer:
            if stdin:
                transfer.write(stdin)
            transfer.stdout.read()
        transfer.require(0)
        return transfer.messages

    # --- pushed ---

    def push(
        self,
        remote: str,
        refspecs: Iterable[str],
        *,
        expected: Mapping[str, str],
        atomic: bool = True,
        verify: bool = True,
        timeout: float = 0,
    ) -> PushOutcome:
        """Pushes; a ref that is `expected` (ref -> object id) to be something may lose that.

        One that is expected to be "" must not be there. `atomic`: all or nothing; `verify`: the
        user's pre-push hook may refuse it. Raises CallFailed after `timeout` seconds (0: no limit),
        when it may have arrived or not.
        """
        options = flags(porcelain=True, no_follow_tags=True, atomic=atomic, no_verify=not verify)
        options += [f"--force-with-lease={ref}:{oid}" for ref, oid in expected.items()]
        with (
            self._transfer("push", *options, "--", remote, *refspecs) as transfer,
            ending_after(transfer.process, timeout) as ended,
        ):
            out = transfer.stdout.read()
        if ended:
            raise CallFailed(f"no answer within {timeout:g} s")
        return PushOutcome(transfer.code, _parse_rejected(os.fsdecode(out)), transfer.messages)

    # --- remotes of this clone (git-remote(1)) ---

    def remote_urls(self, remote: str, *, push: bool = False) -> list[str]:
        """The URLs that git will use, `url.<base>.insteadOf` applied."""
        return self._lines(
            "remote", "get-url", *flags(push=push), "--all", "--end-of-options", remote
        )

    def add_remote(self, remote: str, url: str) -> None:
        """Adds a remote, of which nothing is fetched yet. Raises GitFailed."""
        self._run("remote", "add", "--", remote, url)

    def rename_remote(self, old: str, new: str) -> None:
        """Renames a remote, with its remote-tracking branches and settings. Raises GitFailed."""
        self._run("remote", "rename", "--no-progress", "--", old, new)

    def set_remote_url(self, remote: str, url: str) -> None:
        """Gives a remote another URL. Raises GitFailed."""
        self._run("remote", "set-url", "--", remote, url)


def _parse_refs(out: bytes, between: str = "\t") -> dict[str, str]:
    refs = {}
    for line in os.fsdecode(out).split("\n"):  # not splitlines(), as in Process._lines
        oid, _, ref = line.partition(between)
        if ref:
            refs[ref] = oid
    return refs


def _parse_rejected(porcelain: str) -> dict[str, str]:
    """ref -> reason, from `git push --porcelain` (git-push(1), OUTPUT)."""
    rejected = {}
    for line in porcelain.split("\n"):
        words = line.split("\t")
        if words[0] == "!" and len(words) > 2:
            rejected[words[1].partition(":")[2]] = words[2]
    return rejected


def remote_timeout() -> float:
    """Seconds that a question to a remote may take. Raises UsageError for a wrong setting."""
    given = os.environ.get("GIT_EKF_TIMEOUT", "")
    try:
        seconds = float(given or REMOTE_TIMEOUT)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise UsageError(
            f"GIT_EKF_TIMEOUT is {given}, which is not a number of seconds above 0",
            f"export GIT_EKF_TIMEOUT={REMOTE_TIMEOUT:g}",
        )
    return seconds
