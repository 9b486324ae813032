"""Hints of a fleet, which is the one cluster of the clone."""

from __future__ import annotations

from scenario import CLASH, Scenario

_FLEET = """cat >fleet.toml <<END
vendor = "$VENDOR"
store = "$TOP/store.git"
[[cluster]]
name = "prod"
internal = "$INTERNAL"
END
"""
_WAVES = """cat >fleet.toml <<END
vendor = "$VENDOR"
store = "$TOP/store.git"
waves = ["canary", "rest"]
[[cluster]]
name = "prod"
internal = "$INTERNAL"
wave = "canary"
[[cluster]]
name = "second"
internal = "$TOP/second.git"
wave = "rest"
END
git clone -q --mirror $INTERNAL $TOP/second.git
"""
_UPGRADE = "git ekf fleet upgrade 1.9"
_STATUS = "git ekf fleet status"
_PLAN = "git ekf fleet plan"
_NOBODY = "tcp://127.0.0.1:1"

FLEETING = {
    "commands/fleet.py: --json has all that --list and --failed print": Scenario(
        _FLEET,
        "git ekf fleet status --json --list",
        again="git ekf fleet status --json",
    ),
    "commands/fleet.py: --json has all that --list prints": Scenario(
        _FLEET,
        "git ekf fleet plan --json --list",
        again="git ekf fleet plan --json",
    ),
    "commands/fleet.py: --jobs and --executor exclude each other: the Dask workers have their own number of threads": Scenario(
        _FLEET, f"{_PLAN} --jobs 2 --executor {_NOBODY}", again=_PLAN, codes=(5,)
    ),
    "fleet/scheduler.py: {} is on another machine, and what is sent there has to be encrypted": Scenario(
        _FLEET, f"{_PLAN} --executor tcp://dask.example.com:8786", again=_PLAN, codes=(4,)
    ),
    'fleet/scheduler.py: "{}" is not the address of a scheduler, as tls://HOST:8786 is': Scenario(
        _FLEET, f"{_PLAN} --executor dask.example.com", again=_PLAN
    ),
    "fleet/scheduler.py: no scheduler answers at {}: {}": Scenario(
        _FLEET, f"{_PLAN} --executor {_NOBODY}", (_PLAN,), {" plans here": ""}, again=_PLAN
    ),
    "commands/fleet_options.py: nothing is known of this fleet yet": Scenario(
        _FLEET, "git ekf fleet status --no-fetch"
    ),
    'fleet/choosing.py: there is no cluster "{}" in this fleet': Scenario(
        f"{_FLEET}mv fleet.toml 'my fleet.toml'",
        "git ekf fleet status --file 'my fleet.toml' --only x",
        ("git ekf fleet status --list --file 'my fleet.toml'",),
        again="git ekf fleet status --file 'my fleet.toml' --only prod",
    ),
    "fleet/choosing.py: no cluster of {} fits {}": Scenario(
        f"{_FLEET}mv fleet.toml 'my fleet.toml'",
        f"{_UPGRADE} --file 'my fleet.toml' --where name=x",
        again=f"{_UPGRADE} --file 'my fleet.toml' --where name=prod",
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
    "commands/fleet_upgrade.py: --continue goes on in the waves that were begun, and takes no --wave": Scenario(
        f"{CLASH}git ekf save\n{_WAVES}{_UPGRADE} --wave canary || test $? = 3\n",
        f"{_UPGRADE} --wave canary --continue",
        again=_STATUS,
        codes=(3,),
    ),
    "commands/fleet_upgrade.py: this fleet is upgraded a wave at a time": Scenario(
        _WAVES, _UPGRADE, again=_STATUS
    ),
    "commands/fleet_upgrade.py: {} is not a valid release": Scenario(
        _FLEET,
        "git ekf fleet upgrade next",
        ("git ekf fleet status --json",),
        {" lists the vendor's channels": ""},
        again=_UPGRADE,
    ),
    "fleet/gate.py: no deploy record of {} is saved yet by: {}{} (wave {})": Scenario(
        _WAVES,
        f"{_UPGRADE} --wave rest",
        ("git ekf fleet status --list --where wave=canary",),
        again=f"{_UPGRADE} --wave rest --without-records",
    ),
    "fleet/upgrade.py: the vendor has no {}": Scenario(
        _FLEET, "git ekf fleet upgrade 9.9", again=_UPGRADE
    ),
    "fleet/upgrade.py: there is no upgrade to {} to go on with": Scenario(
        _FLEET, f"{_UPGRADE} --continue", (_UPGRADE,), {" begins one": ""}, again=_STATUS
    ),
}
