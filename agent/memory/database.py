"""The file of a memory: made, recognised, opened, and its faults put in words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from aci_tools.errors import InfrastructureError, PatchwrightError, UsageError

#: Marks the file as ours ("PWme"), in the header field that SQLite keeps for that.
_APPLICATION = 0x50576D65
_VERSION = 1
#: Seconds to wait for another process that writes.
_PATIENCE = 30.0
#: Faults after which the same call may succeed later; see https://sqlite.org/rescode.html.
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}

_SCHEMA = f"""
CREATE TABLE reflections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repo TEXT NOT NULL,
    task_id TEXT NOT NULL,
    text TEXT NOT NULL,
    about TEXT NOT NULL,
    outcome TEXT NOT NULL,
    created REAL NOT NULL,
    used INTEGER NOT NULL DEFAULT 0,
    last_used REAL,
    UNIQUE (repo, text)
);
CREATE VIRTUAL TABLE terms USING fts5(text, about, tokenize = 'porter unicode61');
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""


@contextlib.contextmanager
def opened(path: Path, purpose: Literal["read", "write", "create"] = "read") -> Iterator[sqlite3.Connection]:
    """A connection of its own to the memory in a file: what is done with it is done wholly or not at all.

    Args:
        path: The file.
        purpose: What it is opened for; ``create``: to write, and it is made where there is none, for its user only.

    Raises:
        UsageError: There is no such file, it cannot be used, or it is not a memory.
        InfrastructureError: Another process did not let go of it, or the disk is full.
    """
    try:
        if purpose == "create":
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        elif not path.exists():
            raise UsageError(f"{path}: there is no memory; `agent solve --memory {path}` begins one")
        name = _name(path, purpose)
        with contextlib.closing(sqlite3.connect(name, uri=True, timeout=_PATIENCE, isolation_level=None)) as database:
            _recognise(database, path)
            database.execute("BEGIN" if purpose == "read" else "BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")
    except sqlite3.Error as error:
        raise fault(path, error) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be used as a memory ({error.strerror})") from None


def _name(path: Path, purpose: str) -> str:
    """How SQLite is told of the file: a log beside it is needed for reading too, unless the file never changes."""
    fixed = purpose == "read" and not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
    return path.absolute().as_uri() + ("?immutable=1" if fixed else "")


def fault(path: Path, error: sqlite3.Error) -> PatchwrightError:
    """A fault of SQLite in words for a user."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _PASSING:
        return InfrastructureError(f"{path}: the memory cannot be used now ({error}); try again")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return UsageError(f"{path}: not a memory, or a damaged one ({error}); name another file, or remove this one")
    return UsageError(f"{path}: cannot be used as a memory ({error}); name another file")


def _recognise(database: sqlite3.Connection, path: Path) -> None:
    """Make an empty file a memory, and refuse any other file that is none."""
    if _number(database, "application_id") == 0 and _empty(database):
        # Readers go on while one writes. It is a property of the file, and cannot be set within a transaction.
        _begin_log(database)
        database.execute("BEGIN IMMEDIATE")
        if _empty(database):  # else another process was quicker
            for statement in _SCHEMA.strip().split(";\n"):
                database.execute(statement)
        database.execute("COMMIT")
    if _number(database, "application_id") != _APPLICATION:
        raise UsageError(f"{path}: a database of another program, not a memory; name another file")
    if _number(database, "user_version") > _VERSION:
        raise UsageError(f"{path}: written by a later version of this program; update it, or name another file")


def _begin_log(database: sqlite3.Connection) -> None:
    """Have a log written. For that SQLite does not wait for others who open the file at the same moment."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _number(database: sqlite3.Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])


def _empty(database: sqlite3.Connection) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
