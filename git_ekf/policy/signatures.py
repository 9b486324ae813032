"""The rule about signatures, which only a server asks for: with its own list of keys alone."""

from __future__ import annotations

from collections.abc import Iterator

from git_ekf.git.refs import HEADS
from git_ekf.policy.branches import OwnCommits
from git_ekf.policy.finding import Finding
from git_ekf.records import RecordTag, how_to_delete
from git_ekf.repository import Repository


def signature_missing(
    repo: Repository, brought: list[OwnCommits], tags: list[RecordTag]
) -> Iterator[Finding]:
    """Configuration commits and deploy records are signed where the server asks for that."""
    asked = repo.config.server_signed
    # Of all keys, the server's list of ssh keys is believed, and nothing else.
    believe = {
        "gpg.ssh.allowedSignersFile": repo.config.server_signers,
        "gpg.minTrustLevel": "fully",  # a signature by a key that is not in the list has less
        **dict.fromkeys(("gpg.program", "gpg.openpgp.program", "gpg.x509.program"), "false"),
    }
    strict = repo.git.variant(settings=[f"{key}={value}" for key, value in believe.items()])
    for own in brought if asked in ("commits", "all") else []:
        judged = own.commits
        # What is on a branch was judged when it came.
        new = repo.git.commits([own.tip], globs=[HEADS + "*"]) if judged else []
        commits = [commit for commit in new if commit in judged]
        good = strict.well_signed_commits(commits)
        for commit in commits:
            if commit not in good:
                yield Finding(
                    f"{commit[:12]} has no signature by a key that this server knows",
                    f"git rebase --force-rebase --gpg-sign {commit}^, then: git ekf save",
                    ref=own.ref,
                    commit=commit,
                )
    if asked in ("records", "all"):
        # Or an old one would pass under a new name.
        signed = [tag for tag in tags if tag.tag is not None and tag.tag.tag == tag.name]
        good = strict.well_signed_tags([tag.oid for tag in signed])
        for tag in tags:
            if tag not in signed or tag.oid not in good:
                yield Finding(
                    f"{tag.name} has no signature by a key that this server knows",
                    f"{how_to_delete(repo, tag.name)}, then: git ekf tag --sign",
                    ref=tag.ref,
                    commit=tag.tagged,
                )
