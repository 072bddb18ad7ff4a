"""The patch: what the agent changed, as a unified diff that ``git apply`` takes."""

from __future__ import annotations

from aci_tools.errors import SandboxError
from aci_tools.sandbox.base import Sandbox

# A throw-away index, so that neither the agent's own staging nor a stop half-way changes the repository.
_DIFF = """
index="$(git rev-parse --git-dir)/patchwright-index"
rm -f "$index"
[ -f "$(git rev-parse --git-dir)/index" ] && cp "$(git rev-parse --git-dir)/index" "$index"
export GIT_INDEX_FILE="$index" GIT_OPTIONAL_LOCKS=0
git -c core.fsmonitor=false -c core.autocrlf=false -c core.safecrlf=false add -A . 2>/dev/null
git -c core.fsmonitor=false -c core.quotePath=true diff --cached --binary --no-color --no-ext-diff --no-textconv \
    --no-renames --src-prefix=a/ --dst-prefix=b/ "$PATCHWRIGHT_BASE" --
status=$?
rm -f "$index"
exit $status
"""


def working_tree_patch(sandbox: Sandbox, base: str = "HEAD", timeout: float = 120.0) -> str:
    """The unified diff of the working tree against ``base``; new files are in it, ignored ones are not.

    Args:
        sandbox: Where the repository is, at ``sandbox.workdir``.
        base: The revision to compare with.
        timeout: Seconds.

    Returns:
        The diff as text (undecodable bytes survive as surrogates), ``""`` when nothing changed.

    Raises:
        SandboxError: git could not make the diff.
    """
    done = sandbox.run(
        _DIFF, cwd=sandbox.workdir, env={"PATCHWRIGHT_BASE": base}, timeout=timeout, output_limit=64 << 20
    )
    if not done.ok or done.dropped:
        raise SandboxError(f"git could not make the patch: {done.text.strip()[-300:] or done.end}")
    return done.output.decode("utf-8", "surrogateescape")
