"""Hints of a fleet, which is the one cluster of the clone."""

from __future__ import annotations

from scenario import Scenario

_FLEET = """cat >fleet.toml <<END
vendor = "$VENDOR"
store = "$TOP/store.git"
[[cluster]]
name = "prod"
internal = "$INTERNAL"
END
"""

FLEETING = {
    "commands/fleet.py: --json has all that --list and --failed print": Scenario(
        _FLEET,
        "git ekf fleet status --json --list",
        again="git ekf fleet status --json",
    ),
    "commands/fleet.py: nothing is known of this fleet yet": Scenario(
        _FLEET, "git ekf fleet status --no-fetch"
    ),
    "fleet/choosing.py: there is no file {}": Scenario(
        _FLEET,
        "git ekf fleet status --only @failed",
        ("git ekf fleet status --failed >FILE",),
        {"FILE": "failed"},
    ),
    "fleet/reading.py: the store {} is damaged: {} cannot be read ({})": Scenario(
        f"{_FLEET}git ekf fleet status\nrm -f $TOP/store.git/objects/pack/*\n",
        "git ekf fleet status",
        ("rm -rf $TOP/store.git",),
        {"it is a cache: ": "", ", then the same command again": ""},
    ),
}
