"""How much the policy looks at, and how it has git compare.

The hooks' fast path loads this file, so it imports nothing.
"""

# Nobody looks into the content of a larger file (bytes): git takes 40 times the size of a file of
# short lines to compare it.
LARGE_FILE = 4 << 20
BOUNDED = ["-c", f"core.bigFileThreshold={LARGE_FILE}"]

# Of a push: its refs, those of them whose commits are judged, the bytes of a ref's name and of a
# part of that (a file system has 255, and git a suffix), and how many parts it has.
REFS = 20_000
BRANCHES = 200
REF_LENGTH, REF_PART, REF_DEPTH = 1000, 250, 50

# The length of a path (bytes), as of git's fsck.largePathname: also how deep directories go.
PATH_LENGTH = 4096
# The bytes of one directory.
DIRECTORY = 8 << 20
# Files and directories that differ between two commits, and the bytes of their paths.
PATHS = 200_000
PATH_BYTES = 32 << 20
# The bytes of all files looked into.
CONTENT = 512 << 20
# The bytes of the .gitattributes that bear on them, each as often as it is there: git holds all
# that are above one path at once, at 25 times their size.
ATTRIBUTES = 1 << 20


class TooMuch(ValueError):
    """Something to be judged goes beyond a limit. The message is what does, as half a sentence."""


def may_have_markers(content: bytes) -> bool:
    """Whether a line of it may be a conflict marker, of whatever length."""
    return content.startswith((b"<", b">")) or b"\n<" in content or b"\n>" in content


def require_short(ref: str) -> None:
    """Raises TooMuch for the name of a ref that is too long or too deep."""
    name = ref.encode("utf-8", "surrogateescape")
    parts = name.split(b"/")
    begin = ref[:60]
    if len(name) > REF_LENGTH:
        raise TooMuch(f"{begin}… has a name of more than {REF_LENGTH:,} bytes")
    if max(map(len, parts)) > REF_PART:
        raise TooMuch(f"{begin}… has a name with more than {REF_PART} bytes between slashes")
    if len(parts) > REF_DEPTH:
        raise TooMuch(f"{begin}… has a name of more than {REF_DEPTH} parts")
