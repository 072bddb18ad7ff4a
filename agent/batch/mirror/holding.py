"""Which process may write to a URL: numbered claims, of which the last one counts.

``.claims/000007.json`` says who made the seventh claim, since when, when it last said that it lives, and whether it is
over. A claim is made by creating the object of the next number, which of several processes one succeeds in wherever
:meth:`~tasks.object_store.Remote.create` is exclusive. The holder renews it every quarter of a minute, and stops
as soon as it sees a higher number.

What holds: two processes that begin at a time do not both get the URL, and one that lives and reaches the store is not
robbed. What cannot hold without locks in the store: a process that was cut off for longer than the lease, and whose
run was taken up elsewhere, may still write what it had begun to write when it is connected again, until it looks at the
claims, at most a quarter of a minute later. It then copies nothing more; what it wrote are files of attempts that go on
elsewhere, and those are copied anew at the end of each attempt.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aci_tools.errors import InfrastructureError, UsageError
from aci_tools.sandbox.owner import Owner, this_process
from tasks.object_store import Remote

#: Directory of the claims.
CLAIMS = ".claims"


@dataclass(frozen=True)
class Times:
    """Seconds.

    Attributes:
        beat: Between two renewals of a claim.
        lease: Without a renewal after which its holder is given up.
        skew: By which the clocks of two machines may differ: a claim older than this is not waited for.
    """

    beat: float = 15.0
    lease: float = 60.0
    skew: float = 600.0


class Holding:
    """A claim that this process holds.

    Args:
        remote: The URL.
        number: Of the claim.
        id: Of the claim, unlike that of any other.
        before: Id of the one before it; empty for none.
        lost: Called once if another process takes the URL over.
        times: How long things take.
    """

    def __init__(
        self, remote: Remote, number: int, id: str, before: str, lost: Callable[[], None], times: Times
    ) -> None:
        self.number, self.id, self.before = number, id, before
        self.is_lost = False
        self._remote, self._lost, self._times = remote, lost, times
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="claim", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let others have the URL."""
        self._over.set()
        self._thread.join()
        if not self.is_lost:
            with contextlib.suppress(InfrastructureError):  # others wait for the end of the lease then
                self._remote.write(_name(self.number), _content(self.id, ended=True))

    def _renew(self) -> None:
        while not self._over.wait(self._times.beat):
            with contextlib.suppress(InfrastructureError):  # the next renewal may come through
                if _last(self._remote) > self.number:
                    self.is_lost = True
                    self._lost()
                    return
                self._remote.write(_name(self.number), _content(self.id, ended=False))


@contextlib.contextmanager
def hold(remote: Remote, lost: Callable[[], None], times: Times | None = None) -> Iterator[Holding]:
    """Have a URL for this process alone.

    Args:
        remote: The URL.
        lost: Called once, from another thread, if another process takes it over because this one was cut off.
        times: How long things take.

    Raises:
        UsageError: Another process works in it.
        InfrastructureError: The store failed.
    """
    times = times or Times()
    id = uuid.uuid4().hex
    while True:
        last = _last(remote)
        before = _wait_for_end(remote, last, times) if last else ""
        if remote.create(_name(last + 1), _content(id, ended=False)):
            break
    holding = Holding(remote, last + 1, id, before, lost, times)
    try:
        yield holding
    finally:
        holding.end()


def _wait_for_end(remote: Remote, number: int, times: Times) -> str:
    """The id of a claim, once its holder is known to be gone."""
    known = remote.read(_name(number))
    claim = _parse(known)
    id = str(claim.get("id", ""))
    owner = str(claim.get("owner", "somebody"))
    refused = UsageError(f"--output {remote.url}: another process works in it ({owner})")
    parsed = Owner.parse(owner)
    if claim.get("ended") or (parsed is not None and parsed.dead):
        return id
    if parsed is not None and parsed.host == socket.gethostname():
        raise refused
    beat = claim.get("beat")
    if isinstance(beat, float) and time.time() - beat > times.lease + times.skew:
        return id
    print(
        f"agent: {remote.url}: {owner} works in it or died a moment ago; waiting {times.lease:.0f} s to see which",
        file=sys.stderr,
    )
    deadline = time.monotonic() + times.lease
    while time.monotonic() < deadline:
        time.sleep(min(times.beat, times.lease) / 3)
        now = remote.read(_name(number))
        if _parse(now).get("ended"):
            return id
        if now != known:
            raise refused
    return id


def _last(remote: Remote) -> int:
    numbers = [name.rpartition("/")[2].removesuffix(".json") for name in remote.sizes(CLAIMS)]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def _name(number: int) -> str:
    return f"{CLAIMS}/{number:06}.json"


def _content(id: str, *, ended: bool) -> bytes:
    return json.dumps({"id": id, "owner": str(this_process()), "beat": time.time(), "ended": ended}).encode()


def _parse(data: bytes | None) -> dict[str, object]:
    try:
        claim = json.loads(data or b"{}")
    except ValueError:
        return {}
    return claim if isinstance(claim, dict) else {}
