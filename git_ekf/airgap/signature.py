"""Signatures over a manifest, by ssh-keygen or gpg, and whose they may be.

The file of allowed signers is OpenSSH's (ssh-keygen(1), ALLOWED SIGNERS). For gpg a line `NAME gpg FINGERPRINT` is taken beside those.
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
    """`kind` is ssh or gpg. `signer` is the name in the file of allowed signers, "" where there is no such file; `checked` says
    whether the signature is that of the key: gpg cannot tell for a key that it does not have.
    """

    kind: str
    key: str
    signer: str
    checked: bool


def sign(git: Git, key: str, content: bytes) -> bytes:
    """The signature by an ssh key (a file, as for ssh-keygen -Y sign -f) or a key of gpg's (as for gpg -u). Raises CallFailed."""
    if os.path.exists(key):
        return _call(
            [_program(git, "ssh"), "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE], content
        )
    if "/" in key or key.endswith(".pub"):
        raise UsageError(f"no such key: {key}", "ssh-keygen -t ed25519 makes one")
    return _call(
        [
            _program(git, "gpg"),
            "--batch",
            "--armor",
            "--detach-sign",
            f"--local-user={key}",
            "--output=-",
        ],
        content,
    )


def check(git: Git, signature: bytes, content: bytes, allowed: str, path: str) -> Signature:
    """Whose signature it is. Raises Refused where it is not good, or nobody's in the file `allowed` ("" for no such file).

    `path` is the file that is signed, for the message.
    """
    lines = _read_allowed(allowed) if allowed else []
    with temporary() as folder:
        file = os.path.join(folder, "signature")
        with open(file, "wb") as out:
            out.write(signature)
        if signature.startswith(_SSH):
            return _check_ssh(
                git,
                file,
                content,
                [line for line in lines if not _is_gpg(line)] if allowed else None,
                path,
            )
        if signature.startswith(_GPG):
            return _check_gpg(
                git,
                file,
                content,
                [line for line in lines if _is_gpg(line)] if allowed else None,
                path,
            )
    raise Refused(f"the signature of {path} is neither one of ssh-keygen nor one of gpg")


def _check_ssh(
    git: Git, file: str, content: bytes, allowed: list[str] | None, path: str
) -> Signature:
    program = [_program(git, "ssh"), "-Y"]
    valid = _ask([*program, "check-novalidate", "-n", NAMESPACE, "-s", file], content)
    if valid.returncode:
        raise _not_good(path, valid)
    key = os.fsdecode(valid.stdout).strip().rpartition(" ")[2]
    if allowed is None:
        return Signature("ssh", key, "", True)
    signers = os.path.join(os.path.dirname(file), "allowed")
    with open(signers, "w", encoding="utf-8", errors="surrogateescape") as out:
        out.writelines(f"{line}\n" for line in allowed)
    found = _ask([*program, "find-principals", "-f", signers, "-s", file], b"")
    for name in os.fsdecode(found.stdout).split("\n") if found.returncode == 0 else []:
        if (
            name
            and _ask(
                [*program, "verify", "-f", signers, "-I", name, "-n", NAMESPACE, "-s", file],
                content,
            ).returncode
            == 0
        ):
            return Signature("ssh", key, name, True)
    raise _not_allowed(path, key)


def _check_gpg(
    git: Git, file: str, content: bytes, allowed: list[str] | None, path: str
) -> Signature:
    done = _ask([_program(git, "gpg"), "--batch", "--status-fd=1", "--verify", file, "-"], content)
    said = [
        line.split(" ")[1:]
        for line in os.fsdecode(done.stdout).split("\n")
        if line.startswith("[GNUPG:] ")
    ]
    words = {line[0]: line[1:] for line in said}
    if "NO_PUBKEY" in words and allowed is None:
        return Signature("gpg", words["NO_PUBKEY"][0], "", False)
    good = [line for line in said if line[0] == "GOODSIG"]
    if done.returncode or len(good) != 1 or "VALIDSIG" not in words:
        raise _not_good(path, done)
    fingerprints = {
        words["VALIDSIG"][0],
        words["VALIDSIG"][-1],
    }  # of the key that signed, and of the one it belongs to
    if allowed is None:
        return Signature("gpg", words["VALIDSIG"][-1], "", True)
    for line in allowed:
        name, _, fingerprint = line.split()[:3]
        if fingerprint.upper() in fingerprints:
            return Signature("gpg", words["VALIDSIG"][-1], name, True)
    raise _not_allowed(path, words["VALIDSIG"][-1])


def _read_allowed(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return [
                line
                for line in file.read().split("\n")
                if line.strip() and not line.startswith("#")
            ]
    except OSError as error:
        raise UsageError(
            f"cannot read the allowed signers in {path}: {error.strerror}",
            "man ssh-keygen, ALLOWED SIGNERS",
        ) from None


def _is_gpg(line: str) -> bool:
    words = line.split()
    return len(words) > 2 and words[1] == "gpg"


def _not_good(path: str, done: subprocess.CompletedProcess[bytes]) -> Refused:
    return Refused(
        f"the signature of {path} is not good: {_said(done)}",
        f"ask its sender, and bring {path} across again",
    )


def _not_allowed(path: str, key: str) -> Refused:
    return Refused(
        f"{path} is signed by {key}, which is not among the allowed signers",
        "ask its sender who that is",
    )


def _program(git: Git, kind: str) -> str:
    """As in git-config(1), gpg.<format>.program."""
    keys = ("gpg.ssh.program",) if kind == "ssh" else ("gpg.openpgp.program", "gpg.program")
    found = [value for value in map(git.setting, keys) if value is not None]
    return (found or ["ssh-keygen" if kind == "ssh" else "gpg"])[0]


def _call(command: list[str], content: bytes) -> bytes:
    done = _ask(command, content)
    if done.returncode:
        raise CallFailed(
            f"{command[0]} could not sign: {_said(done)}",
            "nothing was written; see that the key is there and may be used",
        )
    return done.stdout


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """The last line of what it complained about."""
    lines = os.fsdecode(done.stderr).strip().split("\n")
    return lines[-1].removeprefix("gpg: ").strip() or f"it ended with code {done.returncode}"


def _ask(command: list[str], content: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command,
            input=content,
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError:
        raise CallFailed(
            f"{command[0]} is not on the PATH", "install it: openssh-client, or gnupg"
        ) from None
