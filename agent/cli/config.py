"""``agent config``: what the configuration is."""

from __future__ import annotations

import typer

from agent.cli.options import ConfigFiles, ModelName, Settings, effective_config

app = typer.Typer(help="The configuration.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The configuration."""


@app.command("show")
def show(config: ConfigFiles = None, settings: Settings = None, model: ModelName = None) -> None:
    """Print the effective configuration, in a form that --config accepts."""
    from agent.config_files import dump_config

    print(dump_config(effective_config(config, settings, model)))
