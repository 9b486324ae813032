"""What becomes of customised fields, as plan and outcome show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from git_ekf.commands.output.rows import LISTED, print_row, print_rows
from git_ekf.terminal.text import counted, shortened

if TYPE_CHECKING:
    from git_ekf.manifests.customised import Field
    from git_ekf.manifests.four_builds import Customisation

_TOGETHER = 4  # fields of a resource, from which on they are counted
_WIDEST = 40  # characters of a value


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
    for path, why in found.uncompared[:LISTED]:
        print_row("note", f"the fields of {path} were not compared: {why}")
    if len(found.uncompared) > LISTED:
        print_row("note", f"nor were those of {len(found.uncompared) - LISTED} more")


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
