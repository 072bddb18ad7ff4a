"""The process that runs the embedded model: llama.cpp's own server on a loopback port, for as long as its parent lives.

Run as ``python -m agent.models.llama_server '{"model": PATH, …}'``; see :class:`ServerOptions`. It prints the address
on its first line of standard output and ends when its standard input is closed, which the operating system does for a
parent that dies in whatever way.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TypedDict


class ServerOptions(TypedDict):
    """What the server is started with.

    Attributes:
        model: Path of the GGUF file.
        alias: Name under which it is served.
        context: Tokens of context for one sequence.
        parallel: Sequences at once; each has its own ``context``.
        threads: Threads for inference.
        key: Key that requests must carry.
    """

    model: str
    alias: str
    context: int
    parallel: int
    threads: int
    key: str


def serve(options: ServerOptions) -> None:
    """Load the model, say where it listens, and wait for standard input to close."""
    # llama.cpp reports on the standard output; only the address may go there.
    address_out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
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
    # A reply often repeats code of its prompt; what followed there is guessed, and checked in one batch.
    params.speculative.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
    server = xllamacpp.Server(params)
    print(server.listening_address, file=address_out, flush=True)
    sys.stdin.buffer.read()
    # The server's threads may be busy with a reply that nobody will read.
    os._exit(0)


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
