"""Where a run keeps what it makes."""

from __future__ import annotations

import secrets
import time
from pathlib import Path


def among_the_runs() -> Path:
    """A directory for results whose user names none; not made yet."""
    import platformdirs

    run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    return platformdirs.user_state_path("patchwright") / "runs" / run_id
