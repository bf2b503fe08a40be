"""Code blocks of the documentation, so that what people copy is what the tests ran."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from inventory_assets_tests.conftest import ROOT

_BLOCK = re.compile(r"^( *)```(\w+)(?: ([^\n]+))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block that names its language.

    Attributes:
        language: "python", "sql", "sh", "toml", "csv".
        file: file it belongs into, where the block names one.
        code: its text.
        line: line of the page it begins at.
    """

    language: str
    file: str
    code: str
    line: int


def blocks(page: str) -> list[Block]:
    """Blocks with a language of a page below docs/, in order."""
    text = Path(ROOT, "docs", page).read_text("utf-8")
    return [
        Block(language, (title or "").removeprefix("title="), code, text.count("\n", 0, match.start()) + 1)
        for match in _BLOCK.finditer(text)
        for _, language, title, code in [match.groups()]
    ]
