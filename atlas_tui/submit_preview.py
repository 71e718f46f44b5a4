"""What a submit form would come to, as text beside it; no widgets."""

from __future__ import annotations

import json

from rich.text import Text

from foundations.bundle import Estimate
from foundations.models import JobSpec
from foundations.quantities import size
from foundations.terminal import clean


def describe_files(found: Estimate | None) -> list[str]:
    """Say what would be packed, what is largest, and what is left out."""
    if found is None:
        return []
    lines = [f"{size(found.size_bytes)} in {found.file_count} files"]
    lines += [f"  {size(size_bytes):>9}  {path}" for path, size_bytes in found.largest[:3]]
    if found.left_out_count:
        shown = ", ".join(found.left_out[:6])
        more = ", …" if found.left_out_count > 6 else ""
        lines.append(f"left out: {shown}{more}")
    return [*lines, *found.warnings]


def describe_outcome(files: list[str], spec: JobSpec, command: str, call: str) -> Text:
    """Write what would be sent, and how to send the same without the app."""
    text = Text()
    needs = [f"{spec.num_gpus} GPU{'s' if spec.num_gpus != 1 else ''}"]
    needs += [f"{spec.cpus:g} CPUs"] if spec.cpus is not None else []
    needs += [f"{spec.ram_gb:g} GB RAM"] if spec.ram_gb is not None else []
    parts = [
        ("Files", "\n".join(files)),
        ("Job", f"{' '.join(spec.command)}\nproject {spec.project}, {', '.join(needs)}"),
        ("foundations_job_parameters.json", json.dumps(spec.params, indent=1)),
        ("The same on the command line", f"$ {command}"),
        ("The same in Python", call),
    ]
    for title, body in parts:
        text.append(f"{title}\n", "bold")
        text.append(f"{clean(body)}\n\n")
    return text
