"""The book of tokens: what each key and each conversation reserved, spent and got back.

Pure: time is given, and what changed is handed to ``z1ray.serving.quota.store``.

A quota's periods are fixed: every minute of the clock, every day (UTC). A request is
charged on arrival to the minute and the day in which it arrived, with all that it can
write, and what it did not write is given back to them; so the requests that arrived in
one of them never write more than the quota, however many there are at a time. Across
the turn of a minute there may be twice as much.

Whoever reserves is an owner and has to be heard of: one that is silent for a lease is
given up, and its reservations are closed as spent up to what it last reported. If it
was only cut off and settles later, the account is put right.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from z1ray.serving.quota.entries import NO_LIMITS, PERIODS, Account, Changes, Claim, Entry, Granted, Refused, Talk

MAX_CONVERSATIONS = 100_000
"""Conversations of one key that are remembered at a time; a further one is refused."""
IDLE_S = 86_400.0
"""How long a conversation is remembered after its last call."""


@dataclass(frozen=True, slots=True)
class Balance:
    """One key's sums, or those of all: ``reserved`` is ``spent + released + open``."""

    reserved: int
    spent: int
    released: int
    open: int


class Book:
    """The book, empty or as it was stored.

    Args:
        accounts, entries, talks: What the store holds.
        now: The time; owners of open entries count as heard of now.
        lease_s: How long an owner may be silent.
    """

    def __init__(
        self,
        accounts: Iterable[Account] = (),
        entries: Iterable[Entry] = (),
        talks: Iterable[Talk] = (),
        *,
        now: float = 0.0,
        lease_s: float = 15.0,
    ) -> None:
        self._accounts = {account.key: account for account in accounts}
        self._entries: dict[str, Entry] = {}
        self._owned: dict[str, dict[str, Entry]] = {}
        # By key, and in the order of their last use.
        self._talks: dict[str, dict[str, Talk]] = {}
        self._now, self._lease_s = now, lease_s
        for entry in entries:
            self._keep(entry)
        self._heard = dict.fromkeys(self._owned, now)
        for talk in sorted(talks, key=lambda each: each.last):
            self._talks.setdefault(talk.key, {})[talk.id] = talk
        self._changed: tuple[set[str], set[str], set[tuple[str, str]]] = (set(), set(), set())

    def reserve(self, claim: Claim, owner: str, now: float) -> Granted | Refused:
        """Reserve what a claim asks for, or refuse it; a claim that is open already is granted as it was."""
        self.heard(owner, now)
        account = self._accounts.get(claim.key) or self._accounts.setdefault(claim.key, Account(claim.key))
        account.roll(*_windows(self._now))
        entry = self._entries.get(claim.id)
        if entry is None or entry.lost:
            offer = self._offer(claim, account)
            if isinstance(offer, Refused):
                return offer
            entry = self._open(claim, owner, account, *offer)
        standing = None
        if claim.limits != NO_LIMITS:
            minute, day = account.left(claim.limits)
            standing = account.standing(int(day < minute), claim.limits, self._now)
        return Granted(entry.tokens, entry.thinking, entry.by, standing)

    def settle(self, entry_id: str, spent: int, thought: int, now: float) -> None:
        """Close a reservation: what was not spent is released. One that is closed already stays as it is."""
        entry = self._entries.pop(entry_id, None)
        if entry is None:
            return
        self._now = max(self._now, now)
        self._changed[1].add(entry_id)
        if entry.lost:
            self._correct(entry, spent, thought)
        else:
            self._owned[entry.owner].pop(entry_id)
            self._close(entry, spent, thought)

    def report(self, owner: str, written: Mapping[str, tuple[int, int]], now: float) -> None:
        """Note what an owner's reservations have spent and thought so far, and that it is there."""
        self.heard(owner, now)
        for entry_id, (spent, thought) in written.items():
            entry = self._entries.get(entry_id)
            if entry is not None and not entry.lost and (spent, thought) != (entry.spent, entry.thought):
                entry.spent, entry.thought = max(entry.spent, spent), max(entry.thought, thought)
                self._changed[1].add(entry_id)

    def heard(self, owner: str, now: float) -> None:
        """An owner is there."""
        self._now = max(self._now, now)
        self._heard[owner] = self._now

    def owner_died(self, owner: str) -> None:
        """Close an owner's reservations as spent up to what it last reported."""
        self._heard.pop(owner, None)
        for entry in self._owned.pop(owner, {}).values():
            entry.lost = True
            self._close(entry, entry.spent, entry.thought)
            self._changed[1].add(entry.id)

    def expire(self, now: float) -> None:
        """Give up silent owners, and forget what no longer matters: idle conversations, losses of days past."""
        self._now = max(self._now, now)
        for owner in [owner for owner, at in self._heard.items() if self._now - at > self._lease_s]:
            self.owner_died(owner)
        today = _windows(self._now)[1]
        for entry in [each for each in self._entries.values() if each.lost and each.windows[1] < today]:
            del self._entries[entry.id]
            self._changed[1].add(entry.id)
        for talks in self._talks.values():
            self._forget_idle(talks)

    def balance(self, key: str | None = None) -> Balance:
        """The sums of a key, or of all for None."""
        accounts = [each for each in self._accounts.values() if key in (None, each.key)]
        reserved, spent, released = (
            sum(getattr(each, name) for each in accounts) for name in ("reserved", "spent", "released")
        )
        still = sum(each.tokens for each in self._entries.values() if not each.lost and key in (None, each.key))
        return Balance(reserved, spent, released, still)

    @property
    def accounts(self) -> Collection[Account]:
        """Those of all keys."""
        return self._accounts.values()

    def changes(self) -> Changes:
        """What changed since the last call."""
        accounts, entries, talks = self._changed
        self._changed = (set(), set(), set())
        found = Changes(accounts=[self._accounts[key] for key in accounts])
        for entry_id in entries:
            if entry := self._entries.get(entry_id):
                found.entries.append(entry)
            else:
                found.closed.append(entry_id)
        for key, talk_id in talks:
            if talk := self._talks[key].get(talk_id):
                found.talks.append(talk)
            else:
                found.forgotten.append((key, talk_id))
        return found

    def _offer(self, claim: Claim, account: Account) -> tuple[int, int, str | None] | Refused:
        """Tokens, thinking, and what the thinking gave way to."""
        tokens, thinking, by = claim.tokens, claim.thinking, None
        if claim.conversation is not None:
            talks = self._talks.setdefault(claim.key, {})
            talk = talks.get(claim.conversation.id)
            if talk is None and len(talks) >= MAX_CONVERSATIONS:
                return Refused(tokens, None, next(iter(talks.values())).last + IDLE_S - self._now)
            left = max(0, claim.conversation.budget - (talk.used if talk else 0))
            if left < thinking:
                tokens, thinking, by = claim.tokens_with(left), left, "conversation"
        left_of = account.left(claim.limits)
        room = int(min(tokens, *left_of))
        if room == tokens:
            return tokens, thinking, by
        if claim.yields and claim.rest is not None and room >= claim.rest:
            return room, min(thinking, room - claim.rest), "quota"
        least = tokens if claim.rest is None or not claim.yields else min(tokens, claim.rest)
        # There is room once the longest of those that have none begins anew.
        last = account.standing(int(left_of[1] < least), claim.limits, self._now)
        return Refused(least, last, last.reset_s)

    def _open(self, claim: Claim, owner: str, account: Account, tokens: int, thinking: int, by: str | None) -> Entry:
        about = claim.conversation and claim.conversation.id
        windows = (account.minute, account.day)
        entry = Entry(claim.id, claim.key, owner, tokens, thinking, by, about, windows)
        self._keep(entry)
        account.reserved += tokens
        account.charge(windows, tokens)
        self._changed[0].add(claim.key)
        self._changed[1].add(claim.id)
        if about is not None:
            self._use(claim.key, about, thinking, 1)
        return entry

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.id] = entry
        if not entry.lost:
            self._owned.setdefault(entry.owner, {})[entry.id] = entry

    def _close(self, entry: Entry, spent: int, thought: int) -> None:
        entry.spent, entry.thought = min(spent, entry.tokens), min(thought, entry.thinking)
        account = self._accounts[entry.key]
        account.roll(*_windows(self._now))
        account.spent += entry.spent
        account.released += entry.tokens - entry.spent
        account.charge(entry.windows, entry.spent - entry.tokens)
        self._changed[0].add(entry.key)
        if entry.conversation is not None:
            self._use(entry.key, entry.conversation, entry.thought - entry.thinking, -1)

    def _correct(self, entry: Entry, spent: int, thought: int) -> None:
        """What a lost owner spent beyond its last report was released, and is charged after all."""
        more = max(0, min(spent, entry.tokens) - entry.spent)
        account = self._accounts[entry.key]
        account.roll(*_windows(self._now))
        account.spent += more
        account.released -= more
        account.charge(entry.windows, more)
        self._changed[0].add(entry.key)
        if entry.conversation is not None:
            self._use(entry.key, entry.conversation, max(0, min(thought, entry.thinking) - entry.thought), 0)

    def _use(self, key: str, talk_id: str, thinking: int, num_open: int) -> None:
        talks = self._talks.setdefault(key, {})
        talk = talks.pop(talk_id, None) or Talk(key, talk_id)
        talk.used, talk.num_open, talk.last = talk.used + thinking, talk.num_open + num_open, self._now
        talks[talk_id] = talk
        self._changed[2].add((key, talk_id))

    def _forget_idle(self, talks: dict[str, Talk]) -> None:
        for talk in list(talks.values()):
            if self._now - talk.last <= IDLE_S:
                break
            if not talk.num_open:
                del talks[talk.id]
                self._changed[2].add((talk.key, talk.id))


def _windows(now: float) -> tuple[int, int]:
    """The number of the minute and of the day."""
    return int(now // PERIODS[0][1]), int(now // PERIODS[1][1])
