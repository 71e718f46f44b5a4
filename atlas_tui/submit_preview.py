"""What a submit form would come to, as text beside it; no widgets."""

from __future__ import annotations

import json

from rich.text import Text

from foundations.bundles.bundle import Estimate
from foundations.limits import limit_facts
from foundations.models import JobSpec
from foundations.parameters import PARAMETERS_FILE
from foundations.terms import NO_TERMS, Terms
from foundations.text.quantities import counted, size
from foundations.text.terminal import clean


def describe_files(found: Estimate | None) -> list[str]:
    """Say what would be packed, what is largest, and what is left out."""
    if found is None:
        return []
    lines = [f"{size(found.size_bytes)} in {counted(found.file_count, 'file')}"]
    lines += [f"  {size(size_bytes):>9}  {path}" for path, size_bytes in found.largest[:3]]
    if found.left_out_count:
        shown = ", ".join(found.left_out[:6])
        more = ", …" if found.left_out_count > 6 else ""
        lines.append(f"left out: {shown}{more}")
    return [*lines, *found.warnings]


def describe_outcome(
    files: list[str], spec: JobSpec, command: str, call: str, terms: Terms = NO_TERMS
) -> Text:
    """Write what would be sent, and how to send the same without the app."""
    text = Text()
    needs = [f"{spec.num_gpus} GPU{'s' if spec.num_gpus != 1 else ''}"]
    needs += [f"{spec.cpus:g} CPUs"] if spec.cpus is not None else []
    needs += [f"{spec.ram_gb:g} GB RAM"] if spec.ram_gb is not None else []
    needs += [f"{spec.shm_gb:g} GB /dev/shm"] if spec.shm_gb is not None else []
    limits = [f"{name.lower()}: {fact}" for name, fact in limit_facts(spec)]
    job = [
        " ".join(spec.command),
        f"project {spec.project}, {', '.join(needs)}",
        *limits,
        *_terms(terms),
    ]
    parts = [
        ("Files", "\n".join(files)),
        ("Job", "\n".join(job)),
        (PARAMETERS_FILE, json.dumps(spec.params, indent=1)),
        ("The same on the command line", f"$ {command}"),
        ("The same in Python", call),
    ]
    for title, body in parts:
        text.append(f"{title}\n", "bold")
        text.append(f"{clean(body)}\n\n")
    return text


def _terms(terms: Terms) -> list[str]:
    """Say how often it runs, and what it waits for."""
    lines = [f"after {one.job}, {_WHEN[one.on]}" for one in terms.after]
    if terms.not_before is not None:
        lines.append(f"not before {terms.not_before.astimezone():%d %b %Y %H:%M}")
    if terms.unique is not None:
        lines.append(f"not while another job has the key {terms.unique.key}")
    if terms.array is not None:
        lines.append(f"as an array with the indices {terms.array}")
    if terms.cron is not None:
        lines.append(f"again and again: {terms.cron}")
    return lines


_WHEN = {"ok": "if it completes", "any": "however it ends", "failed": "if it fails"}
