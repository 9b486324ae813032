"""git ekf bundle: the vendor's channels in one file, for a site that nothing else reaches."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

from git_ekf import config as configuration
from git_ekf.airgap.changes import NEW, UNCHANGED, RefChange, in_order
from git_ekf.airgap.manifest import Manifest, as_time, now
from git_ekf.commands.mirror_changes import Accept, show_backups, show_changes
from git_ekf.commands.options import Json
from git_ekf.declared import Argument, Option
from git_ekf.errors import CallFailed, UsageError
from git_ekf.git.calls import Git, leave_repository
from git_ekf.git.refs import APPLIED
from git_ekf.program import program
from git_ekf.shown import shell
from git_ekf.terminal.screen import counting, transfer_progress
from git_ekf.terminal.text import counted, document, nullable, say

if TYPE_CHECKING:
    from git_ekf.airgap.signature import Signature
    from git_ekf.names import Scheme

app = program(
    no_args_is_help=True, help="Carry the vendor's channels across an air gap in one file."
)

_READING = partial(counting, "Reading the bundle")

BundleFile = Annotated[
    str, Argument(metavar="FILE", help="A file that git ekf bundle create has written.")
]
Allowed = Annotated[
    str | None,
    Option(
        "--allowed-signers",
        metavar="SIGNERS",
        help="Take only what one of the signers in this file has signed.",
    ),
]


@app.command()
def create(
    file: Annotated[str, Argument(metavar="FILE", help="The file to write.")],
    source: Annotated[
        str | None,
        Option(
            "--from",
            metavar="DIR|URL",
            help="The repository to take them from; by default the one here.",
        ),
    ] = None,
    release: Annotated[
        list[str] | None,
        Option(metavar="X.Y", help="Carry this release, not all; may be repeated."),
    ] = None,
    receipt: Annotated[
        str | None,
        Option(
            metavar="RECEIPT",
            help="Leave out what the other side has, by the receipt it gave.",
        ),
    ] = None,
    sign: Annotated[
        str | None,
        Option(
            metavar="KEY",
            help="Sign it: the file of an ssh key, or the name of a gpg key.",
        ),
    ] = None,
) -> None:
    """Write a bundle: everything, or what is new since a receipt."""
    from git_ekf.airgap import create

    origin, receipt = _given("--from", source), _given("--receipt", receipt)
    key = _given("--sign", sign)
    if source:
        leave_repository()
    git = Git(progress=transfer_progress())
    made = create.create(git, file, origin, release or [], receipt, key)
    manifest = made.manifest
    if manifest is None:
        say(f"Nothing is new since bundle {made.sequence}; no file was written.")
        return
    say(f"{file} is bundle {manifest.sequence}, {_predecessor(manifest)}:")
    _show_refs(manifest, made.scheme)
    say(f"  {_size(manifest)}")
    say(f"Its digest is {made.digest}")
    name = shell(os.path.basename(file))
    say(f"Next: carry it across, then: git ekf bundle apply {name} MIRROR")


@app.command()
def verify(
    file: BundleFile,
    allowed: Allowed = None,
    json: Json = False,
) -> None:
    """Check a bundle, without a repository, and show what is in it."""
    from git_ekf.airgap.read import verify

    signers = _given("--allowed-signers", allowed)
    verified = verify(file, signers, _READING)
    manifest, signature = verified.manifest, verified.signature
    if json:
        content = {
            "file": file,
            "digest": verified.digest,
            **manifest.as_json(),
            "signature": nullable(signature) if signature else None,
            "checked": {"objects": verified.objects, "history": verified.history},
        }
        print(document("bundle verify", content))
        return
    say(f"{file} is sound: bundle {manifest.sequence}, {_predecessor(manifest)}")
    _show_refs(manifest, configuration.load(None, Git().config_pairs()).scheme)
    made = as_time(manifest.created)
    if manifest.is_ahead(now()):
        made += ", by a clock ahead of the one here"
    rows = [
        ("vendor", f"{manifest.primary}, fetched {as_time(manifest.updated)}"),
        ("made", made),
        ("has", _size(manifest)),
        ("digest", verified.digest),
        ("signature", _signature(signature)),
        ("checked", _checked(verified.objects, verified.history)),
    ]
    for label, text in rows:
        say(f"{label:<10} {text}")


@app.command()
def apply(
    file: BundleFile,
    directory: Annotated[
        str,
        Argument(
            metavar="[DIR]",
            show_default=False,
            help="The mirror, made where there is none; by default the one here.",
        ),
    ] = ".",
    accept: Accept = None,
    allowed: Allowed = None,
    receipt: Annotated[
        str | None,
        Option(
            metavar="RECEIPT",
            help="Where to write the receipt; by default FILE.receipt.",
        ),
    ] = None,
) -> None:
    """Bring what a bundle carries into a mirror: all of it, or nothing."""
    from git_ekf.airgap import apply

    if not directory:
        raise UsageError("the mirror has to be named", "git ekf bundle apply FILE DIR")
    order = apply.ApplyOrder(
        file,
        directory,
        accept or [],
        _given("--allowed-signers", allowed),
        _given("--receipt", receipt),
    )
    leave_repository()
    done = apply.apply(order, _READING)
    manifest = done.manifest
    if done.again:
        say(f"{directory} has bundle {manifest.sequence} already; nothing was changed.")
    else:
        say(f"{directory} has bundle {manifest.sequence}, of {manifest.primary}:")
        show_changes(done.changes)
        show_backups(done.backups)
        if done.signature:
            say(f"Signed {_signature(done.signature)}")
    if done.receipt:
        say(f"The next bundle needs {done.receipt}")
        return
    show = f"git -C {shell(directory)} cat-file blob {APPLIED} >RECEIPT"
    if receipt:
        raise CallFailed(
            f"the bundle is applied, but the receipt could not be written to {receipt}", show
        )
    say(f"The next bundle needs a receipt, for which there is no room beside {file}: {show}")


def _given(option: str, value: str | None) -> str:
    """The value of an option, "" where it was not given.

    Raises UsageError for an empty one: that is a variable of the shell that is not set, and to go
    on without it would be to take, or to write, what nobody has signed.
    """
    if value == "":
        raise UsageError(f"{option} has an empty value", "git ekf bundle -h")
    return value or ""


def _predecessor(manifest: Manifest) -> str:
    return f"to follow bundle {manifest.sequence - 1}" if manifest.after else "which follows none"


def _size(manifest: Manifest) -> str:
    return f"{counted(manifest.commits, 'commit')}, {counted(manifest.objects, 'object')}"


def _show_refs(manifest: Manifest, scheme: Scheme) -> None:
    """Prints what the channels and tags are, against what the other side has."""
    changes = []
    for ref, new in manifest.refs.items():
        old = manifest.previous.get(ref, "")
        kind = "changed" if old else NEW
        if old == new:
            kind = UNCHANGED
        changes.append(RefChange(kind, ref, old, new))
    show_changes(in_order(changes, scheme))


def _signature(signature: Signature | None) -> str:
    if signature is None:
        return "none"
    key = f"the {signature.kind} key {signature.key}"
    if signature.signer:
        return f"by {signature.signer}, {key}"
    if signature.checked:
        return f"by {key}, held against no list of signers"
    return f"by {key}, which gpg does not have; not checked"


def _checked(objects: bool, history: bool) -> str:
    if history:
        return "everything: each object, and that none is missing"
    if objects:
        return (
            "each object, but not that none is missing: apply does that, with what the mirror has"
        )
    return (
        "all bytes, but not each object: some only say what differs from those in the mirror, "
        "and apply makes and checks them"
    )
