"""Reflections between tasks: found by their words, bounded, shared by processes, and really forgotten."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from agent.memory import MemoryStore, Reflection, memory_path
from trajectories.redact import MASK, Redactor

ROUNDING = "The total was rounded for each item. Round once, after summing."
DATES = "parse_iso fails on a time zone. Look at the offset before splitting at the dash."


def reflection(text: str, repo: str = "shop/cart", **more: object) -> Reflection:
    return Reflection(repo=repo, task_id="shop-1", text=text, **more)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path / "deep" / "memory.sqlite")


def test_what_fits_comes_first_and_counts_as_used(store: MemoryStore) -> None:
    store.add(reflection(DATES))
    store.add(reflection(ROUNDING, outcome="solved"))
    found = store.fitting("shop/cart", "Prices are wrong by a cent: rounding of totals")
    assert [r.text for r in found] == [ROUNDING]
    assert (found[0].used, found[0].outcome) == (1, "solved")
    assert {r.text: r.used for r in store.reflections()} == {ROUNDING: 1, DATES: 0}


def test_a_name_in_code_is_found_by_its_words_and_by_itself(store: MemoryStore) -> None:
    store.add(reflection(ROUNDING))
    store.add(reflection(DATES))
    for issue in ("`parseIso` crashes", "cannot parse 2024-01-01", "dates.parse_iso('x') raises"):
        assert [r.text for r in store.fitting("shop/cart", issue)] == [DATES]


def test_what_the_issue_was_about_helps_to_find_it(store: MemoryStore) -> None:
    store.add(reflection("Check the sign first.", about="Negative discounts are accepted"))
    store.add(reflection("Read the test first.", about="The invoice lacks a header"))
    assert [r.text for r in store.fitting("shop/cart", "a discount of 120 % is accepted")] == ["Check the sign first."]


def test_a_lesson_that_helped_comes_before_one_that_did_not(store: MemoryStore) -> None:
    store.add(reflection("Rounding, one.", outcome="solved"))
    store.add(reflection("Rounding, two."))
    store.add(reflection("Rounding, six.", outcome="failed"))
    found = store.fitting("shop/cart", "rounding")
    assert [r.outcome for r in found] == ["solved", "unknown", "failed"]


def test_a_memory_on_a_read_only_disk_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "memory" / "kept ünd%3f.sqlite"
    MemoryStore(path).add(reflection(ROUNDING))
    # Root may write everywhere, unless it gives that up.
    bound = ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override"] if os.geteuid() == 0 else []
    if bound and (not shutil.which(bound[0]) or subprocess.run([*bound, "true"], check=False).returncode):
        pytest.skip("root may write everywhere here")
    program = (
        "import sys; from pathlib import Path; from agent.memory import MemoryStore\n"
        "print([each.text for each in MemoryStore(Path(sys.argv[1])).reflections()])"
    )
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        done = subprocess.run([*bound, sys.executable, "-c", program, str(path)], capture_output=True, check=False)
    finally:
        path.parent.chmod(0o755)
    assert (done.stdout.decode(), done.stderr.decode()) == (f"{[ROUNDING]}\n", "")


def test_other_repositories_and_common_words_do_not_fit(store: MemoryStore) -> None:
    store.add(reflection(ROUNDING, repo="other/shop"))
    store.add(reflection(DATES))
    assert store.fitting("shop/cart", "rounded totals") == []
    assert store.fitting("shop/cart", "It should be as it was when you had it, at the end") == []
    assert store.fitting("shop/cart", "") == []


def test_an_issue_in_the_words_of_the_query_language_is_only_words(store: MemoryStore) -> None:
    store.add(reflection(DATES))
    found = store.fitting("shop/cart", 'NEAR("dash" AND* {text}: -about ^offset) OR NOT \' " \0')
    assert [r.text for r in found] == [DATES]


def test_no_more_than_asked_for(store: MemoryStore) -> None:
    for n in range(6):
        store.add(reflection(f"Rounding, lesson {n}"))
    assert len(store.fitting("shop/cart", "rounding")) == 3
    assert len(store.fitting("shop/cart", "rounding", limit=1)) == 1


def test_the_oldest_that_was_never_used_goes_first(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "memory", most=3)
    store.add(reflection("alpha", created=1))
    store.add(reflection("beta", created=2))
    store.add(reflection("gamma", created=3))
    store.add(reflection("elsewhere", repo="other/shop", created=1))
    store.fitting("shop/cart", "alpha")
    store.add(reflection("delta", created=4))
    assert [r.text for r in store.reflections("shop/cart")] == ["delta", "gamma", "alpha"]
    assert [r.text for r in store.reflections("other/shop")] == ["elsewhere"]
    assert store.fitting("shop/cart", "beta") == []


def test_when_all_were_used_the_one_used_longest_ago_goes_and_the_new_one_stays(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "memory", most=2)
    store.add(reflection("alpha", created=1))
    store.add(reflection("beta", created=2))
    store.fitting("shop/cart", "beta")
    store.fitting("shop/cart", "alpha")
    store.add(reflection("gamma", created=0.5))
    assert {r.text for r in store.reflections()} == {"alpha", "gamma"}


def test_new_ones_get_their_chance_among_many_that_were_used(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "memory", most=20)
    for n in range(20):
        store.add(reflection(f"old lesson {n}"))
    store.fitting("shop/cart", "lesson", limit=20)
    for n in range(5):
        store.add(reflection(f"new idea {n}"))
    assert len(store.reflections()) == 20
    assert {r.text for r in store.fitting("shop/cart", "idea", limit=20)} == {"new idea 3", "new idea 4"}


def test_the_same_text_is_kept_once_with_its_latest_outcome(store: MemoryStore) -> None:
    first = store.add(reflection(ROUNDING, outcome="failed"))
    again = store.add(reflection(ROUNDING, outcome="solved"))
    assert again.id == first.id
    assert [r.outcome for r in store.reflections()] == ["solved"]
    assert len(store.fitting("shop/cart", "rounded")) == 1


def test_secrets_and_endless_texts_are_not_stored(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "memory", redactor=Redactor(["hunter2hunter2"]))
    kept = store.add(reflection("log in with hunter2hunter2 " + "x" * 10_000, about="ghp_" + "a" * 36))
    assert MASK in kept.text
    assert kept.about == MASK
    assert len(kept.text) == 4000
    assert b"hunter2hunter2" not in (tmp_path / "memory").read_bytes()


def test_what_is_no_character_is_replaced(store: MemoryStore) -> None:
    place = os.fsdecode(b"/home/caf\xe9")
    kept = store.add(reflection("Rounding \ud83d", repo=place, about="\udcff"))
    assert (kept.text, kept.about) == ("Rounding \ufffd", "\ufffd")
    assert store.fitting(place, "rounding")[0].id == store.reflections(place)[0].id == kept.id


def test_what_is_forgotten_is_gone_from_the_file(store: MemoryStore) -> None:
    store.add(reflection(DATES))
    gone = store.add(reflection("The zanzibarian clause must hold."))
    assert store.forget([gone.id, 4711]) == 1
    assert store.get(gone.id) is None
    assert store.fitting("shop/cart", "zanzibarian") == []
    left = [path for path in store.path.parent.iterdir() if b"zanzibarian" in path.read_bytes()]
    assert left == []


def test_only_its_user_can_read_it(store: MemoryStore) -> None:
    store.add(reflection(DATES))
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_threads_share_it_from_its_first_moment(store: MemoryStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.add(reflection(f"thread lesson {n}")), range(40)))
        found = list(pool.map(lambda _: store.fitting("shop/cart", "lesson", limit=40), range(8)))
    assert {len(f) for f in found} == {40}
    assert {r.used for r in store.reflections()} == {8}


def test_processes_share_it_from_its_first_moment(store: MemoryStore) -> None:
    program = (
        "import sys; from pathlib import Path; from agent.memory import MemoryStore, Reflection\n"
        "for n in range(10): MemoryStore(Path(sys.argv[1])).add(Reflection('shop/cart', 't', f'{sys.argv[2]} {n}'))"
    )
    children = [subprocess.Popen([sys.executable, "-c", program, str(store.path), str(n)]) for n in range(4)]
    assert [child.wait() for child in children] == [0] * 4
    assert len(store.reflections()) == 40


def test_a_memory_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "memory")
    with ThreadPoolExecutor(1) as pool, contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        added = pool.submit(store.add, reflection(DATES))
        with contextlib.suppress(TimeoutError):
            added.result(timeout=0.3)  # it is at the door
        other.execute("ROLLBACK")
        assert added.result().text == DATES


def test_a_process_that_is_killed_while_writing_leaves_it_whole(store: MemoryStore) -> None:
    store.add(reflection(DATES))
    program = (
        "import os, sys; from pathlib import Path; from agent.memory.database import opened\n"
        "with opened(Path(sys.argv[1]), 'write') as database:\n"
        "    database.execute('DELETE FROM reflections'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(store.path)], check=False).returncode == -9
    assert [r.text for r in store.reflections()] == [DATES]


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be read as one" * 20, b"SQLite"])
def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"notes\.txt: not a memory"):
        MemoryStore(path).add(reflection(DATES))
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE cookies (name)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="a database of another program"):
        MemoryStore(path).add(reflection(DATES))
    assert path.read_bytes() == before


def test_a_damaged_memory_is_said_in_one_line(store: MemoryStore) -> None:
    for n in range(50):
        store.add(reflection(f"lesson {n} " + "padding " * 100))
    content = bytearray(store.path.read_bytes())
    content[4096 * 2 :] = b"\xff" * (len(content) - 4096 * 2)
    store.path.write_bytes(content)
    with pytest.raises(UsageError, match="not a memory, or a damaged one") as caught:
        store.reflections()
    assert "\n" not in str(caught.value)


def test_a_later_version_is_not_touched(store: MemoryStore) -> None:
    store.add(reflection(DATES))
    database = sqlite3.connect(store.path)
    database.execute("PRAGMA user_version = 2")
    database.close()
    with pytest.raises(UsageError, match="later version"):
        store.fitting("shop/cart", "dash")


def test_an_empty_file_and_an_absent_one_become_memories(tmp_path: Path) -> None:
    path = tmp_path / "made-by-touch"
    path.touch()
    assert MemoryStore(path).add(reflection(DATES)).id == 1
    absent = MemoryStore(tmp_path / "absent")
    assert absent.fitting("shop/cart", "dash") == []
    assert not absent.path.exists()
    with pytest.raises(UsageError, match="there is no memory"):
        absent.reflections()


def test_a_directory_is_not_a_memory(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be used as a memory"):
        MemoryStore(tmp_path).add(reflection(DATES))
    with pytest.raises(UsageError, match="cannot be used as a memory"):
        MemoryStore(tmp_path).reflections()


def test_the_default_is_in_the_users_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert memory_path("default").parent.parent == tmp_path
    assert memory_path("here.sqlite") == Path("here.sqlite").absolute()
