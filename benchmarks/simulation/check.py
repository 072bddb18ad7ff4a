"""The simulation beside real runs of `agent batch` at small size: in containers, and against a provider with limits."""

from __future__ import annotations

import json
import os
import random
import shlex
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aci_tools.sandbox import open_sandbox
from benchmarks.kills import Place
from benchmarks.simulation.measured import Call, Measured
from benchmarks.simulation.provider import Allowance, Limits
from benchmarks.simulation.setup import Job, Node, Setup
from benchmarks.simulation.world import simulate
from benchmarks.workload import STATEMENT, call, numbered
from tasks.datasets import Selection, load_tasks
from tasks.images import Computers, ComputerSettings
from tests.e2e.batches import completion

IMAGE = "patchwright/base:bookworm"
#: Tokens of every call of the loopback provider (tests/e2e/batches.py says so).
_PROMPT, _COMPLETION = 100, 10
#: A tenth of a second or so on a core.
_COMMAND = "python3 -c 'sum(range(3000000))'"


@dataclass(frozen=True)
class Case:
    """A run to be predicted.

    Attributes:
        name: What it shows.
        workers: Attempts side by side.
        limits: What the provider allows.
    """

    name: str
    workers: int
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Compared:
    """A case with its times.

    Attributes:
        case: The case.
        real: Seconds of the run.
        predicted: Seconds of the simulation.
        real_refused, predicted_refused: Requests that the provider refused.
        real_failed, predicted_failed: Attempts that ended for that.
    """

    case: Case
    real: float
    predicted: float
    real_refused: int
    predicted_refused: int
    real_failed: int
    predicted_failed: int

    @property
    def off(self) -> float:
        """How far the prediction is off, as a share of the real time."""
        return self.predicted / self.real - 1


def compare(measured: Measured, cases: Sequence[Case], tasks: int, steps: int, seed: int) -> Iterator[Compared]:
    """Run the cases and predict them.

    Args:
        measured: What was measured; of this, what concerns one machine is measured anew first.
        cases: The cases.
        tasks: Tasks of each.
        steps: Steps of each attempt.
        seed: What chance begins with.
    """
    chance = random.Random(seed)
    delays = [[chance.uniform(0.5, 2.5) for _ in range(steps)] for _ in range(tasks)]
    with tempfile.TemporaryDirectory(prefix="patchwright-check-") as scratch:
        place = Place.make(Path(scratch) / "home")
        rows = _rows(place, tasks)
        here = _here(place, rows, measured)
        for case in cases:
            with _providing(delays, case.limits) as (address, allowance):
                real, failed = _run(place, rows, address, case)
            jobs = [
                Job(
                    (),
                    [Call(prompt=_PROMPT, completion=_COMPLETION, seconds=delay) for delay in of_task],
                    [*[statistics.median(here.commands)] * (steps - 1), 0.0],
                    statistics.median(here.starts),
                    statistics.median(here.ends),
                    0.0,
                )
                for of_task in delays
            ]
            node = Node(slots=case.workers, cores=os.cpu_count() or 1)
            setup = Setup(node=node, limits=case.limits, further=0, cluster=False, evaluate=False)
            predicted = simulate(here, setup, jobs)
            yield Compared(
                case, real, predicted.seconds, allowance.refused, predicted.refused, failed, predicted.failed
            )


def _rows(place: Place, tasks: int) -> Path:
    row = {"repo": str(place.project), "base_commit": place.commit, "environment": {"image": IMAGE}}
    return place.write("tasks.jsonl", numbered(row, tasks, "t"))


def _here(place: Place, rows: Path, measured: Measured) -> Measured:
    """Starts, ends and the command, measured on this machine now, the image being there; and how long a run begins."""
    task = load_tasks(str(rows), selection=Selection(slice="0:1"), on_fault=print)[0]
    computers = Computers(ComputerSettings(kind="docker", cache=place.home / "cache"), lambda line: None)
    starts, ends, commands = [], [], []
    for _ in range(6):
        began = time.perf_counter()
        ready = computers.ready(task)
        with closing(open_sandbox(ready.kind, ready.spec)) as sandbox:
            starts.append(time.perf_counter() - began)
            commands += [sandbox.run(_COMMAND).duration for _ in range(3)]
            began = time.perf_counter()
        ends.append(time.perf_counter() - began)
        computers.release(ready)
    return measured.model_copy(update={"starts": starts[1:], "ends": ends, "commands": commands})


def _run(place: Place, rows: Path, address: str, case: Case) -> tuple[float, int]:
    """Seconds of a real run, and how many of its attempts the provider ended."""
    output = place.home / f"out-{case.workers}-{time.monotonic_ns()}"
    settings = {
        "model.api_base": address,
        "model.tool_calls": "true",
        "aci.review_submit": "false",
        "tasks.cache": str(place.home / "cache"),
    }
    command = ["batch", "--tasks", str(rows), "--output", str(output), "--workers", str(case.workers), "--json"]
    command += ["--model", "mine", "--sandbox", "docker", "--retries", "0", "--no-evaluate"]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    began = time.perf_counter()
    done = place.agent(*command)
    taken = time.perf_counter() - began
    assert done is not None
    if done.returncode not in (0, 3):
        raise SystemExit(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stderr.decode()}")
    return taken, len(json.loads(done.stdout)["infrastructure"])


@contextmanager
def _providing(delays: list[list[float]], limits: Limits) -> Iterator[tuple[str, Allowance]]:
    """A provider on a loopback port: the delay is that of the task and of the call, and the limits hold."""
    allowance = Allowance(limits, time.monotonic)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            messages: list[dict[str, Any]] = asked["messages"]
            made = sum(message["role"] == "assistant" for message in messages)
            with lock:
                wait = allowance.ask(_PROMPT + _COMPLETION)
            if wait:
                self.answer(429, {"error": {"message": "slow down", "type": "x", "code": None}}, wait)
                return
            text = json.dumps(messages)
            number = next(n for n in range(len(delays)) if f"{STATEMENT} ({n})" in text)
            of_task = delays[number]
            time.sleep(of_task[made])
            last = made == len(of_task) - 1
            reply = call("submit") if last else call("bash", command=_COMMAND)
            self.answer(200, completion(reply, made + 1))

        def answer(self, status: int, document: dict[str, Any], wait: float = 0.0) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if wait:
                self.send_header("Retry-After", f"{wait:.0f}")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    http = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}/v1", allowance
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
