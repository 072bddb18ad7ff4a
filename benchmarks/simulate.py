"""How long a run takes on many machines, what limits it and what it costs: a simulation from measurements.

Run: python benchmarks/simulate.py run [--tasks 500 5000 50000] [--nodes 1 10 50 200] [--tokens-a-minute 4e6]
     python benchmarks/simulate.py rules [--limits 1e6 1e7]
     python benchmarks/simulate.py measure --trajectories DIR --tasks ROWS [--filter RE]
     python benchmarks/simulate.py check [--tasks 24]

`run` simulates, from benchmarks/simulation/measured.json; `rules` says what an attempt needs, from the same; `measure`
makes that file on this machine (needs a Docker engine with the images of the rows, and Ray); `check` makes real runs of
`agent batch` in containers here and says how far off the simulation of them is. --update writes tables into a page.
Needs simpy (pip install --group simulation).
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.simulation.check import Case, compare
from benchmarks.simulation.measured import MEASURED, Measured
from benchmarks.simulation.needs import needs, slots
from benchmarks.simulation.provider import Limits
from benchmarks.simulation.setup import Node, Prices, Setup, jobs_of
from benchmarks.simulation.tables import of_comparisons, of_runs, rewrite, table
from benchmarks.simulation.world import simulate


def main() -> None:
    options = parsed()
    options.do(options)


def run(options: argparse.Namespace) -> None:
    measured = Measured.read(options.measured)
    setup = Setup(
        node=Node(
            options.slots, options.cores, options.memory, options.disk, options.network, options.node_price
        ),
        registry=options.registry,
        limits=Limits(options.requests, options.tokens_a_minute),
        prices=Prices(*options.prices),
        ahead=options.ahead,
        evaluate=not options.no_evaluate,
        seed=options.seed,
    )  # fmt: skip
    runs = []
    for tasks in options.tasks:
        for nodes in options.nodes:
            began = time.process_time()
            one = replace(setup, nodes=nodes, cluster=nodes > 1)
            outcome = simulate(measured, one, jobs_of(measured, tasks, options.seed))
            runs.append((one, tasks, outcome))
            print(f"{tasks} tasks, {nodes} nodes: simulated in {time.process_time() - began:.0f} s", file=sys.stderr)
    text = table(of_runs(runs))
    print(text)
    if options.update:
        rewrite(options.update, options.marker, f"{_how(measured)}\n\n{text}")


def rules(options: argparse.Namespace) -> None:
    measured, prices = Measured.read(options.measured), Prices(*options.prices)
    texts = {
        "needs": table(needs(measured, prices)),
        "slots": table(slots(measured, options.limits, Node(slots=options.slots), prices)),
    }
    for name, text in texts.items():
        print(f"{text}\n")
        if options.update:
            rewrite(options.update, name, f"{_how(measured)}\n\n{text}")


def measure(options: argparse.Namespace) -> None:
    from benchmarks.simulation.measure import measure as take

    found = take(options.trajectories, options.tasks, options.filter, options.starts)
    options.measured.write_text(found.model_dump_json(indent=1) + "\n")


def check(options: argparse.Namespace) -> None:
    measured = Measured.read(options.measured)
    cases = [Case("containers", workers) for workers in options.workers]
    cases.append(Case("provider's limit", max(options.workers), Limits(requests=options.requests, burst=5)))
    load = os.getloadavg()[0]
    found = list(compare(measured, cases, options.tasks, options.steps, options.seed))
    text = table(of_comparisons(found))
    print(text)
    if options.update:
        where = f"{os.cpu_count()} cores, load {load:.1f} before it"
        rewrite(options.update, "check", f"`{_command()}` ({where})\n\n{text}")


def parsed() -> argparse.Namespace:
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(description=summary)
    commands = parser.add_subparsers(required=True)
    form = argparse.ArgumentDefaultsHelpFormatter
    node, prices = Node(), Prices()

    simulated = commands.add_parser("run", help="simulate runs", formatter_class=form)
    simulated.set_defaults(do=run)
    simulated.add_argument("--tasks", type=int, nargs="+", default=[500, 5000, 50_000])
    simulated.add_argument("--nodes", type=int, nargs="+", default=[1, 10, 50, 200])
    simulated.add_argument("--slots", type=int, default=node.slots, help="attempts side by side on a node")
    simulated.add_argument("--cores", type=int, default=node.cores, help="of a node")
    simulated.add_argument("--memory", type=int, default=node.memory, help="GB of a node")
    simulated.add_argument("--disk", type=float, default=node.disk, help="GB for images on a node")
    simulated.add_argument("--network", type=float, default=node.network, help="MB/s of a node")
    simulated.add_argument("--registry", type=float, default=Setup.registry, help="MB/s of the registry")
    simulated.add_argument("--requests", type=float, default=float("inf"), help="a minute")
    simulated.add_argument("--tokens-a-minute", type=float, default=float("inf"))
    simulated.add_argument("--ahead", type=int, default=Setup.ahead, help="sandboxes made ahead on a node")
    simulated.add_argument("--no-evaluate", action="store_true", help="do not judge patches")
    simulated.add_argument("--node-price", type=float, default=node.price, help="US dollars an hour")
    simulated.add_argument("--marker", default="simulation", help="name of the markers in the page")

    ruling = commands.add_parser("rules", help="what an attempt needs, and slots for limits", formatter_class=form)
    ruling.set_defaults(do=rules)
    ruling.add_argument("--limits", type=float, nargs="+", default=[5e5, 1e6, 4e6, 1e7, 3e7], help="tokens a minute")
    ruling.add_argument("--slots", type=int, default=node.slots, help="attempts side by side on a node")

    measuring = commands.add_parser("measure", help="measure on this machine", formatter_class=form)
    measuring.set_defaults(do=measure)
    measuring.add_argument("--trajectories", type=Path, required=True, help="attempts of mini-swe-agent")
    measuring.add_argument("--tasks", type=Path, required=True, help="rows with an environment")
    measuring.add_argument("--filter", help="ids of tasks whose gold patches are judged")
    measuring.add_argument("--starts", type=int, default=7, help="sandboxes opened for each recorded attempt")

    checking = commands.add_parser("check", help="compare with real runs", formatter_class=form)
    checking.set_defaults(do=check)
    checking.add_argument("--tasks", type=int, default=24)
    checking.add_argument("--steps", type=int, default=6)
    checking.add_argument("--workers", type=int, nargs="+", default=[4, 8])
    checking.add_argument("--requests", type=float, default=90, help="a minute, in the run at the provider's limit")
    for command in (simulated, ruling):
        command.add_argument(
            "--prices",
            type=float,
            nargs=3,
            default=[prices.fresh, prices.cached, prices.written],
            metavar=("READ", "CACHED", "WRITTEN"),
            help="US dollars for a million tokens",
        )
    for command in (simulated, checking):
        command.add_argument("--seed", type=int, default=1)
    for command in (simulated, ruling, measuring, checking):
        command.add_argument("--measured", type=Path, default=MEASURED)
    for command in (simulated, ruling, checking):
        command.add_argument("--update", type=Path, metavar="PAGE", help="write the table into it")
    return parser.parse_args()


def _how(measured: Measured) -> str:
    """How a table was made, and from what."""
    known = measured.conditions
    return f"`{_command()}`, from measurements of {known['when']} ({known['machine']}, load {known['load']:.1f})."


def _command() -> str:
    """What was asked."""
    return shlex.join(["python", "benchmarks/simulate.py", *sys.argv[1:]])


if __name__ == "__main__":
    main()
