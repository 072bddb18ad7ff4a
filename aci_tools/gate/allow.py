"""Which hosts may be reached: the entries of an allow-list, and what each of them lets through."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from aci_tools.errors import UsageError

#: The ports of an entry that names none: HTTP and HTTPS.
USUAL_PORTS = frozenset({80, 443})

_ENTRY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/\s]+)(?::(?P<port>[0-9]{1,5}))?")
_NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")


class Refusal(Exception):
    """A connection that is not let through; the message says why, and what would let it through."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry.

    Attributes:
        name: Host name in lower case, or an IP address as it is usually written.
        subdomains: Whether the names below it are meant, and not the name itself.
        port: The only port; ``None`` for the usual ones.
    """

    name: str
    subdomains: bool = False
    port: int | None = None

    @property
    def vouched(self) -> bool:
        """Whether the host may have an address of a private network: only where one host and one port are named."""
        return self.port is not None and not self.subdomains

    def fits(self, host: str, port: int) -> bool:
        """Whether a host in lower case and a port are meant."""
        named = host.endswith(f".{self.name}") if self.subdomains else host == self.name
        return named and (port == self.port if self.port is not None else port in USUAL_PORTS)


class AllowList:
    """The hosts that may be reached.

    Args:
        entries: Each ``name``, ``*.name`` (every name below it) or ``name:port``; a name without a port stands for the
            ports 80 and 443. An IP address is an entry only with a port.

    Raises:
        UsageError: An entry is none of these.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self.entries = tuple(entries)
        self._rules = tuple(map(_rule, self.entries))

    def rule(self, host: str, port: int) -> Rule:
        """The entry that lets a host and a port through.

        Args:
            host: A name or an address as a client gave it.
            port: Its port.

        Raises:
            Refusal: There is none.
        """
        wanted = _address(host) or host.lower().removesuffix(".")
        found = [rule for rule in self._rules if rule.fits(wanted, port)]
        if not found:
            raise Refusal(f"{host}:{port} is not among the allowed hosts ({', '.join(self.entries)})")
        return next((rule for rule in found if rule.vouched), found[0])

    @staticmethod
    def check_address(rule: Rule, host: str, address: str) -> None:
        """See that what a name resolves to may be connected to.

        Whoever owns an allowed name could otherwise point it at this machine, at a cloud's metadata service or into the
        user's own network.

        Raises:
            Refusal: The address is not a public one, and the entry does not name host and port.
        """
        found = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(found, "ipv4_mapped", None)
        if not rule.vouched and (not (mapped or found).is_global or found.is_multicast):
            raise Refusal(f"{host} has the private address {address}: list it with its port if that is meant")


def _rule(entry: str) -> Rule:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise UsageError(f"not a host of an allow-list: {entry!r}; write name, *.name or name:port")
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port < 65536:
        raise UsageError(f"not a port: {port} in {entry!r}")
    if address := _address(match["host"]):
        if port is None:
            raise UsageError(f"an address is allowed with its port only: write {entry}:443")
        return Rule(address, port=port)
    name = match["host"].lower().removesuffix(".")
    if not name.isascii():
        name = _ascii(name, entry)
    if not _NAME.fullmatch(name) or name.rpartition(".")[2].isdecimal():
        raise UsageError(f"not a host of an allow-list: {entry!r}; write name, *.name or name:port")
    return Rule(name.removeprefix("*."), name.startswith("*."), port)


def _ascii(name: str, entry: str) -> str:
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        raise UsageError(f"not a host name: {entry!r}") from None


def _address(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        return None
