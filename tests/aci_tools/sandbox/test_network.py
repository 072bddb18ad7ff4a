"""What commands reach: nothing, or the hosts of an allow-list through the gate, whichever way they try."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from aci_tools.errors import UsageError
from aci_tools.gate.door import PORT
from aci_tools.sandbox import Sandbox, SandboxSpec, open_sandbox
from tests.aci_tools.sandbox.conftest import Opener

# An address of this machine that is none of the sandbox's own names for itself, which programs ask without a proxy.
HOST = "127.0.0.2"

GET = f"""python3 -c '
import http.client, sys
asked = http.client.HTTPConnection("127.0.0.1", {PORT}, timeout=20)
asked.request("GET", "http://" + sys.argv[1] + "/")
answer = asked.getresponse()
print(answer.status, answer.read().decode().strip())
' """


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from outside")

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    """Address of a web server of this machine."""
    server = ThreadingHTTPServer((HOST, 0), _Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"{HOST}:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def gated(fenced: Opener, outside: str) -> Sandbox:
    return fenced(allow_hosts=(outside,))


def test_an_allowed_host_is_reached_by_what_honours_proxies(gated: Sandbox, outside: str) -> None:
    fetch = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read())"
    result = gated.run(f"python3 -c '{fetch}' http://{outside}/")
    assert result.output == b"b'hello from outside'\n"
    assert result.note == ""


def test_another_host_is_refused_and_that_is_said(gated: Sandbox, outside: str) -> None:
    result = gated.run(f"{GET} example.org")
    reason = f"example.org:80 is not among the allowed hosts ({outside})"
    assert result.text == f"403 Forbidden: {reason}\n"
    assert result.note == f"The network refused a connection: {reason}."
    assert gated.run("true").note == ""


def test_no_way_leads_around_the_gate(gated: Sandbox, outside: str) -> None:
    host, _, port = outside.partition(":")
    program = f"""
import socket
for address in [("192.0.2.1", 80), ("{host}", {port}), ("172.17.0.1", 80)]:
    try:
        socket.create_connection(address, 5)
        print("connected", address)
    except OSError as error:
        pass
try:
    print(socket.getaddrinfo("example.org", 80))
except OSError:
    print("no names")
"""
    assert gated.run(f"python3 -c '{program}'").output == b"no names\n"


def test_the_way_is_there_again_after_all_that_a_sandbox_goes_through(gated: Sandbox, outside: str) -> None:
    reached = b"200 hello from outside\n"
    snapshot = gated.snapshot()
    for hostile in ("kill -9 -1", "kill -9 $PPID", "sleep 100 &", "exec sleep 100"):
        gated.run(hostile, timeout=0.5)
        assert gated.run(GET + outside).output == reached
    gated.restore(snapshot)
    assert gated.run(GET + outside).output == reached


def test_two_sandboxes_have_a_way_each(fenced: Opener, gated: Sandbox, outside: str) -> None:
    other = fenced(allow_hosts=("example.org",))
    assert other.run(GET + outside).text.startswith("403 ")
    assert gated.run(GET + outside).text.startswith("200 ")


def test_the_tests_of_a_project_may_use_the_loopback_interface(gated: Sandbox) -> None:
    program = """
import http.server, threading, urllib.request
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen("http://localhost:%d/" % server.server_address[1], timeout=20).status)
"""
    assert gated.run(f"python3 -c '{program}' 2>/dev/null").output == b"200\n"


@pytest.mark.docker
def test_a_helper_leaves_no_container(docker_image: str, outside: str) -> None:
    sandbox = open_sandbox(
        "docker", SandboxSpec(workdir="/tmp", image=docker_image, allow_hosts=(outside,), run_id="gate")
    )
    listing = ["docker", "ps", "--all", "--quiet", "--filter", "label=patchwright.run=gate"]
    try:
        assert len(subprocess.run(listing, capture_output=True, check=True).stdout.split()) == 1
        assert sandbox.run("ls -A /patchwright").exit_code != 0
    finally:
        sandbox.close()
    assert subprocess.run(listing, capture_output=True, check=True).stdout == b""


@pytest.mark.docker
def test_an_image_without_python_needs_another_for_the_gate(bare_image: str, docker_image: str, outside: str) -> None:
    spec = SandboxSpec(workdir="/tmp", image=bare_image, allow_hosts=(outside,))
    with pytest.raises(UsageError, match=r"sandbox\.gate_image"):
        open_sandbox("docker", spec)
    sandbox = open_sandbox(
        "docker", SandboxSpec(workdir="/tmp", image=bare_image, allow_hosts=(outside,), gate_image=docker_image)
    )
    try:
        request = f"GET http://{outside}/ HTTP/1.1\\r\\nHost: {outside}\\r\\n\\r\\n"
        ask = f"exec 3<>/dev/tcp/127.0.0.1/{PORT}; printf '{request}' >&3"
        assert sandbox.run(f"{ask}; cat <&3").text.endswith("hello from outside\r\n0\r\n\r\n")
    finally:
        sandbox.close()


@pytest.fixture(scope="module")
def bare_image(docker_image: str) -> Iterator[str]:
    """An image without Python."""
    tag, name = "patchwright/test-no-python:latest", "patchwright-test-no-python"
    remove = "rm -f /usr/bin/python3* /usr/local/bin/python3*"
    subprocess.run(["docker", "run", "--name", name, docker_image, "sh", "-c", remove], check=True, capture_output=True)
    subprocess.run(["docker", "commit", name, tag], check=True, capture_output=True)
    subprocess.run(["docker", "rm", name], check=True, capture_output=True)
    yield tag
    subprocess.run(["docker", "rmi", "--force", tag], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("kind", "wanted", "said"),
    [
        ("local", {"allow_hosts": ("pypi.org",)}, "cannot enforce"),
        ("namespace", {"allow_hosts": ("pypi.org",), "network": True}, "leave it off"),
        ("namespace", {"allow_hosts": ("https://pypi.org",)}, "not a host"),
    ],
)
def test_what_cannot_be_enforced_is_refused(
    opener: Callable[[str], Opener], kind: str, wanted: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        open_sandbox(kind, SandboxSpec(repository=None, **wanted))  # type: ignore[arg-type]
