"""Bundles, packed or file by file."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import httpx

from foundations.bundles.listing import digest_of, distinct, parse_listing
from foundations.errors import NotFound
from foundations.models import BundleView, FilesReceived, MissingFile, MissingFiles
from tests.cli.fake_api.replies import Route, json_of
from tests.store.listings import unframed

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeScheduler


def _has_bundle(scheduler: FakeScheduler, request: httpx.Request, digest: str) -> httpx.Response:
    return httpx.Response(200 if digest in scheduler.bundles else 404)


def _upload(scheduler: FakeScheduler, request: httpx.Request, digest: str) -> httpx.Response:
    scheduler.bundles[digest] = request.read()
    scheduler.uploads.append(digest)
    view = BundleView(digest=digest, size_bytes=len(scheduler.bundles[digest]))
    return json_of(view, status=201)


def _declare(scheduler: FakeScheduler, request: httpx.Request, digest: str) -> httpx.Response:
    if not scheduler.knows_listings:
        raise NotFound(f"No such route: {request.method} {request.url.path}")
    data = request.read()
    assert digest_of(data) == digest
    missing = [
        MissingFile(sha256=sha256, size_bytes=size_bytes)
        for sha256, size_bytes in distinct(parse_listing(data).files.values()).items()
        if sha256 not in scheduler.files
    ]
    if not missing:
        scheduler.bundles[digest] = data
    return json_of(MissingFiles(missing=missing, encodings=scheduler.encodings))


def _send_files(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    body, encoding = request.read(), request.headers.get("Content-Encoding")
    scheduler.files_encoded.append(encoding)
    files = unframed(body if encoding is None else gzip.decompress(body))
    found = {name: content for name, _, content in files}
    scheduler.files_sent += found
    if not scheduler.files_are_lost:
        scheduler.files |= found
    return json_of(FilesReceived(files=len(found)))


ROUTES: list[Route] = [
    ("HEAD", "/bundles/([^/]+)", _has_bundle),
    ("PUT", "/bundles/([^/]+)", _upload),
    ("PUT", "/bundles/([^/]+)/files", _declare),
    ("POST", "/bundles/files", _send_files),
]
