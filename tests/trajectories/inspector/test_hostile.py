"""A trajectory in which every text attacks its reader, or is broken: it is shown, and nothing of it acts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.trajectories.inspector import samples
from tests.trajectories.inspector.conftest import Browser, page_of
from trajectories.inspector import Collection, as_text
from trajectories.inspector.plain import safe

ACTS = """
return [...document.querySelectorAll('main img, main script, main iframe, main [onerror], main style, main form')]
  .map(e => e.outerHTML)
  .concat([...document.querySelectorAll('a')].map(a => a.href).filter(h => h.startsWith('javascript')))
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return page_of(samples.hostile(tmp_path / "trajectory.jsonl"), tmp_path / "page.html")


def test_nothing_runs_and_nothing_is_asked_for(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.until("return document.querySelectorAll('.card.filled').length > 1")
    browser.press("Gg")
    for details in browser.all("main details:not([open]) > summary"):
        details.click()
    shown = browser.one("main").text
    assert shown.count("<script>window.pwned=1</script>") > 10
    assert "caf\ufffd" in shown
    browser.one("nav a", "Attempts").click()
    browser.until("return document.querySelector('tbody tr') !== null")
    assert "</script>" in browser.one("tbody tr").text
    assert "4 damaged lines" in browser.one("tbody tr").text
    browser.one("nav a", "Forks").click()
    browser.until("return document.querySelector('.fork-name') !== null")
    assert browser.run(ACTS) == []
    assert browser.run("return [window.pwned, ({}).polluted]") == [None, None]
    assert {url.partition("#")[0] for url in browser.requests()} == {page.as_uri()}


def test_the_policy_would_stop_what_got_through(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chromium.run(
        """
        const script = document.createElement('script');
        try { script.text = 'window.pwned = 5'; document.body.append(script); } catch {}
        try { document.body.innerHTML += '<img src=x onerror=window.pwned=6>'; } catch {}
        """
    )
    fetched = chromium.driver.execute_async_script(
        "const done = arguments[0]; fetch('http://127.0.0.1:9/').then(() => done('sent'), () => done('stopped'))"
    )
    assert fetched == "stopped"
    assert chromium.run("return window.pwned") is None
    assert chromium.run("return document.querySelector('img')") is None
    console = " ".join(chromium.console())
    assert "TrustedHTML" in console or "trusted-types" in console or "require-trusted-types-for" in console
    assert "connect-src 'none'" in console


def test_the_file_holds_no_end_of_script_but_its_own(page: Path) -> None:
    text = page.read_text()
    assert text.count("</script>") == text.count("<script") == 3
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "unsafe" not in policy[1]


@pytest.mark.parametrize("colour", [False, True])
def test_the_terminal_is_sent_colours_and_nothing_else(tmp_path: Path, colour: bool) -> None:
    samples.hostile(tmp_path / "trajectory.jsonl")
    text = "\n".join(as_text(Collection([tmp_path]), colour=colour, width=100))
    assert "<script>window.pwned=1</script>" in text
    sequences = set(re.findall(r"\x1b.?[^m]{0,8}m?", text))
    assert all(re.fullmatch(r"\x1b\[[0-9;]*m", found) for found in sequences), sequences
    assert bool(sequences) == colour
    assert not re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\ud800-\udfff\u202e]", text)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("\x1b]8;;http://a\x07text\x1b]8;;\x07", "text"),
        ("\x1b]8;;http://a\x1b\\text\x1b]8;;\x1b\\", "text"),
        ("\x1b]0;title", ""),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hhome", "home"),
        ("\x1bP+q544e\x1b\\x", "x"),
        ("\x1bcreset", "reset"),
        ("\x1b(0graph", "graph"),
        ("\x9b31mc1", "c1"),
        ("10%\r20%\r30%\n", "30%\n"),
        ("dos\r\n", "dos\n"),
        ("bell\x07", "bell\ufffd"),
        ("\udce9", "\ufffd"),
        ("tab\tstays", "tab\tstays"),
        ("\x1b", ""),
        ("\x1b[", ""),
    ],
)
def test_control_sequences_go_and_text_stays(raw: str, plain: str) -> None:
    assert safe(raw, colour=False) == plain


def test_colours_stay_on_demand_and_end_with_the_text() -> None:
    assert safe("\x1b[31mred", colour=True) == "\x1b[31mred\x1b[0m"
    assert safe("\x1b[1;38;5;9mred\x1b[5A", colour=True) == "\x1b[1;38;5;9mred\x1b[0m"
    assert safe("none", colour=True) == "none"
