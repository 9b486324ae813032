"""For each hint a situation in which it is printed, and how it is followed.

A situation begins in a clone with three saved commits on release-1.8, whose vendor ($VENDOR) has 1.9 and 1.10, and
whose internal repository is $INTERNAL; $TOP is the directory of all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Scenario(NamedTuple):
    """All in the words of a shell.

    setup  what comes before it
    run    what prints the hint
    take   the commands of the hint, in order, where it is more than one command; $TOP and the like
           stand for what they are
    fill   what is written for its placeholders
    again  what the user does then, where that is not `run` once more
    codes  how the commands of the hint may end
    ends   how `again` may end
    said   the sentence before the hint, where the code composes it elsewhere
    """

    setup: str
    run: str
    take: tuple[str, ...] = ()
    fill: Mapping[str, str] = {}
    again: str = ""
    codes: tuple[int, ...] = (0,)
    ends: tuple[int, ...] = (0,)
    said: str = ""


ISTIO = "apps/istio/base/deployment.yaml"
CLASH = f"sed -i s/1.8.0/1.8.0-mine/ {ISTIO}\ngit commit -q -a -m 'Our image'\n"
STOPPED = f"{CLASH}git ekf save\ngit ekf upgrade || test $? = 3\n"
RESOLVED = f"git checkout --theirs {ISTIO}; git add {ISTIO}"
RECORD = "git ekf tag -m x\n"
# The vendor changes what a record changes, and the branch goes along.
CONFLICTING = (
    f"git reset -q --hard origin/release-1.8\nsed -i s/1.8.0/1.8.0-mine/ {ISTIO}\n"
    "git commit -q -a -m 'Our image'\ngit ekf save\ngit ekf tag -m x\n"
    "git clone -q -b release-1.8 $VENDOR $TOP/v\n(cd $TOP/v\n"
    f"sed -i s/1.8.0/1.8.1/ {ISTIO}\ngit commit -q -a -m Theirs\ngit push -q)\n"
    "git ekf save\ngit ekf sync --prefer vendor\n"
)
OTHER = "git clone -q $INTERNAL $TOP/other -b release-1.8\ncd $TOP/other\n"
PUSHED = f"({OTHER}echo x >own/theirs\ngit add own\ngit commit -q -m Theirs\ngit push -q)\n"
WIP = "echo more >>own/more\n"
URLS = {"URL": "$INTERNAL"}
