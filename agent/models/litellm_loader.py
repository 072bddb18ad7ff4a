"""The one place that imports litellm, because its import is slow and has side effects to be switched off first."""

from __future__ import annotations

import os
import threading
import warnings
from typing import Any

#: Two threads that import a package with circular imports at once can see it half made.
_LOADING = threading.Lock()


def load_litellm() -> Any:
    """The litellm module, imported on first use (two to three seconds) without network access and ``.env`` loading."""
    with _LOADING:
        return _load()


def _load() -> Any:
    # Else it fetches a price map from the network at import …
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    # … and loads any .env of the current directory, which may be that of a hostile repository.
    os.environ["LITELLM_MODE"] = "PRODUCTION"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = True
    return litellm


def preload_litellm() -> threading.Thread:
    """Start the import in the background, so that it passes while a sandbox starts."""
    thread = threading.Thread(target=load_litellm, name="load-litellm", daemon=True)
    thread.start()
    return thread
