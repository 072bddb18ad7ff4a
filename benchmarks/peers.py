"""What Patchwright and its peers cost beside the model: the same tasks, images and scripted replies, in one run.

Run: python benchmarks/peers.py [--quick] [--peers NAME ...] [--json FILE] [--update docs/peers.md README.md]. Linux
only. Needs a Docker engine, the package index for the peers (each gets a virtual environment of its own in the user's
cache) and, once, the network of Debian's packages for what some of them need in their containers.

A peer is one module in benchmarks/peers/adapters; benchmarks/peers/adapter.py says what it must have. An
OpenAI-compatible server on this machine plays the replies with a fixed delay, and sees from what is asked next that
every command was really executed; a run that leaves the script is not a figure but a failure. Rounds are interleaved:
ours, a peer, ours, the next peer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

# So that `benchmarks` is found when this is run as a script.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.peers.adapter import Adapter, adapters
from benchmarks.peers.install import Unusable, commit_of, common_image, environment, installed, interpreter, layered
from benchmarks.peers.measures import MEASURES, OF_KILLED, OF_MANY, OF_ONE, Bench, Failed, Program, killed, whole
from benchmarks.peers.report import OURS, Entry, Report, markdown, rewrite
from benchmarks.peers.server import serving

ROOT = Path(__file__).resolve().parent.parent
#: The newest that a peer wants inside its container.
PYTHON = (3, 12)
WARM_UP = "a first attempt, not counted"
FULL = {"steps": 40, "rounds": 7, "heavy_rounds": 3, "attempts": 32, "delay": 0.2}
QUICK = {"steps": 6, "rounds": 1, "heavy_rounds": 1, "attempts": 3, "delay": 0.05}


def main() -> None:
    """Install, measure, print."""
    options = parsed()
    report = Report.of(json.loads(options.saved.read_text())) if options.saved else measured(options)
    settings = report.settings
    command = "python benchmarks/peers.py" + "".join(
        f" --{name.replace('_', '-')} {settings[name]:g}" for name in FULL if settings[name] != FULL[name]
    )
    table = markdown(report, command)
    print(table)
    for file in options.update:
        rewrite(file, table)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"see that everything works: {QUICK}")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="only these: " + ", ".join(list(adapters())[1:]))
    parser.add_argument("--steps", type=int, help=f"model calls of an attempt, its end left out ({FULL['steps']})")
    parser.add_argument("--rounds", type=int, help=f"single attempts of each peer ({FULL['rounds']})")
    parser.add_argument(
        "--heavy-rounds", type=int, help=f"rounds of kills and of many at once ({FULL['heavy_rounds']})"
    )
    parser.add_argument("--attempts", type=int, help=f"how many are many at once ({FULL['attempts']})")
    parser.add_argument("--delay", type=float, help=f"seconds of a model call ({FULL['delay']})")
    parser.add_argument("--image", help="base image of all; unset: scripts/base-image makes one with Python 3.12")
    parser.add_argument("--json", type=Path, help="write all values here, after every run")
    parser.add_argument("--from", dest="saved", type=Path, metavar="FILE", help="measure nothing, read that instead")
    parser.add_argument("--update", type=Path, nargs="+", default=[], metavar="FILE", help="rewrite the table in these")
    options = parser.parse_args()
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


@dataclass
class Measuring:
    """Runs, and what is kept of them.

    Attributes:
        report: Gets the figures.
        file: Gets the report after every run.
        failed: Programs and what they could not do; it is not tried again.
    """

    report: Report
    file: Path | None
    failed: set[tuple[str, str]] = field(default_factory=set)

    def take(self, program: Program, what: str, kept: Sequence[str], run: Callable[[], dict[str, list[float]]]) -> None:
        """Do a run of a program and keep these measures of it. Those of a program that fails are left out, all."""
        if self.failed & {(program.name, what), (program.name, WARM_UP)}:
            return
        entry = self.report.entries[program.name]
        try:
            found = run()
        except Failed as error:
            print(f"{program.name}: {what}: failed: {error}", file=sys.stderr)
            self.failed.add((program.name, what))
            for measure in kept or MEASURES:
                entry.figures.pop(measure, None)
                entry.unable.setdefault(measure, f"{what} failed: {str(error).splitlines()[0][:200]}")
            return
        means = ", ".join(f"{measure} {sum(values) / len(values):.4g}" for measure, values in found.items())
        print(f"{program.name}: {what}: {means}", file=sys.stderr)
        for measure in kept:
            if measure not in entry.unable:
                entry.figures.setdefault(measure, []).extend(found[measure])
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(json.dumps(self.report.document(), indent=1) + "\n")


def measured(options: argparse.Namespace) -> Report:
    """Everything, in rounds."""
    image = common_image(options.image or base_image())
    report = Report({name: getattr(options, name) for name in FULL}, machine())
    programs = ready(options.peers, image, report)
    scratch = tempfile.TemporaryDirectory(prefix="patchwright-peers-", dir="/var/tmp", ignore_cleanup_errors=True)
    with scratch as place, serving(["127.0.0.1", gateway()]) as server:
        bench = Bench(server, gateway(), commit_of(image), options.delay, options.steps, Path(place))
        take, many = Measuring(report, options.json).take, options.attempts
        for program in programs:
            take(program, WARM_UP, (), partial(whole, program, bench))
        for _ in range(options.rounds):
            for program in interleaved(programs):
                take(program, "one attempt", OF_ONE, partial(whole, program, bench))
        for _ in range(options.heavy_rounds):
            for program in interleaved(programs):
                take(program, f"{many} at once", OF_MANY, partial(whole, program, bench, many))
            for program in programs:
                take(program, "killed", OF_KILLED, partial(killed, program, bench))
    return report


def ready(wanted: Sequence[str] | None, image: str, report: Report) -> list[Program]:
    """Ours and every peer that can be had, installed, with its image."""
    known = adapters()
    if unknown := set(wanted or ()) - set(known):
        sys.exit(f"no adapter for {', '.join(sorted(unknown))}; there are {', '.join(list(known)[1:])}")
    programs = []
    for name, adapter in known.items():
        if wanted and name not in wanted and name != OURS:
            continue
        try:
            python = environment(name, adapter.REQUIREMENTS, adapter.PYTHON)
            program = Program(name, adapter, installed(python, adapter.REQUIREMENTS), python, layered(image, adapter))
        except Unusable as error:
            report.left_out[adapter.TITLE] = str(error)
            print(f"{adapter.TITLE} is left out: {error}", file=sys.stderr)
            continue
        programs.append(program)
        report.entries[name] = Entry(title(adapter, program.version), dict(adapter.UNABLE), list(adapter.NOTES))
    return programs


def title(adapter: Adapter, version: str) -> str:
    return f"{adapter.TITLE} {version}".strip()


def interleaved(programs: Sequence[Program]) -> list[Program]:
    """Ours before each peer."""
    ours, *peers = programs
    return [program for peer in peers for program in (ours, peer)] or [ours]


def base_image() -> str:
    """An image with git and a Python that every peer's part in the container runs with; made when it is missing."""
    say = "import sys; print(sys.base_prefix)"
    prefix = subprocess.run([interpreter(PYTHON), "-c", say], capture_output=True, text=True, check=True).stdout.strip()
    made = [ROOT / "scripts" / "base-image", "--python", prefix, f"patchwright/base:python{PYTHON[0]}.{PYTHON[1]}"]
    return subprocess.run(made, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1]


def gateway() -> str:
    """The address of this machine in the default container network."""
    command = ["docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> str:
    """What this is measured on."""
    engine = subprocess.run(
        ["docker", "version", "-f", "{{.Server.Version}}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, Docker {engine}"


if __name__ == "__main__":
    main()
