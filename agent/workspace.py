"""Where a run keeps what it makes."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from aci_tools.errors import UsageError


def among_the_runs() -> Path:
    """A directory for results whose user names none; not made yet."""
    import platformdirs

    run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    return platformdirs.user_state_path("patchwright") / "runs" / run_id


def kept_clones() -> Path:
    """Where clones of remote repositories are kept."""
    import platformdirs

    return platformdirs.user_cache_path("patchwright") / "clones"


def writable(output: Path, option: str = "--output") -> Path:
    """A directory for results, made if it is not there.

    Args:
        output: The directory.
        option: What named it.

    Raises:
        UsageError: Nothing can be written there.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        probe = output / f".{secrets.token_hex(8)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(f"{option} {output}: cannot write there ({error.strerror})") from None
    return output
