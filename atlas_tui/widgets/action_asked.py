"""What a widget posts when the mouse asks for an action of the table."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass
class ActionAsked(Message):
    """Somebody clicked on what stands for an action."""

    name: str
