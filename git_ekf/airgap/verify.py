"""Says whether a bundle is whole, without a repository: whatever can be told of it without what the other side has."""

from __future__ import annotations

import os
from typing import NamedTuple

from git_ekf.airgap.manifest import Manifest
from git_ekf.airgap.read import opened, require_commits, require_tips, unpack
from git_ekf.airgap.signature import Signature
from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.temporary import temporary


class VerifiedBundle(NamedTuple):
    """`objects`: every object was unpacked; `history`: all that the channels lead to is there."""

    manifest: Manifest
    digest: str
    signature: Signature | None
    objects: bool
    history: bool


def verify(path: str, allowed: str) -> VerifiedBundle:
    """`allowed` is a file of allowed signers, "" for no demand. Raises UsageError, Refused where it is not whole, CallFailed."""
    git = Git()
    with opened(git, path, allowed) as contents, temporary() as folder:
        manifest = contents.manifest
        git.init(folder, bare=True, object_format=manifest.object_format, template=False)
        scratch = Git(
            folder, {"GIT_DIR": folder, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        )
        unpacked = unpack(scratch, contents, linked=not manifest.prerequisites)
        if not manifest.prerequisites:
            if not unpacked.self_contained:
                raise Refused(
                    f"{path} lacks objects to which its own lead",
                    "ask its sender; a new one: git ekf bundle create",
                )
            require_tips(scratch, contents)
            require_commits(scratch, contents)
        return VerifiedBundle(
            manifest,
            contents.digest,
            contents.signature,
            not unpacked.deltas,
            not manifest.prerequisites,
        )
