"""Who is answered by the server of a run's figures."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from aci_tools.errors import UsageError
from agent.telemetry.page import address_of, serving


@pytest.fixture
def figures() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("things", "Things that there are.", registry=registry).set(3)
    return registry


def asked(address: str, path: str, host: str = "") -> tuple[int, str]:
    request = urllib.request.Request(address + path, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_this_machine_gets_the_figures_and_the_inspector(figures: CollectorRegistry, tmp_path: Path) -> None:
    with serving(address_of("0"), figures, tmp_path) as address:
        status, text = asked(address, "metrics")
        assert (status, "things 3.0" in text) == (200, True)
        assert asked(address, "attempts") == (200, "[]")
        assert asked(address, "")[0] == 200
        assert asked(address, "metrics", host="rebound.example")[0] == 421


def test_other_machines_get_the_figures_alone(figures: CollectorRegistry, tmp_path: Path) -> None:
    with serving(address_of("0.0.0.0:0"), figures, tmp_path) as address:
        assert asked(address, "metrics", host="scraped.example:9464")[0] == 200
        assert asked(address, "attempts")[0] == 404
        assert asked(address, "")[0] == 404


def test_a_taken_port_is_one_line(figures: CollectorRegistry, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(UsageError, match=f"--serve 127.0.0.1:{port}: cannot listen there"),
            serving(("127.0.0.1", port), figures, tmp_path),
        ):
            pytest.fail("it listens")
