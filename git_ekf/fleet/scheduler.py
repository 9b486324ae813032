"""The scheduler of a Dask cluster: its address, and a connection to it.

Only where this is asked for is distributed imported, and nothing of it is let speak by itself.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from git_ekf.errors import CallFailed, Refused, UsageError
from git_ekf.shown import shell

if TYPE_CHECKING:
    from distributed import Client, Security

# Seconds for it to answer, and for leaving it.
_ANSWER, _LEAVE = 10, 2
# More bytes than its first message has.
_FIRST = 1 << 16


@contextmanager
def scheduler(address: str, again: Sequence[str]) -> Iterator[Client]:
    """A connection to the scheduler at tcp://HOST:PORT or tls://HOST:PORT.

    What was begun over it and is not done is cancelled at the end. `again` is the command without
    the address, for hints.

    Raises UsageError for another address, Refused where it may not be used, CallFailed where it
    does not answer.
    """
    host, port = _place(address)
    if address.startswith("tcp:") and not _is_loopback(host):
        raise Refused(
            f"{address} is on another machine, and what is sent there has to be encrypted",
            shell(*again, "--executor", address.replace("tcp:", "tls:", 1)),
        )
    _import_distributed()
    client = _connected(address, (host, port), again)
    try:
        yield client
    finally:
        with suppress(Exception):  # a scheduler that is gone has nothing to cancel
            client.close(timeout=_LEAVE)


def reason(error: BaseException) -> str:
    """The first line of what an error says: of that it is from, where there is one."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    kind = "timed out" if isinstance(error, TimeoutError) else type(error).__name__
    return (said or kind).splitlines()[0]


def _place(address: str) -> tuple[str, int]:
    """Host and port. Raises UsageError."""
    with suppress(ValueError):
        parts = urlsplit(address)
        is_whole = parts.netloc and address in (f"tcp://{parts.netloc}", f"tls://{parts.netloc}")
        if is_whole and parts.hostname and parts.port and parts.username is None:
            return parts.hostname, parts.port
    raise UsageError(
        f'"{address}" is not the address of a scheduler, as tls://HOST:8786 is',
        "git ekf fleet plan -h",
    )


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _import_distributed() -> None:
    """Raises Refused where it is not installed, CallFailed where it does not start."""
    logging.disable()
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda _: None
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise Refused(
            "--executor needs distributed, which is not installed",
            "pip install 'git-ekf[distributed]'",
        ) from None
    except Exception as error:  # its configuration is read at that
        raise CallFailed(f"Dask does not start: {reason(error)}", "dask config list") from None


def _connected(address: str, place: tuple[str, int], again: Sequence[str]) -> Client:
    """Raises Refused, CallFailed."""
    from distributed import Client

    here = f"{shell(*again)} plans here"
    security = _security(address)
    options = security.get_connection_args("client")
    try:
        _require_dask(place, options["ssl_context"] if address.startswith("tls:") else None)
        asyncio.run(_require_scheduler(address, options))
        return Client(address, timeout=_ANSWER, security=security, set_as_default=False)
    except OSError as error:
        raise CallFailed(f"no scheduler answers at {address}: {reason(error)}", here) from None


def _require_dask(place: tuple[str, int], context: ssl.SSLContext | None) -> None:
    """Raises OSError where nothing answers, or nothing that speaks as Dask does.

    Dask itself tries for long what does not answer, and waits for ever for some that do.
    """
    with socket.create_connection(place, _ANSWER) as plain:
        found = context.wrap_socket(plain) if context else plain
        try:
            length = found.recv(8, 0 if context else socket.MSG_WAITALL)
        except TimeoutError:
            length = b""
        finally:
            found.close()
    if not length:
        raise OSError("it says nothing")
    # Of its first message (distributed.comm.tcp), which has some dozens of bytes.
    if not 0 < int.from_bytes(length, "little") < _FIRST:
        raise OSError("it speaks another language")


async def _require_scheduler(address: str, options: dict[str, Any]) -> None:
    """Raises OSError where what answers is a worker, or the like."""
    from distributed.comm import connect

    async with asyncio.timeout(_ANSWER):
        comm = await connect(address, timeout=_ANSWER, **options)
        try:
            await comm.write({"op": "identity", "reply": True})
            said = await comm.read()
        finally:
            comm.abort()
    if said.get("type") != "Scheduler":
        raise OSError(f"it is a {said.get('type', 'server').lower()}")


def _security(address: str) -> Security:
    """As Dask's configuration has it. Raises Refused, CallFailed."""
    from distributed import Security

    try:
        security = Security()
        certificates = security.get_connection_args("client")["ssl_context"]
    except (OSError, ssl.SSLError) as error:
        why = f"{error.filename}: {reason(error)}" if error.filename else reason(error)
        raise CallFailed(
            f"the certificates of Dask's configuration cannot be read: {why}", "dask config list"
        ) from None
    if address.startswith("tls:") and certificates is None:
        raise Refused("Dask's configuration has no certificates for TLS", "git ekf man fleet")
    return security
