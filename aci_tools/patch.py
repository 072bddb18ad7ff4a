"""The patch: what the agent changed, as a unified diff that ``git apply`` takes."""

from __future__ import annotations

from aci_tools.errors import PatchError, SandboxError
from aci_tools.output import unquoted
from aci_tools.sandbox.base import Sandbox

#: Touched whenever a patch is made: what is newer was changed since.
STAMP = ".git/patchwright-stamp"

_LARGEST = 64 << 20  # bytes of a patch

# What interpreters and tools leave behind, and nobody means to hand in; a project without rules of its own for them
# would have them in every patch. Files that are in the repository already stay in it.
_LEAVINGS = "'__pycache__/' '*.py[co]' '.pytest_cache/' '.mypy_cache/' '.ruff_cache/' '.hypothesis/'"

# Never in the repository of a directory above, where this one's is gone.
_GIT = """
export GIT_CEILING_DIRECTORIES="${PWD%/*}/"
git="$(git rev-parse --absolute-git-dir 2>/dev/null)" || { git rev-parse --absolute-git-dir; exit 1; }
exec 3>&1 2>/dev/null  # a warning must not get into the patch
"""

# A throw-away index, so that neither the agent's own staging nor a stop half-way changes the repository. It keeps the
# index's own time (cp -p), by which git knows which files it must look into. One thing that git cannot take (a
# repository without a commit, a filter that fails) makes it take nothing; then each file is put in by itself. Only a
# newer git knows --sparse, and only that one leaves out new files beside a sparse checkout without it.
_STAGE = f"""
rules=$(git config --path core.excludesFile || printf %s "${{XDG_CONFIG_HOME:-$HOME/.config}}/git/ignore")
ignored="$git/patchwright-ignored"
{{ [ ! -f "$rules" ] || cat -- "$rules"; echo; printf '%s\\n' {_LEAVINGS}; }} > "$ignored" 2>/dev/null
index="$git/patchwright-index"
rm -f "$index" "$index.lock"
[ -f "$git/index" ] && cp -p "$git/index" "$index"
export GIT_INDEX_FILE="$index" GIT_OPTIONAL_LOCKS=0
(
    set -- -c core.fsmonitor=false -c core.autocrlf=false -c core.safecrlf=false -c core.excludesFile="$ignored"
    git "$@" add -A --sparse . || git "$@" add -A . ||
        git "$@" ls-files -z --modified --deleted --others --exclude-standard | xargs -0 -n 1 git "$@" add -A --
)
[ -f "$index" ] || {{ echo "git could not write an index"; exit 1; }}  # else all files would seem to be removed
"""
_DIFF = f"""
{_GIT}
: > "$git/patchwright-stamp"
{_STAGE}
said="$(git -c core.fsmonitor=false -c core.quotePath=true diff --cached --binary --no-color --no-ext-diff \
    --no-textconv --no-renames --src-prefix=a/ --dst-prefix=b/ -U3 --inter-hunk-context=0 --submodule=short \
    -O/dev/null "$PATCHWRIGHT_BASE" -- 2>&1 >&3)"
status=$?
[ "$status" = 0 ] || printf '%s\\n' "$said"
rm -f "$index"
exit $status
"""
_TREE = f"""
{_GIT}
{_STAGE}
said="$(git write-tree 2>&1 >&3)"
status=$?
[ "$status" = 0 ] || printf '%s\\n' "$said"
rm -f "$index"
exit $status
"""
_NEWER = f"[ -f {STAMP} ] || echo none; find . -path ./.git -prune -o -newer {STAMP} -print -quit 2>&1"


def changed_since_patch(sandbox: Sandbox) -> bool:
    """Whether any file may have changed since the last patch was made; one quick command.

    A new or removed file counts through its directory. Ignored files count too, so the answer can be a false yes.
    """
    found = sandbox.run(_NEWER, cwd=sandbox.workdir, timeout=60)
    return not found.ok or bool(found.output)


def working_tree_patch(sandbox: Sandbox, base: str = "HEAD", timeout: float = 120.0) -> str:
    """The unified diff of the working tree against ``base``; new files are in it, ignored ones and bytecode are not.

    Args:
        sandbox: Where the repository is, at ``sandbox.workdir``.
        base: The revision to compare with, a commit or a tree.
        timeout: Seconds.

    Returns:
        The diff as text (undecodable bytes survive as surrogates), ``""`` when nothing changed.

    Raises:
        PatchError: git could not make the diff.
        SandboxError: The sandbox is lost for good.
    """
    done = sandbox.run(
        _DIFF, cwd=sandbox.workdir, env={"PATCHWRIGHT_BASE": base}, timeout=timeout, output_limit=_LARGEST
    )
    if done.dropped:
        raise PatchError(f"git could not make the patch: it has more than {_LARGEST >> 20} MiB")
    if not done.ok:
        why = {"timeout": f"it took more than {timeout:.0f} s"}.get(done.end, done.text.strip()[-300:] or done.end)
        raise PatchError(f"git could not make the patch: {why}")
    return done.output.decode("utf-8", "surrogateescape")


def path_in_header(header: str) -> str:
    """The path in ``diff --git a/PATH b/PATH``, which git may write in quotes."""
    names = header.removeprefix("diff --git ")
    return unquoted(names[len(names) // 2 + 1 :]).removeprefix("b/")


def working_tree(sandbox: Sandbox) -> str:
    """The id of a git tree that holds the files as they are now, ignored ones aside.

    Raises:
        SandboxError: git could not make it.
    """
    done = sandbox.run(_TREE, cwd=sandbox.workdir, timeout=120.0)
    if not done.ok:
        raise SandboxError(f"git could not record the files: {done.text.strip()[-300:] or done.end}")
    return done.text.strip()


_GIVEN = ".git/patchwright-given"
_APPLY = f"""
git -c core.fsmonitor=false -c core.autocrlf=false -c core.hooksPath=/dev/null apply --whitespace=nowarn {_GIVEN}
status=$?
rm -f {_GIVEN}
exit $status
"""


def put_patch(sandbox: Sandbox, patch: str) -> None:
    """Apply a patch that :func:`working_tree_patch` made to the commit that it was made against.

    Raises:
        SandboxError: It does not apply.
    """
    if not patch:
        return
    sandbox.write(f"{sandbox.workdir}/{_GIVEN}", patch.encode("utf-8", "surrogateescape"))
    done = sandbox.run(_APPLY, cwd=sandbox.workdir, timeout=120.0)
    if not done.ok:
        raise SandboxError(f"a patch does not apply to the commit that it was made against: {done.text.strip()[-300:]}")
