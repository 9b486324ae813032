"""The files of a tree that a command's words name, and that it may run.

More is taken for named than is: a word may be a line for a shell. What a script reads by itself is
not looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from git_ekf.git.calls import Git
from git_ekf.repository import Repository

_PATH = "{path}"
# What is filled in as a command is run; of a version, from and to.
_FILLED = ("{path}", "{from}", "{to}")

# What separates the words of a line for a shell, and a value from its name.
_PARTS = re.compile(r"[\s;|&()<>'\"`=,@]+")
# And what else a shell makes something of; before a slash stands perhaps what leads to the top.
_LOOSE = re.compile(r"(?:\$\w+|[\s;|&()<>'\"`=,@:\[\]{}*?!~^%#\\+$])+")
_LEADING = re.compile(r"\A(?:\.{0,2}/)+")

# Programs that run what a file at the top says.
_RUNNERS = {
    **dict.fromkeys(("make", "gmake"), ("GNUmakefile", "makefile", "Makefile")),
    **dict.fromkeys(("npm", "yarn", "pnpm"), ("package.json",)),
    "just": ("justfile", "Justfile", ".justfile"),
    "rake": ("Rakefile", "rakefile"),
    "task": ("Taskfile.yml", "Taskfile.yaml"),
}
_READ_BY_RUNNERS = {name for names in _RUNNERS.values() for name in names}
_SCRIPT = re.compile(r".+\.(?:[cm]?js|awk|bash|fish|ksh|lua|mk|php|pl|py|rb|sed|sh|tcl|ts|zsh)")


def files_named(
    repo: Repository, words: tuple[str, ...], tree: str, git: Git | None = None
) -> list[tuple[str, str]]:
    """The path and the object id of each; `git` knows the tree where the repository does not.

    A program without a slash in its name is not of the tree: it is found on the PATH. A word may
    name files in parts of it: an option's value, a line for `sh -c`, a script beside {path} or of
    the release {to}. Of a directory these are the scripts in it, and what is executable.
    """
    git = git or repo.git
    paths = _named(git, words, tree)
    top = repo.place.top
    loose = [part for word in words[1:] for part in _loose_parts(word, top)]
    for program in words[:1]:
        loose += _RUNNERS.get(os.path.basename(program), ())
        if "/" in program:
            loose += _loose_parts(program, top)
    paths |= dict.fromkeys(filter(None, map(_inside, loose)))
    found: dict[str, str] = {}
    there = git.objects_at(f"{tree}:{path}" for path in paths)
    for path, (oid, type_) in zip(paths, there, strict=True):
        if type_ == "blob":
            found[path] = oid
        elif type_ == "tree":
            found |= _scripts(git, path, oid)
    return list(found.items())


def has_program(repo: Repository, program: str, tree: str) -> bool:
    """Whether a tree has the file that is the first word of a command."""
    paths = _named(repo.git, (program,), tree)
    there = repo.git.objects_at(f"{tree}:{path}" for path in paths)
    return any(type_ == "blob" for _, type_ in there)


def _named(git: Git, words: tuple[str, ...], tree: str) -> dict[str, None]:
    """The paths that words are, or have in parts of them."""
    values = [value for value in words[:1] if "/" in value]
    for word in words[1:]:
        values += [word, *_PARTS.split(word)]
        if word.startswith("-"):
            values.append(word[2:])
    paths = dict.fromkeys(filter(None, map(_inside, values)))
    patterns = [path for path in paths if path not in _FILLED and _wildcards(path) != path]
    if patterns:
        paths |= dict.fromkeys(_matching(git.ls_tree(tree, recursive=True), patterns))
    return paths


def _loose_parts(word: str, top: str) -> Iterator[str]:
    """What may be a path in a word, however a shell gets to it."""
    for name in _FILLED:
        word = word.replace(name, "\0")
    for text in dict.fromkeys([word, re.sub(r"[\"'\\]", "", word)]):
        for whole in _LOOSE.split(text):
            part = _LEADING.sub("", whole.removeprefix(f"{top}/"))
            if part and "\0" not in part:
                yield from (part, part.lstrip("-"), part[2:] if part.startswith("-") else "")
                yield from _RUNNERS.get(part, ())
                if "." in part and "/" not in part:  # a module of Python's
                    yield part.replace(".", "/") + ".py"


def _scripts(git: Git, folder: str, tree: str) -> dict[str, str]:
    found = {}
    for path, entry in git.ls_tree(tree, recursive=True).items():
        name = os.path.basename(path)
        is_script = name in _READ_BY_RUNNERS or _SCRIPT.fullmatch(name)
        if entry.mode == "100755" or (entry.is_file and is_script):
            found[f"{folder}/{path}"] = entry.oid
    return found


def _inside(value: str) -> str:
    """The path from the top of a tree that a value is, "" for none."""
    before, up, rest = value.rpartition("/../")
    if up and before.strip("./") and not os.path.isabs(value):
        # Where a way up leads depends on the path, and on links: what follows may be anywhere.
        value = f"{_PATH}/{rest}"
    path = os.path.normpath(value) if value else "."
    if os.path.isabs(value) or path == "." or path.split("/")[0] == ".." or "\n" in path:
        return ""
    return path


def _wildcards(text: str) -> str:
    """A path, or an expression made of it, with .* for whatever is filled in."""
    for name in _FILLED:
        text = text.replace(re.escape(name), ".*").replace(name, ".*")
    return text


def _matching(files: Iterable[str], patterns: list[str]) -> Iterator[str]:
    """The files that one of the patterns names for some value, also for the path of the top."""
    wanted = "|".join(_wildcards(re.escape(pattern)) for pattern in patterns)
    tops = [os.path.normpath(pattern.replace(_PATH, ".")) for pattern in patterns]
    for file in files:
        if "\n" not in file and (file in tops or re.fullmatch(wanted, file)):
            yield file
