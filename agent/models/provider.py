"""Any provider that litellm knows, and any OpenAI-compatible server. Retries of calls live here and nowhere else."""

from __future__ import annotations

import email.utils
import math
import os
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from aci_tools.errors import UsageError
from agent.config import ModelConfig, Price
from agent.models.base import ContextOverflow, ModelError, OnRetry, Query, Reply
from agent.models.litellm_loader import load_litellm, preload_litellm
from agent.models.pacer import Pacer
from trajectories.events import Usage

LONGEST_WAIT = 60.0
#: Tries while no call has ever succeeded and nothing answers at the address: it is then more likely wrong than down.
FIRST_CONTACT_TRIES = 3
# Statuses of requests that are no better the next time.
_REFUSED = frozenset({401, 402, 403, 405, 410, 413, 415, 422, 451})
_TOO_LONG = re.compile(
    r"context_length_exceeded|(prompt|input|request) is too long|reduce the length of the (messages|prompt|input)",
    re.IGNORECASE,
)


class ProviderModel:
    """A model behind litellm.

    Args:
        config: The `model` section.
        on_retry: Told of every wait.
        pacer: The gate before the provider of a model's name; default: one of this process.

    Raises:
        ModelError: The provider is unknown, or the variable that holds its key is not set.
    """

    def __init__(
        self,
        config: ModelConfig,
        on_retry: OnRetry | None = None,
        pacer: Callable[[str], Pacer] = lambda name: Pacer(),
    ) -> None:
        self.config = config
        self.name = config.name
        self.takes_grammar = config.grammar is not None
        self._on_retry = on_retry
        self._answered = False
        self._pacers = {name: pacer(name) for name in (config.name, *config.fallbacks)}
        self._connections: Any = None
        self._connecting = threading.Lock()
        preload_litellm()

    @property
    def takes_tools(self) -> bool:
        """Whether the model is known to take native tool calls; one behind ``api_base`` is taken to."""
        if self.config.tool_calls is not None:
            return self.config.tool_calls
        return bool(self.config.api_base) or bool(load_litellm().supports_function_calling(self.config.name))

    @property
    def context_window(self) -> int | None:
        """Tokens of the window, as configured or as litellm's table knows it."""
        if self.config.context_window:
            return self.config.context_window
        try:
            info = load_litellm().get_model_info(self.config.name)
        except Exception:  # litellm raises a bare Exception for a model that its table does not have
            return None
        known: int | None = info.get("max_input_tokens") or info.get("max_tokens")
        return known

    def query(self, query: Query) -> Reply:
        """Ask the model, then each fallback in order if it fails for a transient reason."""
        names = [self.config.name, *self.config.fallbacks]
        for number, name in enumerate(names):
            try:
                reply = self._ask_patiently(name, query)
            except _Transient as error:
                if number + 1 < len(names):
                    self._tell(f"{error}; going on with {names[number + 1]}", 0.0)
                    continue
                raise ModelError(str(error)) from None
            self._answered = True
            return reply
        raise AssertionError("unreachable")

    def check(self) -> None:
        """See, without a call, that the provider is known and its key is set.

        Raises:
            UsageError: The provider is not.
            ModelError: The key is not.
        """
        if self.config.api_base:
            return
        litellm = load_litellm()
        try:
            provider = litellm.get_llm_provider(self.config.name)[1]
        except litellm.BadRequestError:
            raise UsageError(
                f"model {self.config.name or 'of no name'}: unknown provider; write it as provider/model, "
                "for example openai/gpt-5, or give the address of your server with --set model.api_base=URL"
            ) from None
        missing = litellm.validate_environment(self.config.name)
        if not missing["keys_in_environment"] and missing["missing_keys"]:
            raise ModelError(
                f"model {self.config.name}: set {' or '.join(missing['missing_keys'])} to your key, "
                "or use --model local/qwen2.5-coder-1.5b"
            )
        variable = f"{provider.upper()}_API_KEY"
        key = os.environ.get(variable, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise ModelError(f"model {self.config.name}: {variable} holds a sign that no key has; set it to your key")

    def close(self) -> None:
        """Close the connections to a server behind ``api_base``."""
        with self._connecting:
            if self._connections is not None:
                self._connections.close()
                self._connections = None

    def _ask_patiently(self, name: str, query: Query) -> Reply:
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

        def out_of_tries(state: Any) -> bool:
            error = state.outcome.exception()
            unreachable = isinstance(error, _Transient) and error.unreachable and not self._answered
            tries = min(self.config.retries + 1, FIRST_CONTACT_TRIES) if unreachable else self.config.retries + 1
            return bool(stop_after_attempt(tries)(state))

        def tell(state: Any) -> None:
            error, wait = state.outcome.exception(), state.next_action.sleep
            if error.of_all:
                self._pacers[name].hold(wait)
            self._tell(str(error), wait)

        retrying = Retrying(
            retry=retry_if_exception_type(_Transient), stop=out_of_tries, wait=_wait, before_sleep=tell, reraise=True
        )
        for attempt in retrying:
            with attempt:
                return self._ask(name, query, attempt.retry_state.attempt_number - 1)
        raise AssertionError("unreachable")

    def _ask(self, name: str, query: Query, retries: int) -> Reply:
        litellm = load_litellm()
        pacer = self._pacers[name]
        pacer.turn()
        try:
            response = litellm.completion(**self._arguments(name, query))
        except litellm.ContextWindowExceededError:
            raise ContextOverflow from None
        except (litellm.AuthenticationError, litellm.PermissionDeniedError) as error:
            raise ModelError(f"{name}: the provider refuses the key ({_first_line(error)})") from None
        except litellm.NotFoundError as error:
            raise ModelError(f"{name}: the provider has no such model ({_first_line(error)})") from None
        except litellm.RateLimitError as error:
            raise _Transient(f"{name}: rate limit", retry_after=_retry_after(error), of_all=True) from None
        except litellm.Timeout:
            raise _Transient(f"{name}: no answer within {self.config.timeout:g} s") from None
        except (litellm.ServiceUnavailableError, litellm.BadGatewayError) as error:
            raise _Transient(f"{name}: the provider is unavailable", retry_after=_retry_after(error)) from None
        except litellm.InternalServerError as error:
            unreachable = "Connection error" in str(error)
            if "exceeds the available context size" in str(error):
                raise ContextOverflow from None
            what = f"nothing answers{self._at()}" if unreachable else f"server error ({_first_line(error)})"
            raise _Transient(f"{name}: {what}", retry_after=_retry_after(error), unreachable=unreachable) from None
        except litellm.BadRequestError as error:
            if _is_too_long(error):
                raise ContextOverflow from None
            # litellm goes by words of the message before it goes by the status, which says more.
            if error.status_code in (401, 403):
                raise _refusal(name, error) from None
            if error.status_code in (408, 409, 429) or error.status_code >= 500:
                what = f"server error ({_first_line(error)})"
                raise _Transient(f"{name}: {what}", retry_after=_retry_after(error)) from None
            raise _refusal(name, error) from None
        except litellm.UnprocessableEntityError as error:
            raise _refusal(name, error) from None
        except litellm.APIConnectionError as error:
            raise _Transient(f"{name}: no connection{self._at()} ({_first_line(error)})", unreachable=True) from None
        except litellm.exceptions.APIError as error:
            if error.status_code in _REFUSED:
                raise _refusal(name, error) from None
            raise _Transient(f"{name}: {_first_line(error)}", retry_after=_retry_after(error)) from None
        if response is None:  # as litellm has it where parameters may be dropped, and none of them was the fault
            raise ModelError(f"{name}: the provider refuses the request (HTTP status 422)")
        pacer.answered()
        return self._reply(name, response, retries)

    def _arguments(self, name: str, query: Query) -> dict[str, Any]:
        config = self.config
        arguments: dict[str, Any] = {
            "model": f"openai/{name}" if config.api_base and not name.startswith("openai/") else name,
            "messages": query.messages,
            "temperature": config.temperature if query.temperature is None else query.temperature,
            "max_tokens": config.max_tokens,
            "timeout": config.timeout,
            "num_retries": 0,
            "max_retries": 0,
        }
        if config.top_p is not None:
            arguments["top_p"] = config.top_p
        seed = config.seed if query.seed is None else query.seed
        if seed is not None:
            # Another seed for every step, so that a raised temperature does not sample the same text again.
            arguments["seed"] = seed + query.index
        if query.logprobs:
            arguments |= {"logprobs": True, "drop_params": True}
        if config.api_base:
            arguments["api_base"] = config.api_base
            arguments["client"] = self._connected()
        if query.tools is not None:
            arguments["tools"] = [{"type": "function", "function": tool} for tool in query.tools]
        if query.grammar is not None and self.takes_grammar:
            arguments["extra_body"] = _constraint(self.config.grammar, query.grammar)
        if "claude" in name:
            # Anthropic caches only what is marked: the first messages, and the conversation up to here.
            arguments["cache_control_injection_points"] = [
                {"location": "message", "role": "system"},
                {"location": "message", "index": -1},
            ]
        extra = dict(config.extra)
        if "extra_body" in extra and "extra_body" in arguments:
            extra["extra_body"] = {**extra["extra_body"], **arguments["extra_body"]}
        return {**arguments, **extra}

    def _connected(self) -> Any:
        """The client for ``api_base``; litellm's own is shared, dropped after ten minutes and never closed by us."""
        from openai import OpenAI

        with self._connecting:
            if self._connections is None:
                self._connections = OpenAI(
                    api_key=self.config.extra.get("api_key") or _key_for_own_server(),
                    base_url=self.config.api_base,
                    timeout=self.config.timeout,
                    max_retries=0,
                )
            return self._connections

    def _reply(self, name: str, response: Any, retries: int) -> Reply:
        try:
            choice = response.choices[0]
            message = choice.message
        except (AttributeError, IndexError, TypeError):
            raise _Transient(f"{name}: an answer without content") from None
        calls = [
            {"id": call.id or "", "name": call.function.name or "", "arguments": call.function.arguments or "{}"}
            for call in message.tool_calls or []
        ]
        return Reply(
            content=message.content or "",
            tool_calls=calls,
            reasoning=getattr(message, "reasoning_content", None) or "",
            finish_reason=choice.finish_reason or "stop",
            model=name,
            usage=self._usage(response),
            retries=retries,
            logprob=_logprob(choice),
        )

    def _usage(self, response: Any) -> Usage:
        usage = getattr(response, "usage", None)
        if usage is None:
            return Usage()
        details = getattr(usage, "prompt_tokens_details", None)
        used = Usage(
            prompt_tokens=usage.prompt_tokens or 0,
            completion_tokens=usage.completion_tokens or 0,
            cached_tokens=getattr(details, "cached_tokens", None) or 0,
        )
        return used.model_copy(update={"cost": self._cost(response, used)})

    def _cost(self, response: Any, usage: Usage) -> float | None:
        if self.config.price is not None:
            return priced(usage, self.config.price)
        if self.config.api_base:
            return None
        try:
            return float(load_litellm().completion_cost(completion_response=response))
        except Exception:  # litellm raises a bare Exception for an unknown price
            return None

    def _at(self) -> str:
        return f" at {self.config.api_base}" if self.config.api_base else ""

    def _tell(self, what: str, wait: float) -> None:
        if self._on_retry is not None:
            self._on_retry(what, wait)


class _Transient(Exception):
    """A failure that the same call may survive later.

    Args:
        message: What failed.
        retry_after: Seconds that the provider asks to wait.
        unreachable: Whether nothing answered.
        of_all: Whether it is about all calls, not this one; so is whatever comes with a time to wait.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, unreachable: bool = False, of_all: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after, self.unreachable = retry_after, unreachable
        self.of_all = of_all or retry_after is not None


def priced(usage: Usage, price: Price) -> float:
    """US dollars for a usage at a price per million tokens."""
    cached_price = price.input if price.cached_input is None else price.cached_input
    fresh = usage.prompt_tokens - usage.cached_tokens
    return (fresh * price.input + usage.cached_tokens * cached_price + usage.completion_tokens * price.output) / 1e6


def _logprob(choice: Any) -> float | None:
    """Natural logarithm of the probability of a reply, where the provider says that of each of its tokens."""
    tokens = getattr(getattr(choice, "logprobs", None), "content", None)
    return sum(float(token.logprob) for token in tokens) if tokens else None


def _wait(state: Any) -> float:
    """Seconds before the next try: what the provider asked for, else growing with jitter."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception()
    if isinstance(error, _Transient) and error.retry_after is not None:
        return error.retry_after
    return max(0.5, float(wait_random_exponential(multiplier=1, max=LONGEST_WAIT)(state)))


def _retry_after(error: Any) -> float | None:
    """Seconds that a Retry-After header asks for, at most ten minutes."""
    headers = (
        getattr(getattr(error, "response", None), "headers", None)
        or getattr(error, "litellm_response_headers", None)
        or {}
    )
    milliseconds, value = _number(headers.get("retry-after-ms")), headers.get("retry-after")
    seconds = _number(value) if milliseconds is None else milliseconds / 1000
    if seconds is None and value:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return None if seconds is None else min(max(seconds, 0.0), 600.0)


def _number(text: str | None) -> float | None:
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _is_too_long(error: Any) -> bool:
    """Whether a request was refused for the length of its prompt; providers have many words for it."""
    said = f"{error} {getattr(error, 'body', None) or ''}"
    known = "context" in said.lower() and ("exceed" in said or "maximum" in said)
    return known or _TOO_LONG.search(said) is not None


def _refusal(name: str, error: Any) -> ModelError:
    """Of a request that would be refused again."""
    what = "key" if error.status_code in (401, 403) else "request"
    return ModelError(f"{name}: the provider refuses the {what} ({_first_line(error)})")


def _constraint(server: str | None, grammar: str) -> dict[str, Any]:
    """The request field by which a kind of server takes a grammar; vLLM's is that of version 0.12 and later."""
    return {"structured_outputs": {"grammar": grammar}} if server == "vllm" else {"grammar": grammar}


def _key_for_own_server() -> str:
    """The key for a server of the user's own; most want none, but the client insists on one."""
    import os

    return os.environ.get("PATCHWRIGHT_API_KEY") or os.environ.get("OPENAI_API_KEY") or "none"


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    line = text[0] if text else type(error).__name__
    return line.removeprefix("litellm.").strip()[:200]
