"""A new branch, brought to one internal repository: as `git ekf save` would, and only as new.

The push names the branch that it was made of, too, as it was: so git itself looks whether that has
moved, in the moment of the push, and sends nothing of it.
"""

from __future__ import annotations

from git_ekf.deploy.refusal import AT_ONCE, complaints, findings
from git_ekf.deploy.save import may_refuse_only
from git_ekf.errors import CallFailed, GitFailed
from git_ekf.fleet.branches import ClusterUpgrade
from git_ekf.fleet.outcomes import FAILED, MOVED, PUSHED
from git_ekf.git.calls import Git
from git_ekf.git.questions.remotes import PushOutcome
from git_ekf.git.refs import HEADS
from git_ekf.terminal.text import MOST_WORDS, shortened
from git_ekf.vendor import reason_of

# A push may take so many times as long as an answer.
_LONGER = 10
_STALE = "stale info"


def push(git: Git, one: ClusterUpgrade, seconds: int) -> ClusterUpgrade:
    """Brings a branch to a repository, with the vendor's commit that it stands on.

    All of it or nothing, and only where the branch is not there yet. It is PUSHED, MOVED or FAILED
    then. Works in any thread.
    Raises CallFailed, also where no answer came in time: then it may have arrived or not.
    """
    url = one.member.internal
    made, origin = HEADS + one.goal, HEADS + one.branch
    wanted = {made: one.new, one.upstream_ref: one.upstream}
    expected = {made: ""}
    atomic = True
    said = ""
    while True:
        looked_at = {origin: one.old} if atomic else {}
        refspecs = [f"{oid}:{ref}" for ref, oid in {**looked_at, **wanted}.items()]
        leases = {**expected, **looked_at}
        pushed = git.push(url, refspecs, expected=leases, atomic=atomic, timeout=seconds * _LONGER)
        if pushed.code == 0:
            return one.ended(PUSHED, said)
        if _has_moved(pushed):
            return one.ended(MOVED)
        if atomic and "does not support --atomic" in pushed.messages:
            if _is_elsewhere(git, one, seconds):
                return one.ended(MOVED)
            atomic = False
        elif one.upstream_ref in wanted and may_refuse_only(pushed, one.upstream_ref):
            del wanted[one.upstream_ref]
            said = f"without {one.upstream_ref}, which it does not take"
        elif _is_elsewhere(git, one, seconds):  # a hook may have seen it before git did
            return one.ended(MOVED)
        else:
            return one.ended(FAILED, _words(pushed))


def _has_moved(pushed: PushOutcome) -> bool:
    reasons = pushed.rejected.values()
    return any(_STALE in reason for reason in reasons) or any(
        map(AT_ONCE.search, [pushed.messages, *reasons])
    )


def _is_elsewhere(git: Git, one: ClusterUpgrade, seconds: int) -> bool:
    """Whether it is not as it was planned. Raises CallFailed."""
    made, origin = HEADS + one.goal, HEADS + one.branch
    try:
        there = git.ls_remote(one.member.internal, made, origin, timeout=seconds)
    except GitFailed as error:
        raise CallFailed(reason_of(error)) from None
    return made in there or there.get(origin) != one.old


def _words(pushed: PushOutcome) -> str:
    """The words of the server and its hooks."""
    found = findings(pushed.messages)
    if found:
        rule, message, _ = found[0]
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return f"its hook says: {shortened(message, MOST_WORDS)} ({rule}){more}"
    reasons = [reason.partition("] ")[2].strip("()") for reason in pushed.rejected.values()]
    own = [reason for reason in reasons if reason and "atomic" not in reason]
    words = "; ".join(filter(None, dict.fromkeys([*own, *complaints(pushed.messages)])))
    return shortened(words, MOST_WORDS) or "it does not say why"
