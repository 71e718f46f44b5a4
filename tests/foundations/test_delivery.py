"""A directory gets to a scheduler by the quickest way that both know, and only once."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from foundations import AsyncClient, Client
from foundations.bundles import delivery
from foundations.bundles.delivery import Delivery, make_ready
from foundations.bundles.listing import parse_listing
from foundations.bundles.packs import PIECE_BYTES, GivenUp, Item, Sent, body, compressed, packs
from foundations.errors import BundleError, TooMany, Unreachable
from foundations.models import MissingFile
from foundations.transport.reconnection import Patience
from tests.cli import fake_api
from tests.cli.fake_scheduler import FakeScheduler
from tests.store.listings import sha256, unframed

pytestmark = pytest.mark.anyio
LARGE = delivery.LISTED_ABOVE_BYTES + 1


@pytest.fixture
def scheduler() -> Iterator[FakeScheduler]:
    fake = FakeScheduler()
    yield fake
    fake.close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "project"
    (top / "data").mkdir(parents=True)
    (top / "main.py").write_text("print()\n")
    for number in range(10):
        (top / "data" / str(number)).write_bytes(str(number).encode() * 1000)
    (top / "data" / "same").write_bytes(b"7" * 1000)
    return top


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


def ready(project: Path, folder: Path, size_bytes: int = LARGE) -> Delivery:
    return make_ready(project, folder, size_bytes=size_bytes)


def asked(scheduler: FakeScheduler) -> list[str]:
    """Notes every request from now on."""
    lines: list[str] = []

    def note(request: httpx.Request) -> None:
        lines.append(f"{request.method} {request.url.path.removeprefix('/api/v1/bundles')}")

    scheduler.on_request = note
    return lines


def test_a_small_directory_goes_as_one_packed_file(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    lines = asked(scheduler)
    small = ready(project, folder, 1000)
    small.send(scheduler.client())
    name = small.digest.replace(":", "%3A")
    assert [line.replace(":", "%3A") for line in lines] == [f"HEAD /{name}", f"PUT /{name}"]
    assert scheduler.bundles.keys() == {small.digest}


def test_of_a_large_one_only_what_is_missing_is_sent(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    first = ready(project, folder)
    told: list[int] = []
    first.send(scheduler.client(), watch=told.append)
    listing = parse_listing(scheduler.bundles[first.digest])
    assert listing.files.keys() == {"main.py", *(f"data/{n}" for n in range(10)), "data/same"}
    assert len(scheduler.files) == 11
    assert told == sorted(told)
    assert told[-1] >= first.size_bytes
    assert list(folder.iterdir()) == [], "nothing was packed"

    lines = asked(scheduler)
    ready(project, folder).send(scheduler.client())
    assert len(lines) == 1, "it is known by its name"

    (project / "main.py").write_text("print(1)\n")
    scheduler.files_sent.clear()
    changed = ready(project, folder)
    told.clear()
    changed.send(scheduler.client(), watch=told.append)
    assert told[0] >= changed.size_bytes, "what is there already counts as sent"
    assert changed.digest != first.digest
    assert scheduler.files_sent == [sha256(b"print(1)\n")]


async def test_files_are_compressed_on_their_way_over_a_network_if_the_scheduler_knows_that(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    def sent_as(client: Client) -> set[str | None]:
        scheduler.files.clear()
        scheduler.bundles.clear()
        scheduler.files_encoded.clear()
        ready(project, folder).send(client)
        assert len(scheduler.files) == 11
        return set(scheduler.files_encoded)

    (project / "data" / "noise").write_bytes(os.urandom(300_000))
    (project / "data" / "5").write_bytes(b"5" * 5_000_000)
    (project / "data" / "6").unlink()
    assert sent_as(scheduler.client()) == {"gzip"}
    assert sent_as(scheduler.client("ssh://lab")) == {"gzip"}
    assert sent_as(scheduler.client("unix:///run/atlas.sock")) == {None}
    scheduler.encodings = []
    assert sent_as(scheduler.client()) == {None}


def test_what_compresses_shrinks_on_its_way_and_what_does_not_is_sent_as_it_is() -> None:
    text, noise = b"loss = model(batch)\n" * 50_000, os.urandom(1_000_000)
    packed = b"".join(compressed([text, noise, text]))
    assert gzip.decompress(packed) == text + noise + text
    assert len(packed) < 1.05 * len(noise)
    packed = b"".join(compressed([noise]))
    assert len(noise) < len(packed) < 1.001 * len(noise)


async def test_the_asyncio_twin_does_the_same(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    transport = httpx.MockTransport(lambda request: fake_api.answer(scheduler, request))
    async with AsyncClient("http://atlas", transport=transport) as client:
        found = ready(project, folder)
        told: list[int] = []
        await found.send_async(client, watch=told.append)
        assert scheduler.bundles.keys() == {found.digest}
        assert told[-1] > 10_000
        small = ready(project, folder, 1000)
        await small.send_async(client)
        assert scheduler.bundles.keys() == {found.digest, small.digest}
        scheduler.knows_listings = False
        (project / "main.py").write_text("print(1)\n")
        (folder / "bundle.tar.gz").unlink()
        old = ready(project, folder)
        await old.send_async(client)
        assert scheduler.uploads[-1] == old.digest


async def test_the_twin_goes_on_after_a_broken_connection_and_ends_at_an_error(
    scheduler: FakeScheduler, project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("foundations.bundles.packs.PACK_FILES", 3)
    breaks = [True, False, True]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and breaks and breaks.pop():
            raise httpx.WriteError("the network is gone")
        return fake_api.answer(scheduler, request)

    async with AsyncClient("http://atlas", transport=httpx.MockTransport(answer)) as client:
        await ready(project, folder).send_async(client)
        assert sorted(set(scheduler.files_sent)) == sorted(scheduler.files_sent), "nothing twice"
        assert len(scheduler.files) == 11
        (project / "data" / "3").write_text("listed")
        (project / "data" / "5").write_text("listed, too")
        found = ready(project, folder)
        (project / "data" / "3").write_text("changed")
        with pytest.raises(BundleError, match=r"'data/3' changed while it was read"):
            await found.send_async(client)


def test_an_older_scheduler_gets_one_packed_file(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    scheduler.knows_listings = False
    found = ready(project, folder)
    by_listing = found.digest
    found.send(scheduler.client())
    assert found.digest != by_listing
    assert scheduler.uploads == [found.digest]
    found.send(scheduler.client())
    assert scheduler.uploads == [found.digest]


def test_a_broken_connection_is_gone_on_from(
    scheduler: FakeScheduler, project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("foundations.bundles.packs.PACK_FILES", 3)
    posts: list[str] = []
    breaks = [True, False, True, True]
    lock = threading.Lock()

    def break_off(request: httpx.Request) -> None:
        if request.method == "POST":
            with lock:
                posts.append(request.url.path)
                broken = bool(breaks) and breaks.pop()
            if broken:
                raise httpx.WriteError("the network is gone")

    scheduler.on_request = break_off
    ready(project, folder).send(scheduler.client())
    assert len(scheduler.files) == 11
    assert sorted(set(scheduler.files_sent)) == sorted(scheduler.files_sent), "nothing twice"
    assert len(posts) == 4 + 3


async def test_a_scheduler_that_restarts_while_a_large_directory_is_listed_is_waited_for(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    refused: list[str] = []

    def refuse_first(request: httpx.Request) -> None:
        if not refused:
            refused.append(request.method)
            raise httpx.ConnectError("Connection refused")

    scheduler.on_request = refuse_first
    found = ready(project, folder)
    client = scheduler.client()
    client.patience = Patience(first_delay_seconds=0.001)
    found.send(client)
    assert refused == ["HEAD"]
    assert scheduler.bundles.keys() == {found.digest}

    refused.clear()
    network = httpx.MockTransport(partial(fake_api.answer, scheduler))
    async with AsyncClient("http://lab", transport=network, patience=client.patience) as twin:
        await found.send_async(twin)
    assert refused == ["HEAD"]


def test_an_upload_that_is_interrupted_ends_every_request(
    scheduler: FakeScheduler, project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("foundations.bundles.packs.PACK_FILES", 1)

    def interrupt(sent_bytes: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, GivenUp)):
        ready(project, folder).send(scheduler.client(), watch=interrupt)
    assert scheduler.bundles == {}
    assert not [one for one in threading.enumerate() if one.name.startswith("atlas-upload")]


def test_a_connection_that_always_breaks_is_given_up(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    def break_off(request: httpx.Request) -> None:
        if request.method == "POST":
            raise httpx.WriteError("the network is gone")

    scheduler.on_request = break_off
    client = scheduler.client()
    client.patience = Patience(first_delay_seconds=0.001, give_up_seconds=0.02)
    with pytest.raises(Unreachable, match="the network is gone"):
        ready(project, folder).send(client)
    assert scheduler.bundles == {}


@pytest.mark.parametrize("size_bytes", [1000, LARGE])
async def test_what_a_limit_refuses_is_sent_again_later(
    scheduler: FakeScheduler, project: Path, folder: Path, size_bytes: int
) -> None:
    refused: list[str] = []

    def refuse_first(request: httpx.Request) -> None:
        if request.method not in refused:
            refused.append(request.method)
            raise TooMany("Later.", retry_after_seconds=0)

    def watch(client: Client | AsyncClient) -> list[str]:
        told: list[str] = []
        client.patience = Patience(first_delay_seconds=0.001)
        client.deferred = lambda error, _: told.append(error.message)
        refused.clear()
        return told

    scheduler.on_request = refuse_first
    client = scheduler.client()
    told = watch(client)
    ready(project, folder, size_bytes).send(client)
    (project / "main.py").write_text("print(1)\n")
    (folder / "bundle.tar.gz").unlink(missing_ok=True)
    network = httpx.MockTransport(partial(fake_api.answer, scheduler))
    twin = AsyncClient("http://lab", transport=network)
    told_twin = watch(twin)
    async with twin:
        await ready(project, folder, size_bytes).send_async(twin)

    assert len(scheduler.bundles) == 2
    assert told == told_twin == ["Later."] * len(refused)


def test_a_limit_that_does_not_let_go_ends_the_upload(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    def refuse(request: httpx.Request) -> None:
        if request.method == "POST":
            raise TooMany("3 GB of bundles a day.", retry_after_seconds=7000)

    scheduler.on_request = refuse
    with pytest.raises(TooMany, match=r"^3 GB of bundles a day\.$"):
        ready(project, folder).send(scheduler.client())
    assert scheduler.bundles == {}


@pytest.mark.parametrize("size_bytes", [1000, LARGE])
def test_an_outage_is_waited_for_in_the_middle(
    scheduler: FakeScheduler, project: Path, folder: Path, size_bytes: int
) -> None:
    count = 0

    def be_away(request: httpx.Request) -> None:
        nonlocal count
        count += 1
        if not away_from < count < away_from + 10:
            return
        raise httpx.ConnectError("refused")

    client = scheduler.client()
    client.patience = Patience(first_delay_seconds=0.001)
    scheduler.on_request = be_away
    away_from = 1
    ready(project, folder, size_bytes).send(client)
    assert count > away_from + 9
    assert len(scheduler.bundles) == 1


def test_a_scheduler_that_never_was_there_is_not_waited_for_with_a_small_directory(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    count = 0

    def be_away(request: httpx.Request) -> None:
        nonlocal count
        count += 1
        raise httpx.ConnectError("refused")

    scheduler.on_request = be_away
    with pytest.raises(Unreachable, match="refused"):
        ready(project, folder, 1000).send(scheduler.client())
    assert count == 1


def test_a_file_that_is_written_to_while_it_is_sent_is_named(project: Path) -> None:
    path = project / "data" / "3"
    path.write_bytes(bytes(3 * PIECE_BYTES))
    pieces = body([Item("0" * 64, 3 * PIECE_BYTES, 0, str(path), "data/3")], Sent())
    next(pieces)
    with path.open("r+b") as file:
        file.write(b"1")
    os.utime(path, (1, 1))
    with pytest.raises(BundleError, match=r"'data/3' changed while it was read\. Try again"):
        list(pieces)


def test_a_scheduler_that_never_has_enough_is_given_up(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    scheduler.files_are_lost = True
    with pytest.raises(BundleError, match="again and again"):
        ready(project, folder).send(scheduler.client())


def test_a_file_that_changed_since_it_was_listed_ends_the_upload(
    scheduler: FakeScheduler, project: Path, folder: Path
) -> None:
    found = ready(project, folder)
    (project / "data" / "3").write_text("shorter")
    with pytest.raises(BundleError, match=r"'data/3' changed while it was read\. Try again"):
        found.send(scheduler.client())


def missing(*sizes: tuple[int, int]) -> list[MissingFile]:
    return [
        MissingFile(sha256=f"{number:064}", size_bytes=size, arrived_bytes=arrived)
        for number, (size, arrived) in enumerate(sizes)
    ]


def test_requests_are_few_and_not_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foundations.bundles.packs.PACK_BYTES", 100)
    monkeypatch.setattr("foundations.bundles.packs.PACK_FILES", 3)
    wanted = missing((40, 0), (70, 0), (500, 480), (1, 0), (0, 0), (5, 0), (200, 0), (1, 0))
    sources = {one.sha256: ("/x", "x") for one in wanted}
    sizes = [[item.size_bytes - item.offset for item in one] for one in packs(wanted, sources)]
    assert sizes == [[40, 70], [20, 1, 0], [5, 200], [1]]
    with pytest.raises(BundleError, match="not in the bundle"):
        packs(wanted, {})
    assert packs([], {}) == []


def test_a_body_begins_where_the_last_one_was_cut_off(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "empty").touch()
    path = str(tmp_path / "a")
    items = [
        Item(sha256(content), len(content), 1_234_567, path, "a"),
        Item(sha256(b""), 0, 0, str(tmp_path / "empty"), "empty"),
    ]
    sent = Sent()
    data = b"".join(body(items, sent))
    assert sent.total_bytes == len(data)
    assert unframed(data) == [
        (sha256(content), 1_234_567, content[1_234_567:]),
        (sha256(b""), 0, b""),
    ]
