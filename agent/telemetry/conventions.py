"""The names of attributes, and what they say of a model and of one of its calls.

Names that begin with ``gen_ai.`` are those of OpenTelemetry's semantic conventions for generative AI, version 1.41.1
(status: development), the last that was released before they moved to a repository of their own,
https://github.com/open-telemetry/semantic-conventions-genai. The others are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from agent.telemetry.spans import Value
from trajectories.events import Usage

#: Says to receivers which version the names are of.
SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0"

#: Prefixes of litellm's model names for which the conventions have a name.
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "cohere_chat": "cohere",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
#: Beginnings of names that litellm takes without a prefix.
_BARE = {"gpt-": "openai", "chatgpt-": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "claude-": "anthropic"}


def provider(model: str, *, own_server: bool) -> str:
    """What the conventions call the provider of a model; where they have no word, the prefix of its name.

    Args:
        model: Its name, as in the configuration.
        own_server: Whether it is asked at an address of the user's, by OpenAI's protocol.
    """
    if model.startswith("scripted:"):
        return "scripted"
    if own_server:
        return "openai"
    prefix, slash, _ = model.partition("/")
    if slash:
        return _PROVIDERS.get(prefix, prefix)
    return next((name for start, name in _BARE.items() if model.startswith(start)), "_OTHER")


def in_process(model: str) -> bool:
    """Whether a model is not asked over a network."""
    return model.startswith(("local/", "scripted:"))


def of_model(name: str, config: Mapping[str, Any]) -> dict[str, Value]:
    """What is said of a model wherever it is asked.

    Args:
        name: Its name.
        config: The section `model` of the configuration, as it is recorded.
    """
    address = str(config.get("api_base") or "")
    found: dict[str, Value] = {
        "gen_ai.provider.name": provider(name, own_server=bool(address)),
        "gen_ai.request.model": name,
    }
    try:
        parts = urlsplit(address)
        if parts.hostname:
            found["server.address"] = parts.hostname
            found["server.port"] = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:  # not an address
        pass
    return found


def of_request(config: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Value]:
    """How a call was made.

    Args:
        config: The section `model` of the configuration, as it is recorded.
        changed: Settings of this very call that differ.
    """
    asked = {**config, **changed}
    found: dict[str, Value] = {}
    for key in ("temperature", "top_p", "max_tokens", "seed"):
        value = asked.get(key)
        if isinstance(value, int | float):
            found[f"gen_ai.request.{key}"] = value
    return found


def of_usage(usage: Usage) -> dict[str, Value]:
    """What was used; cached tokens are among those read."""
    found: dict[str, Value] = {
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
    }
    if usage.cost is not None:
        found["patchwright.cost"] = usage.cost
    return found
