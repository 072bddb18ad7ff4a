"""The page in a real browser, as a reader uses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.trajectories.inspector.conftest import Browser, page_of
from trajectories.events import AttemptStarted, PatchChanged
from trajectories.log import EventLog

ROWS = "tbody tr"
CURRENT = "return document.querySelector('.card.current .number')?.innerText"
#: The texts in view whose contrast with what is behind them is below 4.5, as WCAG 2 computes it.
FAINT = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (css) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = css;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const over = (top, below) => [0, 1, 2].map((i) => (top[i] * top[3] + below[i] * (255 - top[3])) / 255).concat(255);
const light = (c) => {
  const share = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = c.slice(0, 3).map((v) => share(v / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  if (!element) return [255, 255, 255, 255];
  const own = rgba(getComputedStyle(element).backgroundColor);
  return own[3] === 255 ? own : over(own, behind(element.parentElement));
};
const opacity = (element) => (element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1);
const faint = new Set();
for (const element of document.querySelectorAll("body *")) {
  const box = element.getBoundingClientRect();
  const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const out = !box.width || box.bottom < 0 || box.top > innerHeight;
  if (!says || out || element.closest("script, noscript, .visually-hidden, .skip")) continue;
  const ground = behind(element);
  const ink = rgba(getComputedStyle(element).color);
  ink[3] *= opacity(element);
  const [a, b] = [light(over(ink, ground)), light(ground)];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) faint.add(`${contrast.toFixed(2)} ${element.className}: ${element.innerText.slice(0, 30)}`);
}
return [...faint];
"""


def test_the_list_shows_every_attempt_with_its_figures(browser: Browser, run_page: Path) -> None:
    browser.open(run_page)
    assert len(browser.all(ROWS)) == 50
    assert browser.one(".totals").text.startswith("50 attempts · 25 resolved (50 %) · 12M tokens · $11.6")
    row = next(text for text in browser.texts(ROWS) if "fork-4" in text)
    for part in ("astropy__astropy-12907", "fork from step 12", "claude-sonnet-4-5", "submitted", "resolved", "30"):
        assert part in row, row


def test_a_filter_and_facets_narrow_the_list_and_stay_in_the_address(browser: Browser, run_page: Path) -> None:
    browser.open(run_page)
    browser.one(".tools input").send_keys("django GPT")
    shown = browser.texts(ROWS)
    assert len(shown) == 8
    assert all("django__django" in row and "openai/gpt-5-mini" in row for row in shown)
    browser.one(".chip", "unresolved").click()
    narrowed = browser.texts(ROWS)
    assert 0 < len(narrowed) < 8
    assert all("unresolved" in row for row in narrowed)
    browser.open(run_page, browser.driver.current_url.partition("#")[2].join(("#", "")))
    assert browser.texts(ROWS) == narrowed
    browser.one(".chip[aria-pressed=true]").click()
    assert browser.texts(ROWS) == shown
    browser.one(".tools input").send_keys("nothing like that")
    assert browser.texts(ROWS) == ["No attempt matches."]


@pytest.mark.parametrize("column", ["Steps", "Tokens", "Cost", "Time", "Patch", "Task", "Status"])
def test_a_click_on_a_column_sorts_by_it_and_a_second_the_other_way(
    browser: Browser, run_page: Path, column: str
) -> None:
    browser.open(run_page)
    names = browser.texts("th")
    assert column in names
    values = "return [...document.querySelectorAll('tbody tr')].map(r => r.children[arguments[0]].innerText)"
    heading = browser.one("th button", column)
    heading.click()
    first = browser.run(values, names.index(column))
    browser.one("th[aria-sort=ascending] button, th[aria-sort=descending] button", column).click()
    second = browser.run(values, names.index(column))
    assert first[0] != second[0]
    assert sorted(first) == sorted(second)
    if column == "Steps":
        figures = [int(value) for value in first]
        assert figures == sorted(figures, reverse=True)
        assert [int(value) for value in second] == sorted(figures)


def test_a_row_opens_a_trajectory_and_the_way_back_keeps_the_list(browser: Browser, run_page: Path) -> None:
    browser.open(run_page, "#q=fork-4")
    browser.one(f"{ROWS} .c-model").click()
    browser.until("return document.querySelector('.trajectory .card.filled') !== null")
    assert browser.one("h1").text == "astropy__astropy-12907"
    assert browser.run(CURRENT) == "·"
    browser.driver.back()
    browser.until("return document.querySelector('table') !== null")
    assert len(browser.all(ROWS)) == 1


def test_a_step_shows_thought_action_observation_and_what_went_wrong(browser: Browser, run_page: Path) -> None:
    browser.open(run_page, "#t=fork-4&s=20")
    browser.until(f"{CURRENT} === '20'")
    card = browser.one(".card.current").text
    for part in ("Before I change it", "edit", "modeling/separable.py", "guard refused", "SyntaxError"):
        assert part in card, card
    browser.open(run_page, "#t=fork-4&s=15")
    failed = browser.one(".card.current .call.failed")
    assert "tests failed" in failed.text
    assert "\x1b" not in failed.text
    assert "PASSED" in browser.texts(".card.current .ansi-fg-2")
    browser.press("k")
    assert "CORRECTION OF A MALFORMED ACTION" in browser.one(".card.current aside.warn").text


def test_the_keyboard_goes_from_step_to_step(browser: Browser, run_page: Path) -> None:
    browser.open(run_page, "#t=fork-4")
    browser.until("return document.querySelector('.card.current') !== null")
    browser.press("jjj")
    assert browser.run(CURRENT) == "3"
    browser.press("k")
    assert browser.run(CURRENT) == "2"
    browser.until("return location.hash.endsWith('s=2')")
    browser.press("G")
    assert browser.run(CURRENT) == "30"
    assert "THE END" in browser.one(".card.current").text
    browser.press("g")
    assert browser.run(CURRENT) == "·"
    browser.press("jo")
    assert browser.all(".card.current .body") == []
    browser.press("o")
    assert len(browser.all(".card.current .body")) == 1
    browser.press("?")
    assert "next, previous match" in browser.one("dialog[open]").text
    browser.press(Keys.ESCAPE)
    assert browser.all("dialog[open]") == []
    browser.press("u")
    browser.until("return document.querySelector('table') !== null")
    browser.press("jj")
    browser.press(Keys.ENTER)
    browser.until("return document.querySelector('.trajectory') !== null")


def test_search_marks_what_is_found_and_goes_through_it(browser: Browser, run_page: Path) -> None:
    marked = "return [...CSS.highlights.get('found') ?? []].map(r => r.toString().toLowerCase())"
    here = "return [...CSS.highlights.get('found-here') ?? []].map(r => r.startContainer.data)"
    browser.open(run_page, "#t=fork-4")
    browser.until("return document.querySelector('.card.filled') !== null")
    browser.press("/")
    browser.press("Unexpected INDENT")
    assert browser.one(".found").text.endswith("steps")
    browser.press(Keys.ENTER)
    assert browser.one(".found").text.startswith("1 of ")
    first = browser.run(CURRENT)
    assert set(browser.run(marked)) == {"unexpected indent"}
    assert "SyntaxError: unexpected indent" in browser.run(here)[0]
    top = "return [...CSS.highlights.get('found-here')][0].getBoundingClientRect().top"
    assert 0 < browser.run(top) < 900
    browser.press(Keys.ENTER)
    assert browser.run(CURRENT) != first
    browser.press(Keys.ESCAPE)
    browser.press("N")
    assert browser.run(CURRENT) == first
    browser.press("/")
    browser.press(Keys.CONTROL + "a" + Keys.NULL + "not in any step")
    assert browser.one(".found").text == "nothing found"
    assert browser.run(marked) == []


def test_long_output_is_folded_in_its_middle_and_a_match_in_it_unfolds_it(browser: Browser, run_page: Path) -> None:
    browser.open(run_page, "#t=fork-4")
    browser.until("return document.querySelector('.card.filled') !== null")
    browser.press("/")
    browser.press("polynomial.py:39" + Keys.ENTER)
    box = next(box for box in browser.all(".card.current .output") if "polynomial.py:39" in box.text)
    fold = box.find_element("css selector", "button")
    assert (fold.text, fold.get_attribute("aria-expanded")) == ("Show less", "true")
    fold.click()
    assert "polynomial.py:39" not in box.text
    assert "polynomial.py:59" in box.text
    assert "21 lines" in box.text
    fold = box.find_element("css selector", "button")
    assert (fold.text, fold.get_attribute("aria-expanded")) == ("Show all 41 lines", "false")


def test_the_patch_grows_with_the_steps_and_by_its_slider(browser: Browser, run_page: Path) -> None:
    browser.open(run_page, "#t=fork-4&s=14")
    browser.until("return document.querySelector('.panel .line.add') !== null")
    assert browser.one(".panel .where").text.startswith("2 of 5, after step 13")
    before = len(browser.all(".panel .line.add"))
    assert browser.texts(".panel .line.fresh") == ["+    # What line 1 of the fix has to say"]
    slider = browser.one(".panel input[type=range]")
    slider.send_keys(Keys.END)
    _, step = browser.one(".panel .where").text.splitlines()[0].split("5 of 5, after step ")
    step = step.split()[0]
    assert len(browser.all(".panel .line.add")) > before
    browser.one(".panel .where button", f"step {step}").click()
    assert browser.run(CURRENT) == step
    browser.one(".panel .where button", "Follow").click()
    browser.press("g")
    assert browser.one(".panel .files").text == "No patch is recorded before step 1."


def test_a_file_with_a_name_that_git_quotes_is_called_by_it(browser: Browser, tmp_path: Path) -> None:
    name = r"d\303\251\"b/\\303 \360\237\230\200.py"
    patch = f'diff --git "a/{name}" "b/{name}"\n--- "a/{name}"\n+++ "b/{name}"\n@@ -1 +1 @@\n-a\n+b\n'
    with EventLog(tmp_path / "trajectory.jsonl") as log:
        log.append(AttemptStarted(attempt_id="it", task={"id": "t"}))
        log.append(PatchChanged(step=0, patch=patch))
    browser.open(page_of(tmp_path, tmp_path / "page.html"))
    browser.until("return document.querySelector('.panel .path') !== null")
    assert browser.texts(".panel .path") == ['dé"b/\\303 😀.py']


def test_a_click_on_the_strip_goes_to_the_step(browser: Browser, run_page: Path) -> None:
    browser.open(run_page, "#t=fork-4")
    browser.until("return document.querySelector('.card.current') !== null")
    strip = browser.one(".strip")
    strip.click()
    middle = int(browser.run(CURRENT))
    assert 5 < middle < 25
    assert strip.get_attribute("aria-valuenow") == str(middle)
    strip.send_keys(Keys.ARROW_RIGHT)
    assert browser.run(CURRENT) == str(middle + 1)
    strip.send_keys(Keys.END)
    assert browser.run(CURRENT) == "30"


def test_forks_and_helpers_are_shown_where_they_began(browser: Browser, run_page: Path) -> None:
    browser.open(run_page, "#t=attempt-0&s=4")
    browser.until(f"{CURRENT} === '4'")
    note = browser.one(".card.current .forks")
    assert note.text.startswith("2 forks from here")
    note.find_element("css selector", "a").click()
    browser.until("return location.hash.startsWith('#t=fork-1')")
    browser.until(f"{CURRENT} === '5'")
    browser.open(run_page, "#t=attempt-0&s=3")
    helper = browser.one(".card.current .agent")
    assert helper.text.startswith("sub-agent")
    helper.find_element("css selector", "summary").click()
    browser.until("return document.querySelectorAll('.nested-steps article').length === 3")


def test_the_tree_of_forks_names_the_steps_and_links_to_them(browser: Browser, run_page: Path) -> None:
    browser.open(run_page, "#v=forks")
    names = browser.texts(".fork-name")
    assert len(names) == 7
    assert [name.splitlines()[0] for name in names] == [
        "astropy__astropy-12907",
        *("from step 2 (remark)", "sub-agent at step 3", "from step 4", "from step 12", "from step 12", "from step 4"),
    ]
    assert len(browser.all(".fork-point")) == 6
    browser.all(".fork-name")[4].click()
    browser.until("return location.hash.startsWith('#t=fork-3&s=13')")
    browser.until(f"{CURRENT} === '13'")


@pytest.mark.parametrize("place", ["", "#t=fork-4&s=20", "#t=fork-4&s=15", "#t=attempt-0", "#v=forks"])
def test_pictures_of_every_view_in_light_and_dark_are_readable(browser: Browser, run_page: Path, place: str) -> None:
    browser.open(run_page, place)
    browser.until("return document.querySelector('.card.filled, tbody tr, .fork-name') !== null")
    name = place.strip("#").replace("&", "-").replace("=", "-") or "list"
    light = browser.shot(f"{name}-light")
    assert browser.run(FAINT) == []
    browser.theme("dark")
    dark = browser.shot(f"{name}-dark")
    assert browser.run(FAINT) == []
    assert len(light) > 20_000
    assert light != dark


def test_the_theme_can_be_chosen_and_is_remembered(browser: Browser, run_page: Path) -> None:
    ground = "return getComputedStyle(document.documentElement).backgroundColor"
    browser.open(run_page)
    light = browser.run(ground)
    browser.one("button[aria-label='Colour theme']").click()
    dark = browser.run(ground)
    assert dark != light
    browser.open(run_page)
    assert browser.run(ground) == dark
    browser.press("t")
    assert browser.run(ground) == light
    browser.press("t")
    browser.theme("dark")
    assert browser.run(ground) == dark
    assert browser.run("return localStorage.getItem('patchwright-theme')") == ""


@pytest.mark.parametrize("place", ["", "#t=fork-4&s=20", "#v=forks"])
def test_nothing_is_wider_than_a_narrow_screen(browser: Browser, run_page: Path, place: str) -> None:
    browser.open(run_page, place, width=400, height=800)
    browser.until("return document.querySelector('.card.filled, tbody tr, .fork-name') !== null")
    browser.shot(f"narrow-{place[1:2] or 'list'}")
    assert browser.run("return document.documentElement.scrollWidth") <= 400
    if "t=" in place:
        browser.one(".bar button", "Patch").click()
        assert browser.one(".panel").is_displayed()


def test_the_page_asks_for_nothing_but_itself(browser: Browser, run_page: Path) -> None:
    browser.open(run_page, "#t=fork-4")
    browser.until("return document.querySelector('.card.filled') !== null")
    browser.press("jjG")
    assert {url.partition("#")[0] for url in browser.requests()} == {run_page.as_uri()}
