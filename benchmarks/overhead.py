"""What the runtime costs beside the model, measured in one run beside peers on the same machine.

Run: make bench, or python benchmarks/overhead.py [--json FILE] [--image TAG]. Needs a Docker engine, and the package
index for the peers, which go into a virtual environment of their own (benchmarks/peers/requirements.txt).

Peers: `docker exec` as mini-swe-agent runs it, SWE-ReX's bash session (in process, without a container: its best case),
flake8 run twice in the container as SWE-agent's edit command does, and mini-swe-agent's own loop.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# So that `benchmarks` is found when this is run as a script.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aci_tools.guard import Guard
from aci_tools.sandbox import Sandbox, SandboxSpec, open_sandbox
from benchmarks.peers.install import environment, listed

HERE = Path(__file__).resolve().parent
COMMANDS = 200
PEER_COMMANDS = 30
STEPS = 500
FLOOD = "head -c 2000000 /dev/zero | tr '\\0' x"
FLAKE8 = "python3 -m flake8 --isolated --select=F821,F822,F831,E111,E112,E113,E999,E902 /tmp/module.py"

Figures = dict[str, list[float]]


def timed(action: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000


def module_of_500_lines() -> str:
    functions = "\n\n".join(
        f"def function_{n}(first, second):\n    total = first + second * {n}\n    if total > {n}:\n"
        f"        return [total, first]\n    return {{'sum': total}}"
        for n in range(72)
    )
    return f'"""A module."""\n\nimport os\n\n\n{functions}\n'


def sandboxes(image: str) -> Figures:
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        repository = Path(scratch) / "repository"
        subprocess.run(["git", "init", "-q", str(repository)], check=True)
        for kind in ("docker", "namespace"):
            spec = SandboxSpec(repository=repository, image=image)
            opened: list[Sandbox] = []
            open_sandbox(kind, spec).close()  # imports and first contact are not what is measured
            figures[f"{kind}: open"] = [timed(lambda k=kind, s=spec, o=opened: o.append(open_sandbox(k, s)))]  # type: ignore[misc]
            (sandbox,) = opened
            sandbox.run("true")
            figures[f"{kind}: command"] = [timed(lambda s=sandbox: s.run("true")) for _ in range(COMMANDS)]  # type: ignore[misc]
            figures[f"{kind}: 2 MB of output"] = [
                timed(lambda s=sandbox: s.run(FLOOD, output_limit=4 << 20))  # type: ignore[misc]
                for _ in range(10)
            ]
            sandbox.close()
    return figures


def guard() -> Figures:
    before = module_of_500_lines().encode()
    figures = []
    judge = Guard()
    for n in range(40):
        after = before.replace(b"first + second", f"first - second - {n}".encode(), 1)
        figures.append(timed(lambda b=before, a=after: judge.refuse("module.py", b, a)))  # type: ignore[misc]
    return {"guard, 500-line file": figures}


def flake8_twice(image: str) -> Figures:
    """SWE-agent's edit lints the file before and after, in the container."""
    tag = "patchwright/bench:flake8"
    if subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=False).returncode:
        wheels = tempfile.mkdtemp()
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "-d", wheels, "flake8==7.*"], check=True)
        Path(wheels, "Dockerfile").write_text(
            f"FROM {image}\nCOPY *.whl /wheels/\n"
            "RUN python3 -m pip install -q --no-index --break-system-packages /wheels/*.whl\n"
        )
        subprocess.run(["docker", "build", "-q", "-t", tag, wheels], check=True, capture_output=True)
    started = subprocess.run(
        ["docker", "run", "-d", "--rm", tag, "sleep", "600"], capture_output=True, text=True, check=True
    )
    name = started.stdout.strip()
    try:
        write = ["docker", "exec", "-i", name, "sh", "-c", "cat >/tmp/module.py"]
        subprocess.run(write, input=module_of_500_lines().encode(), check=True)
        run = ["docker", "exec", name, "sh", "-c", f"{FLAKE8}; {FLAKE8}"]
        subprocess.run(run, check=False)
        return {"flake8 twice in the container": [timed(lambda: subprocess.run(run, check=False)) for _ in range(8)]}
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)


def loop() -> Figures:
    """Time of a step of a scripted attempt, the tool's and the model's own time taken out, trajectory saved."""
    from trajectories import read_events
    from trajectories.events import ModelReplied, Observed

    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        subprocess.run(["git", "init", "-q", str(place / "repository")], check=True)
        (place / "repository" / "a.py").write_text("a = 1\n")
        identity = ["-c", "user.name=b", "-c", "user.email=b@example.org"]
        for arguments in (["add", "."], [*identity, "commit", "-qm", "start"]):
            subprocess.run(["git", "-C", str(place / "repository"), *arguments], check=True)
        # A counter, so that no action is a repeat of another.
        calls = [{"name": "bash", "arguments": {"command": f"seq {300 + n}"}} for n in range(STEPS)]
        replies = [{"content": "thought " * 200, "tool_calls": [call]} for call in calls]
        script = place / "script.jsonl"
        script.write_text("".join(json.dumps(reply) + "\n" for reply in replies))
        command = [sys.executable, "-m", "agent", "solve", "--issue", "measure", "--repo", str(place / "repository"),
                   "--sandbox", "local", "--model", f"scripted:{script}", "--output", str(place / "out"),
                   "--set", f"limits.steps={STEPS}", "--set", "agent.tools=[bash, submit]"]  # fmt: skip
        subprocess.run(
            command, capture_output=True, check=False, env={**os.environ, "XDG_STATE_HOME": str(place / "state")}
        )
        events = read_events(place / "out" / "trajectory.jsonl")
    ends = [event for event in events if isinstance(event, Observed)]
    model = {event.step: event.duration for event in events if isinstance(event, ModelReplied)}
    overhead = [(b.time - a.time - b.duration - model[b.step]) * 1000 for a, b in itertools.pairwise(ends)]
    return {"step of the loop, first 20": overhead[:20], "step of the loop, last 20": overhead[-20:]}


def command_line() -> Figures:
    agent = [sys.executable, "-m", "agent"]
    return {
        "agent --help": [
            timed(lambda: subprocess.run([*agent, "--help"], capture_output=True, check=True)) for _ in range(7)
        ]
    }


def memory() -> float:
    """MB of a scripted solve at its peak, litellm not loaded."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        subprocess.run(["git", "init", "-q", str(place / "r")], check=True)
        identity = ["-c", "user.name=b", "-c", "user.email=b@example.org"]
        subprocess.run(
            ["git", "-C", str(place / "r"), *identity, "commit", "-q", "--allow-empty", "-m", "start"], check=True
        )
        (place / "s.jsonl").write_text('{"tool_calls": [{"name": "submit", "arguments": {}}]}\n' * 2)
        program = (
            "import resource, sys; from agent.cli import app\n"
            f"sys.argv = ['agent', 'solve', '--issue', 'x', '--repo', {str(place / 'r')!r}, '--sandbox', 'local',"
            f" '--model', 'scripted:{place / 's.jsonl'}', '--output', {str(place / 'o')!r}]\n"
            "try: app()\n"
            "except SystemExit: pass\n"
            "assert 'litellm' not in sys.modules\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def peers(image: str) -> Figures:
    python = environment("parts", listed(HERE / "peers" / "requirements.txt"))

    def run(script: str, *arguments: object) -> Figures:
        command = [str(python), str(HERE / "peers" / script), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found: Figures = json.loads(done.stdout[done.stdout.index('{"') :])
        return found

    mini = run("mini_swe_agent_parts.py", image, PEER_COMMANDS, STEPS)
    rex = run("swe_rex_parts.py", PEER_COMMANDS)
    return {
        "docker exec (mini-swe-agent): command": mini["command_ms"],
        "docker exec (mini-swe-agent): 2 MB of output": mini["two_megabytes_ms"],
        "mini-swe-agent: step of the loop, first 20": mini["step_first_ms"],
        "mini-swe-agent: step of the loop, last 20": mini["step_last_ms"],
        "SWE-ReX session: open": rex["open_ms"],
        "SWE-ReX session: command": rex["command_ms"],
        "SWE-ReX session: 2 MB of output": rex["two_megabytes_ms"],
    }


def ratio(figures: Figures, peer: str, ours: str) -> str:
    return f"{statistics.median(figures[peer]) / statistics.median(figures[ours]):8.1f} times  {peer}  /  {ours}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", default="patchwright/base:bookworm")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: Figures = {}
    for part in (
        lambda: sandboxes(options.image), guard, loop, command_line,
        lambda: peers(options.image), lambda: flake8_twice(options.image),
    ):  # fmt: skip
        figures |= part()
    megabytes = memory()
    width = max(map(len, figures))
    print(f"{'milliseconds':{width}}  {'median':>9} {'lowest':>9} {'highest':>9}  runs")
    for name, values in figures.items():
        print(
            f"{name:{width}}  {statistics.median(values):9.2f} {min(values):9.2f} {max(values):9.2f}  {len(values):4}"
        )
    print(f"\nmemory of a solve, litellm not loaded: {megabytes:.0f} MB\n")
    for peer, ours in (
        ("docker exec (mini-swe-agent): command", "docker: command"),
        ("SWE-ReX session: command", "docker: command"),
        ("docker exec (mini-swe-agent): 2 MB of output", "docker: 2 MB of output"),
        ("SWE-ReX session: 2 MB of output", "docker: 2 MB of output"),
        ("flake8 twice in the container", "guard, 500-line file"),
        ("mini-swe-agent: step of the loop, first 20", "step of the loop, first 20"),
        ("mini-swe-agent: step of the loop, last 20", "step of the loop, last 20"),
    ):
        print(ratio(figures, peer, ours))
    if options.json:
        options.json.write_text(json.dumps({"figures_ms": figures, "memory_mb": megabytes}, indent=1))


if __name__ == "__main__":
    main()
