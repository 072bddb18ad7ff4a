"""Whether anything grows while batches run for an hour: memory, descriptors, threads, containers, files, disk.

Run: python benchmarks/soak.py [--minutes 60] [--workers 8] [--steps 12] [--think 0.2] [--json FILE]
Linux. Needs a Docker engine, the image of scripts/base-image, and a machine on which nothing else uses the engine.

One process runs attempts in containers at full width from the beginning to the end (``agent batch``; its scripted model
takes ``--think`` seconds a call). Beside it short runs follow each other: each is killed by SIGKILL at a random moment,
resumed, compared with what it should have come to, and its predictions are judged (``agent evaluate``).

A line is fitted through the samples of each figure, the first fifth of the time left out. The figure is flat when that
line rises over the measured time by no more than twice the scatter of the samples about it, or by no more than 2 % of
their mean. For the memory of the process 4 KiB for each attempt are allowed too, since a run keeps what came of each
(its patch, what it used) until its report; for the disk that is taken beyond the output as much, since the engine
writes a log. What is left when all has ended must be nothing. Less than ten minutes show
how the process warms up. Exit code 1: something is not flat, is left, or went wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.peers.processes import descendants, pss
from benchmarks.workload import FIX, Workload

EVERY = 10.0  # seconds between samples
WARM = 0.2  # share of the time that is left out
ALLOWED = 0.02  # of the mean
KEPT = 4 / 1024  # MiB of an attempt
PROCESS = "memory of the process, MiB"
DISK = "disk taken beyond the output, MiB"
SHORT = 12  # tasks of a run that is killed
PATIENCE = 900.0


@dataclass
class Soak:
    """What is measured.

    Attributes:
        work: The home, its tasks, its script.
        engine: Directory on the file system that the engine keeps its things on.
        full: Bytes in use there in the beginning.
        image: What containers of ours are made of.
        began: When it began.
        samples: Seconds since then, and the figures.
        rounds: Short runs that came to their end.
        wrong: What should not have happened, a line each.
    """

    work: Workload
    engine: Path
    full: int
    image: str
    began: float = field(default_factory=time.monotonic)
    samples: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    rounds: int = 0
    wrong: list[str] = field(default_factory=list)

    def sample(self, pid: int) -> dict[str, float]:
        """All figures now; of the process of a pid, and of what it leaves on the machine."""
        home = self.work.home
        attempts = sum(1 for _ in (home / "long" / "attempts").glob("*/*/trajectory.jsonl"))
        output = size(home / "long")
        return {
            PROCESS: pss([pid]),
            "memory of its children, MiB": pss(descendants(pid)),
            "descriptors": sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
            "threads": sum(1 for _ in Path(f"/proc/{pid}/task").iterdir()),
            "containers": len(docker("ps", "-aq", "--filter", f"ancestor={self.image}")),
            "volumes": len(docker("volume", "ls", "-q")),
            "networks": len(docker("network", "ls", "-q")),
            "images": len(docker("images", "-aq")),
            "entries in the temporary directory": entries(home / "tmp"),
            "entries in the state directory": entries(home / "state"),
            "entries in the cache": entries(home / "cache"),
            "output of an attempt, KiB": output / attempts / 1024 if attempts else 0.0,
            DISK: (used(self.engine) - self.full - output) / 2**20,
            "attempts": attempts,
        }


def main() -> None:
    options = parsed()
    with tempfile.TemporaryDirectory(prefix="patchwright-soak-") as scratch:
        length = options.minutes * 60
        # More than can be done in the time.
        count = max(SHORT, int(2 * length * options.workers / (options.steps * max(options.think, 0.02))))
        work = Workload.make(Path(scratch) / "home", count, options.steps, options.think, mark=Path(scratch).name)
        (work.home / "tmp").mkdir()
        work.env["TMPDIR"] = str(work.home / "tmp")
        finish(work, work.batch("first", 1, "--slice", "0:1"))  # the image is made
        shutil.rmtree(work.home / "first")
        commit = json.loads((work.home / "tasks.jsonl").open().readline())["base_commit"]
        image = docker("images", "--filter", f"label=patchwright.commit={commit}", "--format", "{{.ID}}")[0]
        engine = Path(docker("info", "--format", "{{.DockerRootDir}}")[0])
        soak = Soak(work, engine, used(engine), image)
        try:
            run(soak, options.workers, length, random.Random(options.seed))
            left = remains(soak)
        finally:
            docker("rmi", "--force", image)
        found = figures(soak.samples)
    show(found, left, soak)
    if options.json:
        facts = {"figures": found, "left": left, "wrong": soak.wrong, "rounds": soak.rounds, "samples": soak.samples}
        options.json.write_text(json.dumps(facts, indent=2) + "\n")
    sys.exit(bool(left or soak.wrong or not found or not all(each["flat"] for each in found.values())))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=8, help="attempts side by side in the long run")
    parser.add_argument("--steps", type=int, default=12, help="model calls of an attempt")
    parser.add_argument("--think", type=float, default=0.2, help="seconds of a model call")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def run(soak: Soak, workers: int, length: float, chance: random.Random) -> None:
    """The long run and the short ones, until the time is over."""
    over = threading.Event()
    with (soak.work.home / "long.log").open("wb") as log:
        long = start(soak.work, soak.work.batch("long", workers), log)
    short = threading.Thread(target=disturb, args=(soak, chance, over))
    short.start()
    try:
        while (passed := time.monotonic() - soak.began) < length and long.poll() is None:
            soak.samples.append((passed, soak.sample(long.pid)))
            progress(soak, length)
            over.wait(EVERY)
        if long.poll() is not None:
            soak.wrong.append(f"the long run ended with {long.returncode}: {tail(soak.work.home / 'long.log')}")
    finally:
        over.set()
        short.join()
        if long.poll() is None:
            long.send_signal(signal.SIGINT)
            if long.wait(PATIENCE) != 130:
                soak.wrong.append(f"interrupted, the long run ended with {long.returncode}")
    # Those that the interrupt ended are not among them.
    patches = json.loads((soak.work.home / "long" / "preds.json").read_text())
    soak.wrong += [f"another patch: {task}" for task, one in patches.items() if not mended(one["model_patch"])]


def disturb(soak: Soak, chance: random.Random, over: threading.Event) -> None:
    """Short runs: killed, resumed, compared, judged."""
    work, home = soak.work, soak.work.home
    command = work.batch("short", 2, "--slice", f"0:{SHORT}")
    longest = 20.0
    while not over.is_set():
        try:
            with (home / "short.log").open("wb") as log:
                killed = start(work, command, log)
            over.wait(chance.uniform(1.0, longest))
            killed.kill()
            killed.wait()
            began = time.monotonic()
            finish(work, command)
            longest = max(20.0, 2 * (time.monotonic() - began))
            patches = json.loads((home / "short/preds.json").read_text())
            if len(patches) != SHORT or not all(mended(one["model_patch"]) for one in patches.values()):
                soak.wrong.append(f"a run that was killed came to {len(patches)} predictions, or to other patches")
            (home / "judged").mkdir()
            (home / "judged.json").write_text(json.dumps(dict(list(patches.items())[:2])))
            finish(work, work.evaluation("judged", 2, "judged.json"))
            resolved = json.loads((home / "judged/results.json").read_text())["resolved"]
            if resolved != 2:
                soak.wrong.append(f"{resolved} of 2 predictions resolved")
            soak.rounds += 1
        except RuntimeError as error:
            soak.wrong.append(str(error))
        finally:
            for name in ("short", "judged"):
                shutil.rmtree(home / name, ignore_errors=True)


def start(work: Workload, command: list[str], log: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=work.home, env=work.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def finish(work: Workload, command: list[str]) -> None:
    """Run a command to its good end.

    Raises:
        RuntimeError: It had another one.
    """
    log = work.home / f"{time.monotonic_ns()}.log"
    with log.open("wb") as out:
        process = start(work, command, out)
        try:
            code: int | None = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = None
    if code:
        raise RuntimeError(f"agent {command[3]} ended with {code}: {tail(log)}")
    log.unlink()


def tail(log: Path) -> str:
    return " / ".join(log.read_text("utf-8", "replace").splitlines()[-3:])


def mended(patch: str) -> bool:
    """Whether a patch is what the script amounts to."""
    line = next(line for line in FIX.splitlines() if "a + b" in line)
    return f"+{line}" in patch.splitlines()


def docker(*arguments: str) -> list[str]:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def entries(place: Path) -> int:
    return sum(1 for _ in place.rglob("*")) if place.is_dir() else 0


def size(place: Path) -> int:
    """Bytes that a directory and all below it take on the disk, while others write there."""
    total = 0
    for directory, _, names in os.walk(place):
        for path in (directory, *(os.path.join(directory, name) for name in names)):
            try:
                total += os.lstat(path).st_blocks * 512
            except OSError:
                continue
    return total


def used(place: Path) -> int:
    """Bytes in use on the file system of a directory."""
    found = os.statvfs(place)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def remains(soak: Soak) -> dict[str, int]:
    """What is there although everything has ended."""
    clean = [sys.executable, "-m", "agent", "cleanup"]
    finish(soak.work, clean)  # what a killed process of the last moment left is the next one's to remove
    found = {
        "containers": len(docker("ps", "-aq", "--filter", f"ancestor={soak.image}")),
        "entries in the temporary directory": entries(soak.work.home / "tmp"),
        "sandboxes in the state directory": entries(soak.work.home / "state" / "sandboxes"),
    }
    return {name: count for name, count in found.items() if count}


def figures(samples: list[tuple[float, dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """For each figure what it was, its slope an hour, and whether it is flat."""
    if not samples:
        return {}
    last = samples[-1][0]
    kept = [(when, values) for when, values in samples if when >= WARM * last]
    if len(kept) < 3:
        return {}
    times = [when for when, _ in kept]
    attempts = kept[-1][1]["attempts"] - kept[0][1]["attempts"]
    found = {}
    for name in kept[0][1]:
        if name == "attempts":
            continue
        values = [one[name] for _, one in kept]
        slope, start = statistics.linear_regression(times, values)
        scatter = statistics.pstdev(value - start - slope * when for when, value in zip(times, values, strict=True))
        rise = slope * (times[-1] - times[0])
        mean = statistics.fmean(values)
        allowed = max(2 * scatter, ALLOWED * abs(mean), KEPT * attempts if name in (PROCESS, DISK) else 0.0)
        found[name] = {
            "least": min(values),
            "mean": mean,
            "most": max(values),
            "an hour": slope * 3600,
            "rise": rise,
            "scatter": scatter,
            "flat": rise <= allowed,
        }
    return found


def progress(soak: Soak, length: float) -> None:
    passed, values = soak.samples[-1]
    short = f"{soak.rounds} short runs, {len(soak.wrong)} wrong"
    print(f"\r{passed / 60:.1f} of {length / 60:.0f} min, {values['attempts']:.0f} attempts, {short}", end="",
          file=sys.stderr, flush=True)  # fmt: skip


def show(found: dict[str, dict[str, Any]], left: dict[str, int], soak: Soak) -> None:
    print(file=sys.stderr)
    print("\n".join(lines(found, left, soak)))


def lines(found: dict[str, dict[str, Any]], left: dict[str, int], soak: Soak) -> Iterator[str]:
    if soak.samples:
        passed, values = soak.samples[-1]
        yield f"{passed / 60:.0f} minutes, {values['attempts']:.0f} attempts, {soak.rounds} runs killed and resumed"
    number: Callable[[float], str] = lambda value: f"{value:>11.1f}"  # noqa: E731
    yield f"{'':42}{'least':>11}{'mean':>11}{'most':>11}{'an hour':>11}"
    for name, one in found.items():
        row = "".join(number(one[key]) for key in ("least", "mean", "most", "an hour"))
        yield f"{name:42}{row}  {'flat' if one['flat'] else 'NOT FLAT'}"
    yield f"left in the end: {', '.join(f'{count} {name}' for name, count in left.items()) or 'nothing'}"
    yield from (f"wrong: {line}" for line in soak.wrong)


if __name__ == "__main__":
    main()
