"""``agent models``: which models can be used here."""

from __future__ import annotations

import json as jsonlib
import os
from dataclasses import asdict, dataclass

from agent.cli.options import Json

#: Providers most asked for, and the variable that holds their key; litellm knows many more.
PROVIDERS = {
    "anthropic/…": "ANTHROPIC_API_KEY",
    "openai/…": "OPENAI_API_KEY",
    "gemini/…": "GEMINI_API_KEY",
    "openrouter/…": "OPENROUTER_API_KEY",
    "deepseek/…": "DEEPSEEK_API_KEY",
    "mistral/…": "MISTRAL_API_KEY",
}

#: What makes the embedded models usable.
INSTALL = "pip install 'patchwright[local]'"


@dataclass(frozen=True)
class Row:
    """A model, or a family of models, and whether it can be used."""

    name: str
    usable: bool
    note: str


def model_rows() -> list[Row]:
    """The embedded models, the scripted one, and the best known providers."""
    import importlib.util

    from agent.models.weights import CATALOGUE, weights_path

    rows = []
    installed = importlib.util.find_spec("xllamacpp") is not None
    for weights in CATALOGUE.values():
        fetched = weights_path(weights).exists()
        state = "ready" if fetched else "fetched on first use"
        note = f"embedded, {weights.size / 1e9:.1f} GB, {weights.licence}; "
        note += state if installed else INSTALL
        rows.append(Row(f"local/{weights.name}", installed, note))
    rows.append(Row("scripted:FILE", True, "replies from a file, one JSON object a line"))
    for name, variable in PROVIDERS.items():
        known = bool(os.environ.get(variable))
        rows.append(Row(name, known, f"{variable} is set" if known else f"set {variable}"))
    rows.append(Row("any name", True, "with --set model.api_base=URL: an OpenAI-compatible server of your own"))
    return rows


def models(json: Json = False) -> None:
    """List models and whether they can be used here. Any model that litellm knows works by its name."""
    rows = model_rows()
    if json:
        print(jsonlib.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
        return
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{'yes' if row.usable else 'no ':3}  {row.name:{width}}  {row.note}")
