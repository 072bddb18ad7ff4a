"""Two thousand steps: what is on the page at a time is bounded, wherever the reader is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trajectories.inspector import samples
from tests.trajectories.inspector.conftest import Browser, page_of
from trajectories.inspector import Collection, static_page

SHOWN = "return performance.getEntriesByName('steps-shown')[0]?.startTime"
CURRENT = "return document.querySelector('.card.current .number')?.innerText"
NODES = "return document.querySelectorAll('*').length"
FILLED = "return document.querySelectorAll('.card.filled').length"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("long")
    return page_of(samples.write(home / "long.jsonl", samples.story(1, 2000, status="step_limit")), home / "page.html")


def test_two_thousand_steps_open_with_a_bounded_page(
    browser: Browser, page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    browser.open(page)
    opened = browser.until(SHOWN)
    assert browser.run("return document.querySelectorAll('.card').length") == 2001
    assert browser.run(FILLED) < 40
    assert browser.run(NODES) < 9000
    with capsys.disabled():
        print(f"\n2,000 steps ({page.stat().st_size / 1000:,.0f} kB): shown after {opened:.0f} ms", end=" ")


def test_wherever_the_reader_goes_the_page_stays_bounded(browser: Browser, page: Path) -> None:
    browser.open(page, "#t=attempt-1&s=1000")
    browser.until(f"{CURRENT} === '1000'")
    box = "return document.querySelector('.card.current').getBoundingClientRect().top"
    assert 0 <= browser.run(box) < 200
    for key, step in (("G", "2000"), ("k", "1999"), ("g", "·"), ("j", "1")):
        browser.press(key)
        assert browser.run(CURRENT) == step
    for share in (0.2, 0.5, 0.8):
        browser.run("scrollTo(0, document.documentElement.scrollHeight * arguments[0])", share)
        browser.until("const c = document.querySelector('.card.current .head'); return c && c.closest('.filled')")
        browser.until("return document.elementFromPoint(300, 500).closest('.card.filled') !== null")
    browser.until(f"{FILLED} < 60")
    assert browser.run(NODES) < 9000


def test_the_last_of_many_is_found(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.until(SHOWN)
    browser.press("/")
    browser.press("steps were made")
    assert browser.one(".found").text == "1 step"
    browser.press("\ue007")
    assert browser.run(CURRENT) == "2000"


def test_a_page_of_nothing_is_small(tmp_path: Path, browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    page.write_text(static_page(Collection([tmp_path], may_be_empty=True)))
    browser.open(page)
    assert browser.one("tbody tr").text == "There are no attempts yet."
    with capsys.disabled():
        print(f"\nthe page without a trajectory: {page.stat().st_size:,} bytes", end=" ")
    assert page.stat().st_size < 135_000
