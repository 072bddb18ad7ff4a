"""The process that runs the embedded model: llama.cpp's own server on a loopback port, for as long as its parent lives.

Run as ``python -m agent.models.llama_server '{"model": PATH, …}'``; see :class:`ServerOptions`. It prints the address
on its first line of standard output and ends when its standard input is closed, which the operating system does for a
parent that dies in whatever way.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any, NotRequired, TypedDict

#: The server, which ends when nothing holds it.
_KEPT: list[Any] = []


class ServerOptions(TypedDict):
    """What the server is started with.

    Attributes:
        model: Path of the GGUF file.
        alias: Name under which it is served.
        context: Tokens of context for one sequence.
        parallel: Sequences at once; each has its own ``context``.
        threads: Threads for inference.
        key: Key that requests must carry.
        program: A ``llama-server`` to run instead of the one of the extra `local`, such as one made for a GPU.
    """

    model: str
    alias: str
    context: int
    parallel: int
    threads: int
    key: str
    program: NotRequired[str]


def serve(options: ServerOptions) -> None:
    """Load the model, say where it listens, and wait for standard input to close."""
    # llama.cpp reports on the standard output; only the address may go there.
    address_out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    address = _serve_by(options) if options.get("program") else _serve_here(options)
    print(address, file=address_out, flush=True)
    sys.stdin.buffer.read()
    # The server's threads may be busy with a reply that nobody will read.
    os._exit(0)


def _serve_here(options: ServerOptions) -> str:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = options["model"]
    params.model_alias = {options["alias"]}
    params.n_ctx = options["context"] * options["parallel"]
    params.n_parallel = options["parallel"]
    params.cpuparams.n_threads = options["threads"]
    params.cpuparams_batch.n_threads = options["threads"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [options["key"]]
    params.cache_prompt = True
    params.warmup = False
    params.ui = False
    if _guesses(options):
        params.speculative.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
    _KEPT.append(xllamacpp.Server(params))
    return str(_KEPT[-1].listening_address)


def _serve_by(options: ServerOptions) -> str:
    """Run a program of the user's with the same settings, which ends with this process; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [options["program"], "--model", options["model"], "--alias", options["alias"]]
    command += ["--ctx-size", str(options["context"] * options["parallel"]), "--parallel", str(options["parallel"])]
    command += ["--threads", str(options["threads"]), "--threads-batch", str(options["threads"])]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-warmup"]
    command += ["--spec-type", "ngram-simple"] if _guesses(options) else []
    running = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LLAMA_API_KEY": options["key"]},
        preexec_fn=_end_with_parent,
    )
    address = f"http://127.0.0.1:{port}"
    while running.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5).close()
            return address
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"{options['program']} ended with exit code {running.returncode}")


def _guesses(options: ServerOptions) -> bool:
    """Whether to guess what comes next from what followed in the prompt, and check the guess in one batch.

    A reply often repeats code of its prompt. Several sequences fill a batch by themselves: there a wrong guess only
    takes time from the others.
    """
    return options["parallel"] == 1


def _end_with_parent() -> None:
    import ctypes
    import signal

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
