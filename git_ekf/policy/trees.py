"""Trees: how they differ, by the objects they are made of, and what has no place in one.

Each tree is read once, however many paths lead to it, and limits.py says how many paths there may
be. Only ids and names are compared: nothing that is in a file can pass for what git says.

The hooks' fast path loads this file, so it imports nothing but limits.py.
"""

from git_ekf.policy.limits import PATH_BYTES, PATH_LENGTH, PATHS, TooMuch

TYPE_CHECKING = False  # typing takes longer to load than a hook has
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# What an entry is, by the highest bits of its mode (git's object_type, object.h).
_DIRECTORY, _FILE, _LINK = 0o040000, 0o100000, 0o120000
_KIND = 0o170000

# The mode of an entry, and its object id in hexadecimal.
TreeEntry = tuple[int, str]
# What is in a tree: names and entries.
TreeEntries = list[tuple[bytes, TreeEntry]]
# A path, what was there (None: nothing, or a directory) and what is there now.
ChangedPath = tuple[bytes, TreeEntry | None, TreeEntry]


def is_blob(entry: TreeEntry) -> bool:
    """Whether it is a file or a link: no directory and no submodule."""
    return entry[0] & _KIND in (_FILE, _LINK)


def _is_directory(entry: TreeEntry | None) -> bool:
    return entry is not None and entry[0] & _KIND == _DIRECTORY


def parse_tree(content: bytes, id_length: int) -> TreeEntries:
    """(name, entry) of all there are in a tree object. Raises ValueError where it is none."""
    entries = []
    at = 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode, _, name = content[at:end].partition(b" ")
        at = end + 1 + id_length
        entries.append((name, (int(mode, 8), content[end + 1 : at].hex())))
    if at != len(content):
        raise ValueError("a tree ends within an object id")
    return entries


class Comparison:
    """The differences between trees: all that `compare` was told of, together."""

    def __init__(
        self,
        read: "Callable[[list[str]], Iterable[TreeEntries]]",
        paths: int = PATHS,
    ) -> None:
        """`read` takes names of trees and returns what is in each; at most `paths` may differ."""
        self._read = read
        self._paths_left = paths
        self._bytes_left = PATH_BYTES
        self._trees: dict[str, dict[bytes, TreeEntry]] = {"": {}}
        self._changes: dict[tuple[str, str], list[ChangedPath]] = {}
        self.paths: list[ChangedPath] = []  # what is new or differs, not what is gone
        # The .gitattributes (plain files) of the new trees above those: path -> object id.
        self.attributes: dict[bytes, str] = {}

    def compare(self, pairs: "Iterable[tuple[str, str]]") -> None:
        """Compares pairs of trees, old and new ("": without any entry). Raises TooMuch."""
        level = [(b"", old, new) for old, new in pairs]
        while level:
            self._load(level)
            below: list[tuple[bytes, str, str]] = []
            for path, old, new in level:
                self._look(path, old, new, below)
            level = below

    def _load(self, level: list[tuple[bytes, str, str]]) -> None:
        asked = {name: None for _, old, new in level for name in (old, new)}
        names = [name for name in asked if name not in self._trees]
        for name, entries in zip(names, self._read(names), strict=True):
            self._trees[name] = dict(entries)

    def _look(self, path: bytes, old: str, new: str, below: list[tuple[bytes, str, str]]) -> None:
        after = self._trees[new]
        attributes = after.get(b".gitattributes")
        if attributes and attributes[0] & _KIND == _FILE:
            self.attributes[path + b".gitattributes"] = attributes[1]
        changes = self._changed_entries(old, new)
        self._paths_left -= len(changes) + 1
        if self._paths_left < 0:
            raise TooMuch(f"it changes more than {PATHS:,} files and directories")
        for name, was, entry in changes:
            full = path + name
            self._bytes_left -= len(full)
            if len(full) > PATH_LENGTH:
                raise TooMuch(f"it has a path of more than {PATH_LENGTH:,} bytes")
            if self._bytes_left < 0:
                raise TooMuch(f"the paths that it changes have more than {PATH_BYTES >> 20} MB")
            if _is_directory(entry):
                below.append((full + b"/", was[1] if was else "", entry[1]))
            else:
                self.paths.append((full, was, entry))

    def _changed_entries(self, old: str, new: str) -> list[ChangedPath]:
        """The entries of one tree that are not in another; None for one of another kind there."""
        found = self._changes.get((old, new))
        if found is None:
            before = self._trees[old]
            found = []
            for name, entry in self._trees[new].items():
                was = before.get(name)
                if was != entry:
                    if _is_directory(was) != _is_directory(entry):
                        was = None
                    found.append((name, was, entry))
            self._changes[old, new] = found
        return found


# --- what has no place in a tree ---

# git takes these code points for nothing where a file system of Apple's does (utf8.c).
_IGNORED = {*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF}
# And for the end of the name: what is no UTF-8 (as Python has it), and two that are no characters.
_ENDS = {*map(chr, range(0xDC80, 0xDD00)), "\ufffe", "\uffff"}
# Without these, between NULs and in lower case, and bytes beyond ASCII no name is wrong.
_SUSPICIOUS = (
    *(b"/", b"\\", b"\0\0", b"\0.\0", b"\0..\0", b"\0git~1"),
    *(b"\0.git\0", b"\0.git.", b"\0.git ", b"\0.git:"),
)


def is_suspicious(names: list[bytes]) -> bool:
    """Whether one of the names in a tree may be wrong; else none is."""
    together = b"\0" + b"\0".join(names).lower() + b"\0"
    return not together.isascii() or any(part in together for part in _SUSPICIOUS)


def wrong_entry(entries: TreeEntries) -> str:
    """Why a tree is not sound, as the end of a sentence that begins with it; "" for nothing.

    As git-fsck(1) has it, whose rules only some servers ask for (receive.fsckObjects).
    """
    names = [name for name, _ in entries]
    if is_suspicious(names):
        for name in names:
            wrong = _wrong_name(name)
            if wrong:
                return wrong
    if len(set(names)) < len(names):
        return "has two entries of one name"
    order = [name + b"/" if _is_directory(entry) else name for name, entry in entries]
    if order != sorted(order):
        return "has its entries in the wrong order"
    return ""


def _wrong_name(name: bytes) -> str:
    if not name:
        return "has an entry without a name"
    if b"/" in name:
        return "has an entry with a slash in its name"
    if name in (b".", b".."):
        return f"has an entry {name.decode()}"
    if _is_dot_git(name):
        return "has an entry that is .git to some file system"
    return ""


def _is_dot_git(name: bytes) -> bool:
    """Whether the name is that of a git directory on any system (is_ntfs_dotgit, is_hfs_dotgit)."""
    for part in name.lower().split(b"\\"):
        if part.partition(b":")[0].rstrip(b". ") in (b".git", b"git~1"):
            return True
    seen = ""
    for char in name.decode(errors="surrogateescape"):
        if char in _ENDS:
            break
        if ord(char) not in _IGNORED:
            seen += char
    return seen.lower() == ".git"
