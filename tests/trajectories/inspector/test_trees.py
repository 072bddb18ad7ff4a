"""Attempts that a strategy spent: the course of the strategy on the page of the root, its trials below it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.trajectories.grown import ROOT, TRIAL, grow
from tests.trajectories.inspector import samples
from tests.trajectories.inspector.conftest import Browser, page_of
from trajectories.events import AttemptStarted, ModelReplied, Noted, TrialStarted, Usage
from trajectories.inspector import Collection, as_text
from trajectories.log import EventLog

CARDS = ".trajectory > .columns > .steps > .card"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with one attempt of two trials, and an attempt without any."""
    grow(tmp_path / "run/attempts/calc/1")
    samples.write(tmp_path / "run/attempts/other/1/trajectory.jsonl", samples.story(2, 3))
    return tmp_path / "run"


@pytest.fixture
def page(run: Path, tmp_path: Path) -> Path:
    return page_of(run, tmp_path / "page.html")


def text_of(*paths: Path) -> list[str]:
    return list(as_text(Collection(list(paths)), colour=False, width=100))


def test_trials_stand_in_the_row_of_their_attempt(browser: Browser, page: Path) -> None:
    browser.open(page)
    first, second = browser.texts("tbody tr")
    assert browser.one(".totals").text.startswith("2 attempts")
    assert "reflexion, trials" in first
    assert "trial" not in second
    assert not browser.all("nav a[href='#v=forks']"), "trials are no forks"
    browser.one("tbody .trials a", "2").click()
    browser.until("return document.querySelector('.crumb') !== null")
    browser.press("u")
    browser.until("return location.hash.startsWith('#t=' + arguments[0])", ROOT)


def test_a_step_that_is_written_late_does_not_undo_where_the_reader_went(browser: Browser, page: Path) -> None:
    browser.open(page, f"#t={TRIAL}")
    browser.until("return document.querySelector('.card.current') !== null")
    browser.press("g")  # the address is to follow in 150 ms
    browser.run("history.replaceState(null, '', `#t=${arguments[0]}`)", ROOT)  # its event is yet to come
    time.sleep(0.4)
    browser.run("dispatchEvent(new HashChangeEvent('hashchange'))")
    browser.until("return document.querySelector('.crumb') === null")
    assert browser.run("return location.hash").startswith(f"#t={ROOT}")


def test_the_page_of_an_attempt_shows_the_course_of_its_strategy(browser: Browser, page: Path) -> None:
    browser.open(page, f"#t={ROOT}")
    browser.until("return document.querySelectorAll(arguments[0]).length === 8", CARDS)
    assert browser.texts(f"{CARDS} .title.part") == [
        "Trial 1", "Evaluation of 1", "Reflection 1", "Trial 2", "Evaluation of 2", "Selection 1", "The end"
    ]  # fmt: skip
    cards = browser.texts(CARDS)
    for place, part in ((2, "gives 6, should give 5"), (3, "It multiplies; it has to add."), (4, "LESSON"),
                        (4, "temperature 0.8"), (5, "1 of 1 checks passed."), (6, "passes every check")):  # fmt: skip
        assert part in cards[place], cards[place]
    assert ["failed" in card.split("\n") for card in cards][2:6] == [True, False, False, False]
    browser.run("document.querySelectorAll('details > summary').forEach(s => s.click())")
    browser.until("return document.querySelectorAll('.nested-steps .card').length === 4")
    assert "What went wrong?" in browser.texts(CARDS)[3]
    browser.press("jjjj")
    assert browser.one(".where-now").text == "Part 4 of 7"
    assert browser.texts(".panel .line.add") == ["+    return a + b"]
    browser.shot("course")
    browser.all(f"{CARDS} a.open")[1].click()
    browser.until("return location.hash.startsWith('#t=' + arguments[0])", TRIAL)
    browser.until("return document.querySelector('.crumb')?.innerText === 'The whole attempt › trial 2'")
    assert "Begins with a change" in browser.texts(".card")[0]


def test_search_finds_what_a_sub_agent_was_asked(browser: Browser, page: Path) -> None:
    browser.open(page, f"#t={ROOT}")
    browser.one(".search input").send_keys("went wrong?")
    browser.until("return document.querySelector('.search .found').innerText.startsWith('1')")
    browser.press("\n")
    assert "What went wrong?" in browser.one(".card.current").text


def test_a_root_is_named_alone_and_its_trials_come_along(run: Path) -> None:
    root = run / "attempts/calc/1/trajectory.jsonl"
    assert [row["trial"] for row in Collection([root]).rows()] == ["", "1", "2"]
    lines = text_of(root)
    for line in ("trial 1: submitted, 2 steps, patch +1 -1", "evaluation of 1: failed", "evaluation of 2: passed",
                 "  ✗ add(2, 3): gives 6, should give 5  (examples)", "  It multiplies; it has to add.",
                 "selection/1", "  reason: passes every check"):  # fmt: skip
        assert line in lines, line
    assert lines.count("$ submit") == 2
    assert any(line.startswith("5 steps; ") for line in lines)


def test_a_table_has_trials_below_their_attempt(run: Path) -> None:
    lines = text_of(run)
    assert [line.partition("└ ")[2].partition(":")[0] for line in lines] == ["", "", "trial 1", "trial 2", "", ""]
    assert lines[-1].startswith("2 attempts, ")


def test_a_trial_alone_is_an_attempt(run: Path) -> None:
    (row,) = Collection([run / "attempts/calc/1/trials/2/trajectory.jsonl"]).rows()
    assert (row["trial"], row["part_of"], row["steps"]) == ("2", "", 2)
    assert any(
        line.startswith("── step 1") for line in "\n".join(text_of(run / "attempts/calc/1/trials/2")).split("\n")
    )


def test_figures_are_of_the_whole_attempt_while_it_is_under_way(tmp_path: Path) -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=2, cost=0.5)
    with EventLog(tmp_path / "trajectory.jsonl") as root, EventLog(tmp_path / "trials/1/trajectory.jsonl") as trial:
        root.append(AttemptStarted(attempt_id="it", config={"agent": {"strategy": "best-of-n"}}))
        root.append(TrialStarted(name="1", trajectory="trials/1/trajectory.jsonl"))
        parent = {"relation": "trial", "attempt_id": "it", "trial": "1"}
        trial.append(AttemptStarted(attempt_id="its", parent=parent))
        trial.append(ModelReplied(step=1, usage=usage))
        collection = Collection([tmp_path])
        trial.append(ModelReplied(step=2, usage=usage))
        root.append(Noted(key="selection"))
        collection.refresh()
    (row, _) = collection.rows()
    assert (row["steps"], row["prompt_tokens"], row["cost"], row["strategy"]) == (2, 20, 1.0, "best-of-n")
    assert row["trials"] == [{"name": "1", "id": "its", "status": "unfinished"}]
    (tmp_path / "trials/1/trajectory.jsonl").unlink()
    collection.refresh()
    (row,) = collection.rows()
    assert (row["steps"], row["trials"]) == (0, [{"name": "1", "id": "", "status": "unfinished"}])


def test_trials_that_name_each_other_do_not_hang(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        with EventLog(tmp_path / f"{one}.jsonl") as log:
            parent = {"relation": "trial", "attempt_id": other, "trial": one}
            log.append(AttemptStarted(attempt_id=one, parent=parent))
            log.append(TrialStarted(name=other, trajectory=f"{other}.jsonl"))
    assert len(text_of(tmp_path)) == 4
