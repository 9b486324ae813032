"""The rule about images. What is deployed is built elsewhere; here it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from git_ekf.policy.finding import Finding
from git_ekf.repository import Repository


def image_registry(repo: Repository, outside: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """Every image that is deployed comes from `images.registry`, where that is set.

    `outside` has what breaks it in HEAD: a path from the top, and the sentence.
    """
    for path, sentence in outside:
        yield Finding(
            sentence,
            "git ekf images --write PATH takes it from there, or says what is in the way",
            commit=repo.head or "",
            path=path,
        )
