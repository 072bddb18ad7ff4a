"""Entries of an allow-list: what each lets through, and what is no entry."""

from __future__ import annotations

import contextlib
import ssl

import pytest

from aci_tools.errors import UsageError
from aci_tools.gate.allow import AllowList, Refusal
from aci_tools.gate.hello import server_name


@pytest.mark.parametrize(
    ("entry", "host", "port"),
    [
        ("pypi.org", "pypi.org", 443),
        ("pypi.org", "pypi.org", 80),
        ("PyPI.org", "pypi.ORG.", 443),
        ("pypi.org.", "pypi.org", 443),
        ("*.pypi.org", "files.pypi.org", 443),
        ("*.pypi.org", "a.b.pypi.org", 443),
        ("nexus:8081", "nexus", 8081),
        ("10.0.0.5:8081", "10.0.0.5", 8081),
        ("[::1]:80", "::1", 80),
        ("[::1]:80", "0:0:0:0:0:0:0:1", 80),
        ("bücher.example", "xn--bcher-kva.example", 443),
    ],
)
def test_meant(entry: str, host: str, port: int) -> None:
    assert AllowList([entry]).rule(host, port)


@pytest.mark.parametrize(
    ("entry", "host", "port"),
    [
        ("pypi.org", "files.pypi.org", 443),
        ("pypi.org", "notpypi.org", 443),
        ("pypi.org", "pypi.org.evil.example", 443),
        ("pypi.org", "pypi.org", 22),
        ("*.pypi.org", "pypi.org", 443),
        ("*.pypi.org", "notpypi.org", 443),
        ("nexus:8081", "nexus", 443),
        ("pypi.org", "151.101.0.223", 443),
        ("10.0.0.5:8081", "167772165", 8081),
        ("10.0.0.5:8081", "10.0.0.5", 443),
        ("127.0.0.1:80", "127.1", 80),
        ("127.0.0.1:80", "::ffff:127.0.0.1", 80),
    ],
)
def test_not_meant(entry: str, host: str, port: int) -> None:
    with pytest.raises(Refusal, match="not among the allowed hosts"):
        AllowList([entry]).rule(host, port)


@pytest.mark.parametrize(
    "entry",
    ["", "*", "*.", "https://pypi.org", "pypi.org/simple", "a b", "a..b", "user@host", "host:0", "host:65536", "host:x",
     "10.0.0.5", "::1", "[::1]", "1.2.3", "*.*.org", "pypi.*", "-"],
)  # fmt: skip
def test_no_entry(entry: str) -> None:
    with pytest.raises(UsageError) as caught:
        AllowList([entry])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1%eth0", "fd00::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "100.64.0.1", "224.0.0.1"],
)  # fmt: skip
def test_private_addresses_need_an_entry_with_a_port(address: str) -> None:
    for entry in ("example.org", "*.example.org", "*.example.org:443"):
        allowed = AllowList([entry])
        with pytest.raises(Refusal, match="private address"):
            allowed.check_address(allowed.rule(entry.partition(":")[0].replace("*", "a"), 443), "a", address)
    allowed = AllowList(["example.org", "example.org:443"])
    allowed.check_address(allowed.rule("example.org", 443), "example.org", address)


def test_public_addresses_need_none() -> None:
    allowed = AllowList(["example.org"])
    for address in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"):
        allowed.check_address(allowed.rule("example.org", 443), "example.org", address)


def greeting(host: str | None) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=host)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def in_records(message: bytes, size: int) -> bytes:
    """A TLS message of one record, split over several."""
    body = message[5:]
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(message[:3] + len(part).to_bytes(2, "big") + part for part in parts)


def test_the_name_in_a_greeting() -> None:
    assert server_name(greeting("Example.org")) == "example.org"
    assert server_name(greeting(None)) == ""
    assert server_name(in_records(greeting("example.org"), 50)) == "example.org"


def test_a_greeting_that_is_not_whole_yet() -> None:
    whole = greeting("example.org")
    assert {server_name(whole[:length]) for length in range(len(whole))} == {None}


def test_a_greeting_that_hides_the_name_is_refused() -> None:
    hello = greeting("example.org")
    hidden = hello.replace((0).to_bytes(2, "big") + (16).to_bytes(2, "big"), b"\xfe\x0d" + (16).to_bytes(2, "big"), 1)
    assert hidden != hello
    with pytest.raises(Refusal, match="hides the host"):
        server_name(hidden)


def test_damaged_greetings_are_read_or_refused_and_nothing_else() -> None:
    hello = greeting("example.org")
    for place in range(len(hello)):
        damaged = bytearray(hello)
        damaged[place] ^= 0xFF
        with contextlib.suppress(Refusal):
            assert server_name(bytes(damaged)) != "other.example"
