"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent.config import Config

ConfigFiles = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", help="A shipped profile by name, or a YAML file; later ones win.", metavar="F"),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", "-s", help="One setting, such as limits.steps=50.", metavar="KEY=VALUE")
]
ModelName = Annotated[
    str | None,
    typer.Option("--model", "-m", help="local/NAME (embedded), scripted:FILE, or a litellm model name.", metavar="M"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def effective_config(
    files: list[str] | None, settings: list[str] | None, model: str | None = None, **flags: Any
) -> Config:
    """The configuration that a command's options amount to.

    Without a ``--config``, an embedded model brings the profile for small models, and any other the default profile.
    """
    from agent.config import ModelConfig
    from agent.config_files import load_config

    flags = {"model.name": model, **{key.replace("__", "."): value for key, value in flags.items()}}
    chosen = load_config([], settings or [], flags).model.name if not files else ""
    if not files:
        files = ["local-small" if (chosen or ModelConfig().name).startswith("local/") else "default"]
    return load_config(files, settings or [], flags)
