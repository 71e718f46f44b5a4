"""Which certificates are believed: of the system's authorities, of a file's, or a pinned one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Trust:
    """Who vouches for a scheduler that is reached by https.

    There is no way to believe everybody.
    """

    fingerprint: str | None = None
    """SHA-256 of the one certificate that is believed, in 64 small hexadecimal digits: of the
    scheduler's own authority, or of the scheduler."""
    ca: Path | None = None
    """File with the certificates of authorities, as PEM."""


SYSTEM = Trust()
"""The authorities that come with Python's certificates, or that `SSL_CERT_FILE` names."""


def read_fingerprint(text: str) -> str | None:
    """Read a SHA-256 fingerprint in any of the usual forms; None when it is none.

    Colons, capitals and a leading `sha256:` do not matter.
    """
    digits = text.strip().lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
    return digits if _FINGERPRINT.fullmatch(digits) else None


def write_fingerprint(digits: str) -> str:
    """Write a fingerprint as people compare it: pairs with colons between them."""
    return ":".join(digits[at : at + 2].upper() for at in range(0, len(digits), 2))
