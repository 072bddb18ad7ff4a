"""What becomes of a patch that a client submits."""

from __future__ import annotations

from pathlib import Path

from aci_tools.patch import working_tree, working_tree_patch
from aci_tools.session import Session


class Deliver:
    """Writes the patch to a file, and puts what is new about it into the user's working tree if that is wanted.

    Args:
        file: Where the patch goes.
        repository: A directory of the working tree; ``None`` leaves it alone.
    """

    def __init__(self, file: Path, repository: Path | None = None) -> None:
        self._file, self._repository = file, repository
        self._applied = ""

    def __call__(self, session: Session, patch: str) -> str:
        """Deliver a patch.

        Args:
            session: Where it was made.
            patch: All changes so far.

        Returns:
            What the client is told: a sentence.
        """
        self.write(patch)
        if self._repository is None or not patch:
            return f"The patch is in {self._file}." if patch else ""
        return self._apply(self._repository, session)

    def write(self, patch: str) -> None:
        """Write the file."""
        self._file.write_bytes(patch.encode("utf-8", "surrogateescape"))

    def _apply(self, repository: Path, session: Session) -> str:
        from tasks.repository import apply_patch

        # Against the files as they were applied last, which the working tree has already.
        now = working_tree(session.sandbox)
        new = working_tree_patch(session.sandbox, self._applied or session.base)
        if not new:
            return f"{repository} has all of it already."
        applied = apply_patch(repository, new)
        if not applied.ok:
            return f"It could not be applied, {repository} is unchanged: {applied.reason}."
        self._applied = now
        return f"Applied to {repository}."
