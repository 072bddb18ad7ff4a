"""SWE-bench (Lite, Verified, full, Multimodal, Multilingual; versions 4 and 5), and tasks written by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.datasets.rows import Row
from tasks.task import Task

SET = "swe-bench"


def recognises(fields: Mapping[str, Any]) -> bool:
    """Every row: this is the kind that is tried last."""
    return True


def read(row: Row) -> Task:
    """The task of a row. SWE-bench's own get the image that its authors published.

    A task written by hand is called as its file when it has no id, and its ``repo`` may be relative to its file.
    """
    fields = dict(row.fields)
    if not {"instance_id", "id"} & fields.keys() and row.place == str(row.file):
        fields["instance_id"] = row.file.stem
    if _is_of_swe_bench(fields):
        fields.setdefault("set", SET)
        if "environment" not in fields:
            fields.setdefault("image", published_image(str(fields["instance_id"])))
    repo = fields.get("repo")
    if isinstance(repo, str) and repo.split("/")[0] in (".", "..", "~"):
        fields["repo"] = str((row.file.parent / Path(repo).expanduser()).resolve())
    return Task.model_validate(fields)


def published_image(instance: str, namespace: str = "swebench", separator: str = "_1776_") -> str:
    """The image that was published for an instance.

    Args:
        instance: Its id.
        namespace: Who published it.
        separator: What stands for the two underscores, which an image's name cannot have.
    """
    return f"docker.io/{namespace}/sweb.eval.x86_64.{instance.replace('__', separator)}:latest".lower()


def _is_of_swe_bench(fields: Mapping[str, Any]) -> bool:
    """SWE-bench makes its ids of the repository's name and the number of the pull request."""
    name = re.escape(str(fields.get("repo", "")).replace("/", "__"))
    return "version" in fields and re.fullmatch(rf"{name}-\d+", str(fields.get("instance_id", ""))) is not None
