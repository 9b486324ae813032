"""Run by the hook shims: `python -I -S hookboot.py PROTOCOL HOOK [ARGUMENT…]`.

A script is compiled at every start, so this one only finds the package and hands over. -I and -S
spare the interpreter the environment and site-packages; `site` is made up for when the fast path
cannot decide and the full rules are needed.
"""

import _signal  # type: ignore[import-not-found]
import posix
import sys

# ^C ends a hook without a word; git says what it has to.
if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

# -I keeps the directory of the package off the path. __file__ of a script is absolute.
sys.path.insert(0, __file__.rpartition("/git_ekf/")[0])

from git_ekf.hooks import fastpath

stdin = sys.stdin.buffer.read() if sys.argv[2:3] in (["pre-push"], ["pre-receive"]) else b""
if fastpath.passes(sys.argv[1:], stdin):
    posix._exit(0)

if sys.argv[2:3] == ["pre-receive"]:
    from git_ekf.hooks import forerun

    forerun.begin(stdin)

import site  # noqa: E402

site.main()

from git_ekf.hooks import judge  # noqa: E402

code = judge.main(sys.argv[1:], stdin)
sys.stderr.flush()
posix._exit(code)  # the system frees what taking the interpreter apart would
