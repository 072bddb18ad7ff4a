"""SWE-ReX: a runtime without an agent, driven here by a bare loop that asks the model and runs what it says."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.peers.adapter import Command, Job, Reply

TITLE = "SWE-ReX"
PYTHON = (3, 10)
REQUIREMENTS = ("swe-rex==1.4.0",)
# Its server, which it would else install into every container when it starts.
LAYER = f"RUN python3 -m venv /swe-rex && /swe-rex/bin/pip install -q {REQUIREMENTS[0]}\nENV PATH=/swe-rex/bin:$PATH\n"
WAIT = None
UNABLE = {"written": "a runtime keeps no record"}
NOTES = ("a runtime, not an agent: the loop is ten lines of ours, without prompts, records or limits",)


def act(command: str) -> Reply:
    """The command as it is."""
    return {"content": command}


def end() -> list[Reply]:
    """The loop's own word."""
    return [{"content": "END"}]


def start(job: Job) -> Command:
    """The loop below, with its Python."""
    from benchmarks.peers.adapter import WORKDIR, Command

    request = {"address": job.address, "image": job.image, "attempts": job.attempts, "workdir": WORKDIR}
    return Command([job.python, "-P", __file__, json.dumps(request)])


def ask(address: str, messages: list[dict[str, Any]]) -> str:
    """The model's next word."""
    import urllib.request

    body = json.dumps({"model": "played", "messages": messages}).encode()
    call = urllib.request.Request(f"{address}/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(call) as response:
        said: str = json.load(response)["choices"][0]["message"]["content"]
    return said


async def attempt(request: dict[str, Any]) -> None:
    """One container, one session, commands until the end."""
    from swerex.deployment.docker import DockerDeployment
    from swerex.runtime.abstract import BashAction, CreateBashSessionRequest

    deployment = DockerDeployment(image=request["image"], pull="never")
    await deployment.start()
    try:
        runtime = deployment.runtime
        await runtime.create_session(CreateBashSessionRequest())
        await runtime.run_in_session(BashAction(command=f"cd {request['workdir']}"))
        messages = [{"role": "user", "content": "Make it add."}]
        while (said := ask(request["address"], messages)) != "END":
            seen = await runtime.run_in_session(BashAction(command=said, timeout=60))
            messages += [{"role": "assistant", "content": said}, {"role": "user", "content": seen.output}]
    finally:
        await deployment.stop()


def main() -> None:
    """All attempts at once, each in a thread and a loop of its own: its waiting for a container blocks the loop."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    request = json.loads(sys.argv[1])
    with ThreadPoolExecutor(request["attempts"]) as pool:
        for end in [pool.submit(asyncio.run, attempt(request)) for _ in range(request["attempts"])]:
            end.result()


if __name__ == "__main__":
    main()
