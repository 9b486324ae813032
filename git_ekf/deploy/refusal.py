"""Why `internal` did not take a push, in one sentence with a hint."""

from __future__ import annotations

import os
import re

from git_ekf.deploy.renumber import taken
from git_ekf.errors import CallFailed, Refused
from git_ekf.git.refs import HEADS, TAGS, RefUpdate, names_above
from git_ekf.internal import ask, require_branch
from git_ekf.policy.finding import Finding
from git_ekf.policy.judges import judge_push
from git_ekf.policy.pushes import Push
from git_ekf.policy.records import how_to_renumber
from git_ekf.records import read_records, saved_records
from git_ekf.repository import Repository
from git_ekf.shown import escape, shell
from git_ekf.terminal.text import MOST_WORDS, counted, shortened

# What git says of a ref that is being moved, or was since it was asked for (refs/files-backend.c,
# refs/reftable-backend.c). In an atomic push a ref itself is only said to be refused with others.
AT_ONCE = re.compile(
    r"cannot lock ref '[^']*': (?:is at |reference already exists|Unable to create .*: File exists)"
    r"|cannot lock references|incorrect old value provided"
)


def refusal(
    repo: Repository,
    branch: str,
    refs: dict[str, str],
    rejected: dict[str, str],
    messages: str,
    saved: str,
) -> Refused | CallFailed:
    """The error for a push of a branch and its records that was refused.

    `refs` is what was pushed, ref -> object id; `rejected` is ref -> reason, `messages` are those
    of hooks and server; `saved` says what has come of it, as the end of a sentence. Where others
    may have pushed meanwhile, `internal` is asked again. Raises Refused where it has commits now
    that this clone lacks.
    """
    internal = repo.config.internal
    by_policy = "git-ekf: push refused" in messages
    if by_policy or rejected:
        ask(repo)  # where that fails, it has said enough already
        repo = repo.fresh()
        require_branch(repo, branch, saved)
        for name in taken(repo):
            return Refused(
                f"{internal} has another {name}: somebody else took that name; {saved}",
                how_to_renumber(repo, read_records(repo, TAGS + name)[0]),
            )
    if by_policy:
        return _by_policy(repo, branch, refs, messages, saved)
    if any(map(AT_ONCE.search, [messages, *rejected.values()])):
        return Refused(
            f"somebody else saves to {internal} at this moment, or was cut off there; {saved}",
            "git ekf pull, then: git ekf save",
        )
    # One that was refused with others says only that.
    refused = [HEADS + branch, *sorted(rejected, key=lambda ref: "atomic" in rejected[ref])]
    # git says "[remote rejected] (WHY)".
    reasons = [rejected.get(ref, "").partition("] ")[2].strip("()") for ref in refused]
    reason = next(filter(None, reasons), "")
    said = filter(None, dict.fromkeys([reason, *complaints(messages)]))
    words = "; ".join(said) or "it does not say why"
    if any(map(repo.namespace.is_backup, rejected)):
        return CallFailed(
            f"{internal} did not take a backup: {words}; {saved}",
            "git ekf doctor --remote, which tries where it takes one",
        )
    if rejected:
        return CallFailed(
            f"{internal} did not take it: {words}; {saved}",
            f"git push {shell(internal, branch)} shows all that it says",
        )
    hook = os.path.join(repo.git.hooks_dir, "pre-push")
    # git says only this of a hook that fails, and more of a server that it does not reach.
    if "error: failed to push some refs" in messages and os.path.exists(hook):
        return CallFailed(
            f"the pre-push hook refused it: {words}; {saved}",
            f"cat {shell(hook)}",
        )
    return CallFailed(
        f"{internal} cannot be pushed to: {words}",
        f"git ls-remote {shell(internal)}",
    )


def _by_policy(
    repo: Repository, branch: str, refs: dict[str, str], messages: str, saved: str
) -> Refused:
    """What a hook said. Its command is ours only where this clone's own judge gives it too.

    What comes over the wire may be anything in the form of our hook's answer.
    """
    internal = repo.config.internal
    found = [one for one in findings(messages) if one[0] in repo.config.rules]
    if not found:
        return Refused(f"the policy is broken; {saved}", "git ekf check")
    rule, message, fix = found[0]
    more = f", and {counted(len(found) - 1, 'more finding')}" if len(found) > 1 else ""
    end = f"{message} ({rule}){more}; {saved}"
    for ours in _judged_here(repo, refs):
        if (ours.rule, escape(ours.message), escape(ours.fix)) == (rule, message, fix):
            return Refused(end, ours.fix)
    shown = [ref for ref in refs if ref.startswith((HEADS, TAGS))][:3]
    named = [ref.removeprefix(HEADS).removeprefix(TAGS) for ref in shown]
    return Refused(
        f"{internal} says: {end}",
        f"git push {shell(internal, *(named or [branch]))} shows all that it says",
    )


def _judged_here(repo: Repository, refs: dict[str, str]) -> list[Finding]:
    """What this clone's pre-push hook finds about the push."""
    internal = repo.config.internal
    none = "0" * len(next(iter(refs.values())))
    there = {HEADS + branch: oid for branch, oid in repo.saved_branches.items()}
    there |= {TAGS + name: oid for name, oid in saved_records(repo).items()}
    updates = [RefUpdate(ref, there.get(ref, none), oid) for ref, oid in refs.items()]
    return judge_push(repo, Push(internal, internal, updates, lambda: there))


def findings(messages: str) -> list[tuple[str, str, str]]:
    """Rule, message and fix of each error that a hook of ours found, here or on the server."""
    plain = re.sub(r"^remote: (GL-HOOK-ERR: )?| +$", "", messages, flags=re.MULTILINE)
    return re.findall(r"^ +error +([\w-]+): (.*)\n +fix: (.*)$", plain, re.MULTILINE)


_CHATTER = (
    "To ",
    "hint:",
    "Please make sure you have",
    "and the repository exists",
    "error: failed to push some refs",
    "Everything up-to-date",
    "Done",
)
_PROGRESS = re.compile(
    r"(remote: )?[A-Z][a-z]+ing\b.*\d+%|(remote: )?(Enumerating|Delta compression|Total)\b"
)


def complaints(messages: str) -> list[str]:
    """The words of server and hooks: three lines, without progress and without what git adds."""
    lines = []
    for line in re.split(r"[\r\n]", messages):
        line = line.strip()
        if line and not line.startswith(_CHATTER) and not _PROGRESS.match(line):
            words = re.sub(r"^(remote: |fatal: |error: )+", "", line).strip()
            lines.append(shortened(words, MOST_WORDS))
    return lines[:3]


# --- names in the way ---


def require_free_on_internal(repo: Repository, refs: list[str], listed: dict[str, str]) -> None:
    """Raises Refused where a ref that `internal` has is in the way of one that it is to get."""
    above = {ref: set(names_above(ref)) for ref in refs if ref not in listed}
    for other in listed:
        if other.endswith("^{}"):
            continue
        for ref in above.keys() & set(names_above(other)) or [
            ref for ref, names in above.items() if other in names
        ]:
            from git_ekf.git.name_clash import name_clash  # which few saves ever need

            error = name_clash(ref, [other])
            error.message = f"on {repo.config.internal} {error.message}; nothing was saved"
            error.hint = _moved_there(repo, other)
            raise error


def _moved_there(repo: Repository, ref: str) -> str:
    """The command that gives a ref of `internal` another name, and loses nothing of it."""
    internal = repo.config.internal
    new = f"refs/old/{ref.removeprefix('refs/').replace('/', '-')}"
    if ref.startswith(HEADS):
        new = f"{repo.namespace.backup}{ref.removeprefix(HEADS).replace('/', '-')}/moved"
    push = f"git push --no-follow-tags {shell(internal)}"
    fetched = f"git fetch {shell(internal, ref)}"
    return f"{fetched} && {push} {shell(f'FETCH_HEAD:{new}')} && {push} {shell(f':{ref}')}"
