"""The texts of the story's help desk, read from ``help_desk.toml``. All of them are invented."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class HelpDesk:
    """Twenty solved tickets, and the same twenty asked anew: row by row they belong together.

    ``sentences`` are a hundred, English, the tickets among them. ``manual`` is a page of English
    that no published model has read.
    """

    solved: tuple[str, ...]
    english: tuple[str, ...]
    german: tuple[str, ...]
    solved_german: tuple[str, ...]
    sentences: tuple[str, ...]
    manual: str


def read(path: Path) -> HelpDesk:
    texts = tomllib.loads(path.read_text(encoding="utf-8"))
    return HelpDesk(
        solved=tuple(texts["solved"]),
        english=tuple(texts["english"]),
        german=tuple(texts["german"]),
        solved_german=tuple(texts["solved_german"]),
        sentences=(*texts["solved"], *texts["english"], *texts["messages"]),
        manual=texts["manual"].strip(),
    )


HELP_DESK = read(Path(__file__).with_suffix(".toml"))
