"""Decides in a few milliseconds that a hook has nothing to find; all else goes to judge.py.

`passes` may say yes only where the full policy finds nothing, not even a warning: a test holds the
two against each other. The work is in `fast_commit`, `fast_push` and `fast_receive`. They import
little but what is built in, and ask git two or three questions side by side: each import and each
process is felt at every commit. __future__ alone would take 0.2 ms.
"""

from git_ekf.hooks import spawn

PROTOCOL = "1"

_SECONDS = 2.0
# git reads a commit or a tree whole, and gigabytes of one can be kilobytes in a push.
_MEGABYTES = 100


def passes(argv: list[str], stdin: bytes) -> bool:
    """Whether the hook (argv: protocol, hook, its arguments) is sure to find nothing."""
    if argv[:1] != [PROTOCOL]:
        return False
    try:
        match argv[1:]:
            case ["pre-commit", *_]:
                from git_ekf.hooks import fast_commit

                return fast_commit.passes()
            case ["pre-push", remote, url]:
                from git_ekf.hooks import fast_push

                return fast_push.passes(remote, url, stdin)
            case ["pre-receive"]:
                from git_ekf.hooks import fast_receive

                # Whatever takes more is for the full rules, which watch what all of it uses.
                spawn.limit(_SECONDS, _MEGABYTES)
                return fast_receive.passes(stdin)
    except (OSError, ValueError):
        pass
    finally:
        spawn.limit(0)
        spawn.end_all()
    return False
