"""Language models: providers through litellm, the embedded one, replies from a file."""

from __future__ import annotations

from collections.abc import Callable

from agent.config import ModelConfig
from agent.models.base import ChatMessage, ContextOverflow, Model, ModelError, OnRetry, Query, Reply
from agent.models.pacer import Pacer

__all__ = ["ChatMessage", "ContextOverflow", "Model", "ModelError", "OnRetry", "Query", "Reply", "open_model"]


def open_model(
    config: ModelConfig, on_retry: OnRetry | None = None, pacer: Callable[[str], Pacer] = lambda name: Pacer()
) -> Model:
    """The model that a configuration names.

    Args:
        config: The `model` section.
        on_retry: Told of waits.
        pacer: The gate before the provider of a model's name, where several processes share one.

    Raises:
        UsageError: The name or its file is wrong.
        ModelError: It cannot be used here: a missing key, a missing package.
    """
    if config.name.startswith("scripted:"):
        from agent.models.scripted import ScriptedModel

        return ScriptedModel.from_path(config.name.removeprefix("scripted:"))
    if config.name.startswith("local/"):
        from agent.models.local import LocalModel

        return LocalModel(config, on_retry)
    from agent.models.provider import ProviderModel

    return ProviderModel(config, on_retry, pacer)
