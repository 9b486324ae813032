"""Channels of the vendor in one file, to be carried where the vendor cannot be reached.

The file is a tar archive, so that it can be looked into, and used in need, with git and tar alone: `channels.bundle`, a bundle of git's
(gitformat-bundle(5)); `manifest.json`, what is in it; `SHA256SUMS`, for sha256sum(1); and perhaps `manifest.json.sig`, a signature.
"""
