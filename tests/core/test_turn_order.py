"""Who asks all the time has a fair share of the server, and who asks seldom waits for nobody."""

from __future__ import annotations

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atlas_scheduler.core.turn_order import (
    ALONE,
    BESIDE_OTHERS,
    CREDIT_SECONDS,
    EQUAL_SECONDS,
    LATELY_SECONDS,
    LONGEST_REST_SECONDS,
    RESTS,
    TurnOrder,
)
from tests.core.profiles import MACHINE, PROPERTY

NAMES = st.sampled_from(["ada", "ben", "eve"])


class Server:
    """A server by itself: time moves when a test says so, and what is worked on is known."""

    def __init__(self) -> None:
        self.order = TurnOrder()
        self.now_seconds = 1_000.0
        self.working: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()
        self.had_seconds: defaultdict[str, float] = defaultdict(float)
        """For how long each had the server, shared where several had it."""

    def ask(self, name: str) -> list[str]:
        self.order.ask(name, now_seconds=self.now_seconds)
        self.waiting[name] += 1
        return self.begin()

    def end(self, name: str) -> list[str]:
        self.order.end(name, now_seconds=self.now_seconds)
        self.working[name] -= 1
        return self.begin()

    def give_up(self, name: str) -> list[str]:
        self.order.give_up(name, now_seconds=self.now_seconds)
        self.waiting[name] -= 1
        return self.begin()

    def begin(self) -> list[str]:
        begun = self.order.begin(now_seconds=self.now_seconds)
        for name in begun:
            self.waiting[name] -= 1
            self.working[name] += 1
        return begun

    def pass_time(self, seconds: float) -> list[str]:
        """Let time pass, and look whenever that may change something."""
        begun = []
        until = self.now_seconds + seconds
        while self.now_seconds < until:
            again = self.order.look_again_seconds()
            step = until - self.now_seconds
            # The least step is one that a clock can tell.
            step = step if again is None else min(step, max(again, 1e-6))
            total = self.working.total()
            for name, count in self.working.items():
                self.had_seconds[name] += step * count / max(1, total)
            self.now_seconds += step
            begun += self.begin()
        return begun


def test_who_is_alone_has_two_requests_worked_on() -> None:
    server = Server()
    begun = [server.ask("ada") for _ in range(4)]
    assert begun == [["ada"]] * ALONE + [[], []]
    assert server.end("ada") == ["ada"]


def test_beside_others_each_has_one() -> None:
    server = Server()
    for _ in range(3):
        server.ask("ada")
    assert server.ask("ben") == ["ben"]
    assert server.ask("ben") == []
    assert server.end("ada") == []
    assert server.end("ada") == ["ada"]
    assert server.working == {"ada": BESIDE_OTHERS, "ben": BESIDE_OTHERS}


def test_who_was_about_lately_still_counts_as_another() -> None:
    server = Server()
    server.ask("ben")
    server.end("ben")
    server.pass_time(LATELY_SECONDS / 2)
    assert (server.ask("ada"), server.ask("ada")) == (["ada"], [])
    assert server.pass_time(LATELY_SECONDS) == ["ada"]


def _busy_server() -> Server:
    """A server that ada alone has kept busy, with two requests more than are worked on."""
    server = Server()
    for _ in range(ALONE + 2):
        server.ask("ada")
    server.pass_time(10)
    return server


def test_nobody_who_is_ahead_begins_while_somebody_comes_back() -> None:
    server = _busy_server()
    assert server.ask("ben") == ["ben"]
    assert (server.end("ada"), server.end("ada")) == ([], [])
    assert server.end("ben") == []
    assert server.pass_time(LONGEST_REST_SECONDS) == ["ada"]


def test_somebody_who_comes_back_does_not_keep_the_server_by_one_long_request() -> None:
    server = _busy_server()
    server.ask("ben")
    server.end("ada")
    server.end("ada")
    assert server.pass_time(CREDIT_SECONDS - EQUAL_SECONDS - 0.001) == []
    assert server.pass_time(0.002) == ["ada"]
    assert server.working == {"ada": 1, "ben": 1}


def test_what_waits_for_no_turn_is_not_held_and_holds_others() -> None:
    server = _busy_server()
    for _ in range(5):
        server.order.begin_at_once("owner", now_seconds=server.now_seconds)
    assert (server.end("ada"), server.end("ada")) == ([], [])
    for _ in range(5):
        assert server.begin() == []
        server.order.end("owner", now_seconds=server.now_seconds)
    assert server.pass_time(LONGEST_REST_SECONDS) == ["ada"]


def test_who_has_more_to_ask_rests_while_somebody_else_is_about() -> None:
    server = Server()
    server.ask("ben")
    server.end("ben")
    server.ask("ada")
    server.ask("ada")
    server.pass_time(0.01)
    assert server.end("ada") == []
    assert server.ask("ben") == ["ben"], "who asks seldom finds the server free"
    assert server.end("ben") == []
    assert server.pass_time(RESTS * 0.01 - 0.001) == []
    assert server.pass_time(0.001) == ["ada"]
    server.pass_time(LATELY_SECONDS)
    assert (server.ask("ada"), server.ask("ada")) == (["ada"], [])
    assert server.end("ada") == ["ada"], "ben is not about any more"


def test_who_is_behind_does_not_rest() -> None:
    server = _busy_server()
    for _ in range(3):
        server.ask("ben")
    server.pass_time(0.01)
    assert server.end("ben") == ["ben"]


def test_who_had_an_idle_server_is_not_ahead_of_who_comes_now() -> None:
    server = Server()
    for _ in range(100):
        server.ask("ada")
        server.pass_time(0.01)
        server.end("ada")
        server.pass_time(0.1)
    assert server.ask("ben") == ["ben"]
    assert server.ask("ada") == ["ada"]


def test_a_pause_is_not_saved_up() -> None:
    server = Server()
    server.ask("ben")
    server.end("ben")
    server.ask("ada")
    server.pass_time(3_600)
    for _ in range(2):
        server.ask("ada")
        server.ask("ben")
    _work_on(server, 400, cost_seconds=0.01)
    shares = server.had_seconds["ada"] - 3_600, server.had_seconds["ben"]
    assert 0 <= shares[1] - shares[0] <= CREDIT_SECONDS + EQUAL_SECONDS + 0.02


class _Clients:
    """Clients who ask again as soon as they are answered, each at a cost of its own."""

    def __init__(self, costs: dict[str, float], *, connections: int) -> None:
        self.server = Server()
        self._costs = costs
        self._left: dict[str, list[float]] = {name: [] for name in costs}
        for name in costs:
            for _ in range(connections):
                self._start(self.server.ask(name))

    def work_on(self) -> None:
        """Let time pass until a request is answered, or a turn comes by time alone."""
        total = max(1, self.server.working.total())
        # Each request has its part of the server until it has had what it costs.
        ends = [cost * total for mine in self._left.values() for cost in mine]
        again = self.server.order.look_again_seconds()
        step = min(ends if again is None else [*ends, max(again, 1e-6)])
        for mine in self._left.values():
            mine[:] = [cost - step / total for cost in mine]
        self._start(self.server.pass_time(step))
        for name, mine in self._left.items():
            for done in [cost for cost in mine if cost <= 1e-9]:
                mine.remove(done)
                self._start(self.server.ask(name))
                self._start(self.server.end(name))

    def _start(self, begun: list[str]) -> None:
        for name in begun:
            self._left[name].append(self._costs[name])


@PROPERTY
@given(
    costs=st.dictionaries(NAMES, st.floats(0.001, 0.1), min_size=2),
    connections=st.integers(1, 8),
)
def test_all_who_ask_all_the_time_have_the_server_for_as_long(
    costs: dict[str, float], connections: int
) -> None:
    clients = _Clients(costs, connections=connections)
    end_seconds = clients.server.now_seconds + 3
    while clients.server.now_seconds < end_seconds:
        clients.work_on()
    had = [clients.server.had_seconds[name] for name in costs]
    assert max(had) - min(had) <= CREDIT_SECONDS + EQUAL_SECONDS + max(costs.values())


def _work_on(server: Server, requests: int, *, cost_seconds: float) -> None:
    """End a request of each whose turn it is, after a while each time, and let it ask again."""
    for _ in range(requests):
        server.pass_time(cost_seconds)
        for name in [name for name, count in server.working.items() if count]:
            server.ask(name)
            server.end(name)


class Turns(RuleBasedStateMachine):
    """Whatever is asked, ended and given up, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()

    @rule(name=NAMES)
    def ask(self, name: str) -> None:
        """A request comes."""
        before = self.server.working[name]
        self.server.ask(name)
        if not before and not self.server.working[name]:
            others = self.server.working.total() - self.server.working[name]
            rests = self.server.order.look_again_seconds() is not None
            assert others or rests, "nobody waits while nothing is worked on and nobody rests"

    @rule(name=NAMES)
    def end(self, name: str) -> None:
        """A request is answered."""
        if self.server.working[name]:
            self.server.end(name)

    @rule(name=NAMES)
    def give_up(self, name: str) -> None:
        """Whoever waits goes away."""
        if self.server.waiting[name]:
            self.server.give_up(name)

    @rule(seconds=st.floats(0.0, 3.0))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.server.pass_time(seconds)

    @invariant()
    def somebody_is_worked_for(self) -> None:
        """Who waits while nothing is worked on rests, and nobody has more than two turns."""
        if self.server.waiting.total() and not self.server.working.total():
            again = self.server.order.look_again_seconds()
            assert again is not None
            assert 0 < again <= LONGEST_REST_SECONDS
        assert all(0 <= count <= ALONE for count in self.server.working.values())

    @precondition(lambda self: self.server.waiting.total() and self.server.working.total())
    @invariant()
    def who_waits_without_a_turn_waits_for_a_time(self) -> None:
        """Whoever has no turn has one soon, however long the others' requests take."""
        without = [
            name
            for name, count in self.server.waiting.items()
            if count and not self.server.working[name]
        ]
        if without:
            assert self.server.order.look_again_seconds() is not None


TestTurns = Turns.TestCase
TestTurns.settings = MACHINE
