"""Run by Python when it runs the single file: `git ekf`, or a hook for its shim.

For the shims it is what hookboot.py is in an installed package.
"""

import _signal  # type: ignore[import-not-found]
import sys

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
if sys.version_info < (3, 11):  # noqa: UP036 - nothing has looked at the version before this line
    sys.stderr.write(
        "git-ekf: Python 3.11 or newer is needed, this is {}.{}\n".format(*sys.version_info)
    )
    sys.stderr.write("hint: name one that is: python3.11 {}\n".format(sys.argv[0]))  # noqa: UP032
    sys.exit(4)
if sys.argv[1:2] == ["1"]:  # the protocol of the shims
    import git_ekf.hookboot  # noqa: F401
else:
    from git_ekf.__main__ import main

    main()
