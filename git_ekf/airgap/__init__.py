"""The vendor's channels where the vendor cannot be reached: as a mirror, or in one file.

The file is a tar archive, so that it can be looked into, and used in need, with git and tar alone.
In it are `channels.bundle`, a bundle of git's (gitformat-bundle(5)); `manifest.json`, what is in
that; `SHA256SUMS`, for sha256sum(1); and perhaps `manifest.json.sig`, a signature.
"""
