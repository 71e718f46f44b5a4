"""What a text may look like, and what is said, in words, of one that does not."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Shape:
    """Annotates a text with a pattern; a text that does not match is told what it should be.

    Args:
        pattern: as Rust's engine for regular expressions reads it.
        words: what the text should be, for people; goes on after "Should be".
    """

    def __init__(self, pattern: str, words: str) -> None:
        self.pattern = pattern
        self._words = words

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the pattern after all else, so that only it is told by these words."""
        plain = handler(source)
        assert plain["type"] == "str", "a shape comes right behind the constraints of its text"
        matching = core_schema.custom_error_schema(
            {**plain, "pattern": self.pattern},
            custom_error_type="shape",
            custom_error_message=f"Should be {self._words}",
        )
        return core_schema.chain_schema([plain, matching])

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe it to programs by its pattern."""
        return {**handler(schema), "pattern": self.pattern}
