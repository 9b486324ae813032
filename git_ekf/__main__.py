"""The one entry: `hook …` goes to hooks.main, the rest to cli.main."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:2] == ["hook"]:
        from git_ekf import hooks

        stdin = sys.stdin.buffer.read() if sys.argv[3:4] == ["pre-push"] else b""
        sys.exit(hooks.main(sys.argv[2:], stdin))
    from git_ekf import cli

    sys.exit(cli.main(sys.argv[1:]))


if __name__ == "__main__":
    main()
