"""How far the tests go: a slice of some minutes, or with EKF_TEST_ALL=1 everything, which takes most of an hour.

What is only then tried whole is marked `long`: every point at which a command can be killed, many examples,
long models and races, and the real data. And of a test with many cases, each with X of one file, or with everything, all. What is chosen at random is chosen alike
each time, unless EKF_TEST_SEED=N says otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, seed, settings

EVERYTHING = os.environ.get("EKF_TEST_ALL") == "1"
SEED = int(os.environ.get("EKF_TEST_SEED", "0"))

Test = TypeVar("Test", bound=Callable[..., object])
Thing = TypeVar("Thing")

# With everything, how many times as many examples.
_MORE = 12

long = pytest.mark.long
# Only with everything: what takes seconds, and of which a quicker test shows the most.
rare = pytest.mark.long(rare=True)


def generated(examples: int, **options: Any) -> Callable[[Test], Test]:
    """For a property test: so many examples, or with everything many more.

    A failure prints what makes hypothesis try the example again.
    """
    chosen = settings(
        max_examples=examples * _MORE if EVERYTHING else examples,
        derandomize=not SEED,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **options,
    )
    if SEED:
        return lambda test: long(seed(SEED)(chosen(test)))
    return lambda test: long(chosen(test))


def pytest_configure_node(node: Any) -> None:
    """A process that runs tests for the suite as a whole does not know it by itself."""
    node.workerinput["whole_suite"] = _is_whole_suite(node.config)


def _is_whole_suite(config: pytest.Config) -> bool:
    """Whether no file and no test was named: of those that are, all is tried but what is rare."""
    told = getattr(config, "workerinput", {}).get("whole_suite")
    chosen = config.option.keyword or config.option.markexpr
    by_default = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not chosen
    return by_default if told is None else bool(told)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is rare, and in the suite as a whole also cases of tests that have many."""
    if EVERYTHING:
        for item in _cases_left_out(items):
            item.add_marker(long)
        return
    left_out = [item for item in items if _is_rare(item)]
    if _is_whole_suite(config):
        left_out += _cases_left_out(items)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def _is_rare(item: pytest.Item) -> bool:
    return any(mark.kwargs.get("rare") for mark in item.iter_markers("long"))


def _cases_left_out(items: list[pytest.Item]) -> list[pytest.Item]:
    """Of tests that work on repositories, all cases but the first."""
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        if "tmp_path" in getattr(item, "fixturenames", ()):
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    left_out = []
    for cases in tests.values():
        left_out += cases[1:]
    return left_out


def some(things: Sequence[Thing], step: int) -> Sequence[Thing]:
    """Every so-and-so-many-th thing, the last one among them; with everything all of them."""
    return things if EVERYTHING else things[(len(things) - 1) % step :: step]
