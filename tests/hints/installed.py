"""Hints of hooks that cannot be installed, of an installation without man pages, and of signed or odd records."""

from __future__ import annotations

from scenario import Scenario

# The interpreter that runs git-ekf, told of another place for what is installed with it.
_ELSEWHERE = (
    "python=$(sed -n '1s/^#!\\([^ ]*\\).*/\\1/p' $(command -v git-ekf)); $python -c '"
    'import sys; sys.prefix = "/none"; sys.argv[0] = "git-ekf"; '
    "from git_ekf.__main__ import main; main()' "
)

INSTALLED = {
    "commands/apply.py: {} applied, but not recorded: {}": Scenario(
        "git config ekf.apply.command true\ngit config --add ekf.apply.command '{path}'\n"
        "git config gpg.program false\ngit config ekf.tags.sign true",
        "git ekf apply own -m x",
        ("git ekf tag -m x",),
        {"git ekf tag": "git config ekf.tags.sign false; git ekf tag"},
        "git ekf show",
    ),
    "commands/hooks.py: hook not installed: {}": Scenario(
        "mkdir $TOP/shared\ngit -C $INTERNAL config core.hooksPath $TOP/shared",
        "git ekf hooks install --server $INTERNAL",
        ("git ekf hooks install --server --shared $TOP/shared",),
        again="git ekf hooks status --server $INTERNAL",
    ),
    "deploy/write.py: the record has a NUL character, so git would not show all of it": Scenario(
        "printf 'x\\0y' >$TOP/context",
        "git ekf tag -F $TOP/context",
        fill={"CONTEXT": "x"},
        again="git ekf show",
    ),
    "deploy/write.py: the record could not be signed: git left the signature out": Scenario(
        "printf '#!/bin/sh\\ncat >/dev/null\\nprintf \"\\\\n[GNUPG:] SIG_CREATED \\\\n\" >&2\\n' >$TOP/gpg\n"
        "chmod +x $TOP/gpg\ngit config gpg.program $TOP/gpg\n"
        "ssh-keygen -q -t ed25519 -N '' -f $TOP/key",
        "git ekf tag -m x --sign",
        ("git config user.signingKey KEY", "gpg.format ssh"),
        {"KEY": "$TOP/key", "gpg.format": "git config gpg.format"},
    ),
    "git/complaints.py: git does not trust {}: it belongs to another user": Scenario(
        "",
        "export GIT_TEST_ASSUME_DIFFERENT_OWNER=1; git ekf status",
    ),
    "hooks/installer.py: {} and {}{} both exist, and neither is ours": Scenario(
        "printf '#!/bin/sh\\n' | tee .git/hooks/pre-push >.git/hooks/pre-push.ekf-prev",
        "git ekf hooks install",
        ("ls -l ",),
        {"ls -l ": "rm .git/hooks/pre-push.ekf-prev"},
    ),
    "hooks/installer.py: {} exists and is not ours": Scenario(
        "mkdir -p $INTERNAL/custom_hooks/pre-receive.d\n"
        "printf '#!/bin/sh\\n' >$INTERNAL/custom_hooks/pre-receive.d/ekf",
        "git ekf hooks install --server $INTERNAL",
    ),
    "hooks/installer.py _all_or_nothing(): ls -ld {}, then: {}": Scenario(
        # A file system that nobody can write to, whoever runs this.
        "rm -r .git/hooks\nln -s /proc/self .git/hooks",
        "git ekf hooks install --shared",
        (", then: git ekf hooks install",),
        {", then:": "rm .git/hooks;"},
        "git ekf hooks status",
        said="cannot write hooks to",
    ),
    "hooks/judge.py: the hook was installed by another version of git-ekf": Scenario(
        'sed -i \'s/ 1 "$hook"/ 2 "$hook"/\' .git/hooks/pre-commit',
        "git commit -q --allow-empty -m X",
    ),
    "manifests/choice.py: there is no kustomization to {}": Scenario(
        "git config --add ekf.render.command '{path}'\n"
        "git rm -q -r apps\nEKF_HOOKS=0 git commit -q -m X\n"
        "echo x >>own/more\nEKF_HOOKS=0 git commit -q -a -m Own\n",
        "git ekf diff --rendered HEAD~1 HEAD",
        fill={"PATH": "HEAD~1 HEAD -- own"},
        again="git ekf diff HEAD~1 HEAD",
    ),
    "manual/pages.py: this installation has no folder of pages for man": Scenario(
        "", f"{_ELSEWHERE}man --path"
    ),
}
