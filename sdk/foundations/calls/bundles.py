"""Requests that bring bundles to the scheduler."""

from __future__ import annotations

from urllib.parse import quote

from foundations.calls.call import Call
from foundations.lazy_models import models


def has_bundle(digest: str) -> Call[bool]:
    """Ask whether a bundle is there."""
    path = f"/bundles/{quote(digest, safe='')}"
    return Call("HEAD", path, lambda status, _: status == 200, expected=(200, 404))


def upload_bundle(digest: str, *, size_bytes: int) -> Call[models.BundleView]:
    """Send a bundle; its body is the packed file."""
    return Call(
        "PUT",
        f"/bundles/{quote(digest, safe='')}",
        lambda _, body: models.BundleView.model_validate_json(body),
        headers={"Content-Type": "application/gzip", "Content-Length": str(size_bytes)},
        expected=(201,),
    )


def declare_bundle(digest: str, listing: bytes) -> Call[models.MissingFiles]:
    """Say what is in a bundle, and ask which of its files are missing; without any it is there."""
    return Call(
        "PUT",
        f"/bundles/{quote(digest, safe='')}/files",
        lambda _, body: models.MissingFiles.model_validate_json(body),
        body=listing,
        headers={"Content-Type": "application/json"},
    )


def send_files(*, gzip: bool = False) -> Call[models.FilesReceived]:
    """Send files of bundles; the body is that of `bundles.packs`, with `gzip` compressed."""
    return Call(
        "POST",
        "/bundles/files",
        lambda _, body: models.FilesReceived.model_validate_json(body),
        headers={
            "Content-Type": "application/octet-stream",
            **({"Content-Encoding": "gzip"} if gzip else {}),
        },
    )
