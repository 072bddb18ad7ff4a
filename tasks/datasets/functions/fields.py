"""Columns of rows, checked."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Columns(BaseModel):
    """The columns of a row that are used; pydantic's error names the one that is missing or wrong."""

    model_config = ConfigDict(frozen=True, extra="ignore")
