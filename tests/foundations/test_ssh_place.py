"""Schedulers behind ssh: what a URL may say, and what ssh is given of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundations.errors import ConfigError
from foundations.home import LONGEST_TUNNEL_DIR_BYTES, Home
from foundations.ssh.command import Ran
from foundations.ssh.place import SshPlace, forward
from foundations.ssh.scripts import WHERE, socket_of
from foundations.ssh.words import advice_on, is_refusal, words_of


@pytest.mark.parametrize(
    ("url", "place", "destination"),
    [
        ("ssh://lab", SshPlace("lab"), ["--", "lab"]),
        ("ssh://Lab_2", SshPlace("Lab_2"), ["--", "Lab_2"]),
        ("ssh://me@lab/", SshPlace("lab", "me"), ["-l", "me", "--", "lab"]),
        ("ssh://me@corp@lab", SshPlace("lab", "me@corp"), ["-l", "me@corp", "--", "lab"]),
        ("ssh://lab:2222", SshPlace("lab", port=2222), ["-p", "2222", "--", "lab"]),
        ("ssh://[::1]:22", SshPlace("::1", port=22), ["-p", "22", "--", "::1"]),
        ("ssh://[fe80::1%eth0]", SshPlace("fe80::1%eth0"), ["--", "fe80::1%eth0"]),
        ("ssh://lab/a%20b/%25/x.sock", SshPlace("lab", socket="/a b/%/x.sock"), ["--", "lab"]),
    ],
)
def test_a_url_says_where_to_go(url: str, place: SshPlace, destination: list[str]) -> None:
    assert SshPlace.parse(url) == place
    assert place.destination == destination


@pytest.mark.parametrize(
    "url",
    [
        "ssh://", "ssh:///x.sock", "ssh://@lab", "ssh://-oProxyCommand=x", "ssh://-l@lab",
        "ssh://lab:", "ssh://lab:0", "ssh://lab:99999", "ssh://lab:x", "ssh://lab;ls",
        "ssh://$(ls)@lab", "ssh://a b", "ssh://la`b", "ssh://me:secret@lab", "ssh://[lab]",
        "ssh://::1", "ssh://lab/a%0Ab", "ssh://lab/${HOME}/x", "ssh://lab/a%00",
    ],
)  # fmt: skip
def test_what_ssh_could_take_for_something_else_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        SshPlace.parse(url)
    assert "secret" not in raised.value.message


@given(st.text(max_size=60))
def test_any_text_is_a_place_or_refused(text: str) -> None:
    try:
        place = SshPlace.parse(f"ssh://{text}")
    except ConfigError:
        return
    *options, dashes, host = place.destination
    assert dashes == "--"
    assert host == place.host
    assert not host.startswith("-")
    assert not set(host) & set(" ;|&$`'\"\\<>()\n")
    assert options[::2] in ([], ["-l"], ["-p"], ["-l", "-p"])


def test_a_command_to_try_can_be_typed() -> None:
    assert SshPlace("lab", "me", 22, "/x").by_hand("true") == "ssh -p 22 me@lab true"


@given(st.text("ab:\\% /", max_size=20), st.text("ab:\\% /", max_size=20))
def test_the_two_paths_of_a_forward_are_told_apart(local: str, remote: str) -> None:
    parts, escaped = [""], False
    for sign in forward(f"/{local}", f"/{remote}").replace("%%", "%"):
        if escaped or sign not in "\\:":
            parts[-1] += sign
            escaped = False
        elif sign == "\\":
            escaped = True
        else:
            parts.append("")
    assert parts == [f"/{local}", f"/{remote}"]


@pytest.mark.parametrize("name", ["home", "with space", "long" * 40])
def test_the_other_machine_finds_the_socket_that_its_server_makes(
    tmp_path: Path, name: str
) -> None:
    home = Home(tmp_path / name)
    home.create()
    (tmp_path / "link").symlink_to(home.root)
    done = subprocess.run(
        ["/bin/sh", "-s"],
        input=WHERE,
        env={"FOUNDATIONS_HOME": str(tmp_path / "link"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert socket_of(f"You have new mail.{done.stdout}") == str(home.socket)


def test_what_start_files_print_is_no_socket() -> None:
    assert socket_of("Welcome to lab\n") is None
    assert socket_of("atlas-socket:relative\n") is None


def test_what_ssh_said_last_comes_first() -> None:
    told = words_of(Ran(255, "", ("Someone could be eavesdropping!", "Verification failed.")), "")
    assert told == (
        "Verification failed",
        "\nssh said before that:\n  Someone could be eavesdropping!",
    )
    assert words_of(Ran(255, "", ()), "") == ("ssh ended with exit code 255", "")
    assert words_of(Ran(None, "", ()), "too slow") == ("too slow", "")


def test_what_can_be_done_about_it_is_said() -> None:
    reason = "me@lab: Permission denied (publickey,password)"
    assert "ssh-add -l" in advice_on(reason)
    assert is_refusal(reason)
    assert "sshd runs there" in advice_on("ssh: connect to host lab port 22: Connection refused")
    assert not is_refusal("ssh: connect to host lab port 22: Connection refused")
    assert advice_on("something else") == ""


def test_sockets_of_tunnels_have_short_paths(tmp_path: Path) -> None:
    short = Home("/h")
    assert short.tunnels == Path("/h/run/ssh")
    home = Home(tmp_path / ("long" * 30))
    made = home.secure_tunnels()
    try:
        assert len(str(made)) <= LONGEST_TUNNEL_DIR_BYTES
        assert made.stat().st_mode & 0o777 == 0o700
    finally:
        made.rmdir()
