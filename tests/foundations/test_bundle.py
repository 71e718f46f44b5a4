"""Packing a project: what goes in, what stays out, and that it comes out the same."""

from __future__ import annotations

import gzip
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import foundations
from atlas_scheduler.store.archive_stream import ArchiveStream
from foundations.bundles.bundle import estimate, pack
from foundations.bundles.exclusions import OWN_RULES
from foundations.bundles.rules import Limits
from foundations.bundles.unpack import unpack_file
from foundations.errors import BundleError


def write_tree(top: Path, files: dict[str, str | bytes]) -> None:
    """Make files with their directories."""
    for name, content in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty directory to pack."""
    project = tmp_path / "project"
    project.mkdir()
    return project


def packed_files(project: Path) -> set[str]:
    """Pack, unpack, and say which files came out."""
    bundle = project.parent / "bundle.tar.gz"
    unpacked = project.parent / "unpacked"
    unpacked.mkdir()
    pack(project, bundle)
    return set(unpack_file(bundle, unpacked).files)


def test_a_bundle_is_named_by_the_digest_of_its_file(project: Path, tmp_path: Path) -> None:
    write_tree(project, {"main.py": "print()", "data/x.csv": "1,2"})
    packed = pack(project, tmp_path / "b.tar.gz")
    content = (tmp_path / "b.tar.gz").read_bytes()
    assert packed.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert packed.size_bytes == len(content)
    assert packed.file_count == 2
    assert packed.warnings == ()


def test_equal_projects_give_equal_bundles(tmp_path: Path) -> None:
    digests = set()
    for name, order in (("one", ["a", "b", "sub/c"]), ("two", ["sub/c", "b", "a"])):
        for file in order:
            write_tree(tmp_path / name, {file: file})
            os.utime(tmp_path / name / file, (1_700_000_000.25, 1_700_000_000.75))
        write_tree(tmp_path / name, {"__pycache__/a.pyc": name})
        digests.add(pack(tmp_path / name, tmp_path / f"{name}.tar.gz").digest)
    assert len(digests) == 1


def test_the_header_tells_nothing_about_who_packed(project: Path, tmp_path: Path) -> None:
    write_tree(project, {"a": "a"})
    pack(project, tmp_path / "b.tar.gz")
    packed = (tmp_path / "b.tar.gz").read_bytes()
    assert packed[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
    header = gzip.decompress(packed)[:512]
    assert header[108:124] == b"0000000\0" * 2
    assert header[265:329] == bytes(64)


names = st.text(
    st.characters(
        blacklist_categories=("Cs", "Cc", "Zl", "Zp"),
        blacklist_characters="/\\\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    ),
    min_size=1,
    max_size=40,
).filter(
    lambda name: (
        # A rule file that was made up would leave out what the test looks for.
        name not in (".", "..", OWN_RULES) and len(name.encode()) < 200 and name[1:2] != ":"
    )
)
trees: st.SearchStrategy[dict[str, object]] = st.recursive(
    st.dictionaries(names, st.tuples(st.binary(max_size=2000), st.booleans()), max_size=4),
    lambda inner: st.dictionaries(
        names, st.one_of(inner, st.tuples(st.binary(max_size=600), st.booleans())), max_size=4
    ),
    max_leaves=12,
)


def make_tree(top: Path, tree: dict[str, object]) -> None:
    top.mkdir()
    for name, entry in tree.items():
        if isinstance(entry, dict):
            make_tree(top / name, entry)
        else:
            assert isinstance(entry, tuple)
            content, executable = entry
            (top / name).write_bytes(content)
            (top / name).chmod(0o755 if executable else 0o644)
            os.utime(top / name, (0, len(content) * 1000))


def described(top: Path) -> dict[str, tuple[int, int, bytes] | None]:
    found: dict[str, tuple[int, int, bytes] | None] = {}
    for path in top.rglob("*"):
        status = path.lstat()
        found[str(path.relative_to(top))] = (
            None if path.is_dir() else (status.st_mode, status.st_mtime_ns, path.read_bytes())
        )
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees)
def test_what_is_packed_comes_out_identical(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]
) -> None:
    top = tmp_path_factory.mktemp("round")
    make_tree(top / "project", tree)
    write_tree(top / "project", {".foundationsignore": "!*\n"})
    (top / "out").mkdir()

    packed = pack(top / "project", top / "bundle")
    manifest = unpack_file(top / "bundle", top / "out")

    assert described(top / "out").keys() == described(top / "project").keys()
    out, project = described(top / "out"), described(top / "project")
    del out[".foundationsignore"], project[".foundationsignore"]
    assert out == project
    assert len(manifest.files) == packed.file_count


def test_large_and_incompressible_content_comes_out_identical(
    project: Path, tmp_path: Path
) -> None:
    mixed = os.urandom(700_000) + bytes(900_000) + os.urandom(300_001) + b"text " * 50_000
    write_tree(project, {"mixed": mixed, "random": os.urandom(1_000_000), "empty": b""})
    (tmp_path / "out").mkdir()

    packed = pack(project, tmp_path / "b.tar.gz")
    unpack_file(tmp_path / "b.tar.gz", tmp_path / "out")

    assert (tmp_path / "out" / "mixed").read_bytes() == mixed
    assert described(tmp_path / "out")["random"] is not None
    assert packed.size_bytes < 2_400_000
    assert gzip.decompress((tmp_path / "b.tar.gz").read_bytes())


def test_long_paths_and_names_come_out_identical(project: Path, tmp_path: Path) -> None:
    path = "/".join(["d" * 100, "ü" * 60, "e" * 255, "f"])
    write_tree(
        project, {path: "deep", "x" * 100: "a", "y" * 101: "b", f"{'z' * 99}/{'w' * 100}": "c"}
    )
    assert packed_files(project) == {path, "x" * 100, "y" * 101, f"{'z' * 99}/{'w' * 100}"}


def test_caches_histories_and_environments_stay_out(project: Path) -> None:
    write_tree(
        project,
        {
            "main.py": "",
            "src/module.py": "",
            "src/__pycache__/module.cpython-311.pyc": "",
            "src/old.pyc": "",
            ".git/HEAD": "",
            "vendor/.git": "gitdir: elsewhere",
            ".hg/x": "",
            ".svn/x": "",
            ".mypy_cache/x": "",
            ".pytest_cache/x": "",
            ".ruff_cache/x": "",
            "notebooks/.ipynb_checkpoints/x": "",
            ".DS_Store": "",
            "web/node_modules/x": "",
            "env-of-mine/pyvenv.cfg": "",
            "env-of-mine/lib/x.py": "",
            "conda/conda-meta/history": "",
            "conda/bin/python": "",
            ".env": "kept",
            "data/.keep": "",
        },
    )
    assert packed_files(project) == {"main.py", "src/module.py", ".env", "data/.keep"}


ARCHIVE = ("job.json", "archive.json", "job.log", "source/main.py", "artifacts/model.pt")
NO_ARCHIVE = ("job.json", "archive.json", "source/main.py")


def test_archives_that_were_retrieved_into_the_project_are_left_out(project: Path) -> None:
    write_tree(project, {"main.py": ""})
    write_tree(project, {f"old/45540b52/{path}": "" for path in ARCHIVE})
    write_tree(project, {f"renamed/{path}": "" for path in (*ARCHIVE, "events.jsonl")})
    write_tree(project, {f"data/{path}": "" for path in NO_ARCHIVE})
    assert packed_files(project) == {"main.py", *(f"data/{path}" for path in NO_ARCHIVE)}


def test_the_archive_of_a_job_in_one_file_is_left_out(project: Path) -> None:
    job_id = "45540b52-ffe2-44ab-9838-db467d3499c0"
    write_tree(project, {"main.py": ""})
    archive = b"".join(ArchiveStream(job_id, directories=()).pieces())
    pack(project, project.parent / "own.tar.gz")
    others = {
        "model.tgz": archive,
        f"{job_id}.tar.gz": archive,
        f"data/{job_id}.tgz": gzip.compress(b"a shard of data with an id for a name"),
        f"more/{job_id}.tgz": (project.parent / "own.tar.gz").read_bytes(),
        f"none/{job_id}.tgz": b"",
        f"cut/{job_id}.tgz": archive[:20],
    }
    write_tree(project, {f"{job_id}.tgz": archive, f"old/{job_id}.tgz": archive, **others})
    assert estimate(project).left_out == (f"{job_id}.tgz", f"old/{job_id}.tgz")
    assert packed_files(project) == {"main.py", *others}
    write_tree(project, {".foundationsignore": f"!/{job_id}.tgz\n"})
    assert estimate(project).left_out == (f"old/{job_id}.tgz",)


def test_an_archive_is_packed_where_a_rule_brings_it_back(project: Path) -> None:
    write_tree(project, {".foundationsignore": "!before/\n"})
    write_tree(project, {f"before/{path}": "" for path in ARCHIVE})
    assert packed_files(project) == {".foundationsignore", *(f"before/{one}" for one in ARCHIVE)}


def test_own_rules_win_over_those_of_git_and_over_the_defaults(project: Path) -> None:
    write_tree(
        project,
        {
            ".gitignore": "data/\n*.log\nsub/secret\n",
            ".foundationsignore": "!data/\n!debug.log\n!.ruff_cache\n!myenv/\nbig.bin\n",
            "sub/.foundationsignore": "!secret\nnotes.txt\n",
            "data/x.csv": "",
            "data/y.log": "",
            "debug.log": "",
            "other.log": "",
            "big.bin": "",
            ".ruff_cache/x": "",
            "myenv/pyvenv.cfg": "",
            "myenv/x.py": "",
            "sub/secret": "",
            "sub/notes.txt": "",
            "notes.txt": "",
        },
    )
    assert packed_files(project) == {
        ".gitignore",
        ".foundationsignore",
        "sub/.foundationsignore",
        "data/x.csv",
        "debug.log",
        ".ruff_cache/x",
        "myenv/pyvenv.cfg",
        "myenv/x.py",
        "sub/secret",
        "notes.txt",
    }


@pytest.mark.parametrize(
    "rules",
    [
        b"",
        b"\n\n",
        b"# only a comment\n",
        b"\xef\xbb\xbf# with a mark\r\n",
        b"/\n",
        b"   \n",
        b"\\\n",
        b"!\n",
        b"[\n",
        b"***\\",
    ],
)
def test_rules_that_say_nothing_leave_nothing_out(project: Path, rules: bytes) -> None:
    write_tree(project, {".foundationsignore": rules, ".gitignore": rules, "main.py": ""})
    assert packed_files(project) == {".foundationsignore", ".gitignore", "main.py"}


def test_rules_may_be_in_any_bytes(project: Path) -> None:
    write_tree(project, {".foundationsignore": b"caf\xe9\r\n*.tmp\r\n", "a.tmp": "", "a": ""})
    (project / os.fsdecode(b"caf\xe9")).write_text("")
    assert packed_files(project) == {".foundationsignore", "a"}


SAMPLE_FILES = [
    "main.py", "setup.cfg", "a/main.py", "a/b/main.py", "a/b/c/x.log", "a/x.log", "x.log",
    "build/out.bin", "a/build/out.bin", "data/raw/1.csv", "data/raw/2.csv", "data/keep/3.csv",
    "docs/build/x.html", "foo bar", "trailing ", "#hash", "!bang", "a/[x]", "temp1", "tempA",
    "temp", "deep/a/b/c/d/e.txt", ".hidden/x", "UPPER.PY", "file.tar.gz", "b", "a/b.d/keep",
]  # fmt: skip
SAMPLE_RULES = [
    ("", "*.log\n!x.log\n"),
    ("", "/x.log\nbuild/\n"),
    ("", "*\n!*/\n!*.py\n"),
    ("", "data/*\n!data/keep/\n"),
    ("", "data/**\n!data/keep\n!data/keep/**\n"),
    ("", "**/build\n"),
    ("", "a/**/main.py\n"),
    ("", "deep/**/d\n"),
    ("", "temp?\n!temp[0-9]\n"),
    ("", "temp[[:digit:]]\ntemp[!0-9]\n"),
    ("", "foo\\ bar\ntrailing\\ \n\\#hash\n\\!bang\na/\\[x]\n"),
    ("", "trailing   \nfoo bar\t\n"),
    ("", "/*\n!/a\n/a/*\n!/a/b\n"),
    ("", "a/\n!a/main.py\n"),
    ("", ".*\n!.gitignore\n"),
    ("", "*.tar.*\nUPPER.py\n"),
    ("a", "/main.py\nb/c\n!x.log\n"),
    ("a", "*\n"),
    ("data", "*.csv\n!keep/*\n"),
    ("", "b\n!a/b\n"),
    ("", "**\n!**/\n!**/*.csv\n"),
    ("", "doc*/build/*\n"),
    ("", "*/\n"),
    ("", "a/*/main.py\n"),
]


@pytest.mark.parametrize(("where", "rules"), SAMPLE_RULES)
def test_ignore_rules_mean_what_git_means(project: Path, where: str, rules: str) -> None:
    write_tree(project, dict.fromkeys(SAMPLE_FILES, "x"))
    write_tree(
        project, {f"{where}/.gitignore".lstrip("/"): rules, ".foundationsignore": "!.DS_Store"}
    )
    subprocess.run(["git", "init", "-q", project], check=True)
    asked = "\0".join(
        str(path.relative_to(project))
        for path in project.rglob("*")
        if path.is_file() and ".git/" not in str(path)
    )
    ignored = subprocess.run(
        ["git", "-C", project, "check-ignore", "-z", "--stdin", "--no-index"],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    expected = set(asked.split("\0")) - set(ignored.split("\0"))

    assert packed_files(project) == expected


def test_links_are_followed(project: Path, tmp_path: Path) -> None:
    write_tree(tmp_path / "outside", {"data.csv": "1,2", "sub/x": "x"})
    write_tree(project, {"real.py": "code"})
    (project / "alias.py").symlink_to("real.py")
    (project / "data").symlink_to(tmp_path / "outside")
    assert packed_files(project) == {"real.py", "alias.py", "data/data.csv", "data/sub/x"}
    assert (tmp_path / "unpacked" / "alias.py").read_text() == "code"
    assert not (tmp_path / "unpacked" / "alias.py").is_symlink()


def test_what_cannot_be_packed_is_left_out_and_said(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(project, {"a/x": "x"})
    (project / "dangling").symlink_to("nowhere")
    (project / "loop").symlink_to("loop")
    (project / "a" / "up").symlink_to("..")
    os.mkfifo(project / "pipe")
    # The path of a socket must be short.
    monkeypatch.chdir(project)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")

    packed = pack(project, tmp_path / "b.tar.gz")

    assert sorted(packed.warnings) == [
        "'a/up' is a link to a directory that it lies in; it is left out.",
        "'dangling' is a link that leads nowhere; it is left out.",
        "'loop' is a link that leads nowhere; it is left out.",
        "'pipe' is a named pipe; it is left out.",
        "'socket' is a socket; it is left out.",
    ]
    assert packed.file_count == 1


def test_what_is_left_out_by_a_rule_is_not_said(project: Path, tmp_path: Path) -> None:
    write_tree(project, {".foundationsignore": "pipe\ndangling\n"})
    os.mkfifo(project / "pipe")
    (project / "dangling").symlink_to("nowhere")
    assert pack(project, tmp_path / "b").warnings == ()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (b"new\nline", "a control character"),
        (b"back\\slash", "a backslash"),
        (b"caf\xe9", "not valid UTF-8"),
        (b"c:drive", "a drive letter"),
    ],
)
def test_a_name_that_not_every_system_knows_is_refused_by_name(
    project: Path, tmp_path: Path, name: bytes, problem: str
) -> None:
    (project / os.fsdecode(name)).write_text("x")
    with pytest.raises(BundleError, match=problem) as caught:
        pack(project, tmp_path / "b")
    assert caught.value.message.isprintable()
    assert ".foundationsignore" in caught.value.message
    assert not (tmp_path / "b").exists()


def test_too_deep_and_too_many_are_refused(project: Path, tmp_path: Path) -> None:
    write_tree(project, {"a/b/c": "", "d": ""})
    with pytest.raises(BundleError, match="'a/b/c' cannot be packed: it lies more than 2 levels"):
        pack(project, tmp_path / "b", limits=Limits(depth=2))
    with pytest.raises(BundleError, match="more than 3 files and directories"):
        estimate(project, limits=Limits(members=3))


def test_a_missing_directory_and_a_file_are_refused(project: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No such file or directory"):
        estimate(project / "missing")
    write_tree(project, {"file": ""})
    with pytest.raises(BundleError, match="not a directory"):
        pack(project / "file", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_an_existing_file_is_not_overwritten(project: Path, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises(BundleError, match="Cannot write the bundle"):
        pack(project, tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"


UNREADABLE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from foundations.bundles.bundle import pack
from foundations.errors import BundleError
from foundations.bundles.exclusions import OWN_RULES
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    pack(Path(sys.argv[2]), Path(sys.argv[3]))
except BundleError as error:
    sys.stdout.write(error.message)
"""


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that other users can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.parametrize("name", ["secret.txt", "closed"])
def test_a_file_that_cannot_be_read_is_named(open_directory: Path, name: str) -> None:
    # Root may read everything, so that the packing is done by somebody else.
    project, bundle = open_directory / "project", open_directory / "bundle"
    write_tree(project, {"a.py": "", "secret.txt": "", "closed/x": ""})
    (project / name).chmod(0)
    library = Path(foundations.__file__).parent.parent
    said = subprocess.run(
        [sys.executable, "-c", UNREADABLE, library, project, bundle],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    ).stdout
    (project / name).chmod(0o755)
    assert f"'{name}' cannot be read: Permission denied" in said
    assert not bundle.exists()


@pytest.mark.parametrize(
    # Of the one the size says 0 and there is content, of the other 4096 and there is less.
    "path",
    ["/proc/self/status", "/sys/devices/system/cpu/online"],
)
def test_a_file_with_another_size_than_it_said_is_named(
    project: Path, tmp_path: Path, path: str
) -> None:
    (project / "odd").symlink_to(path)
    with pytest.raises(BundleError, match="'odd' changed while it was read"):
        pack(project, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_the_estimate_is_what_is_packed(project: Path, tmp_path: Path) -> None:
    write_tree(project, {f"f{size}": bytes(size) for size in (1, 20, 300, 4000, 50, 6, 7)})
    write_tree(project, {"__pycache__/big": bytes(10_000)})

    guess = estimate(project)
    packed = pack(project, tmp_path / "b")

    assert guess.size_bytes == 4384
    assert guess.file_count == packed.file_count == 7
    assert guess.largest == packed.largest
    assert guess.largest == (("f4000", 4000), ("f300", 300), ("f50", 50), ("f20", 20), ("f7", 7))


def test_an_empty_directory_can_be_packed(project: Path) -> None:
    assert packed_files(project) == set()


def test_directories_without_files_are_kept(project: Path, tmp_path: Path) -> None:
    (project / "out" / "put").mkdir(parents=True)
    packed_files(project)
    assert (tmp_path / "unpacked" / "out" / "put").is_dir()


def test_the_home_of_atlas_is_not_packed_into_a_bundle(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOUNDATIONS_HOME", str(project / "atlas"))
    write_tree(project, {"main.py": "", "atlas/scheduler.db": ""})
    assert packed_files(project) == {"main.py"}


def test_a_bundle_in_its_own_directory_does_not_pack_itself(project: Path) -> None:
    write_tree(project, {"main.py": ""})
    assert pack(project, project / "bundle.tar.gz").file_count == 1


def test_an_estimate_names_what_rules_leave_out(project: Path) -> None:
    write_tree(project, {"main.py": "1", ".foundationsignore": "*.bin\ndata/\n", "a.bin": "1"})
    write_tree(project, {"data/one": "1", "data/two": "2", "src/b.bin": "1"})

    found = estimate(project)

    assert found.left_out == ("a.bin", "data/", "src/b.bin")
    assert found.left_out_count == 3


def test_packing_tells_how_far_it_is(project: Path, tmp_path: Path) -> None:
    write_tree(project, {"a": b"0" * 3_000_000, "b": "1"})
    told: list[int] = []

    pack(project, tmp_path / "bundle", watch=told.append)

    assert told == sorted(told)
    assert told[-1] > 3_000_000
    assert len(told) > 3


class GivenUp(Exception):
    """Raised by a watcher that has seen enough."""


def test_a_watcher_ends_packing_and_estimating_and_nothing_is_left(
    project: Path, tmp_path: Path
) -> None:
    write_tree(project, {"a": b"0" * 3_000_000, "b": "1"})

    def give_up(done_bytes: int) -> None:
        raise GivenUp

    with pytest.raises(GivenUp):
        pack(project, tmp_path / "bundle", watch=give_up)
    with pytest.raises(GivenUp):
        estimate(project, watch=give_up)
    assert not (tmp_path / "bundle").exists()
