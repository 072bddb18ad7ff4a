"""Reflections between tasks: a file that several attempts may read and write at once, and that stays bounded."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aci_tools.output import whole_characters
from agent.memory.database import fault, opened
from agent.memory.reflection import Reflection
from agent.words import words
from trajectories.redact import Redactor

#: Reflections kept of a repository.
MOST = 500
#: Characters kept of a reflection, and of the problem statement that it is about.
LONGEST = 4000
LONGEST_ABOUT = 2000
#: Words of a query that are looked for; an issue can be as long as a log file.
_MOST_TERMS = 400
#: What a lesson counts in the search, by what came of following it; 1 where nothing is known.
_WORTH = {"solved": 2.0, "failed": 0.5}
#: Words that every English text has, so that sharing one of them says nothing.
_COMMONPLACE = frozenset(
    words(
        "a an and are as at be been but by can did do does for from had has have how i if in into is it its my no not"
        " of on or should so than that the their them then there these this to was we were what when which will with"
        " would you your"
    ).split()
)
_COLUMNS = "id, repo, task_id, text, about, outcome, created, used, last_used"


def memory_path(name: str) -> Path:
    """The file of a memory.

    Args:
        name: Its path, or ``default`` for the one in the user's data directory.
    """
    if name != "default":
        return Path(name).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("patchwright") / "memory.sqlite"


class MemoryStore:
    """The reflections in a file, an SQLite database. Safe for several threads and processes at once.

    Args:
        path: The file; it is made when the first reflection is added.
        redactor: Takes secrets out of what is stored; default: one that knows those of the environment.
        most: Reflections kept of a repository. Beyond it, those never used go first, the oldest of them first, then
            those that were not used for the longest time; the newest tenth stays, to have its chance.

    Every method raises UsageError if the file is no memory, InfrastructureError if another process does not let go of
    it or the disk is full.
    """

    def __init__(self, path: Path, *, redactor: Redactor | None = None, most: int = MOST) -> None:
        self.path = path
        self._redactor = redactor or Redactor.from_environment()
        self._most = most

    def check(self) -> None:
        """See that the file is a memory, or that one can be made there."""
        with opened(self.path, "create"):
            pass

    def add(self, reflection: Reflection) -> Reflection:
        """Keep a reflection, without secrets and cut to size; the same text of the same repository is kept once.

        Args:
            reflection: Its number, and when and how often it was used, are the store's; a time of 0 is now.

        Returns:
            It as it was stored.
        """
        mask = self._storable
        kept = replace(
            reflection,
            repo=mask(reflection.repo),
            task_id=mask(reflection.task_id),
            text=mask(reflection.text).strip()[:LONGEST],
            about=mask(reflection.about).strip()[:LONGEST_ABOUT],
            created=reflection.created or time.time(),
        )
        with opened(self.path, "create") as database:
            (number,) = database.execute(
                "INSERT INTO reflections (repo, task_id, text, about, outcome, created) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (repo, text) DO UPDATE SET task_id = excluded.task_id, about = excluded.about,"
                " outcome = excluded.outcome, created = excluded.created RETURNING id",
                (kept.repo, kept.task_id, kept.text, kept.about, kept.outcome, kept.created),
            ).fetchone()
            database.execute("DELETE FROM terms WHERE rowid = ?", (number,))
            database.execute(
                "INSERT INTO terms (rowid, text, about) VALUES (?, ?, ?)", (number, words(kept.text), words(kept.about))
            )
            self._bound(database, kept.repo, number)
            stored = _one(database, number)
        assert stored is not None  # what was just added is never dropped
        return stored

    def fitting(self, repo: str, query_text: str, limit: int = 3) -> list[Reflection]:
        """The reflections of a repository that share the most telling words with a text, the best first.

        The ranking is BM25 (see :mod:`agent.retrieval`). What was followed by a success counts twice, what was followed
        by a failure half. What is returned counts as used.

        Args:
            repo: The repository; those of others are never returned.
            query_text: What is to be done: the problem statement.
            limit: How many, at most.
        """
        terms = list(dict.fromkeys(term for term in words(query_text).split() if term not in _COMMONPLACE))
        query = " OR ".join(f'"{term}"' for term in terms[:_MOST_TERMS] if len(term) > 1)
        if not query or not self.path.exists():
            return []
        worth = " ".join(f"WHEN '{outcome}' THEN {factor}" for outcome, factor in _WORTH.items())
        with opened(self.path, "write") as database:
            # What the model concluded says more than the words of its issue.
            numbers = [
                number
                for (number,) in database.execute(
                    "SELECT r.id FROM terms JOIN reflections r ON r.id = terms.rowid WHERE terms MATCH ? AND r.repo = ?"
                    f" ORDER BY bm25(terms, 2.0, 1.0) * CASE r.outcome {worth} ELSE 1 END, r.id DESC LIMIT ?",
                    (query, self._storable(repo), limit),
                )
            ]
            now = time.time()
            for number in numbers:
                database.execute("UPDATE reflections SET used = used + 1, last_used = ? WHERE id = ?", (now, number))
            found = [_one(database, number) for number in numbers]
        return [reflection for reflection in found if reflection is not None]

    def reflections(self, repo: str | None = None) -> list[Reflection]:
        """All reflections, or those of one repository, the newest first."""
        known_as = None if repo is None else self._storable(repo)
        with opened(self.path) as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM reflections WHERE repo = coalesce(?, repo) ORDER BY created DESC, id DESC",
                (known_as,),
            ).fetchall()
        return [_reflection(row) for row in rows]

    def get(self, number: int) -> Reflection | None:
        """The reflection with a number; ``None`` if there is none."""
        with opened(self.path) as database:
            return _one(database, number)

    def forget(self, numbers: Sequence[int]) -> int:
        """Remove reflections, so that their words are no longer in the file either.

        Returns:
            How many there were of them.
        """
        with opened(self.path, "write") as database:
            before = _count(database)
            for number in numbers:
                _drop(database, number)
            removed = before - _count(database)
            # Full-text indices keep the words of removed rows until their segments are merged.
            database.execute("INSERT INTO terms (terms) VALUES ('optimize')")
        self._vacuum()
        return removed

    def _storable(self, text: str) -> str:
        """A text without secrets, and without what is no character, such as a byte of a path that is not UTF-8."""
        return whole_characters(self._redactor.text(text))

    def _bound(self, database: sqlite3.Connection, repo: str, added: int) -> None:
        excess = _count(database, repo) - self._most
        if excess <= 0:
            return
        spared = self._most // 10
        rows = database.execute(
            "SELECT id FROM reflections WHERE repo = :repo AND id != :added AND id NOT IN"
            " (SELECT id FROM reflections WHERE repo = :repo ORDER BY created DESC, id DESC LIMIT :spared)"
            " ORDER BY used > 0, coalesce(last_used, created), id LIMIT :excess",
            {"repo": repo, "added": added, "spared": spared, "excess": excess},
        ).fetchall()
        for (number,) in rows:
            _drop(database, number)

    def _vacuum(self) -> None:
        try:
            database = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            try:
                database.execute("VACUUM")
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                database.close()
        except sqlite3.Error as error:
            raise fault(self.path, error) from None


def _drop(database: sqlite3.Connection, number: int) -> None:
    database.execute("DELETE FROM terms WHERE rowid = ?", (number,))
    database.execute("DELETE FROM reflections WHERE id = ?", (number,))


def _count(database: sqlite3.Connection, repo: str | None = None) -> int:
    row = database.execute("SELECT count(*) FROM reflections WHERE repo = coalesce(?, repo)", (repo,)).fetchone()
    return int(row[0])


def _one(database: sqlite3.Connection, number: int) -> Reflection | None:
    row = database.execute(f"SELECT {_COLUMNS} FROM reflections WHERE id = ?", (number,)).fetchone()
    return None if row is None else _reflection(row)


def _reflection(row: tuple[object, ...]) -> Reflection:
    return Reflection(**dict(zip(_COLUMNS.split(", "), row, strict=True)))  # type: ignore[arg-type]
