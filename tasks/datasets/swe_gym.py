"""SWE-Gym: SWE-bench's columns, eleven repositories, and images of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.datasets.rows import Row
from tasks.datasets.swe_bench import published_image
from tasks.task import Task

SET = "swe-gym"
_REPOSITORIES = {
    "bokeh/bokeh",
    "conan-io/conan",
    "dask/dask",
    "facebookresearch/hydra",
    "getmoto/moto",
    "iterative/dvc",
    "modin-project/modin",
    "pandas-dev/pandas",
    "project-monai/monai",
    "pydantic/pydantic",
    "python/mypy",
}


def recognises(fields: Mapping[str, Any]) -> bool:
    """Whether a row is of one of SWE-Gym's repositories; no column tells it from SWE-bench's."""
    known = str(fields.get("repo", "")).lower() in _REPOSITORIES
    return known and "version" in fields and fields.keys().isdisjoint({"environment", "environment_setup_commit"})


def read(row: Row) -> Task:
    """The task of a row, with the image that SWE-Gym's authors published."""
    image = published_image(str(row.fields.get("instance_id", "")), "xingyaoww", "_s_")
    return Task.model_validate({"image": image, "set": SET} | row.fields)
