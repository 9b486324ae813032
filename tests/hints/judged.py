"""Hints of a server that judges a push: what is too much, what has a wrong name, and who has signed."""

from __future__ import annotations

from scenario import Scenario

_SERVER = "git ekf hooks install --server $INTERNAL\nexport EKF_HOOKS=0\n"
_RECORD = "deploy/2026-11-20/release-1.8"
_PUSH_ONE = "git push --no-follow-tags internal refs/heads/release-1.8"


def _asked(refs: str) -> str:
    """What the hook answers to a push of refs, which a command lists, to a commit that is there."""
    return (
        f"(echo refs/heads/release-1.8; {refs}) |"
        ' sed "s|^|$(printf %040d 0) $(git rev-parse HEAD) |" |'
        " git -C $INTERNAL ekf hook 1 pre-receive"
    )


_SIGNING = (
    "ssh-keygen -q -t ed25519 -N '' -f $TOP/key\ngit config gpg.format ssh\n"
    "git config user.signingKey $TOP/key\n"
    'echo "operator@example.com $(cat $TOP/key.pub)" >$TOP/signers\n'
    "git -C $INTERNAL config ekf.server.signed records\n"
    "git -C $INTERNAL config ekf.server.allowed-signers $TOP/signers\n"
)

JUDGED = {
    "hooks/receive.py: the push has more than {} refs": Scenario(
        _SERVER,
        _asked("seq 20000 | sed 's|^|refs/heads/x|'"),
        (_PUSH_ONE,),
        again="git ekf save",
    ),
    "hooks/receive.py: the push is about more than {} releases": Scenario(
        _SERVER,
        _asked("seq 201 | sed 's|^|refs/heads/release-2.|; p; s|heads|ekf/upstream|'"),
        (_PUSH_ONE,),
        again="git ekf save",
    ),
    "hooks/receive.py _require_few(): {}": Scenario(
        _SERVER,
        "git push internal HEAD:refs/ekf/backup/release-1.8/$(printf %0251d 1)",
        ("git push internal OLD:NEW",),
        {"OLD:NEW": "HEAD:refs/ekf/backup/release-1.8/x"},
        again="git ekf save",
        said="bytes between slashes",
    ),
    "policy/server.py: the push has more than {} MB of deploy records": Scenario(
        f"{_SERVER}git ekf tag -m x\nfor size in 0 $(seq 3000001 3000012)\n"
        f"do (git cat-file tag {_RECORD}; head -c $size /dev/zero) |\n"
        "git -C $INTERNAL hash-object -t tag -w --stdin\ndone >$TOP/tags",
        "n= i=1; while read -r tag; do echo $(printf %040d 0) $tag"
        " refs/tags/deploy/2026-11-20$n/release-1.8; i=$((i + 1)) n=.$i; done <$TOP/tags |"
        " git -C $INTERNAL ekf hook 1 pre-receive",
        (f"git push --no-follow-tags internal refs/tags/{_RECORD}",),
        again="git ekf save",
    ),
    "policy/server_rules.py ref_name(): push it by another name, or leave it out: {}": Scenario(
        _SERVER,
        "git push internal release-1.8 HEAD:refs/notes/x",
        ("git push internal BRANCH",),
        {"BRANCH": "release-1.8"},
        "git push internal release-1.8",
        said="is neither a branch nor a tag",
    ),
    "policy/server_rules.py: a directory in the push {} ({})": Scenario(
        f"{_SERVER}blob=$(git rev-parse HEAD:own/more)\n"
        'tree=$( (git ls-tree HEAD; printf "100644 blob %s\\t.git\\n" $blob) | git mktree)\n'
        "git update-ref refs/heads/release-1.8 $(git commit-tree -m X -p HEAD $tree)",
        "git push internal release-1.8",
        ("git fsck --no-dangling",),
        again="git reset -q --soft HEAD~1; git commit -q --allow-empty -m X; git ekf save",
        codes=(0, 4),
    ),
    "policy/branches.py: a directory on {} that is not saved {} ({})": Scenario(
        "blob=$(git rev-parse HEAD:own/more)\n"
        'tree=$( (git ls-tree HEAD; printf "100644 blob %s\\t.git\\n" $blob) | git mktree)\n'
        "git update-ref refs/heads/release-1.8 $(git commit-tree -m X -p HEAD $tree)",
        "git ekf check",
        ("git fsck --no-dangling",),
        again="git reset -q --soft HEAD~1; git commit -q --allow-empty -m X; git ekf check",
        codes=(0, 4),
    ),
    "policy/server_rules.py: {} keeps no commit but a {}": Scenario(
        _SERVER,
        "git push internal HEAD^{tree}:refs/ekf/backup/release-1.8/x",
        ("git push internal ",),
        {
            "COMMIT": "HEAD",
            "git push internal ": "git push internal HEAD:refs/ekf/backup/release-1.8/x",
        },
        "git ekf save",
    ),
    "policy/signatures.py: {} has no signature by a key that this server knows": Scenario(
        f"{_SERVER}{_SIGNING}git -C $INTERNAL config ekf.server.signed commits\n"
        "echo x >own/x\ngit add own\ngit commit -q -m X",
        "git push internal release-1.8",
        fill={", then:": ";"},
        again="git ekf save && git diff --exit-code internal/release-1.8",
    ),
    "policy/signatures.py signature_missing(): {}, then: git ekf tag --sign": Scenario(
        f"{_SERVER}{_SIGNING}git ekf tag -m x",
        f"git push internal {_RECORD}",
        (
            f"git tag -d {_RECORD} && git update-ref -d refs/ekf/records/{_RECORD}",
            "git ekf tag --sign",
        ),
        {"--sign": "--sign -m x"},
        "git ekf save",
        said="has no signature by a key",
    ),
}
