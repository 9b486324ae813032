"""What an upgrade breaks, and what becomes of customised fields and images; in plan and outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from git_ekf.commands.output.rows import MOST, print_row, print_rows
from git_ekf.terminal.text import counted, shortened, the_first

if TYPE_CHECKING:
    from git_ekf.manifests.customised import Field
    from git_ekf.manifests.effects import Effects
    from git_ekf.manifests.four_builds import Customisation
    from git_ekf.manifests.image_coverage import Coverage

_REASONS = 2  # why something was not looked at: so many are named
_TOGETHER = 4  # fields of a resource, from which on they are counted
_WIDEST = 40  # characters of a value
_IMAGES = 25  # lines about images


def print_effects(effects: Effects) -> None:
    """Prints a line for each thing that is broken, and notes what was not looked at."""
    missing = [
        f"{one.folder or '.'}: {one.field} names {one.path}, which is no longer there"
        for one in effects.missing
    ]
    print_rows("missing", missing)
    unmatched = []
    for target in effects.unmatched:
        unmatched.append(f"{target.folder or '.'}: {target} matched something before")
    print_rows("no match", unmatched)
    spoilt = []
    for path, key, at in effects.spoilt:
        what = f"line {at}: the key {key} stands twice" if key else "it is not YAML any more"
        spoilt.append(f"{path}: {what}")
    print_rows("merged", spoilt)
    if effects.note:
        print_row("note", f"kustomizations were not looked at: {effects.note}")
    for folder, gaps in effects.unfollowed[:MOST]:
        print_row("note", f"not all of {folder or '.'} was looked at: {the_first(gaps, _REASONS)}")
    if len(effects.unfollowed) > MOST:
        count = counted(len(effects.unfollowed) - MOST, "more kustomization")
        print_row("note", f"nor all of {count}")


def print_customisation(found: Customisation) -> None:
    """Prints how many fields are kept, each that is not, and what no longer builds."""
    print_broken(found.broken)
    if found.compared and not found.fields:
        count = counted(found.compared, "kustomization")
        print_row("fields", f"no customised field in {count}")
    print_fields(found)
    if found.note:
        print_row("note", f"customised fields were not compared: {found.note}")


def print_broken(broken: list[tuple[str, list[str]]]) -> None:
    """Prints the kustomizations that no longer build, each with the builder's last lines."""
    for path, lines in broken:
        print_row("broken", f"{path} no longer builds", *lines)


def print_fields(found: Customisation) -> None:
    """Prints how many fields are kept, each that is not, and where they were not compared."""
    if found.fields:
        words = [f"{count:,} {state}" for state, count in found.counts().items() if count]
        number = len(found.fields)
        fields = f"{number:,} customised field{'s' if number > 1 else ''}"
        print_row("fields", f"{fields}: {', '.join(words)}")
    print_rows("lost", _by_resource(found.lost))
    changed = [field for field in found.fields if field.state == "changed"]
    print_rows("changed", _by_resource(changed))
    for path, why in found.uncompared[:MOST]:
        print_row("note", f"the fields of {path} were not compared: {why}")
    if len(found.uncompared) > MOST:
        print_row("note", f"nor were those of {len(found.uncompared) - MOST} more")


def _by_resource(fields: list[Field]) -> list[str]:
    """A line for each field; one for all of a resource that has many."""
    by_resource: dict[str, list[Field]] = {}
    for field in fields:
        by_resource.setdefault(str(field.resource), []).append(field)
    lines = []
    for resource, some in by_resource.items():
        if len(some) >= _TOGETHER:
            paths = ", ".join(field.path for field in some[:2])
            lines.append(f"{resource}: {len(some):,} fields ({paths} …)")
        else:
            lines += [f"{resource} {field.path}{_values(field)}" for field in some]
    return lines


def _values(field: Field) -> str:
    _, branch, new_vendor, result = map(_value, field.values)
    if branch is None or new_vendor is None or result is None:
        return ""
    if result == branch:
        return f": {branch}, the vendor's is {new_vendor}"
    if result == new_vendor:
        return f": {new_vendor}, yours was {branch}"
    return f": {result} of {branch} and the vendor's {new_vendor}"


def _value(value: Any) -> str | None:
    """A value in a few characters; None for one of a Secret."""
    import json  # 2 ms, which only a comparison of fields needs

    from git_ekf.manifests.fields import Special

    if value is Special.HIDDEN:
        return None
    text = "nothing" if value is Special.ABSENT else json.dumps(value, ensure_ascii=False)
    return shortened(text, _WIDEST)


def print_coverage(found: Coverage, where: str) -> None:
    """Says of an upgrade, done or planned, which images are not covered; `where` has all."""
    outside = found.outside
    for unbuilt in outside.unbuilt:
        print_row("note", f"the images of {unbuilt.path} are not known: it does not build")
    lines = [str(image.name) for image in outside.images]
    lines += [f'"{one.text}" {one.why}' for one in outside.unread]
    if lines:
        print_row("images", f"{len(lines)} not from {found.registry}:", *lines[:_IMAGES])
    elif found.number:
        print_row("images", f"all come from {found.registry} ({found.number})")
    if len(lines) > _IMAGES:
        print_row("", f"and {len(lines) - _IMAGES} more: {where}")


# --- the document ---


def effects_as_json(effects: Effects | None) -> dict[str, object]:
    """The same as upgrade.json and sync.json have it; None (for a pull) has none."""
    from git_ekf.manifests.effects import none_looked_at

    effects = effects or none_looked_at("")
    missing = [
        {"kustomization": one.folder or ".", "field": one.field, "path": one.path}
        for one in effects.missing
    ]
    unmatched = []
    for target in effects.unmatched:
        unmatched.append(
            {
                "kustomization": target.folder or ".",
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


def customisation_as_json(found: Customisation | None) -> dict[str, object]:
    """The same as upgrade.json and sync.json have it; None is for nothing that was built."""
    from git_ekf.manifests.four_builds import Customisation

    found = found or Customisation(0, [], [], [])
    fields = [_field_as_json(field) for field in found.fields if field.state != "kept"]
    counts = {state.replace("'s own", "s"): count for state, count in found.counts().items()}
    broken = [{"path": path, "message": "\n".join(said)} for path, said in found.broken]
    not_compared = [{"path": path, "reason": why} for path, why in found.uncompared]
    return {
        "fine": found.fine,
        "compared": found.compared,
        "counts": counts,
        "fields": fields,
        "broken": broken,
        "not_compared": not_compared,
        "note": found.note or None,
    }


def _field_as_json(field: Field) -> dict[str, object]:
    from git_ekf.manifests.fields import Special

    values = field.values._asdict().items()
    return {
        **field.resource._asdict(),
        "field": field.path,
        "state": field.state.replace("'s own", "s"),
        "hidden": Special.HIDDEN in field.values,
        **{side: None if isinstance(value, Special) else value for side, value in values},
    }


def coverage_json(found: Coverage) -> dict[str, Any]:
    """The images of a plan, as upgrade.json has them."""
    uncovered = [{"path": path, "message": sentence} for path, sentence in found.sentences()]
    return {
        "fine": found.fine,
        "registry": found.registry,
        "number": found.number,
        "uncovered": uncovered,
    }
