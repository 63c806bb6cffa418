"""Where the book is kept: one SQLite file, written ahead of every answer.

The file belongs to one process at a time, and locks keep another one out; it survives
the process, and the node where its storage does. A commit is on the disk when it
returns.
"""

import sqlite3
from pathlib import Path
from typing import Any

from z1ray.serving.quota.book import Book
from z1ray.serving.quota.entries import Account, Changes, Entry, Talk

# A process that took over from another waits until the file is free.
_LOCK_TIMEOUT_S = 60.0

_TABLES = """
create table if not exists accounts (key text primary key, reserved integer, spent integer, released integer,
    minute integer, in_minute integer, day integer, in_day integer) without rowid;
create table if not exists entries (id text primary key, key text, owner text, tokens integer, thinking integer,
    by text, conversation text, minute integer, day integer, spent integer, thought integer, lost integer)
    without rowid;
create table if not exists talks (key text, id text, used integer, num_open integer, last real,
    primary key (key, id)) without rowid;
"""
_WRITE = {
    "accounts": "insert or replace into accounts values (?,?,?,?,?,?,?,?)",
    "entries": "insert or replace into entries values (?,?,?,?,?,?,?,?,?,?,?,?)",
    "closed": "delete from entries where id = ?",
    "talks": "insert or replace into talks values (?,?,?,?,?)",
    "forgotten": "delete from talks where key = ? and id = ?",
}

Rows = dict[str, list[tuple[Any, ...]]]


class Store:
    """The file of a book.

    Args:
        path: The file; its folder is made.
        durable: Whether a commit waits for the disk; otherwise it survives the process, but not its node.

    Raises:
        sqlite3.Error: If it cannot be opened, or another process has it for a minute longer.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        # Held for itself, the write-ahead log needs no memory shared through the file system, which network
        # storage does not offer.
        self._file.execute("pragma locking_mode = exclusive")
        self._file.execute("pragma journal_mode = wal")
        self._file.execute(f"pragma synchronous = {'full' if durable else 'off'}")
        self._file.executescript(f"begin immediate;{_TABLES}commit;")

    def book(self, now: float, lease_s: float) -> Book:
        """The book as it was last saved."""
        accounts = [Account(*row) for row in self._file.execute("select * from accounts")]
        entries = [_entry(row) for row in self._file.execute("select * from entries")]
        talks = [Talk(*row) for row in self._file.execute("select * from talks")]
        return Book(accounts, entries, talks, now=now, lease_s=lease_s)

    def save(self, changed: Rows) -> None:
        """Write rows, all or none."""
        # Left, the connection's block commits, or rolls back where it raised; it begins nothing by itself.
        with self._file:
            self._file.execute("begin immediate")
            for kind, rows in changed.items():
                self._file.executemany(_WRITE[kind], rows)

    def close(self) -> None:
        """Let another process have the file."""
        self._file.close()


def rows(changes: Changes) -> Rows:
    """Changes as they are now, to save while the book goes on."""
    made: Rows = {
        "accounts": [
            (each.key, each.reserved, each.spent, each.released, each.minute, each.in_minute, each.day, each.in_day)
            for each in changes.accounts
        ],
        "entries": [_row(each) for each in changes.entries],
        "closed": [(each,) for each in changes.closed],
        "talks": [(each.key, each.id, each.used, each.num_open, each.last) for each in changes.talks],
        "forgotten": list(changes.forgotten),
    }
    return {kind: found for kind, found in made.items() if found}


def _row(entry: Entry) -> tuple[Any, ...]:
    about = (entry.id, entry.key, entry.owner, entry.tokens, entry.thinking, entry.by, entry.conversation)
    return (*about, *entry.windows, entry.spent, entry.thought, int(entry.lost))


def _entry(row: tuple[Any, ...]) -> Entry:
    number, key, owner, tokens, thinking, by, conversation, minute, day, spent, thought, lost = row
    windows = (minute, day)
    return Entry(number, key, owner, tokens, thinking, by, conversation, windows, spent, thought, bool(lost))
