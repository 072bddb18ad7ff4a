"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aci_tools.errors import UsageError

if TYPE_CHECKING:
    from agent.config import Config


def _existing(directory: Path | None) -> Path | None:
    """A directory that is named has to be there."""
    if directory is not None and not directory.expanduser().is_dir():
        raise UsageError(f"--repositories {directory}: no such directory")
    return directory


def output_option(help: str, metavar: str = "PATH") -> Any:
    """The option for where a command writes, which may not be empty.

    Args:
        help: What it writes there.
        metavar: What stands for the value in the help.
    """
    return typer.Option("--output", "-o", help=help, metavar=metavar, parser=_path if metavar == "PATH" else _place)


def _place(given: str) -> str:
    """A place; the empty name, as of a variable that is not set, would be the current directory."""
    if not given:
        raise UsageError("--output is empty: name a place, or . for the current directory")
    return given


def _path(given: str) -> Path:
    return Path(_place(given))


ConfigFiles = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", help="A shipped profile by name, or a YAML file; later ones win.", metavar="F"),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", "-s", help="One setting, such as limits.steps=50.", metavar="KEY=VALUE")
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", help="local/NAME (embedded), scripted:FILE or DIR, or a litellm model name.", metavar="M"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TaskSet = Annotated[
    str, typer.Option("--tasks", "-t", help="A file or directory of tasks, or a data set on the hub.", metavar="REF")
]
Split = Annotated[str, typer.Option("--split", help="Split of a data set on the hub.")]
Filter = Annotated[
    str, typer.Option("--filter", help="Take tasks whose id matches a regular expression.", metavar="RE")
]
Slice = Annotated[str, typer.Option("--slice", help="Take some of them, as in Python.", metavar="A:B")]
Repositories = Annotated[
    Path | None,
    typer.Option(
        "--repositories", help="A directory with the tasks' repositories, by owner/name or name.", callback=_existing
    ),
]
BaseImage = Annotated[
    str | None, typer.Option("--base-image", help="Container image that environments are built on.", metavar="I")
]
Kind = Annotated[
    str | None, typer.Option("--sandbox", help="auto, docker, namespace or local (no isolation).", metavar="KIND")
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Take from the trajectory also what reaches out of the sandbox: a local one, network, servers."
    ),
]
Confirm = Annotated[
    Literal["risky", "all"] | None,
    typer.Option(
        "--confirm", help="Ask on the terminal before commands of risk run, or before all that runs or changes."
    ),
]
Chat = Annotated[bool, typer.Option("--chat", help="Ctrl-C pauses, for you to say something to the agent; twice ends.")]
Cache = Annotated[Path | None, typer.Option("--cache", help="Where clones, logs and directories are kept.")]


def effective_config(
    files: list[str] | None, settings: list[str] | None, model: str | None = None, **flags: Any
) -> Config:
    """The configuration that a command's options amount to; a path among the flags is made absolute.

    Without a ``--config``, an embedded model brings the profile for small models, and any other the default profile.
    """
    from agent.config import ModelConfig
    from agent.config_files import load_config

    flags = {
        "model.name": model,
        **{
            key.replace("__", "."): str(value.expanduser().absolute()) if isinstance(value, Path) else value
            for key, value in flags.items()
        },
    }
    chosen = load_config([], settings or [], flags).model.name if not files else ""
    if not files:
        files = ["local-small" if (chosen or ModelConfig().name).startswith("local/") else "default"]
    return load_config(files, settings or [], flags)
