"""What an upgrade breaks, as plan and outcome show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_ekf.terminal.text import counted, say

if TYPE_CHECKING:
    from git_ekf.manifests.effects import Effects

# So many lines of one kind, and of the reasons why something was not looked at.
_LISTED = 20
_REASONS = 2


def print_effects(effects: Effects) -> None:
    """Prints a line for each thing that is broken, and notes what was not looked at."""
    lines = [
        f"  missing   {one.folder or '.'}: {one.field} names {one.path}, which is no longer there"
        for one in effects.missing
    ]
    _say_some(lines)
    lines = []
    for folder, target in effects.unmatched:
        lines.append(f"  no match  {folder or '.'}: {target} matched something before")
    _say_some(lines)
    lines = []
    for path, key, at in effects.spoilt:
        what = f"line {at}: the key {key} stands twice" if key else "it is not YAML any more"
        lines.append(f"  merged    {path}: {what}")
    _say_some(lines)
    if effects.note:
        say(f"  note      kustomizations were not looked at: {effects.note}")
    for folder, gaps in effects.unfollowed[:_LISTED]:
        more = f" and {len(gaps) - _REASONS} more" if len(gaps) > _REASONS else ""
        why = f"{', '.join(gaps[:_REASONS])}{more}"
        say(f"  note      not all of {folder or '.'} was looked at: {why}")
    if len(effects.unfollowed) > _LISTED:
        count = counted(len(effects.unfollowed) - _LISTED, "more kustomization")
        say(f"  note      nor all of {count}")


def _say_some(lines: list[str]) -> None:
    for line in lines[:_LISTED]:
        say(line)
    if len(lines) > _LISTED:
        say(f"            and {len(lines) - _LISTED} more")


def effects_as_json(effects: Effects | None) -> dict[str, object]:
    """The same as upgrade.json and sync.json have it; None (for a pull) has none."""
    from git_ekf.manifests.effects import none_looked_at

    effects = effects or none_looked_at("")
    missing = [
        {"kustomization": one.folder or ".", "field": one.field, "path": one.path}
        for one in effects.missing
    ]
    unmatched = []
    for folder, target in effects.unmatched:
        unmatched.append(
            {
                "kustomization": folder or ".",
                "field": target.field,
                "file": target.path or None,
                "target": target.what,
            }
        )
    spoilt = []
    for path, key, line in effects.spoilt:
        spoilt.append({"path": path, "key": key or None, "line": line or None})
    unfollowed = [
        {"kustomization": folder or ".", "reasons": gaps} for folder, gaps in effects.unfollowed
    ]
    return {
        "fine": effects.fine,
        "looked_at": effects.looked_at,
        "missing": missing,
        "unmatched": unmatched,
        "spoilt": spoilt,
        "not_looked_at": unfollowed,
        "note": effects.note or None,
    }
