"""A cache of the configuration that the fast path goes by, as the full reader has left it.

A file in the git directory keeps it, together with all that it was made from: .ekf.toml or the
server's file, and git's ekf.* settings.
"""

from git_ekf import __version__
from git_ekf.hooks import spawn
from git_ekf.names import INTERNAL, PRIMARY, RELEASE_PATTERN, Scheme

TYPE_CHECKING = False  # typing takes longer to load than a hook has
if TYPE_CHECKING:
    from git_ekf.repository import Repository


class Settings:
    """`allow`: plain names in `branches.allow`; on a server, what `fast_receive.grants` returns."""

    def __init__(
        self,
        pattern: str = RELEASE_PATTERN,
        primary: str = PRIMARY,
        internal: str = INTERNAL,
        *allow: str,
    ) -> None:
        self.scheme = Scheme(pattern)
        self.primary = primary
        self.internal = internal
        self.allow = allow


def parse_config(printed: bytes | None) -> dict[str, list[str]]:
    """Key -> values, from what `git config -z` prints."""
    pairs = []
    for entry in spawn.text(printed or b"").split("\0"):
        key, newline, value = entry.partition("\n")
        if key:
            pairs.append((key, value if newline else "true"))
    return _grouped(pairs)


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return values


def client_settings(git_dir: str, values: dict[str, list[str]]) -> Settings | None:
    """The settings of a clone whose git has these values; None where only judge.py can tell."""
    return recall(git_dir, spawn.read(".ekf.toml"), values)


def recall(
    git_dir: str, toml: bytes | None, values: dict[str, list[str]], *, server: bool = False
) -> Settings | None:
    """The settings that the bytes of a file and git's values come to; None where nothing is kept.

    The defaults where there is no file and no value of ours.
    """
    made_from = _made_from(toml, values, server)
    if made_from is None:
        return Settings()
    kept = spawn.read(git_dir + "/ekf/settings") or b""
    lines, _, kept_from = kept.partition(b"\n\n")
    if kept_from != made_from:
        return None
    return Settings(*spawn.text(lines).split("\n"))


def remember(git_dir: str, repo: "Repository", allow: list[str], *, server: bool = False) -> None:
    """Keeps what a configuration comes to for `recall`; `allow` as in `Settings`.

    That it cannot be written costs time, nothing else.
    """
    import os

    config = repo.config
    settings = [config.scheme.pattern, config.primary, config.internal, *allow]
    made_from = _made_from(repo.toml, _grouped(repo.git_config), server)
    if made_from is None or any("\n" in word or not word for word in settings):
        return
    path = os.path.join(git_dir, "ekf", "settings")
    content = os.fsencode("\n".join(settings)) + b"\n\n" + made_from
    try:
        if spawn.read(path) == content:
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.{os.getpid()}", "wb") as file:
            file.write(content)
        os.replace(f"{path}.{os.getpid()}", path)
    except OSError:
        pass


def _made_from(toml: bytes | None, values: dict[str, list[str]], server: bool) -> bytes | None:
    """All that settings are made from, None for the defaults. Compared whole, so never stale.

    The repository of a work tree may be a client and a server.
    """
    ours = sorted(pair for pair in values.items() if pair[0].startswith("ekf."))
    if toml is None and not ours:
        return None
    return repr((__version__, server, toml, ours)).encode("utf-8", "surrogateescape")
