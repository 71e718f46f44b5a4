"""Copies of whole files that share their blocks until one of them is written to."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Callable

from atlas_scheduler.store.files import copy_content

_FICLONE = 0x40049409
"""`FICLONE` of Linux; other systems have no such request on an open file."""
_UNABLE = (
    *(errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS, errno.EINVAL),
    *(errno.EXDEV, errno.EPERM, errno.EISDIR, errno.ETXTBSY, errno.EBADF),
)
"""What a file system answers that cannot do it, or not between these two files."""

Request = Callable[[int, int, int], object]
"""Like `fcntl.ioctl`."""


def clone(source: int, destination: int, *, request: Request = fcntl.ioctl) -> bool:
    """Let an empty file share the blocks of another, copied as soon as either is written to.

    Returns:
        False where the file system cannot do that; nothing was written then.

    Raises:
        OSError: there is no space for it, or the disk is damaged.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        request(destination, _FICLONE, source)
    except OSError as error:
        if error.errno in _UNABLE:
            return False
        raise
    return True


def copy_file(
    source: int, destination: int, size_bytes: int, *, request: Request = fcntl.ioctl
) -> None:
    """Copy a whole file into an empty one, by sharing its blocks where that can be done.

    Raises:
        OSError: it has not so many bytes, or it cannot be copied.
    """
    if not size_bytes:
        return
    if not clone(source, destination, request=request):
        copy_content(source, destination, size_bytes)
    elif os.fstat(destination).st_size != size_bytes:
        raise OSError(errno.EIO, "the file is not as long as it was")
