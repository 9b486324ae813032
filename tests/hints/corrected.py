"""Hints after which the user has to correct something first: a file, a program, another directory."""

from __future__ import annotations

from scenario import Scenario

_TOML = ("git ekf check",), {"git ekf check": "rm .ekf.toml && git ekf check"}
_MANUAL = ("git ekf man config",)

CORRECTED = {
    "git/complaints.py: what git takes for a repository here has no .git, and may have come with a commit": Scenario(
        "git config --global safe.bareRepository explicit",
        "cd $INTERNAL; git ekf log",
        ("git --git-dir=. --work-tree=. ekf",),
        {"git --git": "cd $INTERNAL; git --git", " ekf": " ekf log"},
        "git ekf log",
    ),
    "airgap/signature.py: {} is not signed, and only what one of the allowed signers in {} has signed is taken here": Scenario(
        "git ekf bundle create $TOP/1\nssh-keygen -q -t ed25519 -N '' -f $TOP/key\n"
        'echo "x $(cat $TOP/key.pub)" >$TOP/signers',
        "git ekf bundle verify --allowed-signers $TOP/signers $TOP/1",
        ("git ekf bundle create FILE --sign KEY",),
        {"FILE": "$TOP/2", "KEY": "$TOP/key"},
        "git ekf bundle verify --allowed-signers $TOP/signers $TOP/2",
    ),
    "airgap/apply.py: {} is of {}, and the clock here says {}; nothing was changed": Scenario(
        "SOURCE_DATE_EPOCH=7000000000 git ekf bundle create $TOP/1",
        "git ekf bundle apply $TOP/1 $TOP/mirror.git",
        ("git ekf bundle create FILE",),
        {"FILE": "$TOP/2"},
        "git ekf bundle apply $TOP/2 $TOP/mirror.git",
    ),
    "airgap/apply.py: {}, and no bundle was ever applied to {}": Scenario(
        "git ekf bundle create $TOP/1\ngit ekf bundle apply $TOP/1 $TOP/mirror.git\n"
        "tip=$(git -C $VENDOR commit-tree -m More -p release-1.8 release-1.8^{tree})\n"
        "git -C $VENDOR update-ref refs/heads/release-1.8 $tip\ngit fetch -q origin\n"
        "git ekf bundle create $TOP/2 --receipt $TOP/1.receipt",
        "git ekf bundle apply $TOP/2 $TOP/new.git",
        ("git ekf bundle create FILE",),
        {"FILE": "$TOP/3"},
        "git ekf bundle apply $TOP/3 $TOP/new.git",
    ),
    "airgap/bare.py: {} is inside of another repository, where a mirror does not belong": Scenario(
        "",
        "git ekf mirror $VENDOR mirror.git",
        fill={"name a directory outside of it": "true"},
        again="git ekf mirror $VENDOR $TOP/mirror.git",
    ),
    "airgap/changes.py: {} has branches or tags, and is not a mirror that git ekf has made": Scenario(
        "",
        "git ekf mirror $VENDOR $INTERNAL",
        fill={"name an empty or a new repository": "true"},
        again="git ekf mirror $VENDOR $TOP/mirror.git",
    ),
    "hooks/receive.py: git-ekf does not judge a push into a namespace of git": Scenario(
        "git ekf hooks install --server $INTERNAL\nexport EKF_HOOKS=0",
        "GIT_NAMESPACE=x git push internal release-1.8",
        fill={"push to": "git push internal release-1.8 #"},
        again="git ekf save",
    ),
    "doctor/machine.py: upgrades take longer and have no --plan: {}": Scenario(
        "git config merge.renormalize true", "git ekf doctor --offline", ends=(0, 1)
    ),
    "doctor/tools.py: {} are signed, but {} is not on the PATH": Scenario(
        "git config tag.gpgSign true\ngit config gpg.program nosuchprogram",
        "git ekf doctor --offline",
        ("git config gpg.program PROGRAM",),
        {"PROGRAM": "true"},
        ends=(0, 1),
    ),
    "deploy/comparing.py: the comparison cannot be started ({}): {}": Scenario(
        "git config ekf.drift.command nosuchprogram\ngit config --add ekf.drift.command '{path}'\n"
        "git ekf tag -m x --field Paths=own",
        "git ekf drift",
        _MANUAL,
        again="git config --replace-all ekf.drift.command true; git ekf drift",
    ),
    "manifests/builder.py: the builder cannot be started ({}): {}": Scenario(
        "git ekf tag -m x\ngit config ekf.render.command nosuchprogram\n"
        "echo x >>own/more\ngit commit -q -a -m X",
        "git ekf diff --rendered",
        ("git config ekf.render.command",),
        {"command": "command true"},
    ),
    "deploy/apply_run.py: could not be started: {}": Scenario(
        "git config ekf.apply.command /none/tool\ngit config --add ekf.apply.command '{path}'",
        "git ekf apply own",
        _MANUAL,
        again="git config --replace-all ekf.apply.command true /none/tool; git ekf apply own",
    ),
    "config.py parse(): {}": Scenario(
        "echo '[' >.ekf.toml", "git ekf status", *_TOML, said=".ekf.toml"
    ),
    "config.py _from_toml(): {}": Scenario(
        "printf '[tags]\\nsign = 7\\n' >.ekf.toml", "git ekf status", *_TOML, said=".ekf.toml"
    ),
}
