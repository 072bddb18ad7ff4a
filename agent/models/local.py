"""The embedded model: a small open model that needs no key, run by llama.cpp in a process of our own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from aci_tools.errors import UsageError
from agent.config import ModelConfig
from agent.models.base import ModelError, OnRetry, Query, Reply
from agent.models.provider import ProviderModel
from agent.models.weights import CATALOGUE, fetch_weights

#: Tokens of context when the configuration does not say; memory for it is 28 KiB a token with the default model.
DEFAULT_WINDOW = 16_384


class LocalModel:
    """A model of :data:`agent.models.weights.CATALOGUE`, served on a loopback port while this object is open.

    The server is started by the first query; it caches the prompt's prefix between calls, and it ends with this process
    in whatever way that ends.

    Args:
        config: The `model` section; its name is ``local/NAME``.
        on_retry: Told of waits.

    Raises:
        UsageError: There is no embedded model of that name.
        ModelError: The package that runs it is not installed.
    """

    takes_tools = False
    takes_grammar = True

    def __init__(self, config: ModelConfig, on_retry: OnRetry | None = None) -> None:
        self.name = config.name
        self.config = config
        self.context_window: int | None = config.context_window or DEFAULT_WINDOW
        self._on_retry = on_retry
        self._server: subprocess.Popen[str] | None = None
        self._log: IO[bytes] | None = None
        self._client: ProviderModel | None = None
        self._starting = threading.Lock()
        self._asking = threading.Semaphore(config.parallel)
        short = config.name.removeprefix("local/")
        if short not in CATALOGUE:
            raise UsageError(
                f"no embedded model {short}; there are: {', '.join('local/' + name for name in CATALOGUE)}"
            )
        self._weights = CATALOGUE[short]
        if not config.llama_server:
            _require_llama()
        elif not Path(config.llama_server).is_file():
            raise UsageError(f"model.llama_server: there is no program {config.llama_server}")

    def check(self) -> None:
        """What can be known without starting it was looked at when it was made."""

    def query(self, query: Query) -> Reply:
        """Ask; the first call fetches the weights if need be and starts the server."""
        client = self.start()
        try:
            # Who waits here for a free sequence does not wait against the time limit of its call.
            with self._asking:
                return client.query(query)
        except ModelError:
            if self._server is not None and self._server.poll() is not None:
                raise ModelError(f"the embedded model's server ended: {self._last_words()}") from None
            raise

    def start(self) -> ProviderModel:
        """Fetch the weights and start the server now, if that was not done yet; returns what talks to it."""
        with self._starting:
            if self._client is None:
                self._client = self._start()
            return self._client

    def close(self) -> None:
        """Stop the server."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._server is not None:
            assert self._server.stdin is not None
            self._server.stdin.close()
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            assert self._server.stdout is not None
            self._server.stdout.close()
            self._server = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _start(self) -> ProviderModel:
        path = fetch_weights(self._weights)
        key = secrets.token_hex(16)
        options: dict[str, Any] = {
            "model": str(path),
            "alias": self._weights.name,
            "context": self.context_window,
            "parallel": self.config.parallel,
            "threads": len(os.sched_getaffinity(0)),
            "key": key,
        }
        if self.config.llama_server:
            options["program"] = self.config.llama_server
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        self._server = subprocess.Popen(
            [sys.executable, "-m", "agent.models.llama_server", json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            # A thread that waits for the others gives its core up soon, so that a busy machine slows us less.
            env={"GOMP_SPINCOUNT": "10000", **os.environ},
            start_new_session=True,  # Ctrl-C is ours to handle
        )
        assert self._server.stdout is not None
        address = self._server.stdout.readline().strip()
        if not address:
            self._server.wait()
            raise ModelError(f"the embedded model's server did not start: {self._last_words()}")
        config = self.config.model_copy(
            update={
                "name": self._weights.name,
                "api_base": f"{address}/v1",
                "grammar": "llama.cpp",
                "extra": {"api_key": key, **self.config.extra},
            }
        )
        return ProviderModel(config, self._on_retry)

    def _last_words(self) -> str:
        assert self._log is not None
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"


def _require_llama() -> None:
    import importlib.util

    if importlib.util.find_spec("xllamacpp") is None:
        raise ModelError("the embedded model needs the extra `local`: pip install 'patchwright[local]'")
