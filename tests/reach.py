"""How far the tests go: a slice of some minutes, or with EKF_TEST_ALL=1 everything, which takes most of an hour.

What is only then tried whole is marked `long`: every point at which a command can be killed, random seeds in
place of the same ones each time, long models and races, and the real data.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

EVERYTHING = os.environ.get("EKF_TEST_ALL") == "1"

Test = TypeVar("Test", bound=Callable[..., object])
Thing = TypeVar("Thing")

# With everything, how many times as many examples.
_MORE = 12

long = pytest.mark.long
# Only with everything: what takes seconds, and of which a quicker test shows the most.
rare = pytest.mark.long(rare=True)


def generated(examples: int, **options: Any) -> Callable[[Test], Test]:
    """For a property test: so many examples, the same ones each time, or with everything many more and random ones.

    A failure prints what makes hypothesis try the example again.
    """
    chosen = settings(
        max_examples=examples * _MORE if EVERYTHING else examples,
        derandomize=not EVERYTHING,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **options,
    )
    return lambda test: long(chosen(test))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is rare."""
    left_out = [item for item in items if not EVERYTHING and _is_rare(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _is_rare(item: pytest.Item) -> bool:
    return any(mark.kwargs.get("rare") for mark in item.iter_markers("long"))


def some(things: Sequence[Thing], step: int) -> Sequence[Thing]:
    """Every so-and-so-many-th thing, the last one among them; with everything all of them."""
    return things if EVERYTHING else things[(len(things) - 1) % step :: step]
