"""What a plan is made from besides its task: where it is equal on two machines, the plans are."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from typing import NamedTuple

from git_ekf import __version__
from git_ekf.fleet.team import Team
from git_ekf.git.calls import Git

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"

# Settings that merges go by (git-merge(1), gitattributes(5)), and what git remembers of them.
_BEARING = re.compile(
    r"merge\.((conflict|default|directoryrename|rename).*|.+\.(driver|recursive))"
    r"|diff\.(algorithm|renames|renamelimit)|rerere\..*"
    r"|core\.(autocrlf|bigfilethreshold|eol|ignorecase|precomposeunicode)"
)


class Surroundings(NamedTuple):
    """The versions of git-ekf, Python and git, the state of the store, and git's configuration.

    Of store, files and settings there are digests, "" where there is nothing, so that no value is
    sent to another machine. All is "" but the first two where the store cannot be read.
    """

    program: str
    python: str
    git: str = ""
    refs: str = ""
    settings: Mapping[str, str] = {}

    def unlike(self, other: Surroundings) -> str:
        """A sentence about what is otherwise with the other ones; "" for nothing."""
        if self.program != other.program:
            return f"it has git-ekf {other.program}, and here it is {self.program}"
        if self.python != other.python:
            return f"it has Python {other.python}, and here it is {self.python}"
        if not other.refs:
            return "there is no such store, or it cannot be read there"
        if self.refs != other.refs:
            return "the store is in another state there"
        if self.git != other.git:
            return f"it has git {other.git}, and here it is {self.git}"
        for key in sorted(self.settings.keys() | other.settings.keys()):
            if self.settings.get(key) != other.settings.get(key):
                return f"{key} of git's configuration is another there"
        return ""


def surroundings(store: str, team: Team) -> Surroundings:
    """Those of this machine, for the store at a path. Raises CallFailed where there is no git."""
    refs = _digest(os.path.join(store, "packed-refs"))
    if not refs:
        return Surroundings(__version__, PYTHON)
    git = Git(store, {"GIT_DIR": store})
    values: dict[str, str] = {}
    for key, value in git.config_pairs():
        if _BEARING.fullmatch(key):
            values[key] = f"{values.get(key, '')}{value}\n"
    settings = {key: _hashed(os.fsencode(value)) for key, value in values.items()}
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    attributes = git.setting("core.attributesfile", "path")
    settings["core.attributesFile"] = _digest(attributes or f"{home}/git/attributes")
    if team.source:
        signers = team.signers or git.setting("gpg.ssh.allowedsignersfile", "path") or ""
        settings["gpg.ssh.allowedSignersFile"] = _digest(os.path.join(store, signers))
    version = ".".join(map(str, git.version))
    return Surroundings(__version__, PYTHON, version, refs, settings)


def _digest(path: str) -> str:
    """Of what is in a file; "" where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return _hashed(file.read())
    except OSError:
        return ""


def _hashed(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
