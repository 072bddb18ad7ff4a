"""Files that were made to break a reader: one clear line that names the file, or a reading that is sound."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trajectories.events import AttemptEnded, AttemptStarted, Observed
from trajectories.exchange import (
    EXPORTERS,
    Context,
    Imported,
    Trajectory,
    exporter,
    find_trajectories,
    import_file,
    store,
)
from trajectories.log import TrajectoryError
from trajectories.redact import Redactor

MESSAGES = [
    {"role": "user", "content": "Fix it", "agent": "main"},
    {"role": "assistant", "content": "```bash\nls\n```", "thought": "t", "action": "ls", "tool_calls": None},
    {"role": "user", "content": "<returncode>0</returncode>"},
]
CALL = {"tool_call_id": "a", "function_name": "bash", "arguments": {"command": "ls"}}
SEEDS: list[Any] = [
    {
        "trajectory": [
            {"action": "ls", "observation": "x", "response": "y", "state": "{}", "thought": "t", "query": MESSAGES}
        ],
        "history": MESSAGES,
        "info": {"submission": "diff", "exit_status": "submitted", "model_stats": {"instance_cost": 1}},
        "replay_config": "{}",
    },
    {"messages": MESSAGES, "info": {"mini_version": "1", "config": {"model": {"model_name": "m"}}}},
    {
        "schema_version": "ATIF-v1.8",
        "agent": {"name": "a", "version": "1"},
        "steps": [
            {"step_id": 1, "source": "agent", "message": "m", "tool_calls": [CALL], "observation": {"results": []}}
        ],
    },
    [
        {"id": 1, "source": "user", "action": "message", "args": {"content": "Fix"}},
        {"id": 2, "source": "agent", "action": "run", "args": {"command": "ls", "thought": "t"}},
        {"id": 3, "cause": 2, "observation": "run", "content": "x", "extras": {"metadata": {"exit_code": 0}}},
    ],
    {"x-1": {"instance_id": "x-1", "model_patch": "diff", "model_name_or_path": "m"}},
]
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    document = copy.deepcopy(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(document)))
        if not path:
            return draw(junk)
        inner = document
        for key in path[:-1]:
            inner = inner[key]
        if isinstance(inner, dict) and draw(st.booleans()):
            del inner[path[-1]]
        else:
            inner[path[-1]] = draw(junk)
    return document


#: A text where a list of one stands, and a number that is no number but equals one: both came back changed once.
LISTED: Any = {**SEEDS[0], "trajectory": [{**SEEDS[0]["trajectory"][0], "action": ["0"]}]}
FALSE: Any = {**SEEDS[2], "steps": [{**SEEDS[2]["steps"][0], "step_id": False}]}


@settings(max_examples=300)
@given(damaged())
@example(LISTED)
@example(FALSE)
def test_a_damaged_document_is_read_whole_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, document: Any
) -> None:
    directory = tmp_path_factory.mktemp("damaged")
    path = directory / "t.json"
    path.write_text(json.dumps(document))
    attempts: list[Imported] = []
    format, refusal = "", ""
    try:
        format, attempts = import_file(path)
    except TrajectoryError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert not refusal or "t.json" in refusal
    store(attempts, directory / "out", Redactor())
    trajectories = find_trajectories(directory / "out") if attempts else []
    if trajectories:
        (document_again,) = exporter(format).write(trajectories, Context())
        assert json.loads(document_again.content) == document
    for name in EXPORTERS:
        if name not in ("dpo", "rollouts"):
            exporter(name).write(trajectories, Context())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not JSON"),
        (b"not json", "is not JSON"),
        (b'{"a": 1}\n{"b": ', "line 2"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 500 + b"]" * 500, "nested more than 150 levels deep"),
        (b'{"a": NaN}', "NaN is not a number of JSON"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": "' + b"\x00" + b'"}', "is not JSON"),
        (b"1" * 5000, "is not JSON"),
        (b"{}", "is of no format that can be imported"),
        (b'["a", "b"]', "is of no format that can be imported"),
        (b'{"trajectory": [1], "info": {}}', "trajectory is not a list of objects"),
        (b'{"trajectory": {}, "history": 5}', "is of no format"),
        (b'{"attempts": [{"trajectory": [], "info": {}}, 3]}', "attempt 2 is not an object"),
        (b'{"schema_version": "ATIF-v1.8", "steps": {}}', "steps is not a list of objects"),
        (b'{"messages": [1], "trajectory_format": "mini-swe-agent-1"}', "messages is not a list of objects"),
        (b'[{"action": "run"}, {"action": "run"}, {"action": "run"}, 7]', "an event is not an object"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_the_file(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(content)
    with pytest.raises(TrajectoryError) as raised:
        import_file(path)
    assert reason in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_and_a_directory(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(TrajectoryError, match="cannot read"):
            import_file(path)


def test_nul_bytes_and_lone_surrogates_are_kept(saved: Callable[..., Path], through: Callable[[Path], Any]) -> None:
    document = copy.deepcopy(SEEDS[0])
    document["trajectory"][0]["observation"] = "a\x00b \ud800 \udcff \u2028 end of a long line of output"
    document["info"]["submission"] = "diff \udce9\n"
    assert through(saved(document)) == document


def test_a_name_never_leads_out_of_the_directory(imported: Callable[..., list[Imported]], tmp_path: Path) -> None:
    document = {**SEEDS[1], "trajectory_format": "mini-swe-agent-1", "instance_id": "../../../../etc/cron.d/x"}
    ((path, _),) = store(imported(document), tmp_path / "out")
    assert path.resolve().is_relative_to((tmp_path / "out").resolve())
    ((twice, _),) = store(imported(document), tmp_path / "out")
    assert twice != path


def test_a_document_name_from_a_file_is_only_a_name(imported: Callable[..., list[Imported]]) -> None:
    for seed in SEEDS:
        (attempt,) = imported(seed)
        first = attempt.events[0].model_dump()
        first["foreign"]["file"] |= {"name": "../../evil\x00.json", "container": "keys"}
        events = [AttemptStarted.model_validate(first), *attempt.events[1:]]
        for name in EXPORTERS:
            if name not in ("dpo", "rollouts"):
                for document in exporter(name).write([Trajectory(events)], Context()):
                    assert "/" not in document.name
                    assert "\x00" not in document.name


@pytest.mark.parametrize("part", [{}, {"item": {}, "holes": [[["a", "b"], "x"]]}, {"item": 1, "holes": 5}, 3, None])
def test_a_tampered_trajectory_of_ours_is_one_line(part: Any) -> None:
    foreign = {"format": "mini-swe-agent", "parts": {"message": [part]}}
    seen = Observed(step=1, text="x").model_copy(update={"foreign": foreign})
    with pytest.raises(TrajectoryError, match="damaged"):
        exporter("mini-swe-agent").write([Trajectory([seen])], Context())


@pytest.mark.parametrize("name", ["atif", "openhands"])
def test_a_time_that_no_calendar_has_is_no_fault(name: str) -> None:
    seen = Observed(step=1, text="x", time=1e30)
    (document,) = exporter(name).write([Trajectory([seen])], Context())
    assert json.loads(document.content)


def test_a_secret_is_masked_and_that_is_said(imported: Callable[..., list[Imported]], tmp_path: Path) -> None:
    document = copy.deepcopy(SEEDS[0])
    document["trajectory"][0]["observation"] = "token ghp_" + "A1b2C3d4E5" * 4
    ((path, notes),) = store(imported(document), tmp_path / "out", Redactor())
    assert "ghp_" not in path.read_text()
    assert any("masked in 1 places" in note for note in notes)


def test_numbers_of_the_wrong_kind_are_no_numbers(imported: Callable[..., list[Imported]]) -> None:
    document = copy.deepcopy(SEEDS[0])
    document["info"]["model_stats"] = {"instance_cost": "much", "tokens_sent": -5, "api_calls": True}
    ended = imported(document)[0].events[-1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.usage.prompt_tokens, ended.usage.cost, ended.steps) == (0, 0.0, 1)
