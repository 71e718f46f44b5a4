"""Several who send the same file at once, each from where it was told that the file ends."""

from __future__ import annotations

import os

import pytest

from atlas_scheduler.store.blob_upload import BlobUpload
from atlas_scheduler.store.bundles import Bundles
from foundations.bundles.listing import digest_of
from foundations.errors import BundleRejected
from tests.store.listings import LARGE, frame, listing_of, sha256

MIB = 2**20
CONTENT = os.urandom(6 * MIB)


def begun(bundles: Bundles, *, offset: int = 0, until: int) -> BlobUpload:
    """A request that has brought the content up to some byte, and goes on."""
    upload = BlobUpload(bundles.listed.blobs, max_bytes=LARGE, require_space=lambda _: None)
    upload.feed(frame(CONTENT, offset=offset)[: until - len(CONTENT) or None])
    return upload


def arrived(bundles: Bundles) -> int | None:
    """How much somebody who asks is told is here; None when nothing is missing."""
    data = listing_of({"a": CONTENT})
    missing = bundles.listed.declare(digest_of(data), data, max_bytes=LARGE)
    return missing[sha256(CONTENT)][1] if missing else None


def kept(bundles: Bundles) -> bytes:
    return bundles.listed.blobs.path(sha256(CONTENT)).read_bytes()


def parts(bundles: Bundles) -> list[str]:
    return [path.name for path in bundles.listed.blobs.incoming.iterdir()]


def test_two_go_on_with_the_same_part_after_both_were_cut_off(bundles: Bundles) -> None:
    begun(bundles, until=3 * MIB).end()
    assert arrived(bundles) == 3 * MIB
    one = begun(bundles, offset=3 * MIB, until=4 * MIB)
    other = begun(bundles, offset=3 * MIB, until=5 * MIB)
    for upload, until in ((one, 4 * MIB), (other, 5 * MIB)):
        upload.feed(CONTENT[until:])
        upload.finish()
        assert kept(bundles) == CONTENT
    assert parts(bundles) == []


def test_a_connection_that_nobody_misses_yet_does_not_keep_its_client_from_going_on(
    bundles: Bundles,
) -> None:
    stalled = begun(bundles, until=4 * MIB)
    again = begun(bundles, offset=arrived(bundles) or 0, until=len(CONTENT))
    again.finish()
    assert arrived(bundles) is None
    stalled.end()
    assert kept(bundles) == CONTENT


def test_who_goes_on_with_what_another_has_completed_meanwhile_is_not_refused(
    bundles: Bundles,
) -> None:
    begun(bundles, until=3 * MIB).end()
    whole = begun(bundles, offset=3 * MIB, until=len(CONTENT))
    before = begun(bundles, offset=3 * MIB, until=4 * MIB)  # it is whole, and has no name yet
    whole.finish()
    behind = begun(bundles, offset=3 * MIB, until=4 * MIB)
    for upload in (before, behind):
        upload.feed(CONTENT[4 * MIB :])
        upload.finish()
    assert kept(bundles) == CONTENT
    assert parts(bundles) == []


def test_of_two_that_are_cut_off_the_longer_part_stays(bundles: Bundles) -> None:
    shorter, longer = begun(bundles, until=2 * MIB), begun(bundles, until=5 * MIB)
    shorter.end()
    longer.end()
    assert arrived(bundles) == 5 * MIB
    going = begun(bundles, until=3 * MIB, offset=2 * MIB)
    begun(bundles, offset=2 * MIB, until=4 * MIB).end()
    assert parts(bundles) == [f"{sha256(CONTENT)}.part"]
    going.end()


def test_nobody_is_told_of_a_beginning_that_would_not_be_kept(bundles: Bundles) -> None:
    upload = begun(bundles, until=MIB - 1)
    assert arrived(bundles) == 0
    upload.end()
    assert parts(bundles) == []


def test_what_a_part_lacks_is_said(bundles: Bundles) -> None:
    begun(bundles, until=2 * MIB).end()
    with pytest.raises(BundleRejected, match=r"Only 2097152 bytes of .* Submit again"):
        begun(bundles, offset=3 * MIB, until=4 * MIB)
