"""Whether a resolution may be used: it is code that comes to run, and somebody else wrote it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from git_ekf.errors import Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.git.questions.about import Paths
from git_ekf.git.trees import Entry
from git_ekf.policy.content import count_markers, is_suspect, marker_size
from git_ekf.policy.limits import LARGE_FILE
from git_ekf.repository import Repository
from git_ekf.resolutions.kept import Resolution, git_for, known_tip, read_kept
from git_ekf.resolutions.question import Question
from git_ekf.shown import escape
from git_ekf.smallfile import STATE, read_small, write_small
from git_ekf.transaction.journal import locked, read_own


class ListedResolution(NamedTuple):
    """A resolution, whether it is used (signed or approved) or refused, and why that.

    `why` is half a sentence about it. `waiting`: it would be used, once somebody here approves it.
    """

    resolution: Resolution
    state: str
    why: str = ""
    waiting: bool = False


class Examiner:
    """The resolutions that are known here, and why each may not be used. All is asked once."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self._git = git_for(repo)
        self._signed: dict[str, bool] = {}  # commit -> whether an allowed signer has signed it
        self._listed: dict[str, ListedResolution] = {}  # by their keys

    @cached_property
    def kept(self) -> dict[str, Resolution]:
        """Key -> resolution. Raises GitFailed."""
        return read_kept(self._git, known_tip(self.repo))

    @cached_property
    def _approved(self) -> set[str]:
        return approved(self.repo)

    def listed(self, one: Resolution) -> ListedResolution:
        """Whether it is used. Raises GitFailed, Refused."""
        if one.key not in self._listed:
            self._listed[one.key] = self._judged(one)
        return self._listed[one.key]

    def _judged(self, one: Resolution) -> ListedResolution:
        fault = self.fault(one)
        if fault:
            return ListedResolution(one, "refused", fault)
        if one.tree in self._approved:
            return ListedResolution(one, "approved")
        lacks = self._signers_fault
        if not lacks:
            self.verify([one])
            if self._signed[one.commit]:
                return ListedResolution(one, "signed")
            lacks = f"{one.commit[:7]}, which brought it, has no signature by an allowed signer"
        why = f"nobody here has approved it, and {lacks}"
        return ListedResolution(one, "refused", why, waiting=True)

    def fault(self, one: Resolution) -> str:
        """A fault that it has, whoever has given it, as half a sentence; "" for none.

        Its result is judged as the rule conflict-marker judges a commit. Raises GitFailed.
        """
        if one.fault:
            return one.fault
        assert one.question
        assert one.result
        return fault_of(self._git, one.question, one.result)

    def verify(self, all_of: Iterable[Resolution]) -> None:
        """Looks at the signatures of many at once, ahead of `listed`. Raises GitFailed."""
        commits = {one.commit for one in all_of if one.commit} - self._signed.keys()
        if commits and not self._signers_fault:
            good = self._strict.well_signed_commits(sorted(commits))
            self._signed.update((commit, commit in good) for commit in commits)

    @cached_property
    def _strict(self) -> Git:
        """The git that believes in the allowed signers, and in nothing else."""
        programs = ("gpg.program", "gpg.openpgp.program", "gpg.x509.program")
        believe = [
            f"gpg.ssh.allowedSignersFile={self._signers}",
            "gpg.minTrustLevel=fully",  # a signature by another key has less
        ]
        return self._git.variant(settings=[*believe, *(f"{one}=false" for one in programs)])

    @cached_property
    def _signers(self) -> str:
        """The file of allowed signers: that for resolutions, else git's own; "" for none."""
        own = self.repo.config.resolution_signers
        return own or self._git.setting("gpg.ssh.allowedSignersFile", "path") or ""

    @cached_property
    def _signers_fault(self) -> str:
        """Why no signature counts; "" where some do."""
        path = self._signers
        if not path:
            return "no allowed signers are set here"
        place = self.repo.place
        whole = os.path.realpath(os.path.join(place.top, path))
        if not os.access(whole, os.R_OK) or not os.path.isfile(whole):
            return f"the allowed signers in {escape(path)} cannot be read"
        tracked = any(_is_below(whole, top) for top in _work_trees(place))
        if tracked and not _is_below(whole, place.common_dir):
            return f"the allowed signers in {escape(path)} may have come with a commit"
        return ""


def fault_of(git: Git, question: Question, result: Entry) -> str:
    """A fault in the content of an answer, as half a sentence; "" for none.

    Raises GitFailed.
    """
    sides = [question.ours.oid, result.oid]
    if any(info is None or info.size > LARGE_FILE for info in git.object_infos(sides)):
        return f"it has more than {LARGE_FILE >> 20} MB"
    size = marker_size(dict(question.attributes).get("conflict-marker-size", ""))
    before, after = (_markers(git.blob(oid), size) for oid in sides)
    return "it has conflict markers" if after > before else ""


def _markers(content: bytes, size: int) -> int:
    return count_markers(content, size) if is_suspect(content) else 0


def _work_trees(place: Paths) -> list[str]:
    """The tops of the work trees of a repository, as far as git's files name them."""
    found = [place.top] if place.top else []
    if os.path.basename(place.common_dir) == ".git":
        found.append(os.path.dirname(place.common_dir))
    linked = os.path.join(place.common_dir, "worktrees")
    names = os.listdir(linked) if os.path.isdir(linked) else []
    for name in names:
        with suppress(OSError):  # one that is being made, or removed
            content = read_small(os.path.join(linked, name, "gitdir"), STATE) or b""
            found.append(os.path.dirname(os.fsdecode(content.removesuffix(b"\n"))))
    return found


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(os.path.realpath(folder), ""))


# --- one by one, for people ---


def standings(examiner: Examiner) -> list[ListedResolution]:
    """All that an examiner knows, the newest first, those of one day by their paths.

    Raises GitFailed, Refused.
    """
    kept = sorted(examiner.kept.values(), key=lambda one: (-one.seconds, one.path, one.key))
    examiner.verify(kept)
    return list(map(examiner.listed, kept))


def named(known: list[ListedResolution], keys: list[str], shows: str) -> list[ListedResolution]:
    """Those that are named by their keys, or what these begin with; a command `shows` all keys.

    Raises UsageError.
    """
    found = []
    for key in keys:
        fitting = [one for one in known if one.resolution.key.startswith(key)]
        if re.fullmatch(r"[0-9a-f]{1,3}", key):
            raise UsageError(f"{key} is too short: four digits of a key at least", shows)
        if not re.fullmatch(r"[0-9a-f]{4,64}", key) or not fitting:
            raise UsageError(f"no resolution is called {key}", shows)
        if len(fitting) > 1:
            raise UsageError(f"{len(fitting)} resolutions begin with {key}", f"{shows} --json")
        found += fitting
    return list(dict.fromkeys(found))


def require_sound(examiner: Examiner, one: Resolution, commits: Iterable[str], shows: str) -> None:
    """Raises Refused for one that nobody's agreement would make good.

    So is one for a file that none of the commits has: it is never asked for.
    """
    git = examiner.repo.git
    why = examiner.fault(one)
    if not why and not any(git.entry(commit, one.path) for commit in commits):
        why = "neither the branch nor a channel has that file any more"
    if why:
        path = f" for {one.path}" if one.path else ""
        raise Refused(f"resolution {one.short}{path} cannot be approved: {why}", shows)


def difference(repo: Repository, one: Resolution) -> list[str]:
    """The lines of the diff from the new release's file to the answer."""
    assert one.question
    assert one.result
    old, new = one.question.ours, one.result
    modes = [f"old mode {old.mode}", f"new mode {new.mode}"] if old.mode != new.mode else []
    return modes + repo.git.diff_blobs(old.oid, new.oid)


# --- what was agreed to in this clone ---


def approved(repo: Repository) -> set[str]:
    """The object ids of the directories that were agreed to in this clone.

    The id stands for the question and every byte of the answer: another answer is another id.
    Raises Refused where the file cannot be read.
    """
    return set(os.fsdecode(read_own(_approved_path(repo))).split("\n")) - {""}


def approve(repo: Repository, trees: Iterable[str]) -> None:
    """Remembers ids beside those agreed to before, a line each.

    Raises Refused while another git-ekf command is at work.
    """
    with locked(repo):
        lines = sorted({*approved(repo), *trees})
        write_small(_approved_path(repo), "".join(f"{line}\n" for line in lines).encode())


def _approved_path(repo: Repository) -> str:
    return os.path.join(repo.place.common_dir, "ekf", "approved")
