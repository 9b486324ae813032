"""Records that say one thing to git-ekf and another to whoever looks at them."""

from __future__ import annotations

import re
from codecs import lookup

import pytest
from conftest import Clone, run
from hypothesis import given
from hypothesis import strategies as st
from reach import generated
from servertools import Site

from git_ekf.git.tagobject import is_dated
from git_ekf.names import RECORD_FIELDS
from git_ekf.record import Record, write
from git_ekf.recordtext import misleading

HEAD = (
    b"object "
    + b"1" * 40
    + b"\ntype commit\ntag deploy/2026-11-20/release-1.8\ntagger A <a@b> 1 +0000\n"
)
FIELDS = dict.fromkeys(RECORD_FIELDS, "x")
TEXT = write(Record(tuple({**FIELDS, "Context": "Größe, 5 replicas: two."}.items())))
SIGNATURE = (
    "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQAAADMAAAALc3NoL\n-----END SSH SIGNATURE-----\n"
)
PGP = "-----BEGIN PGP SIGNATURE-----\nVersion: GnuPG v1\n\niQEzBAABCAAdFiEE\n=abcd\n-----END PGP SIGNATURE-----\n"
SIGNED, END = "-----BEGIN PGP SIGNATURE-----\n", "-----END PGP SIGNATURE-----\n"
# What a person takes for a field, and no program does.
FALSE = [
    *(
        "Local SHA\uff1a",
        "Local SHA\u2236",
        "Local SHA\ua789",
        "Local\u00a0SHA:",
        "Local\u3164SHA:",
    ),
    *("L\u0585cal SHA:", "Local\ufe0f SHA:", "Lo\u034fcal SHA:", "LocaI SHA:", "Loca1 SHA:"),
    *("\ua4e1\ua4f3\ua4da\ua4ee\ua4e1 \ua4e2\ua4e7\ua4ee:", "D\u2c9aTE:", "Upstre\u0430m SHA:"),
]


def why(text: str | bytes, encoding: str = "") -> str:
    body = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    header = f"encoding {encoding}\n".encode() if encoding else b""
    return misleading(HEAD + header + b"\n" + body, RECORD_FIELDS)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (TEXT, ""),
        (TEXT.replace("\n", "\r\n"), ""),
        (TEXT + SIGNATURE, ""),
        (TEXT + PGP, ""),
        (TEXT + "Änderung: neue Version\n\tmit Einzug\n", ""),
        (TEXT + "Daté : 3 mars\nДата: 3 марта\n日付：三月\nZeit\u00a0: 3\nIP 10: 0\n", ""),
        (TEXT.encode("iso-8859-1"), "ISO-8859-1"),
        (TEXT.replace("ö", "ä").encode("cp1252"), "cp1252"),
        (TEXT.replace("Größe", "日本語").encode("shift_jis", "replace"), "SHIFT_JIS"),
        (TEXT + "\x1b[31mred\x1b[m \x1b[1;38;5;12mbold\x1b[0m", ""),
        (TEXT + "One line.\u2028And: another.\u2029", ""),
        ("", ""),
    ],
)
def test_plain_text(text: str | bytes, encoding: str) -> None:
    assert why(text, encoding) == ""


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (TEXT.replace("Local SHA", "L\u043ecal SHA"), ""),
        (TEXT + "L\u043ecal SHA: y\n", ""),
        (TEXT + "Local\u200b SHA: y\n", ""),
        (TEXT + "\ufeffLocal SHA: y\n", ""),
        (TEXT + "\uff2cocal SHA: y\n", ""),
        ("Größe: 5\n" + TEXT, ""),
        (TEXT.replace("x\nBackup", "x~\nBackup").replace("Größe", "Size"), "HZ"),
        (TEXT.encode().replace(b"Context:", b"Hidden: +AAo-Context:"), "UTF-7"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (TEXT.encode() + b"\0Local SHA: y\n", ""),
        (TEXT + "\x1b[2KLocal SHA: y\n", ""),
        (TEXT.replace("Local SHA: x", "Local SHA: x\rLocal SHA: y"), ""),
        (TEXT + "\x9b2K", ""),
        *((TEXT + f"Note: x{char}Local SHA: y\n", "") for char in "\u2028\u2029\u0085"),
        (TEXT.replace("Context:", "Note: x\u2028 L\u043ecal SHA\uff1a y\nContext:"), ""),
        (TEXT + "-----BEGIN PGP SIGNATURE-----\nLocal SHA: y\n", ""),
        (TEXT + SIGNATURE + "Local SHA: y\n", ""),
        (TEXT + SIGNATURE + SIGNATURE, ""),
        (TEXT + "-----BEGIN PGP SIGNATURE-----\n\nLocal SHA: y\n-----END PGP SIGNATURE-----\n", ""),
        ("-----BEGIN PGP MESSAGE-----\n" + TEXT, ""),
        (TEXT + "\x1b[8mhidden", ""),
        (TEXT + "\x1b[1;8mhidden", ""),
        (TEXT + "\x1b[0m\x1b[A", ""),
        (TEXT.replace("Local SHA", "Local\u00a0SHA"), ""),
        (TEXT.replace("Local SHA", "Local SHA\u2003"), ""),
        *((TEXT + f"{false} y\n", "") for false in FALSE),
        *((TEXT + f"{SIGNED}{line}\n\nU1NI\n{END}", "") for line in ("Local SHA: y", "Date:y")),
        *((TEXT + f"{SIGNED}\n{line}\nU1NI\n{END}", "") for line in ("Date:y", "Date:\ty", "-y")),
        (TEXT, "UTF-7-IMAP"),
        (TEXT, "no-such-encoding"),
        (TEXT.encode("utf-8"), "ascii\0"),
    ],
)
def test_two_texts_in_one(text: str | bytes, encoding: str) -> None:
    assert why(text, encoding) != ""


def encodings() -> list[str]:
    names = [
        "utf-8",
        "iso-8859-1",
        "cp1252",
        "utf-7",
        "hz",
        "iso2022_jp",
        "utf-16",
        "shift_jis",
        "big5",
        "cp037",
        "gb18030",
    ]
    return [name for name in names if lookup(name)]


@generated(75)
@given(
    st.lists(
        st.sampled_from(
            [
                *RECORD_FIELDS,
                ":",
                "\n",
                "x",
                "~",
                "~{",
                "~}",
                "+AAo-",
                "\x1b$B",
                "\x1b(B",
                "\\",
                " ",
                "ä",
                "~\n",
            ]
        ),
        max_size=30,
    ),
    st.sampled_from(encodings()),
)
def test_what_passes_reads_alike_raw_and_decoded(parts: list[str], encoding: str) -> None:
    """Fields of git's own `cat-file` and of its `for-each-ref`, by plain string work."""
    body = "".join(parts).encode()
    if why(body, encoding):
        return
    try:
        decoded = body.decode(encoding)
    except (LookupError, ValueError):
        return
    for name in RECORD_FIELDS[:-1]:
        pattern = rf"^{name}:[ \t]*(.*?)[ \t]*$"
        assert (
            re.findall(pattern, decoded, re.M)[:1] == re.findall(pattern, body.decode(), re.M)[:1]
        )


def test_the_judge_refuses_it(clone: Clone) -> None:
    clone.commit("own/file", "x")
    clone.ekf("save")
    assert clone.ekf("tag", "-m", "Said.").code == 0
    name = clone.out("tag", "-l", "deploy/*")
    text = clone.out("cat-file", "tag", name) + "\nL\u043ecal SHA: " + "1" * 40 + "\n"
    oid = clone.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=text).out.strip()
    clone.git("update-ref", f"refs/tags/{name}", oid)
    refused = clone.git("push", "internal", name, ok=False)
    assert "tag-mismatch" in refused.err
    assert clone.rules() == ["tag-mismatch"]
    assert run("git", "-C", clone.path.with_name("internal.git"), "tag").out == ""


LATE = "9999999999 +0000"


@pytest.mark.parametrize(
    "tagger",
    [
        *(f"tagger a <b> {LATE} <x> 1700000000 +0000", f"tagger a> {LATE} <x> 1700000000 +0000"),
        *(f"tagger a <b>{blank}{LATE}" for blank in ("\t", "  ", "", " +", " -", " 0")),
        *(f"tagger a <b> {LATE}{end}" for end in ("> ", " > x", " ", "0")),
        *("tagger a <b>", "tagger a <b> 99999999999999999999 +0000", "tagger a <b> 1x +0000"),
        *("tagger a <b> 1700000000", "tagger a <b> 1\r +0000", f"committer a <b> {LATE}"),
        f"tagger a <b> 1700000000 +0000\ntagger a <b> {LATE}",
        f"x y\ntagger a <b> {LATE}",
        f"tagger\ntagger a <b> {LATE}",
        "encoding UTF-8",
    ],
)
def test_a_time_that_is_read_in_two_ways(tagger: str) -> None:
    raw = HEAD.replace(b"tagger A <a@b> 1 +0000", tagger.encode()) + b"\n" + TEXT.encode()
    assert not is_dated(raw)


@pytest.mark.parametrize("tagger", ["A <a@b> 1 +0000", "Ä. Ö. <> 0 -1130", "A <b> 1 +0000\nx y"])
def test_a_time(tagger: str) -> None:
    assert is_dated(HEAD.replace(b"A <a@b> 1 +0000", tagger.encode()) + b"\n" + TEXT.encode())


def test_the_judge_refuses_a_record_of_two_times(site: Site) -> None:
    """Of the far future to `git for-each-ref`, so that it would be the newest for good."""
    name = site.record("deploy/2026-11-20.2/release-1.8")
    text = site.work.out("cat-file", "tag", name)
    for tagger in (f"tagger a <b> {LATE} <x> 1700000000 +0000", f"tagger a <b>  {LATE}"):
        forged = re.sub("^tagger .*$", tagger, text, flags=re.M)
        oid = site.work.git(
            "hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=forged
        ).out.strip()
        site.refused("tag-date", f"{oid}:refs/tags/{name}")
    site.accepted(name)
