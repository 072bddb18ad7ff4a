"""Replays are equal where nothing changed, and find what changed where it shows first."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.reopen import Where
from agent.replay import Replayed, ReplayRequest, replay
from tests.agent.conftest import SUBMIT, call, fix, git
from tests.agent.recorded import FILES, Quiet, bash, project, record, replies
from trajectories.events import AttemptEnded, Event, ModelReplied
from trajectories.log import read_events
from trajectories.normalise import Told, alike, by_chance, difference

NOW = time.time()


def day(text: str, at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(text)


@pytest.fixture
def calc(tmp_path: Path) -> Path:
    place = tmp_path / "calc"
    place.mkdir()
    return project(place)


def replayed(output: Path, where: Where | None = None) -> Replayed:
    return replay(ReplayRequest(output / "trajectory.jsonl", where or Where(trust=True)), Quiet())


def shown(found: Replayed) -> str:
    different = [result for result in found.results if result.kind == "different"]
    return "\n".join(f"{r.entry.step} {r.entry.action.call.arguments} {r.reason}\n{r.diff}" for r in different)


@pytest.mark.parametrize("seed", range(4))
def test_no_divergence_without_a_change(calc: Path, tmp_path: Path, seed: int) -> None:
    record(calc, tmp_path / "out", replies(seed))
    found = replayed(tmp_path / "out")
    assert found.equal, shown(found) + found.patch_diff
    assert len(found.results) > 5


def commit(repository: Path, name: str, text: str) -> str:
    (repository / name).write_text(text)
    git(repository, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-qam", "Change")
    return git(repository, "rev-parse", "HEAD").strip()


LONG = (bash("ls"), bash("date"), call("open", path="calc.py"), bash("sed -i s/text.upper/str.upper/ tools/text.py"))


@pytest.mark.parametrize(
    ("name", "text", "step"),
    [
        ("calc.py", "def add(a, b):\n    return a - b\n", 3),
        ("tools/text.py", "def shout(text):\n    return text.upper() + '!'\n", 4),
        ("notes.md", "# Notes\n\nadd subtracts. It takes 0.30 s, since 12:00:00 on 2019-03-02.\n", 5),
        ("notes.md", "# Notes\n\nadd subtracts. It takes 0.25 s, since 12:00:00 on 2019-03-03.\n", 5),
    ],
)
def test_a_changed_file_is_found_at_the_first_step_that_depends_on_it(
    calc: Path, tmp_path: Path, name: str, text: str, step: int
) -> None:
    record(calc, tmp_path / "out", [*LONG, bash("cat notes.md"), fix(), SUBMIT])
    found = replayed(tmp_path / "out", Where(base=commit(calc, name, text)))
    assert found.divergence is not None
    assert found.divergence.entry.step == step
    assert "\n-" in found.divergence.diff
    assert "\n+" in found.divergence.diff


def test_what_is_masked_is_no_divergence(calc: Path, tmp_path: Path) -> None:
    token = "ghp_" + "A1b2C3d4E5" * 4
    shell = "import base64; print(base64.b64decode('" + "Z2hwXw==" + "').decode() + 'A1b2C3d4E5' * 4)"
    said = [bash(f"echo {token} | wc -c > size.txt"), bash(f'python3 -c "{shell}" | tee other.txt'), fix(), SUBMIT]
    record(calc, tmp_path / "out", said)
    found = replayed(tmp_path / "out")
    assert found.equal, shown(found) + found.patch_diff
    assert [result.kind for result in found.results] == ["not_run", "equal", "equal", "equal"]


def test_an_attempt_that_was_gone_on_with_is_replayed_as_one(calc: Path, tmp_path: Path) -> None:
    said = [bash("cd tools && echo one > new.txt"), bash("pwd; cat new.txt"), fix(), SUBMIT]
    assert record(calc, tmp_path / "out", said[:2]).status == "model_error"
    assert record(calc, tmp_path / "out", said).status == "submitted"
    found = replayed(tmp_path / "out")
    assert found.equal, shown(found) + found.patch_diff
    assert len(found.results) == 4


def written(place: Path) -> list[Event]:
    return read_events(place / "trajectory.jsonl")


def test_the_trajectory_of_a_replay_ends_with_the_patch_of_now(calc: Path, tmp_path: Path) -> None:
    said = [bash("echo one > new.txt"), fix(), SUBMIT]
    record(calc, tmp_path / "out", said[:2])
    record(calc, tmp_path / "out", said)
    now = tmp_path / "now"
    where = Where(base=commit(calc, "calc.py", "# Sums.\n" + FILES["calc.py"]), trust=True)
    assert replay(ReplayRequest(tmp_path / "out", where, output=now), Quiet()).patch == "different"
    (ended,) = (event for event in written(now) if isinstance(event, AttemptEnded))
    assert " # Sums.\n" in ended.patch


def test_the_trajectory_of_a_replay_holds_the_steps_that_were_played(calc: Path, tmp_path: Path) -> None:
    record(calc, tmp_path / "out", [bash("ls"), {"content": "Hm."}, bash("pwd"), fix(), SUBMIT])

    def steps(name: str, until: int | None, most: int) -> list[int]:
        left = iter(range(most))
        request = ReplayRequest(tmp_path / "out", Where(trust=True), until, tmp_path / name)
        replay(request, Quiet(), pause=lambda entry, player: next(left, None) is not None)
        return [event.step for event in written(tmp_path / name) if isinstance(event, ModelReplied)]

    assert steps("until one", 1, 9) == [1]
    assert steps("until two", 2, 9) == [1, 2]
    assert steps("stopped", None, 2) == [1, 2, 3]
    assert steps("whole", 5, 9) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d",
        "%Y-%m-%dT%H:%M:%S.000001+00:00",
        "%Y%m%d-%H%M%S",
        "%a %b %d %H:%M:%S UTC %Y",
        "%a, %d %b %Y %H:%M:%S GMT",
        "-rw-r--r-- 1 user user 3 %b %d %H:%M calc.py",
        "at %H:%M:%S",
    ],
)
def test_a_reading_of_the_clock_may_differ_and_a_date_may_not(form: str) -> None:
    then = NOW - 40 * 86_400 - 4000
    recorded, now = Told(day(form, then), time=then, took=1), Told(day(form, NOW), time=NOW, took=1)
    assert alike(recorded, now)
    old = Told(day(form, then - 9 * 86_400 - 9000), time=then, took=1)
    assert not alike(old, now)
    assert difference(old, now)


def pytest_slowest(*entries: str) -> str:
    shown = ["1 failed", "===== slowest 3 durations =====", *entries]
    hidden = f"({3 - len(entries)} durations < 0.005s hidden.  Use -vv to show these durations.)"
    return "\n".join([*shown, *[hidden][len(entries) // 3 :], "==== short test summary info ====", "FAILED t.py::a"])


def unittest_slowest(*entries: str, hidden: bool = True) -> str:
    said = ["(durations < 0.001s were hidden; use -v to show these durations)"] * hidden
    return "\n".join(["Slowest test durations", "-" * 70, *entries, "", *said, "-" * 70, "Ran 2 tests in 0.010s"])


@pytest.mark.parametrize(
    ("then", "now", "same"),
    [
        ("1 passed in 0.01s", "1 passed in 0.02s", True),
        ("==== 1 passed in 0.01s =====", "=== 1 passed in 0.123s ===", True),
        ("1 passed in 0.01s", "2 passed in 0.01s", False),
        ("real\t0m0.003s", "real\t0m0.010s", True),
        ("timeout = 30.5 s", "timeout = 31.5 s", False),
        ("<X object at 0x7f12ab34>", "<X object at 0x55ee>", True),
        ("mask 0xff", "mask 0xfe", False),
        ("/tmp/tmpab12cd34/x", "/tmp/tmpzz9_cd34/x", True),
        ("/tmp/tmp.A8sd7fGh12", "/tmp/tmp.kd8fj3Hgaa", True),
        ("[1] 123\nline 1: 77 Killed", "[1] 4567\nline 1: 99 Killed", True),
        ("344", "345", False),
        ("line 3: 42", "line 3: 43", False),
        ("line 3: 42 failed", "line 3: 0 failed", False),
        ("process 5 items", "process 7 items", False),
        ("process: 5", "process: 7", True),
        ("0x123456789", "0x987654321", False),
        ("tmp_handler()", "tmp_counter()", False),
        ("a" * 50_000, "b" * 50_000, False),
        (
            pytest_slowest("0.01s setup    t.py::a", "0.01s call     t.py::b"),
            pytest_slowest("0.02s call     t.py::b"),
            True,
        ),
        (pytest_slowest("0.01s setup    t.py::a"), pytest_slowest(), True),
        (pytest_slowest("9.01s call     t.py::a"), pytest_slowest("9.01s call     t.py::b"), False),
        (
            pytest_slowest("0.01s call     t.py::a"),
            pytest_slowest("0.01s call     t.py::b").replace("1 failed", "2 failed"),
            False,
        ),
        (
            unittest_slowest("0.010s     a (t.T.a)"),
            unittest_slowest("0.012s     a (t.T.a)", "0.011s     b (t.T.b)"),
            True,
        ),
        (unittest_slowest("0.010s     a (t.T.a)", hidden=False), unittest_slowest("0.001s     b (t.T.b)"), True),
        ("key [secret removed] end", "key abc end", True),
    ],
)
def test_only_what_may_differ_is_passed_over(then: str, now: str, same: bool) -> None:
    assert alike(Told(then, time=NOW, took=1), Told(now, time=NOW, took=1)) is same


def test_the_order_of_lines_counts_unless_it_says_nothing() -> None:
    assert not alike(Told("a\nb"), Told("b\na"))
    assert alike(Told("a\nb"), Told("b\na"), unordered=True)


def test_chance_is_what_differs_between_two_executions_of_now() -> None:
    assert by_chance(Told("id 12 end"), Told("id 13 end"), Told("id 14 end"))
    assert not by_chance(Told("id 12 fin of it all"), Told("id 13 end of it all"), Told("id 14 end of it all"))
    assert not by_chance(Told("id 12"), Told("id 13"), Told("id 13"))
