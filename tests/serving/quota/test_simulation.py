"""A million requests, with deaths of everybody and everything: in the end reserved = spent + released."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from z1ray.serving.quota.entries import Claim, Conversation, Granted
from z1ray.serving.quota.store import Store, rows

NUM_REQUESTS = 1_000_000
BATCH = 1_000
OWNERS = 20
KEYS = ["alice", "bob", "carol"]
PER_MINUTE, PER_DAY = 600_000, 1_000_000_000
LEASE_S = 15.0
CRASH_SHARE, DEATH_SHARE = 0.02, 0.2


class Running(NamedTuple):
    """A request whose tokens are reserved; ``spent`` is what it will have written when it ends or its client goes."""

    id: str
    key: str
    tokens: int
    spent: int
    minute: int


class World:
    """The owners, their requests, and the book with its store; everything is drawn from one seed."""

    def __init__(self, path: Path) -> None:
        self.rng = random.Random(13)
        self.path, self.now = path, 1_000_000_000.0
        self.store = Store(path, durable=False)
        self.book = self.store.book(self.now, LEASE_S)
        self.running: dict[str, list[Running]] = {f"owner-{number}": [] for number in range(OWNERS)}
        self.num_owners, self.num_requests, self.num_refused = OWNERS, 0, 0
        self.reserved, self.spent = Counter[str](), Counter[str]()
        self.written = Counter[tuple[str, int]]()  # by key and minute of arrival

    def crash(self) -> None:
        """The book's process dies, and what it had not written is gone."""
        self.store.close()
        self.store = Store(self.path, durable=False)
        self.book = self.store.book(self.now, LEASE_S)

    def commit(self) -> None:
        """What was done is in the store."""
        self.store.save(rows(self.book.changes()))

    def batch(self) -> None:
        """Each owner settles what has ended and reserves for what has come; a crash in between makes it try again."""
        self.now += self.rng.random()
        ends = {owner: self._ending(requests) for owner, requests in self.running.items()}
        claims = {owner: list(self._claims(BATCH // OWNERS)) for owner in self.running}
        crashed = self.rng.random()
        # Either way the owners hear nothing: before the commit all of it is undone, after it all of it is done.
        if crashed < CRASH_SHARE / 2:
            self._send(ends, claims)
            self.crash()
        grants = self._send(ends, claims)
        self.commit()
        if crashed > 1 - CRASH_SHARE / 2:
            self.crash()
            grants = self._send(ends, claims)
            self.commit()
        self._note(ends, claims, grants)

    def _ending(self, requests: list[Running]) -> list[Running]:
        self.rng.shuffle(requests)
        cut = len(requests) // 2
        ended, requests[:] = requests[cut:], requests[:cut]
        return ended

    def _claims(self, count: int) -> Iterator[Claim]:
        for _ in range(count):
            self.num_requests += 1
            thinking, rest = self.rng.randrange(400), 60
            talk = Conversation(f"talk-{self.num_requests % 97}", 5_000) if self.num_requests % 8 == 0 else None
            key, number = KEYS[self.num_requests % 3], f"{self.num_requests}"
            yields = self.num_requests % 2 == 0
            yield Claim(number, key, thinking + rest, (PER_MINUTE, PER_DAY), thinking, rest, yields, talk)

    def _send(
        self, ends: dict[str, list[Running]], claims: dict[str, list[Claim]]
    ) -> dict[str, list[tuple[str, Granted]]]:
        grants: dict[str, list[tuple[str, Granted]]] = {}
        book, now = self.book, self.now
        for owner, ended in ends.items():
            for request in ended:
                book.settle(request.id, request.spent, 0, now)
            offers = [(claim.id, book.reserve(claim, owner, now)) for claim in claims[owner]]
            grants[owner] = [(number, offer) for number, offer in offers if isinstance(offer, Granted)]
        return grants

    def _note(
        self,
        ends: dict[str, list[Running]],
        claims: dict[str, list[Claim]],
        grants: dict[str, list[tuple[str, Granted]]],
    ) -> None:
        for ended in ends.values():
            for request in ended:
                self._wrote(request, request.spent)
        for owner, granted in grants.items():
            keys = {claim.id: claim.key for claim in claims[owner]}
            self.num_refused += len(claims[owner]) - len(granted)
            for number, grant in granted:
                # Some write all of it, some lose their client before the first token.
                spent = min(grant.tokens, max(0, int(grant.tokens * (1.4 * self.rng.random() - 0.2))))
                self.reserved[keys[number]] += grant.tokens
                request = Running(number, keys[number], grant.tokens, spent, int(self.now // 60))
                self.running[owner].append(request)

    def _wrote(self, request: Running, tokens: int) -> None:
        self.spent[request.key] += tokens
        self.written[request.key, request.minute] += tokens

    def deaths(self) -> None:
        """An owner dies; what it last reported is all that anybody knows, and another takes its place."""
        if self.rng.random() > DEATH_SHARE:
            return
        owner = self.rng.choice(list(self.running))
        requests = self.running.pop(owner)
        reported = {each.id: (self.rng.randrange(each.spent + 1), 0) for each in requests}
        self.book.report(owner, reported, self.now)
        self.commit()
        for each in requests:
            self._wrote(each, reported[each.id][0])
        if self.rng.random() < 0.5:
            self.book.owner_died(owner)
        else:
            for other in self.running:
                self.book.heard(other, self.now + 1.1 * LEASE_S)
            self.now += 1.1 * LEASE_S
            self.book.expire(self.now)
        self.commit()
        self.running[f"owner-{self.num_owners}"] = []
        self.num_owners += 1

    def finish(self) -> None:
        """All that still runs ends."""
        for requests in self.running.values():
            for each in requests:
                self.book.settle(each.id, each.spent, 0, self.now)
                self._wrote(each, each.spent)
            requests.clear()
        self.commit()


@pytest.mark.slow
def test_after_a_million_requests_reserved_is_spent_and_released(tmp_path: Path) -> None:
    """Whatever dies, and whenever: no token is lost, none is counted twice, and no minute has more than its quota."""
    world = World(tmp_path / "book.sqlite")
    while world.num_requests < NUM_REQUESTS:
        world.batch()
        world.deaths()
    world.finish()
    world.crash()
    for key in KEYS:
        balance = world.book.balance(key)
        assert balance.open == 0
        assert balance.reserved == balance.spent + balance.released == world.reserved[key]
        assert balance.spent == world.spent[key]
    assert max(world.written.values()) <= PER_MINUTE
    assert world.num_refused > NUM_REQUESTS / 100, "the quotas bind"
    assert world.num_owners > OWNERS + NUM_REQUESTS / BATCH / 20
