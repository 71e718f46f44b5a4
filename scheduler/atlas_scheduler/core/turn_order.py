"""Whose request is worked on next, so that nobody has more than a fair share of the server.

Start-time fair queueing (P. Goyal, H. M. Vin, H. Cheng, SIGCOMM 1996): each party has a tag that
grows by what its requests cost, and who is behind goes first. What a request costs is not known
before, so that tags grow while it is worked on. Whoever comes back from a pause begins a little
behind the others, as in borrowed virtual time (K. J. Duda, D. R. Cheriton, SOSP 1999): who asks
seldom then waits for nobody who asks all the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

ALONE = 2
"""Requests of a party that are worked on at once while nobody else is about."""
BESIDE_OTHERS = 1
"""The same while somebody else is: what they ask then meets one request, not several."""
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
    working: int = 0
    waiting: int = 0


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
        self._come(name, now_seconds).working += 1

    def give_up(self, name: str, *, now_seconds: float) -> None:
        """Note that a request that waits has gone away."""
        self._settle(now_seconds)
        self._busy[name].waiting -= 1
        self._rest_if_done(name, now_seconds)

    def end(self, name: str, *, now_seconds: float) -> None:
        """Note that a request is worked on no longer."""
        self._settle(now_seconds)
        self._busy[name].working -= 1
        self._rest_if_done(name, now_seconds)

    def begin(self, *, now_seconds: float) -> list[str]:
        """Begin what may be begun now: a name for each request, in the order of their turns."""
        self._settle(now_seconds)
        begun = []
        for name, party in sorted(self._waiting(), key=lambda one: one[1].spent_seconds):
            while party.waiting and self._may_begin(name, party, now_seconds):
                party.waiting -= 1
                party.working += 1
                begun.append(name)
        return begun

    def look_again_seconds(self) -> float | None:
        """In how many seconds time alone will let a request begin; None if it will not."""
        working = sum(party.working for party in self._busy.values())
        times = [
            (held.spent_seconds - EQUAL_SECONDS - party.spent_seconds) * working / party.working
            for _, held in self._waiting()
            for party in self._busy.values()
            if party.working and _is_ahead(held, party)
        ]
        return min(times, default=None)

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
        """Share the time since the last look out among those whose requests were worked on."""
        passed = max(0.0, now_seconds - self._settled_at_seconds)
        self._settled_at_seconds += passed
        working = sum(party.working for party in self._busy.values())
        for party in self._busy.values():
            if party.working:
                party.spent_seconds += passed * party.working / working
        furthest_behind = min((one.spent_seconds for one in self._busy.values()), default=0.0)
        self._level_seconds = max(self._level_seconds, furthest_behind)

    def _rest_if_done(self, name: str, now_seconds: float) -> None:
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
        return party.working < most and not any(
            _is_ahead(party, other) for other in self._busy.values()
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
