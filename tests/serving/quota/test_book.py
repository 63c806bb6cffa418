"""The book: nothing is granted beyond a quota, nothing is lost, and saying a thing twice changes nothing."""

import dataclasses
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from z1ray.serving.quota import book as books
from z1ray.serving.quota import store as stores
from z1ray.serving.quota.book import IDLE_S, Book
from z1ray.serving.quota.entries import Claim, Conversation, Granted, Refused, Standing
from z1ray.serving.quota.store import Store, rows

NOON = 43_200.0
LIMITS = (100, 1_000)
OWNERS = ["one", "two"]

STEPS = st.one_of(
    st.tuples(
        st.just("reserve"),
        st.integers(0, 5),  # the request
        st.sampled_from(OWNERS),
        st.integers(0, 60),  # thinking
        st.integers(1, 20),  # hint and answer
        st.booleans(),  # gives way
        st.booleans(),  # belongs to a conversation
    ),
    st.tuples(st.just("settle"), st.integers(0, 5), st.integers(0, 90), st.integers(0, 90)),
    st.tuples(st.just("report"), st.integers(0, 5), st.sampled_from(OWNERS), st.integers(0, 90)),
    st.tuples(st.just("died"), st.sampled_from(OWNERS)),
    st.tuples(st.just("later"), st.sampled_from([0.0, 1.0, 20.0, 70.0, -30.0])),
    st.tuples(st.just("crash")),
)


def asked(number: int, tokens: int, key: str = "alice", **more: Any) -> Claim:
    return Claim(f"{number}", key, tokens, **{"limits": LIMITS, **more})


def granted(book: Book, claim: Claim, now: float = NOON, owner: str = "one") -> Granted:
    offer = book.reserve(claim, owner, now)
    assert isinstance(offer, Granted)
    return offer


def refused(book: Book, claim: Claim, now: float = NOON) -> Refused:
    offer = book.reserve(claim, "one", now)
    assert isinstance(offer, Refused)
    return offer


def do(book: Book, step: tuple[Any, ...], now: float) -> None:
    match step:
        case ("reserve", number, owner, thinking, rest, yields, talks):
            talk = Conversation("talk", 70) if talks else None
            claim = asked(number, thinking + rest, thinking=thinking, rest=rest, yields=yields, conversation=talk)
            offer = book.reserve(claim, owner, now)
            # Told twice, for the answer may have been lost.
            assert not isinstance(offer, Granted) or book.reserve(claim, owner, now) == offer
        case ("settle", number, spent, thought):
            book.settle(f"{number}", spent, min(thought, spent), now)
            before = book.balance()
            book.settle(f"{number}", spent + 1, 0, now)
            assert book.balance() == before
        case ("report", number, owner, spent):
            book.report(owner, {f"{number}": (spent, spent)}, now)
        case ("died", owner):
            book.owner_died(owner)


@settings(deadline=None)
@given(steps=st.lists(STEPS, max_size=40))
def test_reserved_is_spent_released_and_open_at_all_times(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    """Whatever is asked, reported, settled, lost or opened again; and the minute never holds more than the quota."""
    store = Store(tmp_path_factory.mktemp("book") / "book.sqlite", durable=False)
    book, now, open_before = store.book(NOON, 15.0), NOON, 0
    for step in steps:
        if step[0] == "later":
            now += step[1]
            book.expire(now)
        elif step[0] == "crash":
            book = store.book(now, 15.0)
            assert book.balance().open == open_before
        else:
            do(book, step, now)
        store.save(rows(book.changes()))
        sums = book.balance()
        assert sums.reserved == sums.spent + sums.released + sums.open
        assert min(dataclasses.astuple(sums)) >= 0
        assert sums.open <= 2 * LIMITS[0], "at most those of two minutes"
        open_before = sums.open
    store.close()


def test_what_is_not_written_is_given_back_to_its_minute() -> None:
    """Reserved in full, a request would otherwise keep others out for what it never wrote."""
    book = Book(now=NOON)
    assert granted(book, asked(1, 80)).standing == Standing("minute", 100, 20, 60.0)
    assert refused(book, asked(2, 30)) == Refused(30, Standing("minute", 100, 20, 60.0), 60.0)
    book.settle("1", 10, 0, NOON + 1)
    assert granted(book, asked(2, 90), NOON + 1).standing == Standing("minute", 100, 0, 59.0)
    # The rest of a minute past is nobody's.
    assert granted(book, asked(3, 60), NOON + 61).standing == Standing("minute", 100, 40, 59.0)
    book.settle("2", 0, 0, NOON + 61)
    assert refused(book, asked(4, 50), NOON + 61).standing == Standing("minute", 100, 40, 59.0)
    assert book.balance() == books.Balance(reserved=230, spent=10, released=160, open=60)


def test_a_day_has_its_own_quota_and_a_key_its_own_account() -> None:
    """Minutes begin anew until the day is used up; then it is the day that tells when to come again."""
    book = Book(now=NOON)
    for minute in range(10):
        granted(book, asked(minute, 100), NOON + 60 * minute)
    later = NOON + 600
    assert refused(book, asked(10, 1), later) == Refused(1, Standing("day", 1000, 0, NOON - 600), NOON - 600)
    granted(book, asked(11, 100, key="bob"), later)
    granted(book, asked(12, 100), 2 * NOON)


def test_a_default_budget_gives_way_and_an_asked_one_does_not() -> None:
    """As long as hint and answer fit, there is less thinking; the client is told why."""
    book = Book(now=NOON)
    granted(book, asked(1, 60))
    assert refused(book, asked(2, 70, thinking=50, rest=20)).wanted == 70
    offer = granted(book, asked(2, 70, thinking=50, rest=20, yields=True))
    assert (offer.tokens, offer.thinking, offer.by) == (40, 20, "quota")
    assert refused(book, asked(3, 70, thinking=50, rest=20, yields=True)).wanted == 20


def test_calls_of_a_conversation_never_think_more_than_it_may() -> None:
    """At the same time too: what one reserves, the other does not get; and nobody is refused."""
    book = Book(now=NOON)
    talk: dict[str, Any] = {"conversation": Conversation("talk", 70), "limits": (None, None)}
    first = granted(book, asked(1, 60, thinking=50, rest=10, **talk))
    second = granted(book, asked(2, 60, thinking=50, rest=10, **talk))
    third = granted(book, asked(3, 60, thinking=50, rest=10, **talk))
    assert [(each.thinking, each.tokens, each.by) for each in (first, second, third)] == [
        (50, 60, None),
        (20, 30, "conversation"),
        (0, 10, "conversation"),
    ]
    book.settle("1", 45, 40, NOON)
    assert granted(book, asked(4, 60, thinking=50, rest=10, **talk)).thinking == 10
    # Another of the same name belongs to another key; and a larger budget counts what was thought before.
    assert granted(book, asked(5, 60, key="bob", thinking=50, rest=10, **talk)).thinking == 50
    more = {**talk, "conversation": Conversation("talk", 100)}
    assert granted(book, asked(6, 60, thinking=50, rest=10, **more)).thinking == 30


def test_conversations_are_forgotten_a_day_after_their_last_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number is bounded, and none that is still remembered makes room for another: that would lift its budget."""
    monkeypatch.setattr(books, "MAX_CONVERSATIONS", 2)
    book = Book(now=NOON, lease_s=10 * IDLE_S)
    for number, name in enumerate(("long", "short")):
        granted(book, asked(number, 9, thinking=9, conversation=Conversation(name, 9)), NOON + number)
    book.settle("1", 9, 9, NOON + 1)
    new = asked(2, 9, thinking=9, conversation=Conversation("new", 9))
    assert refused(book, new, NOON + 2) == Refused(9, None, IDLE_S - 2)
    book.expire(NOON + IDLE_S + 2)
    # One that still runs is remembered however long it takes.
    assert granted(book, asked(3, 9, thinking=9, conversation=Conversation("long", 9)), NOON + IDLE_S + 2).thinking == 0
    assert granted(book, new, NOON + IDLE_S + 2).thinking == 9


def test_a_silent_owner_is_given_up_and_put_right_when_it_settles_after_all() -> None:
    """It may have been cut off, not dead: what it spent since its last report is charged all the same."""
    book = Book(now=NOON, lease_s=15.0)
    granted(book, asked(1, 80))
    book.report("one", {"1": (30, 0)}, NOON + 10)
    book.expire(NOON + 24)
    assert book.balance().open == 80
    book.expire(NOON + 26)
    assert book.balance() == books.Balance(80, 30, 50, 0)
    book.settle("1", 70, 0, NOON + 27)
    assert book.balance() == books.Balance(80, 70, 10, 0)
    assert refused(book, asked(2, 31), NOON + 27).standing == Standing("minute", 100, 30, 33.0)


def test_a_clock_that_goes_back_opens_no_minute_again() -> None:
    """Charged to the minute it has seen last, nothing is lost: the quota is kept, if longer."""
    book = Book(now=NOON)
    granted(book, asked(1, 100), NOON + 60)
    again = Book([dataclasses.replace(each) for each in book.changes().accounts], now=NOON)
    assert refused(again, asked(2, 1), NOON).standing == Standing("minute", 100, 0, 120.0)


def test_a_file_belongs_to_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two books over one file would each grant the whole quota."""
    monkeypatch.setattr(stores, "_LOCK_TIMEOUT_S", 0.1)
    first = Store(tmp_path / "book.sqlite")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Store(tmp_path / "book.sqlite")
    first.close()
    Store(tmp_path / "book.sqlite").close()
