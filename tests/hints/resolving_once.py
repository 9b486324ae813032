"""Hints of the resolutions that a team shares."""

from __future__ import annotations

from scenario import CLASH, ISTIO, RESOLVED, Scenario

_TEAM = "git init -q --bare $TOP/team.git\ngit config ekf.resolutions $TOP/team.git\n"
_SIGNING = (
    "ssh-keygen -q -t ed25519 -N '' -f $TOP/key\ngit config gpg.format ssh\n"
    "git config user.signingKey $TOP/key\n"
)
_STOPPED = f"{CLASH}git ekf save\ngit ekf upgrade || test $? = 3\n"
_UPGRADED = f"{_TEAM}{_STOPPED}{RESOLVED}\ngit ekf upgrade --continue --no-build\n"
_SHARED = f"{_UPGRADED}git ekf resolutions save --no-sign\n"
_OTHER_ANSWER = (
    f"git ekf undo\nrm -rf .git/rr-cache\n{_STOPPED.partition('git ekf save')[2].lstrip()}"
    f"sed -i '/^[<=>]/d; /1.9.0/d; s/1.8.0-mine/1.9.0-mine/' {ISTIO}; git add {ISTIO}\n"
    "git ekf upgrade --continue --no-build\n"
)
# Somebody has put another answer in the place of one that was there.
_SPOILT = (
    "git clone -q $TOP/team.git $TOP/spoilt 2>/dev/null\n(cd $TOP/spoilt\n"
    "git fetch -q origin refs/ekf/resolutions\ngit checkout -q FETCH_HEAD\n"
    "for result in */*/result; do echo x >$result; done\ngit commit -q -a -m Spoilt\n"
    "git push -q origin HEAD:refs/ekf/resolutions)\n"
)
FLEET_FILE = """git init -q --bare $TOP/team.git
cat >fleet.toml <<END
vendor = "$VENDOR"
resolutions = "$TOP/team.git"
store = "$TOP/store.git"
[[cluster]]
name = "prod"
internal = "$INTERNAL"
END
"""
_KEY = "$(git ekf resolutions list --json | grep -o '\"key\": \"[0-9a-f]*' | cut -d'\"' -f4)"
_SAVE = "git ekf resolutions save --no-sign"

RESOLVING = {
    "resolutions/source.py: no repository of resolutions is set": Scenario(
        "git init -q --bare $TOP/team.git\n",
        "git ekf resolutions list",
        fill={"URL": "$TOP/team.git"},
    ),
    "resolutions/source.py: ekf.resolutions is the vendor's repository: {}": Scenario(
        "git init -q --bare $TOP/team.git\ngit config ekf.resolutions origin",
        "git ekf resolutions list",
        fill={"URL": "$TOP/team.git"},
    ),
    "resolutions/source.py: {} no longer has all resolutions that were known here: {} is not below {}": Scenario(
        f"{_SHARED}git -C $TOP/team.git update-ref -d refs/ekf/resolutions",
        _SAVE,
        ("git update-ref -d refs/ekf/resolutions",),
    ),
    "resolutions/source.py: a resolution is signed with an ssh key, and git signs with another kind here": Scenario(
        f"{_UPGRADED}ssh-keygen -q -t ed25519 -N '' -f $TOP/key\n"
        "git config user.signingKey $TOP/key",
        "git ekf resolutions save",
        ("git config gpg.format ssh",),
    ),
    "resolutions/source.py: git could not sign the resolution: {}": Scenario(
        f"{_UPGRADED}{_SIGNING}git config user.signingKey $TOP/none",
        "git ekf resolutions save",
        ("git config user.signingKey FILE",),
        {"FILE": "$TOP/key"},
    ),
    "resolutions/judging.py: no resolution is called {}": Scenario(
        _SHARED,
        "git ekf resolutions approve abcd1234",
        ("git ekf resolutions list",),
        again=f"git ekf resolutions approve --yes {_KEY}",
    ),
    "resolutions/judging.py: {} is too short: four digits of a key at least": Scenario(
        _SHARED,
        "git ekf resolutions approve abc",
        ("git ekf resolutions list",),
        again=f"git ekf resolutions approve --yes {_KEY}",
    ),
    "commands/resolutions.py: They go into files that are deployed. Use them here?": Scenario(
        _SHARED,
        f"git ekf resolutions approve {_KEY}",
        again="git ekf resolutions list",
        said="nobody is there to ask whether these resolutions may be used",
    ),
    "commands/resolutions.py: an upgrade or sync is still under way": Scenario(
        f"{_TEAM}{_STOPPED}{RESOLVED}",
        _SAVE,
        ("git ekf upgrade --continue",),
    ),
    "resolutions/judging.py: resolution {}{} cannot be approved: {}": Scenario(
        f"{_SHARED}{_SPOILT}",
        f"git ekf resolutions approve --yes {_KEY}",
        ("git ekf resolutions list",),
        again="git ekf status",
    ),
    "commands/resolutions.py: {} of yours contradict what is kept, and people have to agree on one answer": Scenario(
        f"{_SHARED}{_OTHER_ANSWER}",
        _SAVE,
        ("git ekf resolutions list",),
        again="git ekf status",
    ),
    "commands/fleet_resolve.py: --approve resolves nothing, and stands alone": Scenario(
        FLEET_FILE,
        "git ekf fleet resolve 1.9 prod --approve abcd",
        again="git ekf fleet status",
    ),
    "commands/fleet_resolve.py: a release and a cluster have to be named": Scenario(
        FLEET_FILE,
        "git ekf fleet resolve 1.9",
        again="git ekf fleet status",
    ),
    'commands/fleet_resolve.py: there is no cluster "{}" in this fleet': Scenario(
        FLEET_FILE,
        "git ekf fleet resolve 1.9 nobody",
        again="git ekf fleet resolve 1.9 prod",
    ),
    "commands/fleet_resolve.py: there is no conflict {} in the plan to {}": Scenario(
        f"{FLEET_FILE}git ekf fleet status",
        "git ekf fleet resolve 1.9 7",
        again="git ekf fleet status",
    ),
    "commands/fleet_resolve.py: {} is not a valid release": Scenario(
        FLEET_FILE,
        "git ekf fleet resolve x prod",
        again="git ekf fleet resolve 1.9 prod",
    ),
    "commands/fleet_resolve.py: the vendor has no {}": Scenario(
        FLEET_FILE,
        "git ekf fleet resolve 1.99 prod",
        again="git ekf fleet resolve 1.9 prod",
    ),
}
