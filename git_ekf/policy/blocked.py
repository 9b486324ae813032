"""Which updates of a push git will not make, whatever the policy says.

Without --atomic git makes all the others.
"""

from __future__ import annotations

from collections import Counter

from git_ekf.git.refs import RefUpdate, names_above
from git_ekf.names import valid_branch
from git_ekf.repository import Repository


def blocked(repo: Repository, updates: list[RefUpdate]) -> dict[str, str]:
    """Ref -> what is in the way of its update, as half a sentence."""
    hidden = [
        value for key, value in repo.git_config if key in ("transfer.hiderefs", "receive.hiderefs")
    ]
    found: dict[str, str] = {}
    for ref, count in Counter(update.ref for update in updates).items():
        if count > 1:
            found[ref] = "is in the push twice"
        if not valid_branch(ref):
            found[ref] = "is not a valid ref name"
        if _is_hidden(ref, hidden):
            found[ref] = "is hidden on the server (receive.hideRefs)"
    arriving = {update.ref for update in updates if not update.deletes}
    # By what would have to be a directory for them, those that arrive.
    below: dict[str, list[str]] = {}
    for ref in arriving:
        for above in names_above(ref):
            below.setdefault(above, []).append(ref)
            if above in arriving:
                found[ref] = f"cannot be beside {above}"
                found[above] = f"cannot be beside {ref}"
    olds = {update.ref: update.old for update in updates}
    # Then git refuses it, and nothing else comes of the push; but it deletes a ref whatever value
    # it is said to have, if that is none.
    alone = len(updates) == 1 and not updates[0].deletes
    missing = {update.ref for update in updates if not update.creates and not alone}
    # Read one by one: a server may have a hundred thousand.
    for ref, oid, symref in repo.git.each_ref():
        missing.discard(ref)
        beside = below.get(ref, []) + [above for above in names_above(ref) if above in arriving]
        found |= dict.fromkeys(beside, f"cannot be beside {ref}, which is there")
        if ref in olds and symref:
            found[ref] = f"is another name for {symref} on the server"
        elif ref in olds and oid != olds[ref] and not alone:
            found[ref] = f"has moved on the server, to {oid[:12]}"
    return found | dict.fromkeys(missing, "is not there any more")


def _is_hidden(ref: str, patterns: list[str]) -> bool:
    """Whether git refuses to update the ref, after it has told the hook of it.

    git-config(1), transfer.hideRefs: the last pattern that fits wins.
    """
    hidden = False
    for pattern in patterns:
        prefix = pattern.lstrip("!^").rstrip("/")
        if ref == prefix or ref.startswith(f"{prefix}/"):
            hidden = not pattern.startswith("!")
    return hidden
