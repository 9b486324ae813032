"""What becomes of customised fields, as plan and outcome show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from git_ekf.terminal.text import counted, say, shortened

if TYPE_CHECKING:
    from git_ekf.manifests.customised import Field
    from git_ekf.manifests.four_builds import Customisation

_LISTED = 20  # lines of one kind
_TOGETHER = 4  # fields of a resource, from which on they are counted
_WIDEST = 40  # characters of a value


def print_customisation(found: Customisation) -> None:
    """Prints how many fields are kept, each that is not, and what no longer builds."""
    for path, lines in found.broken:
        say(f"  broken    {path} no longer builds")
        for line in lines:
            say(f"            {line}")
    if found.compared and not found.fields:
        say(f"  fields    no customised field in {counted(found.compared, 'kustomization')}")
    print_fields(found)
    if found.note:
        say(f"  note      customised fields were not compared: {found.note}")


def print_fields(found: Customisation) -> None:
    """Prints how many fields are kept, each that is not, and where they were not compared."""
    if found.fields:
        counts = found.counts()
        words = [f"{count:,} {state}" for state, count in counts.items() if count]
        number = len(found.fields)
        fields = f"{number:,} customised field{'s' if number > 1 else ''}"
        say(f"  fields    {fields}: {', '.join(words)}")
    _print_all("lost", found.lost)
    _print_all("changed", [field for field in found.fields if field.state == "changed"])
    for path, why in found.uncompared[:_LISTED]:
        say(f"  note      the fields of {path} were not compared: {why}")
    if len(found.uncompared) > _LISTED:
        say(f"  note      nor were those of {len(found.uncompared) - _LISTED} more")


def _print_all(word: str, fields: list[Field]) -> None:
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
    for line in lines[:_LISTED]:
        say(f"  {word:<9} {line}")
    if len(lines) > _LISTED:
        say(f"            and {len(lines) - _LISTED:,} more")


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
    name = getattr(value, "name", "")
    if name == "HIDDEN":
        return None
    import json  # 2 ms, which only a comparison of fields needs

    text = "nothing" if name == "ABSENT" else json.dumps(value, ensure_ascii=False)
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
    values: dict[str, object] = {}
    hidden = False
    for side, value in field.values._asdict().items():
        hidden = hidden or getattr(value, "name", "") == "HIDDEN"
        values[side] = None if hasattr(value, "name") else value
    state = field.state.replace("'s own", "s")
    place = {"field": field.path, "state": state, "hidden": hidden}
    return {**field.resource._asdict(), **place, **values}
