"""Statistics: the facts of an attempt and tables over many, computed from trajectories and from verdicts, if any."""

from trajectories.stats.facts import INFRASTRUCTURE, facts
from trajectories.stats.failures import CLASSES, classify
from trajectories.stats.gold import Touched, touched
from trajectories.stats.parquet import write_parquet
from trajectories.stats.reader import Action, Recorded, Step, read_attempt
from trajectories.stats.rows import AttemptFacts, StepFacts
from trajectories.stats.runs import Rows, find_trajectories, gather
from trajectories.stats.tables import Table, tables

__all__ = [
    "CLASSES",
    "INFRASTRUCTURE",
    "Action",
    "AttemptFacts",
    "Recorded",
    "Rows",
    "Step",
    "StepFacts",
    "Table",
    "Touched",
    "classify",
    "facts",
    "find_trajectories",
    "gather",
    "read_attempt",
    "tables",
    "touched",
    "write_parquet",
]
