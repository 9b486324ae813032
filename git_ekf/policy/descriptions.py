"""What each rule says, for a report."""

from __future__ import annotations

from git_ekf.config import RULES
from git_ekf.policy import (
    branches,
    images,
    index,
    pushes,
    records,
    remotes,
    server_rules,
    signatures,
)

_MODULES = (signatures, server_rules, records, index, images, branches, pushes, remotes)


def descriptions() -> dict[str, str]:
    """Each rule's id with the first line of its docstring: the rule itself."""
    texts = {}
    for module in _MODULES:
        for name, rule in vars(module).items():
            texts[name.replace("_", "-")] = (rule.__doc__ or "").partition("\n")[0]
    return {name: texts[name] for name in RULES}
