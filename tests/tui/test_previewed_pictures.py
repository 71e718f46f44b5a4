"""Pictures that jobs saved: read whatever they are, and shown in their proportions."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from rich.color import Color
from textual.strip import Strip

from atlas_tui import picture_reader, pictures
from atlas_tui.app import Options
from atlas_tui.picture_reader import Picture, Unreadable, is_picture
from atlas_tui.pictures import Canvas, Painting
from atlas_tui.screens.job import JobScreen
from atlas_tui.tabs.preview_pane import PreviewPane
from tests.core.profiles import PROPERTY
from tests.tui import rich_job
from tests.tui.conftest import Stage, staged
from tests.tui.rich_job import JOB

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(width: int, height: int) -> Image.Image:
    """Red at the left, blue at the right."""
    image = Image.new("RGB", (width, height), RED)
    ImageDraw.Draw(image).rectangle((width // 2, 0, width, height), fill=BLUE)
    return image


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


SMALL = {kind: saved(halves(40, 20), kind) for kind in FORMATS}


def pixel(picture: Picture, x: int, y: int) -> tuple[int, ...]:
    start = (y * picture.columns + x) * 4
    return tuple(picture.pixels[start : start + 4])


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(mine - its) < 40 for mine, its in zip(one, other, strict=True))


# -- reading


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_is_read(kind: str) -> None:
    assert is_picture(SMALL[kind][: picture_reader.HEAD_BYTES])
    picture = picture_reader.read(SMALL[kind])
    assert picture[:6] == (kind, 40, 20, False, 40, 20)
    assert near(pixel(picture, 2, 10), (*RED, 255))
    assert near(pixel(picture, 37, 10), (*BLUE, 255))


@pytest.mark.parametrize("data", [b"", b"BMW is a car maker", b"RIFF....WAVEfmt ", b"II*", b"GIF"])
def test_what_is_no_picture_is_not_taken_for_one(data: bytes) -> None:
    assert not is_picture(data)


def test_a_large_picture_comes_out_small_and_tells_its_size() -> None:
    picture = picture_reader.read(saved(halves(4000, 1000), "PNG"))
    assert picture[:6] == ("PNG", 4000, 1000, False, picture_reader.MOST_SIDE, 320)


def test_what_a_camera_holds_sideways_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = picture_reader.read(saved(halves(40, 20), "JPEG", exif=exif))
    assert picture[1:6] == (20, 40, False, 20, 40)
    assert near(pixel(picture, 10, 2), (*RED, 255))


def test_of_an_animation_the_first_is_shown() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = picture_reader.read(data)
    assert picture.is_several
    assert pixel(picture, 4, 4) == (*RED, 255)


def test_sixteen_bits_are_spread_from_the_darkest_to_the_brightest() -> None:
    image = Image.new("I;16", (4, 4), 1000)
    image.paste(3000, (2, 0, 4, 4))
    for kind in ("TIFF", "PNG"):
        picture = picture_reader.read(saved(image, kind))
        assert pixel(picture, 0, 0) == (0, 0, 0, 255)
        assert pixel(picture, 3, 0) == (255, 255, 255, 255)


def test_a_palette_keeps_what_is_transparent() -> None:
    image = halves(8, 8).quantize(2)
    clear = image.getpixel((0, 0))
    picture = picture_reader.read(saved(image, "PNG", transparency=clear))
    assert pixel(picture, 0, 0)[3] == 0
    assert pixel(picture, 7, 0) == (*BLUE, 255)


@PROPERTY
@given(st.sampled_from(FORMATS), st.data())
def test_a_broken_picture_is_read_as_far_as_it_goes_or_told_of(
    kind: str, data: st.DataObject
) -> None:
    broken = bytearray(SMALL[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(broken)))
    with contextlib.suppress(Unreadable):  # any other error fails the test
        picture = picture_reader.read(bytes(broken[:cut]))
        assert len(picture.pixels) == picture.columns * picture.rows * 4


def png_bomb(width: int, height: int) -> bytes:
    """What says that it is large, and has next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def webp_header(width: int, height: int) -> bytes:
    size = b"".join((side - 1).to_bytes(3, "little") for side in (width, height))
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + size
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


@pytest.mark.parametrize(
    "data", [png_bomb(60_000, 60_000), webp_header(16_000, 16_000)], ids=["PNG", "WebP"]
)
def test_a_bomb_is_refused_by_what_it_says_of_its_size(data: bytes) -> None:
    with pytest.raises(Unreadable, match=r"million pixels, and more than 40 of a (PNG|WEBP) file"):
        picture_reader.read(data)


def test_too_long_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_reader, "MOST_BYTES", 100)
    with pytest.raises(Unreadable, match="more than 100 bytes are not looked at"):
        picture_reader.read(SMALL["BMP"])


# -- in a process of its own


async def in_pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


@pytest.mark.anyio
async def test_a_picture_is_read_while_it_comes_in() -> None:
    picture = await pictures.read(in_pieces(SMALL["WEBP"]))
    assert picture == picture_reader.read(SMALL["WEBP"])


@pytest.mark.anyio
async def test_a_hundred_million_pixels_of_jpeg_are_read() -> None:
    data = saved(Image.new("L", (10_000, 10_000), 90), "JPEG")
    picture = await pictures.read(in_pieces(data))
    assert picture[:4] == ("JPEG", 10_000, 10_000, False)
    assert pixel(picture, 600, 600) == (90, 90, 90, 255)


@pytest.mark.anyio
async def test_a_file_without_end_is_given_up() -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        yield SMALL["PNG"]
        while True:
            given += 1
            yield bytes(1024 * 1024)

    with pytest.raises(Unreadable, match=r"more than 67.1 MB are not looked at"):
        await pictures.read(endless())
    assert given < 100


@pytest.mark.anyio
async def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "READ_SECONDS", 0.0)
    with pytest.raises(Unreadable, match="reading it takes too long"):
        await pictures.read(in_pieces(SMALL["PNG"]))


# -- painting


def cells(line: object) -> list[tuple[str, Color | None, Color | None]]:
    assert isinstance(line, Strip)
    found = []
    for segment in line:
        assert segment.style is not None
        look = segment.style.color, segment.style.bgcolor
        found += [(one, *look) for one in segment.text]
    return found


def small_picture(width: int, height: int, alpha: int = 255) -> Picture:
    pixels = bytes((*RED, alpha)) * (width * height)
    return Picture("PNG", width, height, False, width, height, pixels)


sides = st.integers(1, 300)


@PROPERTY
@given(sides, sides, sides, st.integers(1, 100), st.sampled_from([0.5, 1.0, 1.3, 2.0]))
def test_a_picture_fits_and_keeps_its_proportions(
    width: int, height: int, columns: int, lines: int, shape: float
) -> None:
    canvas = Canvas(columns, lines, half_block_shape=shape)
    across, down = pictures.fitted(small_picture(width, height), canvas)
    assert across <= max(columns, 1)
    assert down <= max(2 * lines, 1)
    # Whole cells: each side is at most half a pixel off.
    scale = min(columns / width, 2 * lines * shape / height, 1.0)
    assert abs(across - width * scale) <= 0.5 or across == 1
    assert abs(down * shape - height * scale) <= shape / 2 or down == 1


def test_each_step_of_zoom_doubles_it() -> None:
    picture = small_picture(100, 50)
    wide = [pictures.fitted(picture, Canvas(50, 50, zoom=zoom))[0] for zoom in range(4)]
    assert wide == [50, 100, 200, 400]


def test_two_rows_are_a_line_and_an_odd_one_ends_on_the_background() -> None:
    picture = Picture("PNG", 1, 3, False, 1, 3, bytes((*RED, 255, *BLUE, 255, *RED, 255)))
    painting = pictures.painted(picture, Canvas(5, 5, background=(9, 9, 9)))
    red, blue, ground = (Color.from_rgb(*one) for one in (RED, BLUE, (9, 9, 9)))
    assert [cells(line) for line in painting] == [[("▀", red, blue)], [("▀", red, ground)]]


def test_neighbours_alike_are_one_piece() -> None:
    painting = pictures.painted(small_picture(40, 2), Canvas(40, 5))
    assert [len(list(line)) for line in painting if isinstance(line, Strip)] == [1]


def test_what_lets_something_through_shows_the_background() -> None:
    canvas = Canvas(4, 4, background=(0, 0, 255))
    (line,) = pictures.painted(small_picture(4, 2, alpha=0), canvas)
    assert cells(line)[0][2] == Color.from_rgb(0, 0, 255)
    (line,) = pictures.painted(small_picture(4, 2, alpha=128), canvas)
    assert cells(line)[0][2] == Color.from_rgb(128, 0, 127)


def test_the_terminals_own_colours_are_used_where_it_has_no_more() -> None:
    picture = Picture("PNG", 4, 4, False, 4, 4, bytes((255, 160, 40, 255)) * 16)
    painting = pictures.painted(picture, Canvas(8, 8, own_colours=True))
    used = {colour for line in painting for _, *both in cells(line) for colour in both if colour}
    assert all(colour.is_system_defined for colour in used)
    assert len(used) > 1, "an orange is dithered"


def test_a_painting_is_a_sequence_below_its_heading() -> None:
    painting = pictures.painted(small_picture(4, 6), Canvas(8, 8), [Strip.blank(1)])
    assert isinstance(painting, Painting)
    assert len(painting) == len(list(painting)) == 4
    assert painting[0] == Strip.blank(1)
    assert painting[-1] == painting[3]
    assert painting[1:3] == [painting[1], painting[2]]
    with pytest.raises(IndexError):
        painting[4]


# -- on the screen


@asynccontextmanager
async def artifacts_shown(
    home: Path,
    first: bytes,
    *,
    size: tuple[int, int] = (120, 40),
    options: Options = Options(),  # noqa: B008 - frozen
) -> AsyncIterator[Stage]:
    """The tab of a job whose first artifact is given."""
    rich_job.fill(home)
    path = home / "job_data" / "archive" / JOB / "artifacts" / "confusion.png"
    path.write_bytes(first)
    async with staged(home, rich_job.insert, size=size, options=options) as stage:
        stage.app.open([JOB], "job")
        await stage.until(lambda: isinstance(stage.front, JobScreen) and stage.front.detail)
        await stage.press("i")
        yield stage


def pane(stage: Stage) -> PreviewPane:
    return next(one for one in stage.front.query(PreviewPane) if one.is_on_screen)


def drawn(stage: Stage) -> tuple[int, int]:
    """Columns and lines of the picture that is shown."""
    lines = pane(stage).lines
    return (lines.width, len(lines) - 2) if isinstance(lines, Painting) else (0, 0)


@pytest.mark.anyio
async def test_a_picture_is_fitted_again_when_its_pane_changes(tmp_path: Path) -> None:
    async with artifacts_shown(tmp_path, saved(halves(1200, 600), "JPEG")) as stage:
        await stage.until(lambda: "1200 by 600 JPEG" in stage.text())
        narrow = pane(stage).size.width
        assert drawn(stage)[0] == narrow
        await stage.press("z")
        await stage.until(lambda: drawn(stage)[0] > narrow)
        assert pane(stage).has_focus
        assert "metrics.json" not in stage.text()
        await stage.press("escape")
        await stage.until(lambda: drawn(stage)[0] == narrow)
        assert "metrics.json" in stage.text()
        await stage.pilot.resize_terminal(90, 30)
        await stage.until(lambda: 0 < drawn(stage)[0] == pane(stage).size.width < narrow)


@pytest.mark.anyio
async def test_plus_and_minus_zoom_about_the_middle(tmp_path: Path) -> None:
    async with artifacts_shown(tmp_path, saved(halves(1200, 600), "PNG")) as stage:
        await stage.until(lambda: drawn(stage) != (0, 0))
        whole = drawn(stage)
        await stage.press("minus")
        await stage.press("plus", "plus")
        await stage.until(lambda: drawn(stage)[0] == 4 * whole[0])
        row = next(line for line in pane(stage).lines[20:] if isinstance(line, Strip))
        half = row.cell_length // 2
        shown_from = pane(stage)._left
        assert shown_from < half < shown_from + pane(stage).size.width
        assert pane(stage).scroll_offset.y > 0
        await stage.press("minus", "minus", "minus")
        await stage.until(lambda: drawn(stage) == whole)


@pytest.mark.anyio
async def test_other_colours_are_seen_through_the_picture_at_once(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (40, 40))
    async with artifacts_shown(tmp_path, saved(clear, "PNG")) as stage:
        await stage.until(lambda: drawn(stage) != (0, 0))
        before = cells(pane(stage).lines[5])[0][2]
        stage.app.wear("atlas-light")
        await stage.until(lambda: cells(pane(stage).lines[5])[0][2] != before)
        assert cells(pane(stage).lines[5])[0][2] == Color.parse("#fafafa")


@pytest.mark.anyio
async def test_a_small_picture_grows_only_when_asked_to(tmp_path: Path) -> None:
    async with artifacts_shown(tmp_path, saved(halves(10, 10), "PNG")) as stage:
        await stage.until(lambda: drawn(stage) == (10, 5))
        await stage.press("plus")
        await stage.until(lambda: drawn(stage) == (20, 10) and "2x" in stage.text())


@pytest.mark.anyio
async def test_a_picture_that_cannot_be_shown_says_why(tmp_path: Path) -> None:
    async with artifacts_shown(tmp_path, png_bomb(60_000, 60_000)) as stage:
        text = "The picture cannot be shown: 60000 by 60000 are 3,600 million pixels"
        await stage.until(lambda: text[:50] in stage.text())
        await stage.press("plus")
        assert stage.status.startswith("There is no chart or picture")


@pytest.mark.anyio
async def test_ascii_has_no_pictures(tmp_path: Path) -> None:
    options = Options(plain=True)
    async with artifacts_shown(tmp_path, SMALL["PNG"], options=options) as stage:
        await stage.until(lambda: "Pictures cannot be shown in ASCII; save it" in stage.text())


@pytest.mark.anyio
async def test_going_on_while_a_picture_is_read_shows_the_other_file(tmp_path: Path) -> None:
    async with artifacts_shown(tmp_path, saved(halves(3000, 3000), "PNG")) as stage:
        await stage.until(lambda: "Reading the picture" in stage.text() or drawn(stage) != (0, 0))
        await stage.press("down")
        await stage.until(lambda: '"best"' in stage.text())
        await stage.settle()
        assert '"best"' in stage.text()


@pytest.mark.anyio
async def test_a_tab_without_a_list_has_nothing_to_widen(tmp_path: Path) -> None:
    async with artifacts_shown(tmp_path, SMALL["PNG"]) as stage:
        await stage.press("o", "z")
        assert stage.status.startswith("This tab has no list beside it")
