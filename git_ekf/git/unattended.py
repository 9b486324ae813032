"""git where nobody is to be asked: for many repositories at once, and for checks."""

from __future__ import annotations

import os
from collections.abc import Callable


def unattended(setting: Callable[[str], str | None], patience: float) -> dict[str, str]:
    """The environment in which git and ssh fail where they would ask.

    A program that answers for the person stays. `setting` gives the value in force of a key of
    git's; `patience` are the seconds in which ssh has to be connected.
    """
    environment = {
        "GIT_TERMINAL_PROMPT": "0",
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
    }
    if not os.environ.get("GIT_ASKPASS") and not setting("core.askpass"):
        environment["GIT_ASKPASS"] = ""  # else git opens the window of SSH_ASKPASS
    ssh = os.environ.get("GIT_SSH_COMMAND") or setting("core.sshcommand")
    if not ssh and not os.environ.get("GIT_SSH"):
        ssh = "ssh"
    if ssh and os.path.basename(ssh.split(" ")[0]) == "ssh":  # others have other options
        environment["GIT_SSH_COMMAND"] = f"{ssh} -o BatchMode=yes -o ConnectTimeout={patience:.0f}"
    return environment
