"""Writes sizes, durations and counts for people."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Write a duration with two units at most: `12.3s`, `4m 05s`, `3h 20m`, `2d 4h`."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour}h"
    return f"{hours}h {minute:02}m" if hours else f"{minute}m {second:02}s"


def counted(count: float, what: str = "job") -> str:
    """Write `1 job`, `3 jobs`, or `1.5 days`."""
    number = count if isinstance(count, int) else f"{count:g}"
    return f"{number} {what}" if count == 1 else f"{number} {what}s"


def size(count_bytes: int) -> str:
    """Write a size in decimal units."""
    if count_bytes == 1:
        return "1 byte"
    amount = float(count_bytes)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if amount < 999.5 or unit == "TB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
