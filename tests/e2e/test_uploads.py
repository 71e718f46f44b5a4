"""Uploads that break or lie: nothing half-made is left, and no job comes of it."""

from __future__ import annotations

import gzip
import hashlib
import os
import socket
from pathlib import Path

import pytest

from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make
from tests.e2e.projects import until, write_project


def bundle_files(scheduler: Scheduler) -> set[Path]:
    """Everything below the bundles' directory."""
    incoming = scheduler.home.bundles / "incoming"
    return {path for path in scheduler.home.bundles.rglob("*") if path != incoming}


def put(scheduler: Scheduler, digest: str, *, length: int, body: bytes) -> socket.socket:
    """Begin an upload on a connection of its own."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(str(scheduler.home.socket))
    head = (
        f"PUT /api/v1/bundles/sha256:{digest} HTTP/1.1\r\nHost: atlas\r\n"
        f"Content-Type: application/gzip\r\nContent-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def answer(connection: socket.socket) -> bytes:
    """Read a whole answer."""
    with connection:
        data = b""
        while not data.endswith(b"}"):
            piece = connection.recv(65_536)
            assert piece, data
            data += piece
        return data


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_an_upload_that_is_cut_off_leaves_nothing(shared: Scheduler, share: float) -> None:
    before = bundle_files(shared)
    body = os.urandom(3_000_000)
    digest = hashlib.sha256(body).hexdigest()
    connection = put(shared, digest, length=len(body), body=body[: int(len(body) * share)])
    incoming = shared.home.bundles / "incoming"
    if share:
        until(lambda: any(incoming.iterdir()), "the upload has begun")
    connection.close()
    until(lambda: bundle_files(shared) == before, "nothing is left of the upload")
    with shared.client() as client:
        assert not client.has_bundle(f"sha256:{digest}")


def test_a_wrong_digest_a_wrong_length_and_no_archive_are_refused(shared: Scheduler) -> None:
    before = bundle_files(shared)
    body = gzip.compress(b"not a tar file" * 1000)
    digest = hashlib.sha256(body).hexdigest()
    wrong = answer(put(shared, "0" * 64, length=len(body), body=body))
    assert wrong.startswith(b"HTTP/1.1 400")
    assert b'"bundle_rejected"' in wrong
    assert digest.encode() in wrong
    unreadable = answer(put(shared, digest, length=len(body), body=body))
    assert unreadable.startswith(b"HTTP/1.1 400")
    assert b'"bundle_rejected"' in unreadable
    until(lambda: bundle_files(shared) == before, "nothing is left of the uploads")


def test_an_upload_under_way_at_a_crash_is_swept_at_the_next_start(own: Scheduler) -> None:
    body = os.urandom(2_000_000)
    digest = hashlib.sha256(body).hexdigest()
    with put(own, digest, length=2 * len(body), body=body):
        until(lambda: bool(bundle_files(own)), "the upload has begun")
        own.kill()
    assert bundle_files(own)
    own.start()
    until(lambda: not bundle_files(own), "nothing is left of the upload")
    assert own.listed() == []


def test_a_job_whose_bundle_is_missing_is_refused_and_not_queued(shared: Scheduler) -> None:
    count = len(shared.listed())
    body = b'{"spec": {"project": "p"}, "bundle": "sha256:' + b"0" * 64 + b'"}'
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(shared.home.socket))
        head = (
            "POST /api/v1/jobs HTTP/1.1\r\nHost: atlas\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 404 ")
    assert len(shared.listed()) == count


def test_a_directory_over_the_limit_is_refused(make: Make) -> None:
    scheduler = make(max_bundle_gb=0.001)
    scheduler.start()
    project = write_project(scheduler.root / "p", {"main.py": ""})
    (project / "data.bin").write_bytes(os.urandom(2_000_000))
    done = scheduler.cli("submit", "scheduler", str(project), code=1)
    assert "larger than the 1000000 bytes" in done.err
    assert ".foundationsignore" in done.err
    assert not bundle_files(scheduler)
    write_project(project, {".foundationsignore": "*.bin\n"})
    assert scheduler.wait(scheduler.submit(project)).state == "completed"
