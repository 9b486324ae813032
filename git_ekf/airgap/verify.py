"""Says whether a bundle is whole, without a repository.

That is whatever can be told of it without what the other side has.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from git_ekf.airgap.manifest import Manifest
from git_ekf.airgap.pack import Progress
from git_ekf.airgap.read import opened, require_history, unpack
from git_ekf.airgap.signature import Signature
from git_ekf.git.calls import Git
from git_ekf.temporary import temporary


class VerifiedBundle(NamedTuple):
    """The manifest of a bundle, and how much of it could be checked.

    `objects`: every object was unpacked; `history`: all that the channels lead to is there.
    """

    manifest: Manifest
    digest: str
    signature: Signature | None
    objects: bool
    history: bool


def verify(path: str, allowed: str, progress: Progress = iter) -> VerifiedBundle:
    """Checks a bundle; `allowed` is a file of allowed signers, "" for no demand.

    Raises UsageError, Refused where it is not whole, CallFailed.
    """
    git = Git()
    with opened(git, path, allowed) as contents, temporary() as folder:
        manifest = contents.manifest
        git.init(folder, bare=True, object_format=manifest.object_format, template=False)
        # No setting of the user's has a say in what is sound.
        env = {"GIT_DIR": folder, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        scratch = Git(folder, env)
        whole = not manifest.prerequisites
        unpacked = unpack(scratch, contents, linked=whole, progress=progress)
        if whole:
            require_history(scratch, contents, unpacked)
        objects = not unpacked.deltas
        return VerifiedBundle(manifest, contents.digest, contents.signature, objects, whole)
