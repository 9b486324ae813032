"""Signatures over a manifest, by ssh-keygen or gpg, and whose they may be.

The file of allowed signers is OpenSSH's (ssh-keygen(1), ALLOWED SIGNERS). For gpg a line `NAME gpg
FINGERPRINT` is taken beside those.
"""

from __future__ import annotations

import os
import subprocess
from typing import NamedTuple

from git_ekf.errors import CallFailed, Refused, UsageError
from git_ekf.git.calls import Git
from git_ekf.temporary import temporary

NAMESPACE = "git-ekf-bundle"  # a signature for git, or for mail, is none for a bundle

_SSH, _GPG = b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN PGP SIGNATURE-----"


class Signature(NamedTuple):
    """A signature that is not wrong.

    `kind` is ssh or gpg. `signer` is the name in the file of allowed signers, "" where there is no
    such file; `checked` says whether the signature is that of the key: gpg cannot tell for a key
    that it does not have.
    """

    kind: str
    key: str
    signer: str
    checked: bool


def sign(git: Git, key: str, content: bytes) -> bytes:
    """The signature by a key.

    That is an ssh key's file, as for ssh-keygen -Y sign -f, or a name for gpg, as for gpg -u.
    Raises UsageError where there is no such file, CallFailed.
    """
    if os.path.exists(key):
        command = [*_ssh(git, "sign"), "-q", "-f", key, "-n", NAMESPACE]
    elif "/" in key or key.endswith(".pub"):
        raise UsageError(f"no such key: {key}", "ssh-keygen -t ed25519 makes one")
    else:
        command = [*_gpg(git), "--armor", "--detach-sign", f"--local-user={key}", "--output=-"]
    done = _run(command, content)
    if done.returncode:
        raise CallFailed(
            f"{command[0]} could not sign: {_complaint(done)}",
            "nothing was written; see that the key is there and may be used",
        )
    return done.stdout


def check(git: Git, path: str, content: bytes, signature: bytes, allowed: str) -> Signature | None:
    """Whose signature of a file's content it is; None for a file that has none (b"").

    `allowed` is a file of allowed signers, of whom one has to have signed it; "" for no such
    demand. Then a signature has to be one of those whom git knows (gpg.ssh.allowedSignersFile),
    where it knows any. Raises Refused where it is not good, or nobody's who may; UsageError,
    CallFailed.
    """
    if not signature:
        if allowed:
            raise Refused(
                f"{path} is not signed, and only what one of the allowed signers in {allowed} "
                "has signed is taken here",
                "ask its sender: git ekf bundle create FILE --sign KEY",
            )
        return None
    allowed = allowed or git.setting("gpg.ssh.allowedSignersFile", "path") or ""
    signers = _read_signers(allowed) if allowed else None
    with temporary() as folder:
        file = os.path.join(folder, "signature")
        with open(file, "wb") as out:
            out.write(signature)
        if signature.startswith(_SSH):
            return _check_ssh(git, file, content, signers, path)
        if signature.startswith(_GPG):
            return _check_gpg(git, file, content, signers, path)
    raise Refused(f"the signature of {path} is neither one of ssh-keygen nor one of gpg")


def _check_ssh(
    git: Git, file: str, content: bytes, signers: list[str] | None, path: str
) -> Signature:
    valid = _run([*_ssh(git, "check-novalidate"), "-n", NAMESPACE, "-s", file], content)
    if valid.returncode:
        raise _not_good(path, valid)
    key = os.fsdecode(valid.stdout).strip().rpartition(" ")[2]
    if signers is None:
        return Signature("ssh", key, "", True)
    allowed = os.path.join(os.path.dirname(file), "allowed")
    with open(allowed, "w", encoding="utf-8", errors="surrogateescape") as out:
        out.writelines(f"{line}\n" for line in signers if not _is_gpg(line))
    among = ["-f", allowed, "-s", file]
    found = _run([*_ssh(git, "find-principals"), *among], b"")
    names = [] if found.returncode else os.fsdecode(found.stdout).split("\n")
    for name in filter(None, names):
        verify = [*_ssh(git, "verify"), *among, "-I", name, "-n", NAMESPACE]
        if _run(verify, content).returncode == 0:
            return Signature("ssh", key, name, True)
    raise _not_allowed(path, key)


def _check_gpg(
    git: Git, file: str, content: bytes, signers: list[str] | None, path: str
) -> Signature:
    """The lines of --status-fd are described in gpg's doc/DETAILS."""
    done = _run([*_gpg(git), "--status-fd=1", "--verify", file, "-"], content)
    status = {}
    good = 0
    for line in os.fsdecode(done.stdout).split("\n"):
        if line.startswith("[GNUPG:] "):
            _, keyword, *words = line.split(" ")
            status[keyword] = words
            good += keyword == "GOODSIG"
    if "NO_PUBKEY" in status and signers is None:
        return Signature("gpg", status["NO_PUBKEY"][0], "", False)
    if done.returncode or good != 1 or "VALIDSIG" not in status:
        raise _not_good(path, done)
    # Of the key that signed, and of the one it belongs to.
    signed, *_, key = status["VALIDSIG"]
    if signers is None:
        return Signature("gpg", key, "", True)
    for line in filter(_is_gpg, signers):
        name, _, fingerprint = line.split()[:3]
        if fingerprint.upper() in (signed, key):
            return Signature("gpg", key, name, True)
    raise _not_allowed(path, key)


def _read_signers(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError as error:
        raise UsageError(
            f"cannot read the allowed signers in {path}: {error.strerror}",
            "man ssh-keygen, ALLOWED SIGNERS",
        ) from None
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _is_gpg(line: str) -> bool:
    words = line.split()
    return len(words) > 2 and words[1] == "gpg"


def _not_good(path: str, done: subprocess.CompletedProcess[bytes]) -> Refused:
    return Refused(
        f"the signature of {path} is not good: {_complaint(done)}",
        f"ask its sender, and bring {path} across again",
    )


def _not_allowed(path: str, key: str) -> Refused:
    return Refused(
        f"{path} is signed by {key}, which is not among the allowed signers",
        "ask its sender who that is",
    )


def _ssh(git: Git, operation: str) -> list[str]:
    return [git.setting("gpg.ssh.program") or "ssh-keygen", "-Y", operation]


def _gpg(git: Git) -> list[str]:
    """As in git-config(1), gpg.<format>.program."""
    program = git.setting("gpg.openpgp.program") or git.setting("gpg.program") or "gpg"
    return [program, "--batch"]


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    """The last line that it printed."""
    last = os.fsdecode(done.stderr).strip().rpartition("\n")[2]
    return last.removeprefix("gpg: ").strip() or f"it ended with code {done.returncode}"


def _run(command: list[str], content: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, input=content, capture_output=True, check=False)
    except FileNotFoundError:
        raise CallFailed(
            f"{command[0]} is not on the PATH", "install it: openssh-client, or gnupg"
        ) from None
