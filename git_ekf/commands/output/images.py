"""Images, their places, and what could not be told of them, as they are shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from git_ekf.terminal.text import counted, nullable, say

if TYPE_CHECKING:
    from git_ekf.deploy.ends import End
    from git_ekf.manifests.image_writing import Written
    from git_ekf.manifests.images import Image, Images, Place, Unbuilt, Unread

# The first places of an image say where to look; they are often a dozen.
_PLACES = 3


def print_untold(found: Images, name: str) -> None:
    """Says on stderr what is missing in the list of the images of a revision."""
    for unbuilt in found.unbuilt:
        say(f"not built: {unbuilt.path} of {name}", stream=sys.stderr)
        for line in unbuilt.lines:
            say(f"  {line}", stream=sys.stderr)
    for unread in found.unread:
        say(f'not read: "{unread.text}" {unread.why}', stream=sys.stderr)
        _print_places(unread.places, sys.stderr)


def print_written(written: Written, registry: str) -> None:
    """Says which entries were written, and which images they do not cover."""
    for entry in written.entries:
        say(f"  {entry.name} -> {entry.new_name}")
    if written.entries:
        say(
            f"Taken from {registry} by {written.file} now: {len(written.entries)}."
            " Next: git diff, and commit it"
        )
    outside = written.images.outside(registry).images
    if not written.entries and not outside:
        say(f"Nothing was to be written: no image comes from elsewhere than {registry}")
    for image in outside:
        say(f"not covered: {image.name}")
        _print_places(image.places)


def _print_places(places: list[Place], stream: TextIO | None = None) -> None:
    """Prints the first places of an image, and how many there are beside them."""
    for path, use in places[:_PLACES]:
        say(f"  {use.source}: {use.resource} {use.field} ({path})", stream=stream)
    if len(places) > _PLACES:
        say(f"  and {counted(len(places) - _PLACES, 'place')} more", stream=stream)


# --- the document ---


def image_json(image: Image, registry: str) -> dict[str, Any]:
    """An image as images.json has it."""
    covered = image.name.is_in(registry) if registry else None
    copy = image.name.copy_in(registry) if registry and not covered else None
    return {
        "image": str(image.name),
        **nullable(image.name),
        "covered": covered,
        "copy": copy,
        "places": list(map(_place_json, image.places)),
    }


def unread_json(unread: Unread) -> dict[str, Any]:
    """A text that names no image, as images.json has it."""
    found = list(map(_place_json, unread.places))
    return {"text": unread.text, "reason": unread.why, "places": found}


def unbuilt_json(unbuilt: Unbuilt, end: End) -> dict[str, Any]:
    """A kustomization of a revision that could not be built or read, as images.json has it."""
    return {"path": unbuilt.path, "commit": end.commit, "message": "\n".join(unbuilt.lines)}


def written_json(written: Written) -> dict[str, Any]:
    """The entries that were written, as images.json has them."""
    return {"file": written.file, "entries": written.entries}


def _place_json(place: Place) -> dict[str, Any]:
    use = place.use
    resource = use.resource._asdict()
    return {"path": place.path, **resource, "field": use.field, "source": use.source}
