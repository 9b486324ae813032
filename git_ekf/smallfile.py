"""Reads small files that somebody else may have put there, and writes ours: settings, .git/ekf.

A link could lead to a device that never ends, a pipe would wait for ever, and at every prompt. The
hooks' fast path loads this file, so it imports nothing but what is built into the interpreter.
"""

import posix

# The most that a file of configuration has (bytes): as TOML it takes Python 3 ms a kilobyte.
CONFIGURATION = 1 << 16
# The most that a file of ours in the git directory has (bytes): some hundred operations, each with
# a thousand refs.
STATE = 1 << 26

_ELOOP, _EINVAL, _EFBIG = 40, 22, 27


def read_small(path: str, limit: int, *, follow: bool = False) -> bytes | None:
    """The bytes of a regular file, None where there is none.

    Raises OSError for any other kind of file, for one of more than `limit` bytes, and unless
    `follow` is set for a symbolic link; its strerror says which.
    """
    flags = posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC | posix.O_NOCTTY
    try:
        descriptor = posix.open(path, flags if follow else flags | posix.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == _ELOOP and not follow:
            raise OSError(_ELOOP, "it is a symbolic link, and has to be a file", path) from None
        raise
    try:
        kind = posix.fstat(descriptor).st_mode & 0o170000
        if kind != 0o100000:
            raise OSError(_EINVAL, "it is not a regular file", path)
        content = read_all(descriptor, limit)
    finally:
        posix.close(descriptor)
    if len(content) > limit:
        raise OSError(_EFBIG, f"it has more than {limit >> 10} kB", path)
    return content


def read_all(descriptor: int, limit: int) -> bytes:
    """The bytes before the end, or until there are more than `limit`. Raises OSError."""
    content = bytearray()
    while len(content) <= limit and (part := posix.read(descriptor, 1 << 16)):
        content += part
    return bytes(content)


def write_small(path: str, content: bytes) -> None:
    """Puts a file in the place of the one at `path`, so that at any time one of them is there.

    Its directory is made where it is missing. For a writer that holds a lock on it. Raises OSError.
    """
    new = path + ".new"
    try:  # noqa: SIM105 (contextlib is felt at every commit)
        posix.mkdir(path.rpartition("/")[0])
    except FileExistsError:
        pass
    # What one that was killed has left; or a pipe, which would wait for a reader.
    try:  # noqa: SIM105
        posix.unlink(new)
    except FileNotFoundError:
        pass
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC | posix.O_NOFOLLOW
    descriptor = posix.open(new, flags, 0o666)
    try:
        while content:
            content = content[posix.write(descriptor, content) :]
        posix.fsync(descriptor)
    finally:
        posix.close(descriptor)
    posix.replace(new, path)
