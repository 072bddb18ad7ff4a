"""Takes the measurements that the simulation draws from."""

from __future__ import annotations

import itertools
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from aci_tools.sandbox import Sandbox, open_sandbox
from agent.batch.cluster.placement import Waiting
from agent.batch.jobs import Job
from benchmarks.peers.processes import descendants, figure
from benchmarks.simulation.measured import Call, Layer, Measured
from benchmarks.workload import BUG, ROOT, Home, call, numbered
from tasks.datasets import Selection, load_tasks
from tasks.images import Computers, ComputerSettings
from tasks.images.store import Store
from tasks.task import Task
from trajectories.events import ActionTaken, AttemptStarted, Event, ModelReplied
from trajectories.exchange import import_file

MB = 1e6
#: Seconds that a command of an attempt may take when it is run again.
_DEADLINE = 120.0
#: Where a container sees the most memory that it had: control groups 2 and 1.
_PEAK = "cat /sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes 2>/dev/null | head -1"


def measure(trajectories: Path, tasks: Path, filter_: str | None, starts: int) -> Measured:
    """Everything.

    Args:
        trajectories: Directory with attempts of mini-swe-agent, with the provider's usage and times.
        tasks: Rows with an ``environment``: the images of all that are here are counted, and those that match are used.
        filter_: Regular expression for the ids of tasks whose gold patches are judged.
        starts: Sandboxes that are opened.
    """
    began = {"load": os.getloadavg()[0], "when": time.strftime("%Y-%m-%d %H:%M")}
    computers = Computers(ComputerSettings(kind="docker"), _say)
    rows = {task.id: task for task in load_tasks(str(tasks), selection=Selection(), on_fault=_say)}
    images = _images(rows)
    recorded = [events for path in sorted(trajectories.glob("*.traj.json")) if len(events := _events(path)) > 10]
    opened, ended, commands, memory = [], [], [], []
    for events in recorded:
        if (task := _task_of(events, rows)) is None:
            continue
        _say(f"running the commands of {task.id} again")
        for number in range(starts):
            sandbox, taken = _opened(computers, task)
            opened.append(taken)
            with closing(sandbox):
                if number == 0:
                    commands += _commands(sandbox, events)
                    memory.append(int(sandbox.run(_PEAK).output or 0) / MB)
                finished = time.perf_counter()
            ended.append(time.perf_counter() - finished)
    typical = statistics.median(commands)
    judged = _evaluations(tasks, filter_)
    runtime = _runtime()
    squeeze, unpack = _packing()
    return Measured(
        conditions={
            "command": "python benchmarks/simulate.py measure --trajectories DIR --tasks ROWS "
            + shlex.join([*(["--filter", filter_] if filter_ else []), "--starts", str(starts)]),
            **began,
            "load at the end": os.getloadavg()[0],
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
            "images": len(images),
            "attempts": len(recorded),
            "starts": len(opened),
            "commands": len(commands),
            "evaluations": len(judged),
        },
        attempts=[_calls(events, typical) for events in recorded],
        commands=_rounded(commands),
        images=images,
        starts=_rounded(opened),
        ends=_rounded(ended),
        evaluations=_rounded(judged),
        **runtime,
        containers_mb=_rounded(memory, 0),
        squeeze=round(squeeze, 3),
        unpack=round(unpack, 1),
        hand_out=float(f"{_hand_out(rows):.3g}"),
        hub=float(f"{_hub():.3g}"),
    )


def _events(path: Path) -> list[Event]:
    _, (attempt, *_) = import_file(path)
    return list(attempt.events)


def _task_of(events: Sequence[Event], rows: dict[str, Task]) -> Task | None:
    return rows.get(events[0].task["id"]) if isinstance(events[0], AttemptStarted) else None


def _calls(events: Sequence[Event], command: float) -> list[Call]:
    """The calls of an attempt. What lies between two calls, less a command, is what the model took."""
    replies = [event for event in events if isinstance(event, ModelReplied)]
    times = [later.time - one.time for one, later in itertools.pairwise(replies)]
    times.append(statistics.median(times))
    return [
        Call(
            prompt=reply.usage.prompt_tokens,
            cached=reply.usage.cached_tokens,
            completion=reply.usage.completion_tokens,
            seconds=round(max(seconds - command, 0.5), 2),
        )
        for reply, seconds in zip(replies, times, strict=True)
    ]


def _images(rows: dict[str, Task]) -> list[list[Layer]]:
    """The images of these tasks that are here, one a task, in the order of the tasks."""
    kept = {image.name: image for image in Store(ComputerSettings().cache_directory).kept()}
    found: dict[str, list[Layer]] = {}
    for image in kept.values():
        if image.task not in rows or image.task in found or image.layer != "repository":
            continue
        layers = []
        above: Any = image
        while above is not None:
            layers.append(Layer(name=above.name, mb=round(above.size / MB, 1)))
            lowest, above = above.parent, kept.get(above.parent)
        layers.append(Layer(name=lowest, mb=round(_size(lowest) / MB, 1)))
        found[image.task] = layers[::-1]
    return [found[task] for task in rows if task in found]


def _size(image: str) -> int:
    form = ["docker", "image", "inspect", "--format", "{{.Size}}", image]
    return int(subprocess.run(form, check=True, capture_output=True, text=True).stdout)


def _opened(computers: Computers, task: Task) -> tuple[Sandbox, float]:
    began = time.perf_counter()
    ready = computers.ready(task)
    sandbox = open_sandbox(ready.kind, ready.spec)
    sandbox.run("true")
    taken = time.perf_counter() - began
    computers.release(ready)
    return sandbox, taken


def _commands(sandbox: Sandbox, events: Sequence[Event]) -> list[float]:
    """Seconds of an attempt's commands, run again in order."""
    found = []
    for event in events:
        if isinstance(event, ActionTaken) and isinstance(text := event.call.arguments.get("command"), str):
            found.append(sandbox.run(text, timeout=_DEADLINE).duration)
    return found


def _evaluations(tasks: Path, filter_: str | None) -> list[float]:
    """Seconds of judging gold patches one after the other: of the tests, and an equal share of all else."""
    with tempfile.TemporaryDirectory() as scratch:
        chosen = ["--filter", filter_] if filter_ else []
        command = [sys.executable, "-m", "agent", "evaluate", "--tasks", str(tasks), "--predictions", "gold", *chosen]
        began = time.perf_counter()
        done = subprocess.run([*command, "--output", scratch, "--workers", "1"], cwd=ROOT, stdout=2, check=False)
        taken = time.perf_counter() - began
        if done.returncode:
            raise SystemExit("agent evaluate failed, see above")
        found = [json.loads(path.read_text())["seconds"] for path in Path(scratch).rglob("verdict.json")]
    return [seconds + (taken - sum(found)) / len(found) for seconds in found]


def _runtime() -> dict[str, float]:
    """What our process takes: to begin, for a step, for an attempt more."""
    few, many = _batch(1, 5), _batch(1, 105)
    wide = _batch(16, 5)
    return {
        "step": round((many["cpu"] - few["cpu"]) / 100, 4),
        "begin": round(few["seconds"], 2),
        "process_mb": round(_process()),
        "attempt_mb": round((wide["memory"] - few["memory"]) / 15, 2),
    }


def _process() -> float:
    """MB of a process with all that a worker of a cluster loads."""
    program = "import litellm, ray, agent.batch.run; print(open('/proc/self/status').read())"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / MB


def _batch(attempts: int, steps: int) -> dict[str, float]:
    """Seconds, processor seconds and peak MB of a run with a scripted model that does not think."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Home.begin(Path(scratch) / "home", {"calc.py": BUG})
        script = [*(call("bash", command=f"echo {number}") for number in range(steps - 1)), call("submit")]
        place.write("script.jsonl", script)
        place.write("tasks.jsonl", numbered({"repo": str(place.project), "base_commit": place.commit}, attempts, "t"))
        command = ["batch", "--tasks", "tasks.jsonl", "--output", "out", "--model", "scripted:script.jsonl"]
        command += ["--sandbox", "local", "--workers", str(attempts), "--set", "aci.review_submit=false"]
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", *command], cwd=place.home, env=place.env, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        most = 0
        while True:
            most = max(most, figure(process.pid, "status", "VmHWM"))
            pid, code, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.05)
        if code:
            raise SystemExit(f"agent {shlex.join(command)} failed")
        return {
            "seconds": time.perf_counter() - began,
            "cpu": used.ru_utime + used.ru_stime,
            "memory": most * 1024 / MB,
        }


def _packing(amount: int = 100_000_000) -> tuple[float, float]:
    """The share that layers take when compressed, and the MB a second that unpack: of the newest image's beginning."""
    form = ["docker", "images", "--filter", "label=patchwright.layer=environment", "--format", "{{.ID}}"]
    image = subprocess.run(form, check=True, capture_output=True, text=True).stdout.split()[0]
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        data = saving.stdout.read(amount)
        saving.kill()
    packed = zlib.compress(data, 6)
    began = time.process_time()
    zlib.decompress(packed)
    return len(packed) / len(data), len(data) / MB / (time.process_time() - began)


def _hand_out(rows: dict[str, Task], nodes: int = 50) -> float:
    """Processor seconds of the driver for giving out a task, for each node."""
    waiting = Waiting()
    waiting.add([Job(task, number) for number in range(1, 4) for task in rows.values()])
    names = {f"node-{number}" for number in range(nodes)}
    count = len(waiting) // 2
    began = time.process_time()
    for number in range(count):
        name = f"node-{number % nodes}"
        waiting.take(name, names - {name})
    return (time.process_time() - began) / count / nodes


def _hub(calls: int = 2000) -> float:
    """Processor seconds of the hub for a call."""
    import ray

    from agent.batch.cluster.hub import Hub

    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        hub = ray.remote(Hub).options(num_cpus=0).remote()
        ray.get(hub.wait.remote("model"))
        (pid,) = [pid for pid in descendants(os.getpid()) if b"ray::Hub" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        before = _processor(pid)
        ray.get([hub.wait.remote("model") for _ in range(calls)])
        return (_processor(pid) - before) / calls
    finally:
        ray.shutdown()


def _processor(pid: int) -> float:
    """Processor seconds that a process has used."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _rounded(values: Sequence[float], digits: int = 3) -> list[float]:
    return [round(value, digits) for value in values]


def _say(line: str) -> None:
    print(line, file=sys.stderr)
