"""Runs whose output is kept at a URL: a working directory on this machine, and what changes in it copied there.

=================  ====================================================================================================
``growth``         a file that is being written, as one object and the parts that followed it
``mirror``         :class:`Mirror`: a directory, copied from and to a URL
``holding``        which process may write to the URL
``working``        the working directory of a URL, and which side is right when a run is taken up again
=================  ====================================================================================================
"""

from __future__ import annotations

from agent.batch.mirror.mirror import Mirror
from tasks.object_store import is_url

__all__ = ["Mirror", "is_url"]
