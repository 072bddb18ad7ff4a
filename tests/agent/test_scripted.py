"""Replies from a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.models.base import Query
from agent.models.scripted import ScriptedModel


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_a_line_feed_ends_a_reply(tmp_path: Path, end: str) -> None:
    said = ["a\u2028b\u2029c", "d\x85e"]
    script = tmp_path / "replies.jsonl"
    lines = [json.dumps({"content": each}, ensure_ascii=False) for each in said]
    script.write_bytes("".join(line + end for line in lines).encode())
    model = ScriptedModel.from_path(str(script))
    assert [model.query(Query([], index=number)).content for number in range(2)] == said
