"""Small random histories of a vendor with a local stack on top, and what `git rebase` makes of them.

`histories()` draws a `History`, whose `build` makes a repository. `rebase` is the oracle: real git in a scratch work tree, which leaves
the repository in question as it was. What it says holds for a git that knows no configuration but the repository's own.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

# --- the oracle

# Whatever steers a merge or a message. Not rebase.*: the oracle says itself how it rebases.
COPIED = (
    "merge.",
    "diff.",
    "filter.",
    "i18n.",
    "commit.cleanup",
    "core.comment",
    "core.autocrlf",
    "core.eol",
    "core.safecrlf",
    "core.attributesfile",
)
# A file whose blob is not what its attributes would make of it looks modified as soon as git reads it again, which is a matter of timing,
# and then rebase refuses to touch it. A merge works on blobs, so without conversion in the work tree the commits are the same.
UNCONVERTED = "* -text !ident !filter !working-tree-encoding\n"


class Text(NamedTuple):
    """What a commit says beside its tree and its parents, as the bytes in the object."""

    author: bytes  # all that follows "author "
    encoding: bytes  # b"" when there is no such header
    message: bytes


class Rebased(NamedTuple):
    """What a rebase came to. `commits`, `trees`, `kept` and `texts` run side by side, oldest first, up to the stop."""

    stopped: str  # the original commit that did not apply; "" when all did
    conflicts: list[
        str
    ]  # unmerged paths at the stop; a directory renamed to two places can stop it without any
    commits: list[str]
    trees: list[str]
    kept: list[str]  # the original of each new commit; those that became empty are missing
    texts: list[Text]
    output: str  # what rebase printed, for people


def rebase(
    repository: str | Path,
    base: str,
    tip: str,
    onto: str,
    drop: Iterable[str] = (),
    git: str = "git",
    scratch: Path | None = None,
    options: Iterable[str] = (),
) -> Rebased:
    """`git rebase OPTIONS --onto ONTO BASE TIP` without the commits in `drop`, up to the first conflict.

    `repository` is a work tree or a git directory, and the commits are anything that git resolves there. Commits that become empty are
    left out, those that always were stay. None is left out for being upstream already: `drop=upstream(...)` does that.

    `scratch` is a directory, absent or empty, in which rebase's work tree remains for a closer look.
    Raises RuntimeError when rebase ends neither well nor in a conflict, and ValueError when `drop` has a commit that is not to be picked.
    """
    with _directory(scratch) as top:
        call = _Git(git, top)
        head = (
            "--path-format=absolute",
            "--git-path",
            "objects",
            "--git-path",
            "info/attributes",
            "--show-object-format",
        )
        ids = [f"{name}^{{commit}}" for name in (base, tip, onto, *drop)]
        objects, attributes, object_format, base, tip, onto, *dropped = call(
            "-C", repository, "rev-parse", *head, *ids
        ).splitlines()
        work = top / "work"
        call("init", "--quiet", "--template=", f"--object-format={object_format}", "--", work)
        (work / ".git/objects/info/alternates").write_text(f"{objects}\n")
        settings = _settings(call, repository)
        with (work / ".git/config").open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write("[gc]\nauto = 0\n[maintenance]\nauto = false\n")
            file.writelines(_setting(*setting) for setting in settings)
        # Without a template there is no info/.
        (work / ".git/info").mkdir()
        with (work / ".git/info/attributes").open(
            "w", encoding="utf-8", errors="surrogateescape"
        ) as file:
            if Path(attributes).exists():
                file.write(
                    Path(attributes).read_text(encoding="utf-8", errors="surrogateescape") + "\n"
                )
            if not any(name == "merge.renormalize" for name, _ in settings):
                file.write(UNCONVERTED)
        call.cd(work)
        call("checkout", "--quiet", "--detach", onto)
        return _rebased(call, base, tip, onto, dropped, options)


def _rebased(
    call: _Git, base: str, tip: str, onto: str, dropped: list[str], options: Iterable[str]
) -> Rebased:
    state = call.work / ".git/rebase-merge"
    # Abbreviated as in the list of commits. Whole ids there (core.abbrev) would also be in the names that git gives to conflicting files.
    names = {commit: call("rev-parse", "--short", commit).strip() for commit in dropped}
    call.env["LIST"] = str(call.top / "list")
    # Without a subject nothing follows the id.
    (call.top / "list.sed").write_text(
        "".join(f"/^pick {name}$/d\n/^pick {name} /d\n" for name in names.values())
    )
    # The last line is `break`, so that a rebase that went well leaves its notes as one that did not.
    call.env["GIT_SEQUENCE_EDITOR"] = (
        'edit() { cp "$1" "$LIST" && LC_ALL=C sed -f "$LIST.sed" "$LIST" >"$1" && echo break >>"$1"; }; edit'
    )
    # With --interactive, git would stop at a commit that becomes empty.
    done = call.attempt(
        "rebase", "--interactive", "--empty=drop", *options, "--onto", onto, base, tip
    )
    output = (done.stdout + done.stderr).decode("utf-8", "surrogateescape")
    if not state.exists():
        raise RuntimeError(f"rebase did not start: {output}")
    picked = [
        line.split()[1:2]
        for line in (call.top / "list").read_bytes().splitlines()
        if line.startswith(b"pick ")
    ]
    for commit, name in names.items():
        if [name.encode()] not in picked:
            raise ValueError(f"not to be picked anyway: {commit}")
    unmerged = call("ls-files", "--unmerged", "-z").removesuffix("\0")
    # git notes the commit there when it does not apply, and not when a pick went wrong and is to be tried again.
    conflict = (state / "stopped-sha").exists()
    if conflict != bool(done.returncode) or (unmerged and not conflict):
        raise RuntimeError(f"rebase failed with code {done.returncode}: {output}")
    commits = call("rev-list", "--reverse", f"{onto}..HEAD").split()
    objects = list(_objects(call, commits))
    return Rebased(
        stopped=call("rev-parse", "REBASE_HEAD").strip() if conflict else "",
        conflicts=list(dict.fromkeys(line.partition("\t")[2] for line in unmerged.split("\0")))
        if unmerged
        else [],
        commits=commits,
        trees=[tree for tree, _ in objects],
        kept=_originals(state, commits, set(call("rev-list", f"{base}..{tip}").split())),
        texts=[text for _, text in objects],
        output=output,
    )


def upstream(repository: str | Path, base: str, tip: str, onto: str, git: str = "git") -> set[str]:
    """The commits of base..tip whose change, by its patch id, is among those of tip..onto."""
    with _directory(None) as top:
        lines = _Git(git, top)(
            "-C", repository, "-c", "core.abbrev=no", "cherry", onto, tip, base
        ).splitlines()
    return {line[2:] for line in lines if line.startswith("- ")}


def _originals(state: Path, commits: list[str], originals: set[str]) -> list[str]:
    """For each new commit the one it was made of."""
    rewritten: dict[str, str] = {}
    if (state / "rewritten-list").exists():
        for line in (state / "rewritten-list").read_text().splitlines():
            old, new = line.split()
            # A commit that became empty is said to be rewritten to the one before it; that one came first.
            rewritten.setdefault(new, old)
    # One that was passed over, as it is in place already, is in no list.
    return [commit if commit in originals else rewritten[commit] for commit in commits]


def _objects(call: _Git, commits: list[str]) -> Iterator[tuple[str, Text]]:
    """The tree and the text of each commit."""
    answer = call.attempt(
        "cat-file", "--batch", stdin="".join(f"{commit}\n" for commit in commits).encode()
    ).stdout
    for _ in commits:
        head, _, answer = answer.partition(b"\n")
        size = int(head.split()[2])
        headers, _, message = answer[:size].partition(b"\n\n")
        answer = answer[size + 1 :]
        fields = dict(
            line.split(b" ", 1) for line in headers.split(b"\n") if not line.startswith(b" ")
        )
        yield (
            fields[b"tree"].decode(),
            Text(fields[b"author"], fields.get(b"encoding", b""), message),
        )


def _settings(call: _Git, repository: str | Path) -> list[tuple[str, str | None]]:
    """The local settings in `COPIED`; None is a name without a value, which git takes for true."""
    entries = call("-C", repository, "config", "--local", "--includes", "--null", "--list").split(
        "\0"
    )[:-1]
    settings = [
        (name, value if equals else None)
        for name, equals, value in (entry.partition("\n") for entry in entries)
    ]
    return [(name, value) for name, value in settings if name.startswith(COPIED)]


def _setting(name: str, value: str | None) -> str:
    """The lines of a configuration file that set it."""
    section, _, variable = name.rpartition(".")
    section, dot, subsection = section.partition(".")
    if dot:
        section += ' "' + subsection.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if value is None:
        return f"[{section}]\n{variable}\n"
    value = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'[{section}]\n{variable} = "{value}"\n'


class _Git:
    """git in an environment that is the same everywhere."""

    def __init__(self, git: str, top: Path) -> None:
        self.git = git
        self.top = top
        self.work = top
        self.env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GIT_", "XDG_", "LC_", "LANG"))
        }
        identity = {
            "NAME": "Operator",
            "EMAIL": "operator@example.com",
            "DATE": "2026-11-20T10:00:00+00:00",
        }
        self.env |= {
            f"GIT_{role}_{name}": value
            for role in ("AUTHOR", "COMMITTER")
            for name, value in identity.items()
        }
        self.env |= {
            "HOME": str(top),
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            "LANGUAGE": "en",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_EDITOR": "echo unexpected editor >&2; false",
            "GIT_TERMINAL_PROMPT": "0",
        }

    def cd(self, work: Path) -> None:
        self.work = work

    def __call__(self, *args: str | Path) -> str:
        """What git prints. Raises RuntimeError when it fails."""
        done = self.attempt(*args)
        if done.returncode:
            raise RuntimeError(f"git {args}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode("utf-8", "surrogateescape")

    def attempt(self, *args: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self.git, *args],
            cwd=self.work,
            env=self.env,
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )


@contextmanager
def _directory(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="git-ekf-oracle-") as top:
        yield Path(top).resolve()


# --- histories


class Entry(NamedTuple):
    """A file, a symbolic link (`data` is its target) or a submodule (`data` is anything, of which its commit's id is made)."""

    mode: str
    data: bytes


FILE, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"
Tree = dict[bytes, Entry]


class Version(NamedTuple):
    """A commit to be made: its tree, its text, and what was done to the tree before."""

    tree: Tree
    text: Text
    story: tuple[str, ...]


class Built(NamedTuple):
    path: Path
    base: str
    tip: str
    onto: str


@dataclass(frozen=True, repr=False)
class History:
    """A vendor's commits and a local stack, both on the same base."""

    base: Version
    vendor: list[Version]
    local: list[Version]
    settings: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """The story; a whole tree in it would bury what a failing example is about."""
        lines = [f"vendor: {'; '.join(version.story) or 'nothing'}" for version in self.vendor]
        lines += [
            f"local:  {'; '.join(version.story) or 'nothing'}  {tuple(version.text)}"
            for version in self.local
        ]
        return "\n".join(
            ("History", *(f"{name} = {value}" for name, value in self.settings), *lines)
        )

    def build(
        self, path: Path, object_format: str = "sha1", *, bare: bool = True, git: str = "git"
    ) -> Built:
        """A repository at `path`, which must not exist, with the branches base, onto and tip.

        With a work tree, tip is checked out. Files may look modified there, as their attributes can be at odds with their content.
        """
        call = _Git(git, path.parent)
        call(
            "init",
            "--quiet",
            "--template=",
            f"--object-format={object_format}",
            "--initial-branch=tip",
            *["--bare"] * bare,
            "--",
            path,
        )
        call.cd(path)
        with (path / ("config" if bare else ".git/config")).open("a", encoding="utf-8") as file:
            file.writelines(_setting(name, value) for name, value in (*DRIVERS, *self.settings))
        stream = b"".join(self._stream("sha256" if object_format == "sha256" else "sha1"))
        done = call.attempt(
            "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--done", stdin=stream
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        base, onto, tip = done.stdout.decode().split()
        if not bare:
            call("reset", "--quiet", "--hard")
        return Built(path, base, tip, onto)

    def _stream(self, algorithm: str) -> Iterator[bytes]:
        yield from _commit(b"base", 1, 0, {}, self.base, algorithm)
        mark = 1
        for branch, versions in ((b"onto", self.vendor), (b"tip", self.local)):
            yield b"reset refs/heads/%s\nfrom :1\n\n" % branch
            parent, tree = 1, self.base.tree
            for version in versions:
                mark += 1
                yield from _commit(branch, mark, parent, tree, version, algorithm)
                parent, tree = mark, version.tree
        for end in (1, 1 + len(self.vendor), mark if self.local else 1):
            yield b"get-mark :%d\n" % end
        yield b"done\n"


# %A stays the file that git reads back. The second one always leaves a conflict.
DRIVERS = (("merge.ekfdriver.driver", "cat %B >>%A"), ("merge.ekfrefuses.driver", "exit 1"))


def _commit(
    branch: bytes, mark: int, parent: int, before: Tree, version: Version, algorithm: str
) -> Iterator[bytes]:
    """The commands of `git fast-import` for one commit."""
    yield b"commit refs/heads/%s\nmark :%d\n" % (branch, mark)
    yield b"author %s\ncommitter Vendor <vendor@example.com> %d +0000\n" % (
        version.text.author,
        1_600_000_000 + mark,
    )
    if version.text.encoding:
        yield b"encoding %s\n" % version.text.encoding
    yield b"data %d\n%s\n" % (len(version.text.message), version.text.message)
    if parent:
        yield b"from :%d\n" % parent
    # First what goes: where a file was there may be a directory.
    yield from (b"D %s\n" % _quoted(path) for path in before if path not in version.tree)
    for path, entry in version.tree.items():
        if before.get(path) == entry:
            continue
        if entry.mode == SUBMODULE:
            yield b"M 160000 %s %s\n" % (
                hashlib.new(algorithm, entry.data).hexdigest().encode(),
                _quoted(path),
            )
        else:
            yield b"M %s inline %s\ndata %d\n%s\n" % (
                entry.mode.encode(),
                _quoted(path),
                len(entry.data),
                entry.data,
            )
    yield b"\n"


def _quoted(path: bytes) -> bytes:
    return (
        b'"'
        + b"".join(
            b"\\%03o" % byte if byte < 32 or byte > 126 or byte in b'"\\' else bytes((byte,))
            for byte in path
        )
        + b'"'
    )


# --- what they are drawn from

PATHS = [
    b"README.md",
    b"apps/web/deployment.yaml",
    b"apps/web/service.yaml",
    b"apps/db/deployment.yaml",
    b"apps/db/service.yaml",
    b"common/istio/base/gateway.yaml",
    b"common/istio/base/policy.yaml",
    b"common/istio/kustomization.yaml",
    b"common/certs/issuer.yaml",
    b"docs/guide.txt",
    b"apps/web/config/settings.txt",
    b"apps/web/config/values.txt",
    b"kustomization.yaml",
    b"-dash",
    b"docs/a b.txt",
    b'docs/it\'s "quoted".txt',
    b"docs/star*[x]?.txt",
    b"docs/new\nline.txt",
    b"docs/caf\xe9.txt",
    b"docs/\xff",
    b"docs/\xc3\xbc\\.txt",
    b".hidden/:(top)x",
    b"own/notes.txt",
    b"own/values.txt",
]
# Where both sides put what is new: few, so that they meet.
NEW_PATHS = [
    b"apps/web/new.yaml",
    b"apps/new/deployment.yaml",
    b"common/istio/base/extra.yaml",
    b"docs/sp ace.txt",
    b"docs/\xe4.txt",
    b"-n",
    b"README.txt",
    b"own/readme",
]
NEW_DIRECTORIES = [b"apps/site", b"platform", b"common/mesh", b"docs/old", b"own"]
BINARY, TOOL, ALIAS, MODULE = b"apps/db/data.bin", b"run.sh", b"alias", b"vendor/module"
TARGETS = [b"README.md", b"apps/web", b"nowhere", b"caf\xe9"]
ATTRIBUTES = [
    b"*.yaml merge=union\n",
    b"*.txt merge=union\n",
    b"*.yaml -merge\n",
    b"* binary\n",
    b"*.txt text eol=crlf\n",
    b"* merge=ekfdriver\n",
    b"*.txt merge=ekfrefuses\n",
    b"*.yaml merge=nosuchdriver\n",
    b"* text=auto\n",
    b"deployment.yaml merge=ekfdriver\n*.txt -text\n",
]

MESSAGES = [
    b"Configure\n",
    b"Configure\n\nWith a body.\n\nSigned-off-by: Operator <operator@example.com>\n",
    b"No newline at the end",
    b"",
    b"\n",
    b" \t\n",
    b"Subject\r\n\r\nBody\r\n",
    b"\n\nBlank lines before\n",
    b"Blank lines after\n\n\n",
    b"Blank lines\n\n\n\nwithin, and blanks after  \n",
    b"  indented\n",
    b"# hash\n\n# more\n",
    b"#\n",
    b"Subject\n# right after\nbody",
    b"Subject\n\n# ------------------------ >8 ------------------------\nbelow\n",
    b"fixup! Configure\n",
    b"\xc3\x9cber\n",
    b"not UTF-8: \xff\n",
]
TEXTS = [
    *((b"", message) for message in MESSAGES),
    (b"ISO-8859-1", b"caf\xe9\n"),
    (b"ISO-8859-1", b"caf\xe9"),
    (b"ISO-8859-1", b"plain\n\n# caf\xe9\n"),
    (b"UTF-8", b"\xc3\x9cber\n"),
    (b"x-unknown", b"caf\xe9\n"),
    (b"unicode_escape", b"caf\\xe9 caf\xe9\n"),
]
NAMES = [
    b"Operator <operator@example.com>",
    b"J\xc3\xbcrgen \xe6\x98\x8e <j@example.com>",
    b"caf\xe9 <latin@example.com>",
    b'O\'Neil, "X" <>',
]
DATES = [
    b"1600000000 +0000",
    b"0 +0000",
    b"1600000000 -0330",
    b"1600000000 +1400",
    b"1600000000 -0000",
    b"4102444800 +0545",
]

SETTINGS = [
    (),
    (),
    (),
    (("merge.directoryRenames", "true"),),
    (("merge.directoryRenames", "false"),),
    (("merge.renames", "false"),),
    (("diff.renameLimit", "1"),),
    (("merge.conflictStyle", "diff3"),),
    (("i18n.commitEncoding", "ISO-8859-1"),),
]


def lines(family: int) -> bytes:
    """8 to 30 lines. Families 2n and 2n+1 are about two thirds alike, all others not at all."""
    length = 8 + family // 2 * 7 % 23
    return b"".join(
        b"key-%d-%d: value %d\n" % (family // 2 if line % 3 else -1 - family, line, line * line)
        for line in range(length)
    )


class _Side:
    """One side's changes to a tree, each of them drawn."""

    def __init__(self, draw: st.DrawFn, tree: Tree, meet: list[bytes]) -> None:
        self.draw = draw
        self.tree = dict(tree)
        self.meet = meet
        self.story: list[str] = []

    def number(self, end: int) -> int:
        return self.draw(st.integers(0, end - 1))

    def one(self, values: list[bytes]) -> bytes:
        return values[self.number(len(values))]

    def often(self) -> bool:
        return self.number(3) < 2

    def say(self, what: str, *paths: bytes) -> None:
        self.story.append(" ".join((what, *(repr(path)[2:-1] for path in paths))))

    def put(self, path: bytes, entry: Entry) -> None:
        """Whatever is in the way of it goes."""
        parts = path.split(b"/")
        for end in range(1, len(parts)):
            self.tree.pop(b"/".join(parts[:end]), None)
        for other in [other for other in self.tree if other.startswith(path + b"/")]:
            del self.tree[other]
        self.tree[path] = entry

    def pick(self, *modes: str) -> bytes:
        """A path in the tree, rather one that the other side is likely to take as well; b"" when there is none."""
        there = [
            path
            for path, entry in self.tree.items()
            if entry.mode in (modes or (FILE, EXECUTABLE)) and path != b".gitattributes"
        ]
        near = [path for path in there if path in self.meet]
        if near and self.often():
            return self.one(near)
        return self.one(there) if there else b""

    def directory(self) -> bytes:
        """A directory in the tree, rather one to which the other side may add a file; b"" when there is none."""
        found = {
            b"/".join(path.split(b"/")[:end])
            for path in self.tree
            for end in range(1, path.count(b"/") + 1)
        }
        near = found & {path.rpartition(b"/")[0] for path in NEW_PATHS}
        return self.one(sorted(near if near and self.often() else found)) if found else b""

    def edit_at(self, path: bytes) -> None:
        entry = self.tree[path]
        old = entry.data.splitlines(keepends=True)
        # The same few places and words for both sides: the same change, one nearby, or one far from it.
        at = len(old) * self.number(5) // 5
        new = b"edited: %d\n" % self.number(4)
        how = self.number(4)
        old[at : at + (1, 0, 3, 2)[how]] = [new, new * 2, new, b""][how : how + 1]
        self.tree[path] = Entry(entry.mode, b"".join(old))

    def edit(self) -> None:
        if path := self.pick():
            self.edit_at(path)
            self.say("edit", path)

    def rewrite(self) -> None:
        if path := self.pick():
            self.tree[path] = Entry(self.tree[path].mode, lines(self.number(60)))
            self.say("rewrite", path)

    def add(self) -> None:
        path = self.one(NEW_PATHS)
        self.put(path, Entry(FILE, lines(60 + self.number(4))))
        self.say("add", path)

    def add_empty(self) -> None:
        path = self.one(NEW_PATHS)
        self.put(path, Entry(FILE, b""))
        self.say("add empty", path)

    def copy(self) -> None:
        if path := self.pick():
            to = self.one(NEW_PATHS)
            self.put(to, self.tree[path])
            self.say("copy", path, to)

    def delete(self) -> None:
        if path := self.pick(FILE, EXECUTABLE, LINK, SUBMODULE):
            del self.tree[path]
            self.say("delete", path)

    def rename(self) -> None:
        if path := self.pick(FILE, EXECUTABLE, LINK):
            to = self.one(
                [*NEW_PATHS, *(other + b"/" + path.split(b"/")[-1] for other in NEW_DIRECTORIES)]
            )
            self.put(to, self.tree.pop(path))
            edited = self.tree[to].mode != LINK and self.number(2) == 1
            if edited:
                self.edit_at(to)
            self.say("rename and edit" if edited else "rename", path, to)

    def move(self, directory: bytes, to: bytes) -> None:
        moved = {
            path: entry for path, entry in self.tree.items() if path.startswith(directory + b"/")
        }
        for path in moved:
            del self.tree[path]
        for path, entry in moved.items():
            self.put(to + path[len(directory) :], entry)
        self.say("move", directory + b"/", to + b"/")

    def rename_directory(self) -> None:
        if directory := self.directory():
            self.move(directory, self.one(NEW_DIRECTORIES))

    def split_directory(self) -> None:
        """git cannot tell where a file that the other side adds there should go."""
        if directory := self.directory():
            inside = sorted(path for path in self.tree if path.startswith(directory + b"/"))
            for number, path in enumerate(inside):
                self.put(NEW_DIRECTORIES[number % 2] + path[len(directory) :], self.tree.pop(path))
            self.say("split", directory + b"/")

    def move_into(self) -> None:
        directory, other = self.directory(), self.directory()
        if directory and not (other + b"/").startswith(directory + b"/"):
            self.move(directory, other + b"/" + directory.split(b"/")[-1])

    def executable(self) -> None:
        if path := self.pick():
            mode, data = self.tree[path]
            self.tree[path] = Entry(FILE if mode == EXECUTABLE else EXECUTABLE, data)
            self.say("chmod", path)

    def link(self) -> None:
        path = self.pick(LINK) or ALIAS
        self.put(path, Entry(LINK, self.one(TARGETS)))
        self.say("link", path)

    def file_to_link(self) -> None:
        if path := self.pick():
            self.tree[path] = Entry(LINK, self.one(TARGETS))
            self.say("file to link", path)

    def file_to_directory(self) -> None:
        if path := self.pick():
            self.put(path + b"/x", self.tree[path])
            self.say("file to directory", path)

    def directory_to_file(self) -> None:
        if directory := self.directory():
            self.put(directory, Entry(FILE, lines(self.number(60))))
            self.say("directory to file", directory)

    def binary(self) -> None:
        path = BINARY if self.often() else self.one(NEW_PATHS)
        old = self.tree.get(path, Entry(FILE, b""))
        data = old.data if b"\0" in old.data else b"\x89\0\1\n" + lines(1)
        at = self.number(4) * 40
        self.put(path, Entry(FILE, data[:at] + b"\0%d" % self.number(3) + data[at + 2 :]))
        self.say("binary", path)

    def crlf(self) -> None:
        if path := self.pick():
            mode, data = self.tree[path]
            unix = data.replace(b"\r\n", b"\n")
            self.tree[path] = Entry(mode, unix if unix != data else data.replace(b"\n", b"\r\n"))
            self.say("line ends", path)

    def submodule(self) -> None:
        path = self.pick(SUBMODULE) or self.one([MODULE, *NEW_PATHS[:2]])
        self.put(path, Entry(SUBMODULE, b"%d" % self.number(4)))
        self.say("submodule", path)

    def attributes(self) -> None:
        path = b".gitattributes" if self.often() else b"apps/.gitattributes"
        number = self.number(len(ATTRIBUTES) + 1)
        if number == len(ATTRIBUTES):
            self.tree.pop(path, None)
        else:
            self.put(path, Entry(FILE, ATTRIBUTES[number]))
        self.say(f"attributes {number}", path)

    def apply(self, before: Tree, after: Tree) -> None:
        """Changes to `after` what is as in `before`."""
        changed = {
            path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
        }
        ready = [path for path in sorted(changed) if self.tree.get(path) == before.get(path)]
        for path in ready:
            self.tree.pop(path, None)
        for path in ready:
            if path in after:
                self.put(path, after[path])


OPERATIONS: list[tuple[int, Callable[[_Side], None]]] = [
    (14, _Side.edit),
    (1, _Side.rewrite),
    (2, _Side.add),
    (1, _Side.add_empty),
    (1, _Side.copy),
    (2, _Side.delete),
    (3, _Side.rename),
    (1, _Side.rename_directory),
    (1, _Side.split_directory),
    (1, _Side.move_into),
    (1, _Side.executable),
    (1, _Side.link),
    (1, _Side.file_to_link),
    (1, _Side.file_to_directory),
    (1, _Side.directory_to_file),
    (2, _Side.binary),
    (1, _Side.crlf),
    (2, _Side.submodule),
    (2, _Side.attributes),
]
WEIGHTED = [operation for weight, operation in OPERATIONS for _ in range(weight)]


@st.composite
def texts(draw: st.DrawFn) -> Text:
    encoding, message = draw(st.sampled_from(TEXTS))
    return Text(
        draw(st.sampled_from(NAMES)) + b" " + draw(st.sampled_from(DATES)), encoding, message
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A base of 10 to 25 files, one to three vendor commits and one to seven local ones. About half of them rebase without a conflict."""
    plain = Text(b"Vendor <vendor@example.com> 1600000000 +0000", b"", b"Release\n")
    # Families that come twice are identical files, and every rename of one is ambiguous.
    families = draw(st.lists(st.integers(0, 59), min_size=10, max_size=len(PATHS)))
    tree = {path: Entry(FILE, lines(family)) for path, family in zip(PATHS, families, strict=False)}
    special = {
        TOOL: Entry(EXECUTABLE, b"#!/bin/sh\n" + lines(0)),
        BINARY: Entry(FILE, b"\x89PNG\0\n" + lines(2)),
    }
    special |= {
        ALIAS: Entry(LINK, b"README.md"),
        MODULE: Entry(SUBMODULE, b"0"),
        b".gitattributes": Entry(FILE, ATTRIBUTES[-1]),
    }
    tree |= {path: entry for path, entry in special.items() if draw(st.booleans())}
    meet = draw(st.lists(st.sampled_from(sorted(tree)), min_size=1, max_size=3, unique=True))
    base = Version(tree, plain, ())

    vendor = [base]
    for _ in range(draw(st.integers(1, 3))):
        side = _Side(draw, vendor[-1].tree, meet)
        for _ in range(draw(st.integers(1, 3))):
            draw(st.sampled_from(WEIGHTED))(side)
        vendor.append(Version(side.tree, plain, tuple(side.story)))

    local = [base]
    for _ in range(draw(st.integers(1, 7))):
        side = _Side(draw, local[-1].tree, meet)
        match draw(st.integers(0, 15)):
            case 13:
                side.say("nothing")
            case 14:
                number = draw(st.integers(1, len(vendor) - 1))
                side.apply(vendor[number - 1].tree, vendor[number].tree)
                side.say(f"cherry-pick vendor {number}")
            case 15 if len(local) > 1:
                number = draw(st.integers(1, len(local) - 1))
                side.apply(local[number].tree, local[number - 1].tree)
                side.say(f"revert local {number}")
            case _:
                for _ in range(draw(st.integers(1, 2))):
                    draw(st.sampled_from(WEIGHTED))(side)
        local.append(Version(side.tree, draw(texts()), tuple(side.story)))
    return History(base, vendor[1:], local[1:], draw(st.sampled_from(SETTINGS)))
