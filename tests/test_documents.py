"""Holds README, CONTRIBUTING.md and docs/ and the program together.

Their sessions are run by test_examples.py, and their recipes by test_recipes.py.
"""

from __future__ import annotations

import re

import pytest
from documents import DOCUMENTS, README, ROOT, blocks, links
from manpages import PAGES

from git_ekf import config
from git_ekf.errors import DONE, FAILED, FINDINGS, INTERRUPTED, REFUSED, STOPPED, USAGE


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in links(document):
        assert (ROOT / target).exists(), target


def test_everything_is_reached_from_the_readme() -> None:
    found = links("README.md")
    for document in found:  # which grows
        if document in DOCUMENTS:
            found += [target for target in links(document) if target not in found]
    assert set(DOCUMENTS) <= {*found, "README.md"}
    assert {f"man/{page}" for page in PAGES} <= set(found)


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 250


def test_readme_names_every_exit_code() -> None:
    rows = re.findall(r"^\| (\d+) \|", README, re.MULTILINE)
    assert rows == [
        str(code) for code in (DONE, FINDINGS, USAGE, STOPPED, REFUSED, FAILED, INTERRUPTED)
    ]


def test_every_rule_is_listed_with_its_severity() -> None:
    text = DOCUMENTS["docs/rules.md"]
    rows = re.findall(r"^\| `([a-z]+-[a-z-]+)` \| (error|warning) \|", text, re.MULTILINE)
    assert rows == list(config.RULES.items())


def test_the_example_of_a_configuration_is_valid() -> None:
    [example] = blocks("docs/configuration.md", "toml")
    assert config.load(example.encode(), []) != config.Config()
