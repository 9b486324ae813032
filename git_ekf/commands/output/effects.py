"""What an upgrade breaks, as plan and outcome show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_ekf.commands.output.rows import LISTED, first_names, print_row, print_rows
from git_ekf.terminal.text import counted

if TYPE_CHECKING:
    from git_ekf.manifests.effects import Effects

# Of the reasons why something was not looked at so many are named.
_REASONS = 2


def print_effects(effects: Effects) -> None:
    """Prints a line for each thing that is broken, and notes what was not looked at."""
    missing = [
        f"{one.folder or '.'}: {one.field} names {one.path}, which is no longer there"
        for one in effects.missing
    ]
    print_rows("missing", missing)
    unmatched = []
    for folder, target in effects.unmatched:
        unmatched.append(f"{folder or '.'}: {target} matched something before")
    print_rows("no match", unmatched)
    spoilt = []
    for path, key, at in effects.spoilt:
        what = f"line {at}: the key {key} stands twice" if key else "it is not YAML any more"
        spoilt.append(f"{path}: {what}")
    print_rows("merged", spoilt)
    if effects.note:
        print_row("note", f"kustomizations were not looked at: {effects.note}")
    for folder, gaps in effects.unfollowed[:LISTED]:
        print_row(
            "note", f"not all of {folder or '.'} was looked at: {first_names(gaps, _REASONS)}"
        )
    if len(effects.unfollowed) > LISTED:
        count = counted(len(effects.unfollowed) - LISTED, "more kustomization")
        print_row("note", f"nor all of {count}")


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
