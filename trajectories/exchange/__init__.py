"""Trajectories in other programs' formats: reading them, writing them, and data for training.

A new format is one file with an importer, an exporter or both, and its line in the lists below.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from trajectories.exchange.atif import AtifImporter
from trajectories.exchange.atif_write import AtifExporter
from trajectories.exchange.base import Context, Document, Exporter, Imported, Importer, Trajectory
from trajectories.exchange.chat import OpenAIExporter, ShareGptExporter
from trajectories.exchange.mini_swe_agent import MiniSweAgentImporter
from trajectories.exchange.mini_swe_agent_write import MiniSweAgentExporter
from trajectories.exchange.openhands import OpenHandsImporter
from trajectories.exchange.openhands_write import OpenHandsExporter
from trajectories.exchange.predictions import PredictionsExporter, PredictionsImporter
from trajectories.exchange.preferences import DpoExporter
from trajectories.exchange.rollouts import RolloutExporter
from trajectories.exchange.source import load
from trajectories.exchange.store import find_trajectories, store
from trajectories.exchange.swe_agent import SweAgentImporter
from trajectories.exchange.swe_agent_write import SweAgentExporter
from trajectories.exchange.trees import spread
from trajectories.log import TrajectoryError
from trajectories.verdicts import Verdict, Verdicts, read_verdicts

_IMPORTERS: list[Importer] = [
    AtifImporter(),
    SweAgentImporter(),
    MiniSweAgentImporter(),
    OpenHandsImporter(),
    PredictionsImporter(),
]
_EXPORTERS: list[Exporter] = [
    AtifExporter(),
    SweAgentExporter(),
    MiniSweAgentExporter(),
    OpenHandsExporter(),
    PredictionsExporter(),
    OpenAIExporter(),
    ShareGptExporter(),
    DpoExporter(),
    RolloutExporter(),
]
#: Importers by name, in the order in which they are asked.
IMPORTERS: dict[str, Importer] = {importer.name: importer for importer in _IMPORTERS}
#: Exporters by name.
EXPORTERS: dict[str, Exporter] = {exporter.name: exporter for exporter in _EXPORTERS}

__all__ = [
    "EXPORTERS",
    "IMPORTERS",
    "Context",
    "Document",
    "Exporter",
    "Imported",
    "Importer",
    "Trajectory",
    "Verdict",
    "Verdicts",
    "exporter",
    "find_trajectories",
    "import_file",
    "read_verdicts",
    "spread",
    "store",
]


def import_file(path: Path, format: str = "auto") -> tuple[str, list[Imported]]:
    """The attempts of a foreign file, and the format that it was read as.

    Args:
        path: The file.
        format: A key of :data:`IMPORTERS`, or ``auto`` to recognise it.

    Raises:
        TrajectoryError: The file is of no known format, not of this one, or damaged.
    """
    if format != "auto" and format not in IMPORTERS:
        raise TrajectoryError(_unknown(format, ["auto", *IMPORTERS]))
    source = load(path)
    asked = IMPORTERS.values() if format == "auto" else [IMPORTERS[format]]
    for importer in asked:
        if importer.detect(source):
            return importer.name, importer.read(source)
    known = ", ".join(IMPORTERS)
    what = "is of no format that can be imported" if format == "auto" else f"is not of the format {format}"
    raise TrajectoryError(f"{path} {what} (known: {known})")


def exporter(format: str) -> Exporter:
    """The exporter of a name.

    Raises:
        TrajectoryError: There is none; the nearest name is told.
    """
    if format not in EXPORTERS:
        raise TrajectoryError(_unknown(format, list(EXPORTERS)))
    return EXPORTERS[format]


def _unknown(format: str, names: list[str]) -> str:
    near = difflib.get_close_matches(format, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
    return f"--format: no format is called {format}; {hint}"
