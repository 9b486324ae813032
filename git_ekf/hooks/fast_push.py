"""The fast path of pre-push: a release branch that grows, pushed to the internal repository."""

from git_ekf.hooks import listing, spawn
from git_ekf.names import PRIMARY, normalise_url

_CONFIG = ["config", "-z", "--get-regexp", r"^(ekf|remote|url)\."]


def passes(remote: str, url: str, stdin: bytes) -> bool:
    """Whether the policy is sure to find nothing in a push. Raises OSError and ValueError.

    The arguments are git's: the remote's name, its URL, and the lines on standard input.
    """
    updates = spawn.text(stdin).split("\n")[:-1]
    if not updates:
        return True
    # Away from the top of the work tree (git --work-tree=… push) there may be an .ekf.toml that is
    # not seen from here.
    if len(updates) != 1 or not spawn.exists(".git"):
        return False
    local, new, ref, old = updates[0].rsplit(" ", 3)
    branch = listing.moved_branch(ref, old, new)
    if not branch or ref != local:
        return False
    commits = _start(PRIMARY, branch, old, new)  # a guess, while git reads its configuration
    config = spawn.start(_CONFIG)
    from git_ekf.hooks import added_commits  # while git is at work, too
    from git_ekf.hooks.settings_cache import client_settings, parse_config

    objects = added_commits.BoundedObjects()
    values = parse_config(spawn.finish(config))
    settings = client_settings(spawn.git_dir(), values)
    if settings is None or remote != settings.internal or not settings.scheme.is_release(branch):
        return False
    # Rewritten URLs: git has to be asked for them.
    if any(key.startswith("url.") for key in values):
        return False
    primary = values.get(f"remote.{settings.primary}.url", [])
    push_urls = values.get(f"remote.{settings.primary}.pushurl", [])
    theirs = [normalise_url(one, _realpath) for one in primary + push_urls]
    if not primary or normalise_url(url, _realpath) in theirs:
        return False
    if settings.primary != PRIMARY:
        spawn.finish(commits, 0)
        commits = _start(settings.primary, branch, old, new)
    return added_commits.are_plain(objects, commits, old, new)


def _start(primary: str, branch: str, old: str, new: str) -> int:
    remotes = f"refs/remotes/{primary}/"
    channels = [f"{remotes}{branch}", f"--glob={remotes}*", "--glob=refs/ekf/upstream/*"]
    return listing.start(channels, old, new)


def _realpath(path: str) -> str:
    """A path with links followed; git runs pre-push where relative paths start."""
    import os  # for a remote that is a path

    return os.path.realpath(path)
