"""The files of two bundles are compared, within limits."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.source_diff import Caps, compare_sources
from foundations.errors import NotFound
from foundations.home import Home
from foundations.models import FileDiff
from tests.store.projects import stored

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bundles(tmp_path: Path) -> AsyncIterator[Bundles]:
    opened = Bundles(Home(tmp_path / "home"), boot_id="this boot")
    opened.sweep()
    yield opened
    opened.close()


async def compare(
    bundles: Bundles, old: dict[str, str], new: dict[str, str], caps: Caps | None = None
) -> tuple[list[FileDiff], int]:
    pair = await stored(bundles, old), await stored(bundles, new)
    return compare_sources(bundles, *pair, caps=caps)


async def test_each_file_that_differs_has_its_diff(bundles: Bundles) -> None:
    old = {"same.py": "1\n", "src/a.py": "one\ntwo\nthree\n", "gone.py": "x\n"}
    new = {"same.py": "1\n", "src/a.py": "one\n2\nthree", "new.py": "y\nz\n"}

    files, left_out = await compare(bundles, old, new)

    assert left_out == 0
    assert [(file.path, file.change, file.diff) for file in files] == [
        ("gone.py", "removed", "--- a/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"),
        ("new.py", "added", "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1,2 @@\n+y\n+z\n"),
        (
            "src/a.py",
            "changed",
            "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,3 +1,3 @@\n one\n-two\n-three\n+2\n+three\n"
            "\\ No newline at end of file\n",
        ),
    ]


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
async def test_patch_makes_the_one_of_the_other(bundles: Bundles, tmp_path: Path) -> None:
    before = [f"line {number}\n" for number in range(100)]
    after = ["first\n", *before[1:40], "\x0c odd\r\n", *before[45:99], "end"]
    (tmp_path / "a.py").write_text("".join(before))

    ((file,), _) = await compare(bundles, {"a.py": "".join(before)}, {"a.py": "".join(after)})

    command = ["patch", "--binary", "-s", "-p1"]
    await anyio.run_process(command, input=file.diff.encode(), cwd=tmp_path)
    assert (tmp_path / "a.py").read_bytes() == "".join(after).encode()


async def test_a_change_that_keeps_the_size_is_found(bundles: Bundles) -> None:
    ((file,), _) = await compare(bundles, {"a": "1"}, {"a": "2"})

    assert file.diff.endswith(
        "-1\n\\ No newline at end of file\n+2\n\\ No newline at end of file\n"
    )


async def test_the_same_bundle_differs_in_nothing(bundles: Bundles) -> None:
    assert await compare(bundles, {"a": "1"}, {"a": "1"}) == ([], 0)


@pytest.mark.parametrize(
    ("old", "new", "caps", "omitted"),
    [
        ("a\0", "b\0", Caps(), "binary"),
        ("a", "b" * 2000, Caps(file_bytes=1024), "larger than 1 KiB"),
        ("a", "b\n" * 4, Caps(lines=3), "more than 3 lines"),
        ("a", "b", Caps(answer_bytes=10), "the answer is full"),
        ("a", "b", Caps(file_seconds=-1), "its lines differ too much to be compared in time"),
        ("a", "b", Caps(seconds=-1), "there was no time to compare it"),
    ],
)
async def test_what_is_omitted_is_named_with_the_reason(
    bundles: Bundles, old: str, new: str, caps: Caps, omitted: str
) -> None:
    ((file,), _) = await compare(bundles, {"a": old}, {"a": new}, caps)

    assert (file.path, file.diff, file.omitted) == ("a", "", omitted)


async def test_only_so_many_files_are_listed(bundles: Bundles) -> None:
    new = {f"{number}.py": "x\n" for number in range(5)}

    files, left_out = await compare(bundles, {}, new, Caps(files=2))

    assert ([file.path for file in files], left_out) == (["0.py", "1.py"], 3)


async def test_a_link_put_in_place_of_a_file_is_not_followed(
    bundles: Bundles, tmp_path: Path
) -> None:
    old, new = await stored(bundles, {"a": "1"}), await stored(bundles, {"a": "2"})
    (tmp_path / "secret").write_text("s")
    file = bundles.tree(new) / "a"
    file.parent.chmod(0o755)
    file.unlink()
    file.symlink_to(tmp_path / "secret")

    with pytest.raises(OSError, match="symbolic link"):
        compare_sources(bundles, old, new)


async def test_a_bundle_that_is_gone_is_not_found(bundles: Bundles) -> None:
    old, new = await stored(bundles, {"a": "1"}), await stored(bundles, {"a": "2"})
    bundles.remove(new)

    with pytest.raises(NotFound):
        compare_sources(bundles, old, new)


async def test_a_file_that_became_executable_differs(bundles: Bundles, tmp_path: Path) -> None:
    old, new = await stored(bundles, {"a.sh": "1"}), await stored(bundles, {"a.sh": "1", "b": ""})
    manifest = Home(tmp_path / "home").bundles / old.removeprefix("sha256:") / "manifest.json"
    written = json.loads(manifest.read_text())
    written["files"]["a.sh"][2] = 0o644
    manifest.write_text(json.dumps(written))

    (file, _), _ = compare_sources(bundles, old, new)

    assert (file.path, file.diff) == ("a.sh", "old mode 100644\nnew mode 100755\n")
