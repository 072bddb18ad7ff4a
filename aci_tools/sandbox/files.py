"""The scripts that read and write files inside a sandbox, and the errors that their failures stand for."""

from __future__ import annotations

import errno
import os
import posixpath
import shlex
import signal
from typing import NoReturn

from aci_tools.sandbox.channel import Payload, Reply

#: Exit codes of these scripts that say that nothing was read from the payload (see Channel.call).
UNTOUCHED = range(60, 70)
_IS_DIRECTORY, _MISSING, _NOT_REGULAR, _REFUSED = 61, 62, 63, 64
_SAID_BY_THE_SYSTEM = {
    os.strerror(code): code
    for code in (
        errno.ENOENT, errno.EEXIST, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOSPC,
        errno.ENAMETOOLONG, errno.ELOOP, errno.ETXTBSY, errno.EFBIG, errno.EDQUOT, errno.EIO,
    )
}  # fmt: skip
_KINDS_OF_ERROR: dict[int, type[OSError]] = {
    errno.ENOENT: FileNotFoundError,
    errno.EACCES: PermissionError,
    errno.EPERM: PermissionError,
    errno.EROFS: PermissionError,
    errno.ENOTDIR: NotADirectoryError,
    errno.EEXIST: NotADirectoryError,  # of mkdir -p: what stands there is no directory
}


def reading(path: str, limit: int | None = None) -> str:
    """The script that prints a file.

    Args:
        path: Absolute path.
        limit: Bytes of it that are wanted; of a larger file one more is printed.
    """
    name = shlex.quote(path)
    program = "cat" if limit is None else f"head -c {limit + 1}"
    return (
        f"[ ! -d {name} ] || exit {_IS_DIRECTORY}; [ -e {name} ] || exit {_MISSING}; "
        f"[ -f {name} ] || exit {_NOT_REGULAR}; exec {program} -- {name}"
    )


def writing(path: str, payload: Payload) -> str:
    """The script that writes a payload to a file.

    The file is opened once before the payload is asked for: what cannot be opened is refused with nothing sent.

    Args:
        path: Absolute path.
        payload: What the file will hold.
    """
    name, parent = shlex.quote(path), shlex.quote(posixpath.dirname(path))
    return (
        f"[ ! -d {name} ] || exit {_IS_DIRECTORY}; [ -d {parent} ] || mkdir -p -- {parent} || exit {_REFUSED}; "
        f"true >>{name} || exit {_REFUSED}; "
        f"{{ printf %s '{payload.ready}' >&3; exec head -c {len(payload.data)}; }} 3>&1 >{name}"
    )


def raise_for(reply: Reply, path: str) -> NoReturn:
    """Raise the error of a script that failed, as a host would.

    Args:
        reply: What came of it.
        path: The file, for the message.
    """
    if reply.code == _IS_DIRECTORY:
        raise IsADirectoryError(path)
    if reply.code == _MISSING:
        raise FileNotFoundError(path)
    if reply.code == _NOT_REGULAR:
        raise OSError(f"{path}: not a regular file")
    if reply.code == 128 + signal.SIGXFSZ:
        raise OSError(f"{path}: {os.strerror(errno.EFBIG)}")
    said = reply.output.decode("utf-8", "replace").strip()
    for text, code in _SAID_BY_THE_SYSTEM.items():
        if said.endswith(text) and code in _KINDS_OF_ERROR:
            raise _KINDS_OF_ERROR[code](path)
    raise OSError(f"{path}: {said.rpartition(': ')[2] or f'exit code {reply.code}'}")
