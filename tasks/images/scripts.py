"""The shell programs that run inside a build. They need sh, git, and what every Debian or Alpine image has."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

NO_GIT, NO_PYTHON = 96, 97

#: Git that runs nothing that a repository's configuration names. Shell text.
_GIT = """\
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE=/dev/null
export GIT_CONFIG_COUNT=4 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
export GIT_CONFIG_KEY_1=core.hooksPath GIT_CONFIG_VALUE_1=/dev/null
export GIT_CONFIG_KEY_2=core.fsmonitor GIT_CONFIG_VALUE_2=false
export GIT_CONFIG_KEY_3=core.logAllRefUpdates GIT_CONFIG_VALUE_3=false
identity() {
    export GIT_AUTHOR_NAME=Patchwright GIT_AUTHOR_EMAIL=patchwright@localhost
    export GIT_COMMITTER_NAME=Patchwright GIT_COMMITTER_EMAIL=patchwright@localhost
    GIT_AUTHOR_DATE=$(git show -s --format=%cI "$1")
    export GIT_AUTHOR_DATE GIT_COMMITTER_DATE="$GIT_AUTHOR_DATE"
}
"""

#: Hides what is not tracked now from `git status`, so that it can never become part of a patch. Shell text.
_EXCLUDE = r"""
mkdir -p .git/info
git -c core.quotePath=false ls-files --others --directory --exclude-standard -z | tr '\0' '\n' |
    sed -e 's/[][*?\\!#]/\\&/g' -e 's/ $/\\ /' -e 's,^,/,' >>.git/info/exclude
"""

#: Makes what an installation did to the repository no change: what it made is excluded, what it changed is committed.
#: Prints the commit at HEAD.
SETTLE = f"""set -eu
{_GIT}
{_EXCLUDE}
git update-index -q --refresh || true
if ! git diff-files --quiet; then
    identity HEAD
    git add --update
    git commit --quiet --no-verify --no-gpg-sign --message 'Changes made by the installation'
    rm -f .git/COMMIT_EDITMSG
fi
git rev-parse HEAD
"""


def install(commands: Iterable[str], scratch: str, python: str | None) -> str:
    """The program of a layer's install commands, in one shell, since one may activate what another needs.

    Args:
        commands: They run in order; the first that fails is the last.
        scratch: Directory in which the variables before and after them are left.
        python: Version of Python that has to be there.
    """
    lines = ["set -e", "command -v git >/dev/null || exit " + str(NO_GIT)]
    if python:
        lines.append(f"command -v {shlex.quote(f'python{python}')} >/dev/null || exit {NO_PYTHON}")
    lines.append(f"env -0 >{scratch}/before")
    for command in commands:
        # `eval`, since the left side of an && may fail without ending a shell with -e.
        lines += [f"printf '+ %s\\n' {shlex.quote(command)}", f"eval {shlex.quote(command)}"]
    lines.append(f"env -0 >{scratch}/after")
    return "\n".join(lines) + "\n"
