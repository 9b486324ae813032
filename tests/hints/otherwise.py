"""Hints that take the place of another one, where that would not help, and fixes of deploy records."""

from __future__ import annotations

from scenario import CLASH, ISTIO, OTHER, RECORD, Scenario

_NAME = "deploy/2026-11-20/release-1.8"
_SERVER = "git ekf hooks install --server $INTERNAL\nexport EKF_HOOKS=0\n"
_EITHER = (0, 1)
_AMEND = f"git tag -a -f -e {_NAME}"


def _copied(name: str) -> str:
    """A record under another name."""
    return f"{RECORD}git cat-file tag {_NAME} | sed s,{_NAME},{name}, | git mktag | xargs git tag {name}\n"


def _delete(name: str) -> str:
    return f"git tag -d {name} && git update-ref -d refs/ekf/records/{name}"


OTHERWISE = {
    "transaction/preconditions.py: git add -A && git commit, or git stash -u": Scenario(
        "git config ekf.apply.command true\ngit config --add ekf.apply.command '{path}'\necho x >own/new",
        "git ekf apply own",
        ("git stash -u",),
    ),
    "policy/index.py: git merge --abort, then: git ekf sync, or git ekf upgrade": Scenario(
        "git fetch -q origin",
        "git merge --no-ff --no-edit origin/release-1.9",
        ("git merge --abort", "git ekf upgrade"),
        again="git ekf status",
    ),
    "policy/index.py: git merge --abort, then: git ekf upgrade": Scenario(
        "git -C $VENDOR branch -q -D release-1.8\ngit ekf status --fetch",
        "git merge --no-ff --no-edit origin/release-1.9",
        ("git merge --abort", "git ekf upgrade"),
        again="git ekf status",
    ),
    "policy/index.py: ; to keep what is resolved: git commit --no-verify, then: git ekf check": Scenario(
        f"{CLASH}git ekf save\ngit fetch -q origin\ngit merge --no-ff origin/release-1.9 || true\n"
        f"git checkout --ours {ISTIO}\ngit add {ISTIO}",
        "git commit -q -m X",
        ("git commit --no-verify", "git ekf check"),
        {"--no-verify": "--no-verify -q --no-edit"},
        # Whose fix is followed in turn.
        "eval \"$(git ekf check | sed -n 's/.*fix: \\(git switch -c .*\\)/\\1/p' | head -1)\""
        f" && git ekf check && test $(git branch --show-current) = release-1.9 && grep mine {ISTIO}",
        codes=_EITHER,
    ),
    "policy/records.py: git tag -d {}, then: git fetch {}, then: git ekf tag{}": Scenario(
        f"git tag {_NAME}\n({OTHER}git tag -a -m x {_NAME}\ngit push -q --no-verify origin {_NAME})\n"
        "export EKF_HOOKS=0",
        "EKF_HOOKS=0 git ekf save",
        (f"git tag -d {_NAME}", "git fetch internal", "git ekf tag --date 2026-11-20"),
        {"--date": "-m x --date"},
        "git ekf save",
    ),
    "doctor/clone.py:  --force": Scenario(
        "echo '# edited' >>.git/hooks/pre-commit",
        "git ekf doctor --offline",
        ("git ekf hooks install --force",),
        ends=_EITHER,
    ),
    "doctor/clone.py:  --shared": Scenario(
        "mkdir $TOP/shared\ngit config --global core.hooksPath $TOP/shared",
        "git ekf doctor --offline",
        ("git ekf hooks install --shared",),
        ends=_EITHER,
    ),
    "hooks/directory.py: core.hooksPath is {}, a directory of the work tree that another tool keeps": Scenario(
        "mkdir -p .husky/_\ngit config core.hooksPath .husky/_\n"
        "for hook in pre-commit pre-merge-commit pre-push\n"
        "do printf '#!/bin/sh\\n' | tee .husky/$hook >.husky/_/$hook; chmod +x .husky/$hook .husky/_/$hook\ndone",
        "git ekf hooks install",
        ('git-ekf hook 1 pre-push "$@"',),
        {
            'git-ekf hook 1 pre-push "$@"': "for hook in pre-commit pre-merge-commit pre-push; do"
            " echo 'git-ekf hook 1 '$hook' \"$@\"' >>.husky/$hook; done"
        },
        "git ekf hooks status",
    ),
    "policy/server_rules.py: {}, then: {}": Scenario(
        f"{_SERVER}git commit -q --amend -m Again",
        "EKF_HOOKS=0 git push --force internal release-1.8",
        ("git fetch internal", "git push internal "),
        {"git push internal ": "git ekf save; : "},
        "git ekf save",
        said="away from internal",
    ),
    "policy/server_rules.py: {}; {}": Scenario(
        f"{_SERVER}git switch -q -c side HEAD~1\necho x >own/side\ngit add own\n"
        "git commit -q -m Side\ngit switch -q release-1.8\ngit merge -q --no-ff --no-edit side",
        "EKF_HOOKS=0 git push internal release-1.8",
        ("git ekf sync --flatten",),
        again="git ekf save",
        said="is a merge commit",
    ),
    "policy/records.py tag_fields(): {}": Scenario(
        f"{RECORD}git config ekf.tags.required Ticket",
        "git ekf check --all",
        (_AMEND,),
        {_AMEND: f"GIT_EDITOR='sed -i 1iTicket:OPS-1' {_AMEND} '{_NAME}^{{}}'"},
        said="lacks Ticket",
    ),
    "policy/records.py tag_mismatch(): {}": Scenario(
        f"{RECORD}git tag -f -a -m \"$(git tag -l --format='%(contents)' {_NAME} |"
        f" sed 's/^Local SHA: .*/Local SHA: 1234567/')\" {_NAME} {_NAME}^{{}}",
        "git ekf check --all",
        (_AMEND,),
        {
            _AMEND: "GIT_EDITOR=\"sed -i 's/^Local SHA: .*/Local SHA: $(git rev-parse HEAD)/'\""
            f" {_AMEND} '{_NAME}^{{}}'"
        },
        said="Local SHA is 1234567",
    ),
    "deploy/read.py: {} {}: it counts as no deploy record": Scenario(
        RECORD + "git tag deploy/first", "git ekf show deploy/first", again="git ekf show"
    ),
    "policy/records.py: {} has another {}: somebody else took that name": Scenario(
        RECORD + f"({OTHER}git tag -a -m x {_NAME}\n"
        f"git push -q --no-verify origin {_NAME})\ngit ekf status --fetch",
        "git ekf check --all",
        ("git ekf pull",),
        ends=_EITHER,  # for what is wrong with the other one
        said="took that name",
    ),
    "policy/records.py: {} has no record before it: there is no {}": Scenario(
        _copied("deploy/2026-11-20.5/release-1.8"),
        "git push internal deploy/2026-11-20.5/release-1.8",
        (_delete("deploy/2026-11-20.5/release-1.8"), "git ekf tag --date 2026-11-20"),
        {"--date": "-m y --date"},
        "git ekf save",
    ),
    "policy/records.py: {} is of a day that has not come yet": Scenario(
        _copied("deploy/2027-06-01/release-1.8"),
        "git push internal deploy/2027-06-01/release-1.8",
        (_delete("deploy/2027-06-01/release-1.8"), "git ekf tag"),
        {"git ekf tag": "git ekf tag -m y"},
        "git ekf save",
    ),
    "policy/records.py: {} was made more than a day from now by the clock of its tagger": Scenario(
        f"git config ekf.rules.tag-date off\nGIT_COMMITTER_DATE='2027-06-01T00:00:00Z' git tag -a -m x {_NAME}"
        "\ngit config --unset ekf.rules.tag-date",
        f"git push internal {_NAME}",
        ("git ekf doctor", _delete(_NAME), "then tag again"),
        {"then tag again": "git ekf tag -m x"},
        "git ekf save",
        codes=_EITHER,
    ),
    "policy/records.py: {} does not say when it was made in a way that all read alike": Scenario(
        f"{RECORD}git update-ref refs/tags/{_NAME} $(git cat-file tag {_NAME} | sed '/^tagger /p' |"
        " git hash-object -t tag -w --literally --stdin)",
        f"git push internal {_NAME}",
        (_delete(_NAME), "then tag again"),
        {"then tag again": "git ekf tag -m x"},
        "git ekf save",
    ),
    "policy/records.py: {}: Backup branch {} does not exist there yet": Scenario(
        "git ekf upgrade\ngit ekf tag -m x",
        "git push internal deploy/2026-11-20/release-1.9",
        ("git switch release-1.9", "git ekf save"),
        again="git push internal deploy/2026-11-20/release-1.9",
    ),
    "upgrade/target.py: git fetch {}": Scenario(
        "git update-ref -d refs/remotes/origin/release-1.8\n"
        "git for-each-ref --format='delete %(refname)' refs/ekf | git update-ref --stdin",
        "git ekf upgrade --no-fetch --no-save-check",
        said="stands on is not known here",
    ),
}
