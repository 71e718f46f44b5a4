"""What ssh says when it fails, and what that means for the user."""

from __future__ import annotations

from foundations.ssh.command import Ran

_ADVICE = (
    (
        "Host key verification failed",
        "The key of that host is not known here, or another one than before: log in by hand, "
        "compare the fingerprint and accept it.",
    ),
    (
        "Permission denied",
        "That account accepts no key that ssh offers: `ssh-add -l` lists those of the agent. "
        "A password can only be asked for on a terminal.",
    ),
    ("Too many authentication", "Name the right key in ~/.ssh/config (IdentityFile)."),
    ("Could not resolve", "Check the name in the `scheduler_url`, or add it to ~/.ssh/config."),
    ("Connection refused", "Check the port, and that sshd runs there."),
    ("timed out", "The machine is off, or a firewall is between."),
    ("Connection closed", "sshd there ended the connection: its log says why."),
)
_REFUSALS = ("Permission denied", "Host key verification failed", "Too many authentication")


def words_of(done: Ran, otherwise: str) -> tuple[str, str]:
    """Return why ssh failed: what it said last, and lines with what it said before that.

    `otherwise` is the reason of one that took too long.
    """
    if not done.words:
        return (otherwise if done.code is None else f"ssh ended with exit code {done.code}"), ""
    *before, last = done.words
    lines = "".join(f"\n  {line}" for line in before)
    return last.rstrip("."), f"\nssh said before that:{lines}" if before else ""


def advice_on(reason: str) -> str:
    """Return a sentence on what to do about a reason; empty without any."""
    return next((advice for words, advice in _ADVICE if words in reason), "")


def is_refusal(reason: str) -> bool:
    """Tell whether trying again would be refused again, until the user does something."""
    return any(words in reason for words in _REFUSALS)
