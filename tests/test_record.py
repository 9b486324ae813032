"""The grammar of deploy records: what is written reads back, what people write is understood, and nothing makes it fail."""

from __future__ import annotations

import datetime
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reach import EVERYTHING, generated, rare

from git_ekf.git.tagobject import parse_tag
from git_ekf.names import RECORD_FIELDS, RecordName, Scheme, record_name, valid_day
from git_ekf.record import CONTEXT, Record, context, parse, write

SCHEME = Scheme()
given_quickly = generated(100)

VALUES = {
    "Date": "2021-09-04",
    "Local branch": "release-1.1",
    "Local SHA": "123abc",
    "Upstream branch": "origin/release-1.1",
    "Upstream SHA": "456def",
    "Backup branch": "internal/release-1.1",
    "Context": "We added Istio.",
}
WRITTEN = "".join(f"{name}: {value}\n" for name, value in VALUES.items())


def fields(record: Record) -> dict[str, str]:
    assert len({name for name, _ in record.fields}) == len(record.fields)
    return dict(record.fields)


# --- what is written reads back ---

# Any text but a line end, with what the grammar itself is made of more often than by chance.
a_line = st.text(
    st.one_of(st.characters(exclude_characters="\n\r"), st.sampled_from("\"':#- ")), max_size=40
)
a_value = a_line.map(str.strip)
known_again = st.sampled_from(
    [
        "Date: 2020-01-01",
        "local sha: 1",
        "Context: again",
        "Note: something",
        "",
        "   ",
        '"',
        "---",
        "#1",
    ]
)
a_context = st.lists(st.one_of(a_line, known_again), max_size=6).map(
    lambda lines: "\n".join(lines).strip()
)
quoted = st.tuples(st.sampled_from("\"'"), a_context).map(
    lambda pair: f"{pair[0]}{pair[1]}{pair[0]}"
)
reserved = {name.casefold() for name in RECORD_FIELDS}
a_name = (
    st.text(string.ascii_letters + string.digits + " -_", min_size=1, max_size=60)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda name: name[:1].isalpha() and name.casefold() not in reserved)
)
unknown_fields = st.lists(st.tuples(a_name, a_value), max_size=4)


@given_quickly
@given(
    st.tuples(*[a_value] * 6),
    unknown_fields,
    st.one_of(a_context, quoted, quoted.map(lambda text: f'"{text}"')),
)
def test_what_is_written_reads_back(
    values: tuple[str, ...], unknown: list[tuple[str, str]], text: str
) -> None:
    first = tuple(zip(RECORD_FIELDS[:-1], values, strict=True))
    message = write(Record((*unknown, (CONTEXT, text), *first)))
    assert parse(message) == Record((*first, *unknown, (CONTEXT, text)))
    assert write(parse(message)) == message


def test_what_is_written_is_the_contracts_example() -> None:
    assert write(Record(tuple(reversed(VALUES.items())))) == WRITTEN


@given_quickly
@given(
    st.tuples(*[a_line] * 6),
    st.one_of(
        a_context,
        quoted,
        st.just("Fine.\n-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----"),
    ),
    st.sampled_from(["", "encoding ISO-8859-1\n", "gpgsig x\n y\n"]),
    st.sampled_from([RECORD_FIELDS, (*RECORD_FIELDS, "Ticket"), ("Note",)]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_the_context_for_a_list_is_that_of_the_record(
    values: tuple[str, ...],
    text: str,
    header: str,
    expected: tuple[str, ...],
    end: str,
    whole: bool,
) -> None:
    lines = [
        f"{name}: {value}"
        for name, value in zip(RECORD_FIELDS[0 if whole else 1 : -1], values, strict=False)
    ]
    message = "".join(f"{line}{end}" for line in [*lines, f"Context: {text}"])
    raw = f"object 1\ntype commit\ntag t\ntagger T <t> 0 +0000\n{header}\n{message}".encode(
        "utf-8", "replace"
    )
    assert context(raw, expected) == (parse(parse_tag(raw).message, expected).get(CONTEXT) or "")


@given_quickly
@given(st.text())
def test_reading_what_was_read_changes_nothing(message: str) -> None:
    """Whatever a person wrote, once it is rewritten it stays as it is."""
    once = write(parse(message))
    if "\n-----BEGIN " not in once:
        assert write(parse(once)) == once


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ('"We added Istio."', "We added Istio."),
        ("'We added Istio.'", "We added Istio."),
        ('" We added Istio. "', "We added Istio."),
        ('"one" and "two"', '"one" and "two"'),
        ("'it's done'", "'it's done'"),
        ('""quoted""', '"quoted"'),
        ('""', ""),
        ('"', '"'),
        ('"open', '"open'),
        ("\"mixed'", "\"mixed'"),
    ],
)
def test_quotes_round_the_context(said: str, means: str) -> None:
    record = parse(f"Context: {said}\n")
    assert record.get("Context") == means
    assert parse(write(record)).get("Context") == means


# --- what people write ---

a_spelling = st.sampled_from(
    [
        str,
        str.lower,
        str.upper,
        str.title,
        lambda name: f"  {name} ",
        lambda name: name.replace(" ", "   "),
    ]
)


@given_quickly
@given(
    st.permutations(list(VALUES)[:-1]),
    a_spelling,
    st.sampled_from(["\n", "\n\n", "\r\n", "\r\n\r\n"]),
    st.sampled_from(["", '"', "'"]),
)
def test_case_order_blank_lines_line_ends_and_quotes(
    order: list[str], spelling: object, end: str, quote: str
) -> None:
    assert callable(spelling)
    lines = [f"{spelling(name)}:  {VALUES[name]} " for name in order]
    for message in (
        end.join([*lines, f"{spelling('Context')}: {quote}We added Istio.{quote}"]),
        end.join([f"{spelling('Context')}: {quote}We added Istio.{quote}", *lines]) + end,
    ):
        assert fields(parse(message)) == VALUES


def test_context_runs_to_the_end() -> None:
    record = parse(
        "Date: 2021-09-04\nContext: We added Istio.\n\nWhy: it was asked for.\nDate: not this one\nContext: nor this\n"
    )
    assert (
        record.get("Context")
        == "We added Istio.\n\nWhy: it was asked for.\nDate: not this one\nContext: nor this"
    )
    assert record.values("Date") == ["2021-09-04"]


def test_a_field_behind_the_context_that_is_expected() -> None:
    message = "Context: We added Istio.\nchange request: 5\nlocal sha: 123abc\nNote: mine\n"
    assert fields(parse(message)) == {
        "Local SHA": "123abc",
        "Context": "We added Istio.\nchange request: 5\nNote: mine",
    }
    assert fields(parse(message, ("Change request",))) == {
        "Change request": "5",
        "Local SHA": "123abc",
        "Context": "We added Istio.\nNote: mine",
    }


@pytest.mark.parametrize(
    "begin", ["PGP SIGNATURE", "PGP MESSAGE", "SSH SIGNATURE", "SIGNED MESSAGE"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_signature_is_no_part_of_it(begin: str, end: str) -> None:
    signature = f"-----BEGIN {begin}-----{end}Version: 1{end}Date: 1999-01-01{end}{end}abc={end}-----END {begin}-----{end}"
    assert fields(parse(WRITTEN.replace("\n", end) + signature)) == VALUES
    assert parse(signature).fields == ()
    assert (
        parse(f"Context: see -----BEGIN {begin}-----").get("Context")
        == f"see -----BEGIN {begin}-----"
    )


def test_unknown_and_repeated_fields_are_kept() -> None:
    record = parse(
        "Ticket: OPS-1\nDate: 2021-09-04\nTicket: OPS-2\ndate: 2021-09-05\nsome prose\nContext: x\n"
    )
    assert record.fields == (
        ("Ticket", "OPS-1"),
        ("Date", "2021-09-04"),
        ("Ticket", "OPS-2"),
        ("Date", "2021-09-05"),
        ("Context", "x"),
    )
    assert record.values("DATE") == ["2021-09-04", "2021-09-05"]
    assert "Ticket: OPS-1\nTicket: OPS-2\n" in write(record)


@pytest.mark.parametrize(
    "line",
    [
        "12: 30",
        "- Date: 1",
        "a/b: c",
        ": value",
        "x" * 61 + ": y",
        " " * 300 + "Date: 1",
        "no colon",
    ],
)
def test_a_line_that_is_no_field(line: str) -> None:
    assert parse(f"{line}\nContext: x\n").fields == (("Context", "x"),)


# --- what nobody should write ---


@given_quickly
@given(st.binary())
def test_any_bytes_are_some_record(raw: bytes) -> None:
    tag = parse_tag(raw)
    write(parse(tag.message)).encode("utf-8", "surrogateescape")


@given_quickly
@given(
    st.binary(),
    st.one_of(
        st.sampled_from(
            ["ISO-8859-1", "utf-16", "utf-7", "idna", "hex", "undefined", "unicode_escape"]
        ),
        st.text(),
    ),
)
def test_any_body_under_any_encoding(body: bytes, encoding: str) -> None:
    raw = (
        b"object 0\ntype commit\nencoding "
        + encoding.encode("utf-8", "surrogatepass")
        + b"\n\n"
        + body
    )
    write(parse(parse_tag(raw).message)).encode("utf-8", "surrogateescape")


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert parse(parse_tag(b"encoding UTF-7\n\nContext: +2AA-").message).get("Context") == "+2AA-"


def test_an_encoding_of_pythons_is_none() -> None:
    raw = rb"encoding unicode_escape" + b"\n\n" + rb"Context: caf\xe9 \ud800"
    assert parse(parse_tag(raw).message).get("Context") == r"caf\xe9 \ud800"


def test_latin_1_with_its_header() -> None:
    raw = "object 0\ntype commit\ntag x\ntagger A <a> 1 +0000\nencoding ISO-8859-1\n\nContext: Größe\n".encode(
        "latin-1"
    )
    tag = parse_tag(raw)
    assert (tag.type, tag.tag, tag.tagger) == ("commit", "x", "A <a> 1 +0000")
    assert parse(tag.message).get("Context") == "Größe"
    bare = parse_tag(raw.replace(b"encoding ISO-8859-1\n", b""))
    assert parse(bare.message).get("Context") == "Gr\udcf6\udcdfe"


def test_nul_and_terminal_escapes_are_text_like_any_other() -> None:
    assert fields(parse("Ticket: a\0b\nContext: \x1b[2J\x9bred\n")) == {
        "Ticket": "a\0b",
        "Context": "\x1b[2J\x9bred",
    }


@rare
@pytest.mark.parametrize(
    "unit",
    ["x", "\n", "Date: 1\n", "Note: 1\n", ": ", "a:", '"', "\r\n", "-----BEGIN PGP", "\x1b[31m"],
)
def test_megabytes(unit: str) -> None:
    flood = unit * ((10_000_000 if EVERYTHING else 1_000_000) // len(unit))
    context = parse(WRITTEN + flood + "\nEnd: x").get("Context")
    assert context == ("We added Istio.\n" + flood + "\nEnd: x").replace("\r\n", "\n")
    parse(flood)


# --- names ---


@given_quickly
@given(
    st.dates(), st.integers(1, 10**8), st.sampled_from(["release-1.8", "release-1.10", "release-2"])
)
def test_a_name_taken_apart_is_the_same_name(day: datetime.date, number: int, branch: str) -> None:
    name = str(RecordName(day.isoformat(), number, branch))
    assert name.startswith("deploy/")
    assert name.endswith("/" + branch)
    taken = record_name(name, SCHEME)
    assert isinstance(taken, RecordName)
    assert (taken.date, taken.number, taken.branch) == (day.isoformat(), number, branch)
    assert str(taken) == name


@given_quickly
@given(
    st.one_of(
        st.text(),
        st.text("deploy/0123456789.-x ²٣", max_size=30),
        st.text("0123456789", max_size=3).map("deploy/2026-11-20.{}/release-1.8".format),
    )
)
def test_a_name_is_right_or_it_is_said_why_not(text: str) -> None:
    taken = record_name(text, SCHEME)
    assert (
        str(taken) == text
        if isinstance(taken, RecordName)
        else taken.startswith(("is ", "names ", "numbers "))
    )


@pytest.mark.parametrize(
    "name",
    [
        "deploy/2026-02-30/release-1.8",
        "deploy/2026-11-20.1/release-1.8",
        "deploy/2026-11-20.02/release-1.8",
        "deploy/2026-11-20./release-1.8",
        "deploy/2026-11-20.-2/release-1.8",
        "deploy/2026-11-20.²/release-1.8",
        "deploy/2026-11-20.2.3/release-1.8",
        "deploy/2026-11-20." + "9" * 5000 + "/release-1.8",
        "deploy/2026-11-20/main",
        "deploy/2026-11-20/release-1.8/x",
        "deploy/2026-11-20",
        "Deploy/2026-11-20/release-1.8",
        "deploy/20261120/release-1.8",
        "",
    ],
)
def test_names_of_no_record(name: str) -> None:
    assert isinstance(record_name(name, SCHEME), str)


def is_day(text: str) -> bool:
    """As Python's own calendar sees it; fromisoformat alone also takes 20261120 and 2026-W47-5."""
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@given_quickly
@given(
    st.one_of(
        st.dates().map(str),
        st.text(max_size=12),
        st.tuples(st.integers(0, 10000), st.integers(0, 13), st.integers(0, 32)).map(
            lambda parts: f"{parts[0]:04}-{parts[1]:02}-{parts[2]:02}"
        ),
    )
)
def test_a_day_is_what_the_calendar_has(text: str) -> None:
    assert valid_day(text) == is_day(text)


@pytest.mark.parametrize("year", [1, 4, 100, 400, 1900, 2000, 2023, 2024, 2100, 9999])
def test_every_day_of_a_year_and_those_beside(year: int) -> None:
    for month in range(14):
        for day in range(33):
            text = f"{year:04}-{month:02}-{day:02}"
            assert valid_day(text) == is_day(text), text


@pytest.mark.parametrize(
    "text",
    [
        "0000-01-01",
        "2026-1-01",
        "2026-11-2٠",
        "２026-11-20",
        "2026-11-20\n",
        " 2026-11-2",
        "+026-11-20",
        "2026-W47-5",
    ],
)
def test_no_day(text: str) -> None:
    assert not valid_day(text)


# --- the shorter way for what is as we write it ---


@given_quickly
@given(
    st.lists(
        st.tuples(st.sampled_from([*RECORD_FIELDS, "Note", "date"]), st.one_of(a_value, a_context)),
        max_size=10,
    ),
    st.booleans(),
)
def test_both_ways_read_the_same(lines: list[tuple[str, str]], whole: bool) -> None:
    message = (WRITTEN if whole else "") + "".join(f"{name}: {value}\n" for name, value in lines)
    # A required field that is not one of the seven keeps parse on the long way.
    assert parse(message) == parse(message, (*RECORD_FIELDS, "No such field"))
