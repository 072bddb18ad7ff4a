"""One run of a program against the scripted server, and what it cost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.adapter import Adapter, Command, Job, Reply
from benchmarks.peers.install import FILES, LINES, place_of
from benchmarks.peers.processes import containers, descendants, figure, inside, marked, pss
from benchmarks.peers.server import Play, Server

#: The measures: what stands in the table's first column, and the unit.
MEASURES = {
    "step": ("time of a step beside the model's", "ms"),
    "start": ("start of the process to the first model call", "s"),
    "memory": ("memory of one attempt", "MiB"),
    "written": ("bytes written for one attempt", "KiB"),
    "left_containers": ("containers left 30 s after SIGKILL", ""),
    "left_processes": ("processes left 30 s after SIGKILL", ""),
    "left_later": ("of these containers, left when it has made another attempt", ""),
    "crowd_seconds": ("{attempts} attempts at once: wall time", "s"),
    "crowd_memory": ("{attempts} attempts at once: memory of each", "MiB"),
}
#: What a run of one attempt measures, a run of many, and one that is killed.
OF_ONE = ("step", "start", "memory", "written")
OF_MANY = ("crowd_seconds", "crowd_memory")
OF_KILLED = ("left_containers", "left_processes", "left_later")
#: The call at which a program is killed.
KILLED_AT = 3
LEFT_AFTER = 30.0
SAMPLED_EVERY = 0.5
PATIENCE = 1800.0


class Failed(Exception):
    """A program did not do what the script says; the text tells what it did."""


@dataclass(frozen=True)
class Program:
    """A program that is ready to be measured.

    Attributes:
        name: Of its adapter.
        adapter: How it is used.
        version: Its own.
        python: The Python that it is installed in.
        image: Its image.
    """

    name: str
    adapter: Adapter
    version: str
    python: Path
    image: str

    @property
    def home(self) -> Path:
        """Its home, the same in every run."""
        return place_of(self.name) / "home"


@dataclass(frozen=True)
class Bench:
    """What all runs share.

    Attributes:
        server: Plays the script.
        gateway: Address of this machine in the default container network.
        commit: Of the repository.
        delay: Seconds of a model call.
        steps: Model calls of an attempt, those that end it left out.
        scratch: Directory for what programs write, on a disk.
    """

    server: Server
    gateway: str
    commit: str
    delay: float
    steps: int
    scratch: Path


def script(adapter: Adapter, steps: int) -> tuple[list[Reply], list[str]]:
    """What the model says, and what the next call must show: reads of about 4 KB, notes, one edit, the diff."""
    replies, expected = [], []
    for number in range(1, steps - 1):
        show = f"head -n {LINES} module_{number % FILES}.py"
        replies.append(adapter.act(f"echo note {number} >> /tmp/notes.txt; {show}; wc -l /tmp/notes.txt"))
        expected.append(f"{number} /tmp/notes.txt")
    replies.append(adapter.act("sed -i 's/a - b/a + b/' calc.py && echo edited $((6 * 7))"))
    expected.append("edited 42")
    replies.append(adapter.act("git --no-pager diff -- calc.py"))
    expected.append("+    return a + b")
    end = adapter.end()
    return replies + end, expected + [""] * len(end)


@dataclass(frozen=True)
class Running:
    """A program at work.

    Attributes:
        process: Its own.
        place: Where it writes.
        mark: Stands in the environment of every process that it starts.
        began: When it was started (seconds of ``time.monotonic``).
        before: Containers that were there before.
    """

    process: subprocess.Popen[bytes]
    place: Path
    mark: str
    began: float
    before: frozenset[str]

    def containers(self, running: bool = False) -> set[str]:
        """The containers that it made and that are still there."""
        return containers(running) - self.before


@contextmanager
def started(program: Program, bench: Bench, attempts: int, play: Play) -> Iterator[Running]:
    """The program at work. Whatever it leaves is removed."""
    bench.server.play = play
    mark = f"PATCHWRIGHT_PEERS_RUN={uuid.uuid4().hex}"
    place = Path(tempfile.mkdtemp(prefix=f"{program.name}-", dir=bench.scratch))
    program.home.mkdir(parents=True, exist_ok=True)
    port = bench.server.port
    job = Job(
        place=place,
        home=program.home,
        python=program.python,
        address=f"http://127.0.0.1:{port}/v1",
        from_container=f"http://{bench.gateway}:{port}/v1",
        image=program.image,
        commit=bench.commit,
        attempts=attempts,
        steps=len(play.replies),
    )
    command = program.adapter.start(job)
    before = frozenset(containers())
    with (place / "log.txt").open("wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            command.arguments,
            cwd=place,
            env=variables(command, program, mark),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    run = Running(process, place, mark, began, before)
    try:
        yield run
    finally:
        if process.returncode is None and process.poll() is None:
            process.kill()
            process.wait()
        for pid in marked(mark):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if left := run.containers():
            subprocess.run(["docker", "rm", "-f", "-v", *left], capture_output=True, check=False)
        shutil.rmtree(place, ignore_errors=True)


def variables(command: Command, program: Program, mark: str) -> dict[str, str]:
    """The environment of a program: a home of its own, and the way to the engine."""
    kept = ("PATH", "DOCKER_HOST", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "TERM")
    name, _, value = mark.partition("=")
    base = {each: os.environ[each] for each in kept if each in os.environ}
    return {**base, "HOME": str(program.home), name: value, **command.env}


def whole(program: Program, bench: Bench, attempts: int = 1) -> dict[str, list[float]]:
    """A run to its end: figures by measure.

    Raises:
        Failed: An attempt was not what the script says.
    """
    replies, expected = script(program.adapter, bench.steps)
    play = Play(replies, expected, bench.delay, program.adapter.WAIT)
    with started(program, bench, attempts, play) as run:
        with sampling(run) as peak:
            written = ended(run)
        seconds = time.monotonic() - run.began
        checked(play, attempts, run)
    if attempts > 1:
        return {"crowd_seconds": [seconds], "crowd_memory": [peak["memory"] / attempts]}
    gaps = [
        (play.arrivals[number][0] - play.departures[number - 1][0]) * 1000
        for number in range(1, bench.steps + 1)
        if play.arrivals.get(number)
    ]
    return {
        "step": gaps,
        "start": [play.arrivals[0][0] - run.began],
        "memory": [peak["memory"]],
        "written": [(written + peak["written"]) / 1024],
    }


def ended(run: Running) -> float:
    """Wait for a program; the bytes that it and the processes it waited for wrote to disk.

    Raises:
        Failed: It did not end.
    """
    process = run.process
    late = threading.Timer(PATIENCE, process.kill)
    late.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        late.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if not late.is_alive() and process.returncode == -signal.SIGKILL:
        raise Failed(f"did not end in {PATIENCE:.0f} s: {tail(run.place)}")
    return usage.ru_oublock * 512


@contextmanager
def sampling(run: Running) -> Iterator[dict[str, float]]:
    """Peaks while the block runs: ``memory`` (MiB) of its processes and containers, ``written`` in these."""
    peak = {"memory": 0.0, "written": 0.0}
    over = threading.Event()

    def watch() -> None:
        known: set[str] = set()
        asked = 0.0
        while not over.wait(SAMPLED_EVERY):
            if time.monotonic() - asked > 1:
                known, asked = run.containers(running=True), time.monotonic()
            within = inside(known)
            tree = {run.process.pid, *descendants(run.process.pid)} | within
            peak["memory"] = max(peak["memory"], pss(tree))
            peak["written"] = max(peak["written"], sum(figure(one, "io", "write_bytes") for one in within))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def checked(play: Play, attempts: int, run: Running) -> None:
    """See that every attempt was played to its end and every command was executed.

    Raises:
        Failed: It was not.
    """
    made = [len(play.arrivals.get(number, [])) for number in range(len(play.replies))]
    if play.faults:
        raise Failed(f"{len(play.faults)} faults, the first: {play.faults[0]}")
    if made != [attempts] * len(play.replies) or run.process.returncode:
        calls = f"{sum(made)} of {attempts * len(play.replies)} calls of the model"
        said = tail(run.place)
        last = (said.strip().splitlines() or ["nothing"])[-1]
        raise Failed(f"exit code {run.process.returncode} after {calls}: {last}\n{made}\n{said}")


def killed(program: Program, bench: Bench) -> dict[str, list[float]]:
    """A run whose process gets SIGKILL at a call: what is left of it, and what when the program has run once more.

    Raises:
        Failed: It never made that call, or the next attempt failed.
    """
    replies, expected = script(program.adapter, bench.steps)
    reached = threading.Event()

    def told(place: int) -> None:
        if place == KILLED_AT:
            reached.set()

    play = Play(replies, expected, bench.delay, program.adapter.WAIT, told)
    with started(program, bench, 1, play) as run:
        process = run.process
        until = time.monotonic() + PATIENCE
        while not reached.wait(1):
            if process.poll() is not None or time.monotonic() > until:
                raise Failed(f"never made call {KILLED_AT}: {play.faults[:1]} {tail(run.place)}")
        below = set(descendants(process.pid))
        process.kill()
        process.wait()
        time.sleep(LEFT_AFTER)
        stay = run.containers(running=True)
        alive = {pid for pid in below if figure(pid, "status", "VmRSS")} | marked(run.mark) | inside(stay)
        left = run.containers()
        whole(program, bench)
        later = left & containers()
        return {"left_containers": [len(left)], "left_processes": [len(alive)], "left_later": [len(later)]}


def tail(place: Path) -> str:
    """The end of what a program printed."""
    return (place / "log.txt").read_text("utf-8", "replace")[-1500:]
