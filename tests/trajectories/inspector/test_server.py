"""The live page: it follows what is written, and answers nothing but what it is there for."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.trajectories.inspector import samples
from tests.trajectories.inspector.conftest import Browser
from trajectories.events import Event
from trajectories.inspector import Collection
from trajectories.inspector.server import InspectorServer
from trajectories.log import EventLog
from trajectories.stats import read_attempt


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "shown").mkdir()
    samples.write(tmp_path / "shown" / "first.jsonl", samples.story(0, 6))
    return tmp_path / "shown"


@pytest.fixture
def server(home: Path) -> Iterator[InspectorServer]:
    with InspectorServer(Collection([home], may_be_empty=True), 0) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


class Answer:
    def __init__(self, server: InspectorServer, path: str, method: str = "GET", **headers: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        self.status, self.body, self.headers = response.status, response.read(), response.headers
        connection.close()


def test_the_events_are_read_on_from_where_the_reader_was(server: InspectorServer, home: Path) -> None:
    path = home / "growing.jsonl"
    events: list[Event] = list(samples.story(3, 5))
    with EventLog(path) as log:
        for event in events[:4]:
            log.append(event)
        half = path.stat().st_size
        collection = Collection([home])
        assert "attempt-3" in collection.attempts
        first = wait_for_attempt(server, "attempt-3")
        assert len(first.body.splitlines()) == 4
        assert first.headers["X-Next-Byte"] == str(half)
        for event in events[4:]:
            log.append(event)
        with path.open("ab") as torn:
            torn.write(b'{"torn')
        rest = Answer(server, f"/events?id=attempt-3&from={half}")
    assert len(rest.body.splitlines()) == len(events) - 4
    assert json.loads(rest.body.splitlines()[-1])["type"] == "attempt_ended"
    again = Answer(server, f"/events?id=attempt-3&from={rest.headers['X-Next-Byte']}")
    assert again.body == b""
    anew = Answer(server, "/events?id=attempt-3&from=99999999")
    assert anew.headers["X-First-Byte"] == "0"


def wait_for_attempt(server: InspectorServer, name: str) -> Answer:
    server._looked = 0  # do not wait for the next look at the disk
    assert name in {row["id"] for row in json.loads(Answer(server, "/attempts").body)}
    return Answer(server, f"/events?id={name}&from=0")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""])
def test_a_request_in_another_name_is_refused(server: InspectorServer, host: str) -> None:
    for path in ("/", "/attempts", "/events?id=attempt-0"):
        answer = Answer(server, path, Host=host.format(port=server.server_port))
        assert answer.status == 421
        assert b"attempt" not in answer.body


def test_a_request_of_another_site_is_refused(server: InspectorServer) -> None:
    assert Answer(server, "/attempts", Sec_Fetch_Site="cross-site").status == 403
    assert Answer(server, "/attempts", Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.jsonl",
        "/shown/first.jsonl",
        "/first.jsonl",
        "/events?id=../secret",
        "/events?id=first.jsonl",
        "/events?id=%2e%2e%2fsecret.jsonl",
        "/events?id=attempt-9",
        "/events",
        "/events?id=attempt-0&from=x",
        "/events?id=attempt-0&from=-1",
        "//etc/passwd",
    ],
)
def test_no_other_file_can_be_asked_for(server: InspectorServer, home: Path, path: str) -> None:
    samples.write(home.parent / "secret.jsonl", samples.story(9, 1))
    (home / "link.jsonl").symlink_to(home.parent / "secret.jsonl")
    (home / "out").symlink_to(home.parent)
    server._looked = 0
    Answer(server, "/attempts")
    answer = Answer(server, path)
    assert answer.status == 404
    assert b"passwd" not in answer.body


def test_a_file_that_became_a_link_is_not_followed(server: InspectorServer, home: Path) -> None:
    secret = samples.write(home.parent / "secret.jsonl", samples.story(9, 1))
    (home / "first.jsonl").unlink()
    (home / "first.jsonl").symlink_to(secret)
    answer = Answer(server, "/events?id=attempt-0")
    assert answer.status == 410
    assert b"attempt-9" not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_it_only_answers_gets(server: InspectorServer, method: str) -> None:
    assert Answer(server, "/attempts", method).status == 501


def test_every_answer_forbids_framing_sniffing_and_reading_by_others(server: InspectorServer) -> None:
    for path in ("/", "/attempts", "/events?id=attempt-0", "/nothing"):
        headers = Answer(server, path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Access-Control-Allow-Origin"] is None


def test_it_listens_to_this_machine_only(server: InspectorServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def judge(trajectory: Path) -> None:
    """Write the verdict that an attempt's patch resolves its task."""
    attempt = read_attempt(trajectory)
    place = trajectory.parent / "verdicts" / attempt.task["id"] / "key"
    place.mkdir(parents=True)
    (place / "patch.diff").write_text(attempt.patch)
    (place / "verdict.json").write_text('{"status": "resolved", "resolved": true}')


def test_the_page_follows_an_attempt_that_is_being_written(
    browser: Browser, server: InspectorServer, home: Path
) -> None:
    events = samples.story(2, 8)
    with EventLog(home / "live.jsonl") as log:
        for event in islice(events, 6):
            log.append(event)
        browser.open(server.url)
        browser.until("return [...document.querySelectorAll('tr')].some(r => r.innerText.includes('unfinished'))")
        browser.one("tbody tr", "live.jsonl").find_element("css selector", "a").click()
        browser.until("return document.querySelector('.card.filled') !== null")
        before = len(browser.all(".card"))
        for event in events:
            log.append(event)
    browser.until("return document.querySelectorAll('.card').length === 9")
    assert before < 9
    browser.until("return document.querySelector('.about').innerText.includes('submitted')")
    browser.press("G")
    assert "THE END" in browser.one(".card.current").text
    judge(home / "live.jsonl")
    browser.until("return document.querySelector('.about').innerText.includes('resolved')")
    browser.until("return document.querySelector('.card.current').innerText.includes('resolved')")
    browser.press("u")
    browser.until("return document.querySelectorAll('tbody tr').length === 2")
    samples.write(home / "another.jsonl", samples.story(4, 3))
    browser.until("return document.querySelectorAll('tbody tr').length === 3")
    assert {url.rpartition(":")[0] for url in browser.requests()} == {"http://127.0.0.1"}
