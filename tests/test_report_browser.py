"""A page of a report in a real browser: light, dark, on a phone, on paper, filtered, and with nothing let in."""

from __future__ import annotations

import re
import shutil
import zlib
from html import escape
from pathlib import Path
from struct import unpack

import pytest
from conftest import Run, run
from reach import rare
from reports import Page
from test_report import HOSTILE, deployed, report
from test_report_fleet import fleet, member

from git_ekf.report.cluster_page import cluster_page
from git_ekf.report.facts import ADAPTED, CARRIED, Carried, Customised, Move, RunningRelease
from git_ekf.report.fleet_page import fleet_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""

pytestmark = [rare, pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here")]

WIDTHS = [320, 390, 768, 769, 1200]


def page_with(texts: tuple[str, ...]) -> str:
    """A page with all that there can be, of some texts."""
    records = [deployed(at, text) for at, text in enumerate(texts)]
    records += [deployed(at, "Plain.")._replace(fields=(), findings=()) for at in range(20)]
    records[0] = records[0]._replace(runs=True, verdict="not verified", saved=False)
    commits = [Carried("b" * 40, text, text, ADAPTED) for text in texts]
    commits += [Carried("c" * 40, "Plain", "Ada", CARRIED)]
    files = [
        Customised(f"own/{text}"[:4000], "was", "R", 100000, 0, "d" * 40, text) for text in texts
    ]
    return cluster_page(
        report(texts[0], records)._replace(
            running=RunningRelease(0, "e" * 40, 5, 1000, ("release-1.9",) * 20, 3),
            moves=(Move("upgrade", 0, 1, "f" * 40, "a" * 40, 4000, 900, tuple(commits)),),
            unseen_moves=4,
            upgrades=5,
            files=tuple(files),
        )
    )


MANY = [member(at, release=f"1.{1 + at % 2 * 9}") for at in range(24)]
ODD = [
    member(at, text, wave=text[:3], release=text, failure=text) for at, text in enumerate(HOSTILE)
]
PAGES = {
    "plain": page_with(("prod-eu-west-1",)),
    "hostile": page_with(HOSTILE),
    "fleet": fleet_page(fleet(MANY)),
    "hostile fleet": fleet_page(fleet(ODD, "x" * 5000)),
}


class Browser:
    """Headless Chromium that asks nobody for anything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, source: str, *options: str, width: int = 1200, height: int = 2000) -> Run:
        """What it says of a page."""
        file = self.folder / "page.html"
        file.write_text(source, encoding="utf-8")
        done = run(
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            *("--disable-sync", "--hide-scrollbars", "--enable-logging=stderr"),
            *(f"--user-data-dir={self.folder / 'profile'}", f"--window-size={width},{height}"),
            *("--virtual-time-budget=5000", *options, file.as_uri()),
        )
        assert done.code == 0, done
        return done

    def dom(self, source: str) -> str:
        """The page as it is when its scripts have run."""
        return self.run(source, "--dump-dom").out

    def picture(self, source: str, *options: str, width: int = 1200) -> tuple[int, bytes]:
        """The width of the page as it is seen, and the colour of its first pixel."""
        file = self.folder / "picture.png"
        self.run(source, f"--screenshot={file}", *options, width=width)
        return first_pixel(file.read_bytes())


def first_pixel(png: bytes) -> tuple[int, bytes]:
    """The width of a picture, and the colour of its first pixel (PNG, 4.1 and 6)."""
    [width] = unpack(">I", png[16:20])
    data, at = b"", 8
    while at < len(png):
        [size] = unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += size + 12
    return width, zlib.decompress(data)[1:4]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser(tmp_path_factory.mktemp("browser"))


def framed(source: str, widths: list[int]) -> str:
    """A page that measures another one at several widths, and then has what it found as its title."""
    frames = "".join(
        f'<iframe width="{width}" height="2000" srcdoc="{escape(source)}"></iframe>'
        for width in widths
    )
    return f"""<!DOCTYPE html><title>not yet</title>{frames}<script>
addEventListener("load", () => {{
  document.title = [...document.querySelectorAll("iframe")].map((frame) => {{
    const root = frame.contentDocument.documentElement;
    const wide = [...frame.contentDocument.querySelectorAll("section, section > *, td, th, dd, h1, h3, p, li")]
      .filter((one) => !one.parentNode.closest(".wide, .picture"))
      .filter((one) => one.getBoundingClientRect().right > root.clientWidth);
    return root.clientWidth + ":" + root.scrollWidth + ":" + wide.length;
  }}).join(" ");
  document.querySelectorAll("iframe").forEach((frame) => frame.remove());
}});</script>"""


@pytest.mark.parametrize("name", PAGES)
def test_no_width_makes_the_page_wider_than_the_screen(browser: Browser, name: str) -> None:
    found = Page.title(browser.dom(framed(PAGES[name], WIDTHS)))
    assert found == " ".join(f"{width}:{width}:0" for width in WIDTHS)


def test_light_and_dark(browser: Browser) -> None:
    light = browser.picture(PAGES["plain"])
    dark = browser.picture(PAGES["plain"], "--blink-settings=preferredColorScheme=0")
    assert light == (1200, bytes.fromhex("f6f7f9"))
    assert dark == (1200, bytes.fromhex("0f1419"))


def test_paper(browser: Browser) -> None:
    file = browser.folder / "page.pdf"
    browser.run(PAGES["plain"], f"--print-to-pdf={file}")
    assert file.read_bytes().startswith(b"%PDF-")


def shown_rows(dom: str) -> int:
    rows = re.findall(r'<tr id="d\d+"[^>]*>', dom)
    return sum(" hidden" not in row for row in rows)


def test_filter(browser: Browser) -> None:
    source = PAGES["plain"]
    everything = browser.dom(source)
    assert shown_rows(everything) == 21
    assert '<div class="find">' in everything  # no longer hidden
    typed = source.replace('<input id="filter"', '<input id="filter" value="2026-11-0 PLAIN"')
    filtered = browser.dom(typed)
    assert (shown_rows(filtered), "9 of 21 shown" in filtered) == (9, True)


def test_filter_is_hidden_where_scripts_do_not_run(browser: Browser) -> None:
    source = PAGES["plain"].replace("script-src &#39;sha256-", "script-src &#39;sha256-x")
    said = browser.run(source, "--dump-dom")
    assert '<div class="find" hidden' in said.out
    assert "Content Security Policy" in said.err


@pytest.mark.parametrize("name", PAGES)
def test_browser_finds_nothing_to_refuse(browser: Browser, name: str) -> None:
    said = browser.run(PAGES[name], "--dump-dom")
    assert "Content Security Policy" not in said.err
    assert "CONSOLE" not in said.err


@pytest.mark.parametrize(
    "smuggled",
    [
        "<img src=http://127.0.0.1:9/x>",
        "<script>document.title = 'ran'</script>",
        "<script src=http://127.0.0.1:9/x></script>",
        "<link rel=stylesheet href=http://127.0.0.1:9/x>",
        "<iframe src=http://127.0.0.1:9/x></iframe>",
        "<style>body { display: none }</style>",
        "<p style='display: none'>x</p>",
        "<base href=http://127.0.0.1:9/>",
    ],
)
def test_policy_holds_where_something_is_smuggled_in(browser: Browser, smuggled: str) -> None:
    source = PAGES["plain"].replace('<main id="main">', f'<main id="main">{smuggled}')
    said = browser.run(source, "--dump-dom")
    assert "Content Security Policy" in said.err
    assert Page.title(said.out) == "prod-eu-west-1: deployments and upgrades"


def in_frame(source: str, script: str) -> str:
    """A page that does something in another one, and then has what `seen` was given as its title."""
    return f"""<!DOCTYPE html><title>not yet</title><iframe srcdoc="{escape(source)}"></iframe><script>
addEventListener("load", () => {{
  const frame = document.querySelector("iframe"), page = frame.contentDocument;
  const rows = () => [...page.querySelectorAll("#members tbody tr")].filter((row) => !row.hidden).length;
  const seen = [];
  {script}
  setTimeout(() => {{ frame.remove(); document.title = seen.join(" "); }}, 500);
}});</script>"""


def test_links_of_a_fleet(browser: Browser) -> None:
    """A count leads to what it counts, and not to 1.10 for 1.1."""
    script = """
  const count = page.querySelector("a[data-wave]");
  seen.push(count.textContent, count.dataset.wave, count.dataset.release);
  count.click();
  seen.push(rows(), page.getElementById("filter").value.replace(" ", "+"));"""
    found = Page.title(browser.dom(in_frame(PAGES["fleet"], script)))
    assert found == "4 canary 1.1 4 canary+1.1"
