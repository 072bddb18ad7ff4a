"""Keeps secrets out of trajectories, logs and prompts."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MASK = "[secret removed]"

#: Names of variables whose values are secrets.
_SECRET_NAME = re.compile(
    r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|AUTH)(?:_|$)|_(?:PAT|PASS)$|^MYSQL_PWD$",
    re.IGNORECASE,
)
#: Names that match the pattern above and hold nothing secret.
_HARMLESS_NAME = re.compile(r"^(?:SSH_AUTH_SOCK|.*_FILE|.*_PATH|XAUTHORITY|.*_URL)$", re.IGNORECASE)
#: A shorter value would blank out ordinary words.
_SHORTEST = 8

#: Tokens that are known by their shape, whichever variable or file they came from.
_SHAPES = re.compile(
    r"""
      \bgh[opusr]_[A-Za-z0-9]{20,255}            # GitHub
    | \bgithub_pat_[A-Za-z0-9_]{20,255}
    | \bglpat-[A-Za-z0-9_\-]{20,}                # GitLab
    | \bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_\-]{20,}  # OpenAI, Anthropic, OpenRouter
    | \bAKIA[0-9A-Z]{16}\b                       # AWS
    | \bAIza[0-9A-Za-z_\-]{35}                   # Google
    | \bhf_[A-Za-z0-9]{30,}                      # Hugging Face
    | \bxox[abprs]-[A-Za-z0-9\-]{10,}            # Slack
    | \bnpm_[A-Za-z0-9]{36}
    | \bpypi-[A-Za-z0-9_\-]{50,}
    | \beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}  # JSON Web Token
    | -----BEGIN[ A-Z]*PRIVATE\ KEY-----[\s\S]*?(?:-----END[ A-Z]*PRIVATE\ KEY-----|\Z)
    """,
    re.VERBOSE,
)


class Redactor:
    """Replaces secrets in text by a fixed mask.

    Args:
        secrets: Values that are secret whatever they look like, also as they stand within a text of JSON; blanks around
            them are no part of them, and ones shorter than eight characters are ignored.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret.strip()) if len(secret.strip()) >= _SHORTEST}
        values = sorted(forms, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, values))) if values else None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Redactor:
        """One that knows the values of every variable whose name says that it holds a secret."""
        env = os.environ if environment is None else environment
        return cls(v for name, v in env.items() if _SECRET_NAME.search(name) and not _HARMLESS_NAME.match(name))

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._values is not None:
            text = self._values.sub(MASK, text)
        return _SHAPES.sub(MASK, text)

    def data(self, value: Any) -> Any:
        """JSON data without secrets, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(k)): self.data(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(v) for v in value]
        return value


def _forms(secret: str) -> Iterator[str]:
    """A secret as it is, and as the two ways to write JSON escape it: arguments of native calls are such texts."""
    yield secret
    for ascii in (True, False):
        yield json.dumps(secret, ensure_ascii=ascii)[1:-1]
