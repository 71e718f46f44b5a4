"""Whose request is worked on next, so that nobody has more than a fair share of the server.

Start-time fair queueing (P. Goyal, H. M. Vin, H. Cheng, SIGCOMM 1996): each party has a tag that
grows by what its requests cost, and who is behind goes first. What a request costs is not known
before, so that tags grow while it is worked on. Whoever comes back from a pause begins a little
behind the others, as in borrowed virtual time (K. J. Duda, D. R. Cheriton, SOSP 1999): who asks
seldom then waits for nobody who asks all the time.

A request cannot be interrupted for one that comes later. So that most of those find the server
free, whoever has more to ask rests after each one while somebody else is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

ALONE = 2
"""Requests of a party that are worked on at once while nobody else is about."""
BESIDE_OTHERS = 1
"""The same while somebody else is: what they ask then meets one request, not several."""
RESTS = 2
"""A party rests for so many times as long as its last request took."""
LONGEST_REST_SECONDS = 0.05
"""And for no longer than this."""
LATELY_SECONDS = 1.0
"""For how long after their last request somebody is still about."""
CREDIT_SECONDS = 0.1
"""How far behind the others somebody begins who comes back from a pause."""
EQUAL_SECONDS = 0.02
"""Parties that are no further apart are worked on beside each other."""


@dataclass(slots=True)
class _Party:
    """What one party asked for, and its tag."""

    spent_seconds: float
    """Its tag: the time for which it had the server, and what it forwent by pauses."""
    seen_at_seconds: float
    """When its last request ended."""
    began_at_seconds: float = 0.0
    """Since when requests of it are worked on without a break, or were."""
    rests_until_seconds: float = 0.0
    working: int = 0
    waiting: int = 0

    def begin(self, now_seconds: float) -> None:
        if not self.working:
            self.began_at_seconds = now_seconds
        self.working += 1

    def rest(self, now_seconds: float) -> None:
        seconds = min(RESTS * (now_seconds - self.began_at_seconds), LONGEST_REST_SECONDS)
        self.rests_until_seconds = now_seconds + seconds


@dataclass(slots=True)
class TurnOrder:
    """Requests that wait and that are worked on, of any number of parties, by their names.

    Times are those of a clock that does not go back.
    """

    _parties: dict[str, _Party] = field(default_factory=dict)
    """All that ever asked; those last whose requests ended last."""
    _busy: dict[str, _Party] = field(default_factory=dict)
    """Those that have requests; who has asked for longest is first."""
    _level_seconds: float = 0.0
    """The tag of whoever is furthest behind, or was when all had what they asked for."""
    _settled_at_seconds: float = 0.0

    def ask(self, name: str, *, now_seconds: float) -> None:
        """Note that a request of a party waits for its turn."""
        self._come(name, now_seconds).waiting += 1

    def begin_at_once(self, name: str, *, now_seconds: float) -> None:
        """Note that a request is worked on that waits for no turn."""
        self._come(name, now_seconds).begin(now_seconds)

    def give_up(self, name: str, *, now_seconds: float) -> None:
        """Note that a request that waits has gone away."""
        self._settle(now_seconds)
        self._busy[name].waiting -= 1
        self._leave_if_done(name, now_seconds)

    def end(self, name: str, *, now_seconds: float) -> None:
        """Note that a request is worked on no longer."""
        self._settle(now_seconds)
        party = self._busy[name]
        party.working -= 1
        if party.waiting and not party.working and self._is_beside_others(name, now_seconds):
            party.rest(now_seconds)
        self._leave_if_done(name, now_seconds)

    def begin(self, *, now_seconds: float) -> list[str]:
        """Begin what may be begun now: a name for each request, in the order of their turns."""
        self._settle(now_seconds)
        begun = []
        for name, party in sorted(self._waiting(), key=lambda one: one[1].spent_seconds):
            while party.waiting and self._may_begin(name, party, now_seconds):
                party.waiting -= 1
                party.begin(now_seconds)
                begun.append(name)
        return begun

    def look_again_seconds(self) -> float | None:
        """In how many seconds time alone will let a request begin; None if it will not."""
        now_seconds = self._settled_at_seconds
        working = sum(party.working for party in self._busy.values())
        caught_up = [
            (held.spent_seconds - EQUAL_SECONDS - party.spent_seconds) * working / party.working
            for _, held in self._waiting()
            for party in self._busy.values()
            if party.working and _is_ahead(held, party)
        ]
        rested = [
            held.rests_until_seconds - now_seconds
            for _, held in self._waiting()
            if held.rests_until_seconds > now_seconds
        ]
        return min([*caught_up, *rested], default=None)

    def _come(self, name: str, now_seconds: float) -> _Party:
        self._settle(now_seconds)
        if name in self._busy:
            return self._busy[name]
        least = self._level_seconds - CREDIT_SECONDS
        party = self._parties.setdefault(name, _Party(least, now_seconds))
        party.spent_seconds = max(party.spent_seconds, least)
        self._busy[name] = party
        return party

    def _settle(self, now_seconds: float) -> None:
        """Share the time since the last look out among those whose requests were worked on.

        Time for which nobody asked counts as forgone by all: who used it up to then is no further
        ahead than who comes now.
        """
        passed = max(0.0, now_seconds - self._settled_at_seconds)
        self._settled_at_seconds += passed
        working = sum(party.working for party in self._busy.values())
        for party in self._busy.values():
            if party.working:
                party.spent_seconds += passed * party.working / working
        if not self._busy:
            self._level_seconds += passed
        furthest_behind = min((one.spent_seconds for one in self._busy.values()), default=0.0)
        self._level_seconds = max(self._level_seconds, furthest_behind)

    def _leave_if_done(self, name: str, now_seconds: float) -> None:
        party = self._busy[name]
        if party.waiting or party.working:
            return
        del self._busy[name]
        party.seen_at_seconds = now_seconds
        self._parties[name] = self._parties.pop(name)

    def _waiting(self) -> Iterator[tuple[str, _Party]]:
        return ((name, party) for name, party in self._busy.items() if party.waiting)

    def _may_begin(self, name: str, party: _Party, now_seconds: float) -> bool:
        most = BESIDE_OTHERS if self._is_beside_others(name, now_seconds) else ALONE
        others = self._busy.values()
        if party.working >= most or any(_is_ahead(party, other) for other in others):
            return False
        # Whoever is behind catches up without a rest: the others wait for them.
        return party.rests_until_seconds <= now_seconds or any(
            _is_ahead(other, party) for other in others
        )

    def _is_beside_others(self, name: str, now_seconds: float) -> bool:
        if any(other != name for other in self._busy):
            return True
        last = next((one for one in reversed(self._parties) if one != name), None)
        if last is None:
            return False
        return now_seconds - self._parties[last].seen_at_seconds < LATELY_SECONDS


def _is_ahead(party: _Party, other: _Party) -> bool:
    return party.spent_seconds - other.spent_seconds > EQUAL_SECONDS
