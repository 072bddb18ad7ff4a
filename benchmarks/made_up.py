"""Attempts made up by a seeded generator, of the size and texture of real ones."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Iterator
from typing import Any

MODEL = "openai/gpt-5"
_PROSE = """the field value of serializer when nested schema is loaded twice returns None instead of default because
parent context was bound before validators run so I look at where _bind_to_schema is called, check its callers and tests
"""
_NAMES = ["load", "dump", "field", "schema", "value", "error", "index", "parent", "context", "validator", "partial"]


def made_up(steps: int, seed: int = 1) -> dict[str, Any]:
    """An attempt: what the model was told, and its steps of about 5 KB, every fifth with the patch so far."""
    chance = random.Random(seed)
    made = []
    for number in range(1, steps + 1):
        name, line = chance.choice(_NAMES), chance.randint(1, 2000)
        path = f"src/package/{name}.py"
        text = "\n".join(_code(chance, 300))
        edit = f'python - <<\'EOF\'\nfrom pathlib import Path\nPath(\'{path}\').write_text("""{text}""")\nEOF'
        looks = (
            f"sed -n '{line},{line + 90}p' {path} && grep -rn \"{name}(\" src/ | head -20",
            f"python -m pytest -x -q tests/test_{name}.py 2>&1 | tail -n 60",
        )
        seen = [f"{n:6}\t{code}" for n, code in enumerate(_code(chance, chance.randint(3_500, 4_500)), line)]
        edits, rest = divmod(number, 5)
        tokens = {"prompt_tokens": 2_000 + 1_300 * number, "completion_tokens": 350}
        made.append(
            {
                "id": f"call_{chance.randrange(16**24):024x}",
                "thought": _prose(chance, chance.randint(500, 900)),
                "command": "cd /testbed && " + (looks[number % 2] if rest else edit),
                "observation": "\n".join(seen),
                "patch": None if rest else _patch(path, text, edits),
                "seconds": round(chance.uniform(0.05, 3), 3),
                **tokens,
                "total_tokens": sum(tokens.values()),
            }
        )
    return {"model": MODEL, "system": _prose(chance, 3_000), "task": _prose(chance, 2_000), "steps": made}


def _prose(chance: random.Random, length: int) -> str:
    words = _PROSE.split()
    return textwrap.fill(" ".join(chance.choice(words) for _ in range(length // 5)), 100)[:length]


def _code(chance: random.Random, length: int) -> Iterator[str]:
    """Lines of code, with the quotes, indents and characters beyond ASCII that code has."""
    size = 0
    while size < length:
        a, b, c = (chance.choice(_NAMES) for _ in range(3))
        indent = "    " * chance.randint(1, 3)
        line = chance.choice(
            (
                f'{indent}{a} = self.{b}.get("{c}", None)',
                f"{indent}if not isinstance({a}, {b.title()}):",
                f'{indent}    raise ValueError(f"{a}: {{{b}!r}} isn\'t a {c} – see docs")',
                f"{indent}return {a}_{b}({c}, {size})",
                "",
            )
        )
        size += len(line) + 8
        yield line


def _patch(path: str, text: str, edits: int) -> str:
    """The diff after some edits: it grows to a dozen hunks, since later edits change what earlier ones made."""
    lines = text.split("\n")
    hunk = f"@@ -1,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines)
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n" + hunk * min(edits, 12)
