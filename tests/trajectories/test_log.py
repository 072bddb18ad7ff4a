"""The event log: what was appended is read back, whatever happened to the process that wrote it."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from trajectories import EventLog, TrajectoryError, read_events
from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Call,
    Message,
    ModelReplied,
    Observed,
    UnknownEvent,
    Usage,
)
from trajectories.redact import Redactor

GOLDEN = Path(__file__).parent / "golden"


def some_events() -> list[Message | Observed | AttemptStarted]:
    return [
        AttemptStarted(attempt_id="a1", model="scripted:x", task={"id": "t"}),
        Message(role="system", purpose="system", content="Rules."),
        Observed(step=1, text="tabs\tand ünïcode \u2028 and \x00", ok=False, code="not-found", data={"path": "a b.py"}),
    ]


def test_what_was_appended_is_read_back_numbered_and_dated(tmp_path: Path) -> None:
    with EventLog(tmp_path / "deep" / "t.jsonl") as log:
        written = [log.append(event) for event in some_events()]
    read = read_events(tmp_path / "deep" / "t.jsonl")
    assert read == written
    assert [event.seq for event in read] == [0, 1, 2]
    assert all(event.time > 1.6e9 for event in read)


def test_undecodable_bytes_survive_as_surrogates(tmp_path: Path) -> None:
    patch = b"+caf\xe9\n".decode("utf-8", "surrogateescape")
    with EventLog(tmp_path / "t.jsonl") as log:
        log.append(AttemptEnded(status="submitted", patch=patch))
    (event,) = read_events(tmp_path / "t.jsonl")
    assert isinstance(event, AttemptEnded)
    assert event.patch.encode("utf-8", "surrogateescape") == b"+caf\xe9\n"


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_dropped_and_the_log_goes_on_after_it(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "t.jsonl"
    with EventLog(path) as log:
        for event in some_events():
            log.append(event)
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(read_events(path)) == 2
    with EventLog(path) as log:
        assert len(log.events) == 2
        log.append(Message(role="user", purpose="remark", content="again"))
    assert [event.seq for event in read_events(path)] == [0, 1, 2]
    assert len(path.read_text().splitlines()) == 3


def test_after_a_write_that_failed_halfway_the_log_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    lifted = resource.getrlimit(resource.RLIMIT_FSIZE)
    with EventLog(path) as log:
        log.append(some_events()[0])
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, lifted[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                log.append(AttemptEnded(status="submitted", patch="x" * 500))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, lifted)
        log.append(some_events()[1])
    assert read_events(path) == log.events
    assert [event.seq for event in read_events(path)] == [0, 1]


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"type":"message","role":"user","purpose":"task","content":"x"}\nnot json\n')
    with pytest.raises(TrajectoryError, match=r"t\.jsonl:2 is not an event"):
        read_events(path)
    with pytest.raises(TrajectoryError, match="cannot read"):
        read_events(tmp_path / "absent.jsonl")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"type":"action","step":1,"call":{"name":true}}', r"action\.call\.name: .*string"),
        ('{"type":[]}', "type: .*string"),
        ('{"type":{}}', "type: .*string"),
        ("{}", "type: .*required"),
        ('{"type":"attempt_started","attempt_id":"a","schema_version":2}', r".*schema 2; .* up to 1: upgrade"),
        pytest.param("[" * 100_000, "maximum recursion depth exceeded", id="deep"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(tmp_path: Path, line: str, fault: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(TrajectoryError, match=rf"t\.jsonl:1 is not an event of a trajectory \({fault}"):
        read_events(path)


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        EventLog(tmp_path / "file" / "t.jsonl")


def test_events_of_later_versions_are_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    later = {"type": "dreamt", "seq": 0, "time": 1.0, "of": ["sheep"]}
    known = {"type": "observation", "seq": 1, "time": 2.0, "step": 1, "text": "ok", "mood": "good"}
    path.write_text("".join(json.dumps(line) + "\n" for line in (later, known)))
    first, second = read_events(path)
    assert isinstance(first, UnknownEvent)
    assert first.model_dump() == later
    assert second.model_dump()["mood"] == "good"


WRITER = """
import sys
from pathlib import Path
from trajectories import EventLog
from trajectories.events import Message
log = EventLog(Path(sys.argv[1]))
while True:
    log.append(Message(role="user", purpose="remark", content="x" * 5000))
    print(len(log.events), flush=True)
"""


@pytest.mark.parametrize("time", ["1e30", "1e999", "NaN", "-1", "0", str(10**30)])
def test_a_time_that_no_calendar_has_is_unknown(tmp_path: Path, time: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"type":"observation","step":1,"text":"","time":{time}}}\n')
    (event,) = read_events(path)
    assert event.time == 0.0


def test_a_killed_writer_loses_at_most_the_line_it_was_writing(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    acknowledged = 0
    for line in writer.stdout:
        acknowledged = int(line)
        if acknowledged == 50:
            os.kill(writer.pid, signal.SIGKILL)
            break
    writer.wait()
    writer.stdout.close()
    events = read_events(path)
    assert len(events) >= acknowledged
    assert [event.seq for event in events] == list(range(len(events)))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.jsonl")), ids=lambda path: path.stem)
def test_trajectories_of_every_schema_version_still_load(path: Path) -> None:
    events = read_events(path)
    assert isinstance(events[0], AttemptStarted)
    assert not any(isinstance(event, UnknownEvent) for event in events)
    # Nothing of the file is lost in reading it.
    for line, event in zip(path.read_text().splitlines(), events, strict=True):
        assert json.loads(line).items() <= event.model_dump(mode="json").items()


def test_usage_adds_up_and_an_unknown_cost_stays_unknown() -> None:
    a, b = Usage(prompt_tokens=10, completion_tokens=2, cached_tokens=4), Usage(prompt_tokens=1, cost=0.5)
    assert a + b == Usage(prompt_tokens=11, completion_tokens=2, cached_tokens=4, cost=0.5)
    assert (a + a).cost is None


@pytest.mark.parametrize("name", ["DB_PASS", "MYSQL_PWD", "GPG_PASSPHRASE", "X_PASSWORD"])
def test_passwords_go_by_several_names(name: str) -> None:
    redactor = Redactor.from_environment({name: "hunter2hunter2", "OLDPWD": "/home/me"})
    assert redactor.text("hunter2hunter2 in /home/me") == "[secret removed] in /home/me"


def test_secrets_never_reach_the_file(tmp_path: Path) -> None:
    secret, shaped = "correct horse battery", "ghp_" + "A1b2C3d4E5" * 4
    redactor = Redactor.from_environment({"MY_API_KEY": secret, "HOME": "/home/someone-here", "SHORT_TOKEN": "abc"})
    with EventLog(tmp_path / "t.jsonl", redactor) as log:
        log.append(Observed(step=1, text=f"env: {secret}", data={"nested": [{shaped: f"x{secret}y"}]}))
        log.append(ActionTaken(step=2, call=Call(name="bash", arguments={"command": f"curl -H {shaped}"})))
        log.append(ModelReplied(step=2, content=f"abc /home/someone-here {secret}"))
    text = (tmp_path / "t.jsonl").read_text()
    assert secret not in text
    assert shaped not in text
    assert "abc /home/someone-here" in text
    assert text.count("[secret removed]") == 5


@pytest.mark.parametrize("secret", ["hunter2hunter2\n", ' pa"ss\\word-123', "gehe1m-Schlüssel", "first line\nsecond"])
def test_a_secret_is_known_without_blanks_around_it_and_within_json(secret: str) -> None:
    redactor = Redactor.from_environment({"MY_API_KEY": secret})
    assert redactor.text(f"is {secret.strip()}, he said") == "is [secret removed], he said"
    for ascii in (True, False):
        arguments = json.dumps({"command": f"echo {secret.strip()}"}, ensure_ascii=ascii)
        assert json.loads(redactor.text(arguments)) == {"command": "echo [secret removed]"}


@pytest.mark.parametrize(
    "token",
    [
        "sk-ant-" + "api03-abcdefghijklmnopqrstuvwxyz",
        "sk-proj-" + "abcdefghijklmnopqrstuv",
        "glpat-" + "abcdefghijklmnopqrst",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "hf_" + "a" * 34,
        "github_pat_" + "a1" * 20,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_tokens_are_known_by_their_shape(token: str) -> None:
    assert Redactor().text(f"before {token} after") == "before [secret removed] after"


def test_ordinary_code_is_left_alone() -> None:
    code = "task-force sk-learn risk_token = get_token(key='abc'); AKIA; ghp_x; password = None"
    assert Redactor.from_environment({"SSH_AUTH_SOCK": "/tmp/ssh-abcdefgh", "A_KEY": "1234567"}).text(code) == code
