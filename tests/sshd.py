"""An sshd of the tests' own, which lets in whoever runs them, with keys of its own."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import run
from daemons import HOST, daemon, environment, needed

USER = "alice"


class Keys:
    """A host's key and a user's, who is called USER."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = folder / "host_key"
        self.public = folder / f"{USER}.pub"
        for path in (self.host, self.public.with_suffix("")):
            done = run(needed("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path)
            assert done.code == 0, done

    def authorize(self, home: Path, options: str) -> None:
        (home / ".ssh").mkdir(mode=0o700)
        (home / ".ssh" / "authorized_keys").write_text(f"{options} {self.public.read_text()}")

    def client(self, port: int) -> dict[str, str]:
        """What makes a git client log in, whatever is in the HOME of the user that ssh looks up by itself."""
        known = self.folder / "known_hosts"
        known.write_text(f"[{HOST}]:{port} {self.host.with_suffix('.pub').read_text()}")
        configuration = self.folder / "ssh_config"
        configuration.write_text(
            f"IdentityFile {self.public.with_suffix('')}\nIdentitiesOnly yes\nIdentityAgent none\nBatchMode yes\n"
            f"UserKnownHostsFile {known}\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n"
            f"KexAlgorithms curve25519-sha256\nSendEnv GIT_* EKF_*\n"
        )
        return {"GIT_SSH_COMMAND": f"{needed('ssh')} -F {configuration}"}


@contextmanager
def sshd(folder: Path, home: Path) -> Iterator[int]:
    """Yields the port. Its sessions have `home` for their HOME, or bash would read the .bashrc of whoever runs the tests.

    It lets clients set more variables than a careful administrator does (GIT_PROTOCOL).
    """
    program = needed("sshd")
    obstacle = _no_login()
    if obstacle:
        pytest.skip(obstacle)
    settings = " ".join(f'"{name}={value}"' for name, value in environment(home).items())
    configuration = folder / "sshd_config"

    def command(port: int) -> list[str]:
        configuration.write_text(
            f"ListenAddress {HOST}\nPort {port}\nHostKey {folder / 'host_key'}\nPidFile none\nUsePAM no\nPasswordAuthentication no\n"
            f"AuthorizedKeysFile {home / '.ssh' / 'authorized_keys'}\nStrictModes no\nPermitRootLogin prohibit-password\n"
            # More clients may come at once than sshd lets in by default.
            f"MaxStartups 100\nAcceptEnv GIT_* EKF_*\nSetEnv {settings}\n"
        )
        return [program, "-D", "-e", "-f", str(configuration)]

    with daemon(folder / "sshd.log", command, environment(home), "Server listening") as port:
        yield port


def url(port: int, path: str) -> str:
    return f"ssh://{pwd.getpwuid(os.geteuid()).pw_name}@{HOST}:{port}{path}"


def _no_login() -> str:
    """Why sshd would not let in whoever runs the tests; "" when it would."""
    user = os.geteuid()
    try:
        shell = pwd.getpwuid(user).pw_shell
    except KeyError:
        return f"sshd lets nobody in whom the system does not know, such as the user with the number {user}"
    if Path(shell).name in ("nologin", "false"):
        return f"sshd lets nobody in whose shell is {shell}"
    if user == 0 and not Path("/run/sshd").is_dir():
        return "sshd started by root needs the directory /run/sshd: make system"
    if user == 0 and any(
        line.startswith("root:!") for line in Path("/etc/shadow").read_text().splitlines()
    ):
        return "sshd does not let root in, whose account is locked"
    return ""
