"""The fast path of pre-receive: a release branch that grows, pushed by somebody who may.

Only on a server that asks for nothing more.
"""

from git_ekf.hooks import listing, spawn
from git_ekf.smallfile import CONFIGURATION, read_small

_CONFIG = ["config", "-z", "--get-regexp", r"^ekf\."]


def passes(stdin: bytes) -> bool:
    """Whether the policy is sure to find nothing in a push. Raises OSError and ValueError."""
    updates = spawn.text(stdin).removesuffix("\n").split("\n")
    old, new, ref = updates[0].split(" ", 2)
    branch = listing.moved_branch(ref, old, new)
    if not branch or len(updates) != 1:
        return False
    if b"GIT_NAMESPACE" in spawn.environment() or _may_be_symbolic(ref):
        return False
    environment = spawn.server_environment()
    channels = [f"refs/ekf/upstream/{branch}", "--glob=refs/ekf/upstream/*"]
    commits = listing.start(channels, old, new, environment)
    config = spawn.start(_CONFIG, environment)
    from git_ekf.hooks import added_commits  # while git is at work
    from git_ekf.hooks.settings_cache import parse_config, recall

    objects = added_commits.BoundedObjects(environment)
    plain = added_commits.are_plain(objects, commits, old, new)
    printed = spawn.finish(config)
    if printed is None or not plain:
        return False
    values = parse_config(printed)
    file = values.get("ekf.server.config")
    toml = read_small(file[-1], CONFIGURATION, follow=True) if file else None
    if file and toml is None:
        return False
    settings = recall(spawn.git_dir("."), toml, values, server=True)
    if settings is None or not settings.scheme.is_release(branch):
        return False
    return _may_push(settings.allow, ref)


def grants(user: str, may_push: "tuple[tuple[str, tuple[str, ...]], ...]") -> list[str]:
    """Who may push what, to be remembered; nothing where everybody may push everything.

    The variable that names the user, then USER: REF for each grant that `_matches` can tell.
    """
    if not may_push:
        return []
    given = [user]
    for who, refs in may_push:
        given += [f"{who}: {ref}" for ref in refs if _is_plain(who) and _is_plain(ref)]
    return given


def _is_plain(pattern: str) -> bool:
    return not set(pattern) & set("?[") and "*" not in pattern[:-1]


def _may_push(given: tuple[str, ...], ref: str) -> bool:
    """Whether one of the grants is sure to let this user push the ref."""
    if not given:
        return True
    variable = given[0].encode("utf-8", "surrogateescape")
    user = spawn.text(spawn.environment().get(variable, b""))
    pairs = (grant.partition(": ") for grant in given[1:])
    return user != "" and any(_matches(user, who) and _matches(ref, to) for who, _, to in pairs)


def _matches(text: str, pattern: str) -> bool:
    """As fnmatch has it, for a pattern with at most one star, at its end."""
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def _may_be_symbolic(ref: str) -> bool:
    """Whether the ref may be another name for one.

    Those are files of their own, but in a reftable nobody can tell from here.
    """
    git_dir = spawn.git_dir(".")
    if (spawn.read(f"{git_dir}/{ref}") or b"").startswith(b"ref:"):
        return True
    return (spawn.read(f"{git_dir}/HEAD") or b"").startswith(spawn.REFTABLE_HEAD)
