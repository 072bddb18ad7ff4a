"""Reading tasks: from files and directories, from the Hugging Face hub, in the formats of their authors."""

from __future__ import annotations

from tasks.datasets.load import load_tasks
from tasks.datasets.selection import Selection

__all__ = ["Selection", "load_tasks"]
