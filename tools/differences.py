"""What a failed test means to the course: which sentence, which cell, and what was seen instead."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
MANIFEST = ROOT / "course_utils" / "curriculum.toml"
MAX_LINES = 12


@dataclass(frozen=True)
class Difference:
    """One failed test or cell. ``subject`` says what of the course no longer holds."""

    test: str
    told: str
    subject: str = field(compare=False)

    @property
    def runs_as(self) -> str:
        """What pytest is given to see it again: a cell needs its whole notebook."""
        return self.test.split("::")[0] if is_cell(self.test) else self.test


def is_cell(test: str) -> bool:
    return test.split("::")[0].endswith(".ipynb")


def differences(failures: Path, root: Path = ROOT) -> list[Difference]:
    """Those of a file that ``tools.failures_to_json`` wrote, the course's own order kept."""
    lines = failures.read_text(encoding="utf-8").splitlines() if failures.exists() else []
    told = {one["test"]: one["told"] for one in map(json.loads, lines)}
    found = (
        Difference(test, essence(text), subject_of(test, root))
        for test, text in sorted(told.items(), key=lambda pair: order(pair[0]))
    )
    return without_consequences(found)


def order(test: str) -> tuple[bool, str, int]:
    place, _, name = test.partition("::")
    number = re.search(r"\d+$", name)
    return not is_cell(test), place, int(number[0]) if number and is_cell(test) else 0


def without_consequences(found: Iterable[Difference]) -> list[Difference]:
    """Where a cell fails for a name that an earlier failure left undefined, that one tells."""
    kept: list[Difference] = []
    for one in found:
        earlier = any(is_cell(one.test) and one.runs_as == other.runs_as for other in kept)
        if not (earlier and "NameError: name" in one.told):
            kept.append(one)
    return kept


def subject_of(test: str, root: Path = ROOT) -> str:
    """The notebook and the cell, or the notebook and its sentences, or else the test."""
    if is_cell(test):
        place, _, cell = test.partition("::Cell ")
        return cell_words(root / place, int(cell))
    stem = test.split("[")[0]
    sentences = [
        f"notebook {lesson}, the sentence “{text}”"
        for lesson, text, proof in claims()
        if stem == proof or (stem == proof.split("::")[0] and "::" not in stem)
    ]
    return "\n".join(sentences) or f"the test {test}"


@cache
def claims() -> tuple[tuple[str, str, str], ...]:
    """Notebook, sentence, and the test that proves it."""
    manifest = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))
    return tuple(
        (lesson["name"], claim["text"], claim["test"])
        for lesson in manifest["lessons"]
        for claim in lesson.get("claims", ())
    )


def cell_words(notebook: Path, number: int) -> str:
    """The cell that nbval counts from 0, with its section, and the sentence that leads to it."""
    heading, sentence, count = "", "", 0
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
            heading = titles[-1] if titles else heading
            sentence = re.split(r"(?<=[.?!:])\s+", text.strip())[-1].strip()
        elif count == number:
            code = "\n".join(f"    {line}" for line in text.splitlines())
            return (
                f"notebook {notebook.stem}, “{heading}”, code cell {number + 1}, "
                f"after “{sentence}”\n{code}"
            )
        else:
            count += 1
    return f"notebook {notebook.stem}, code cell {number + 1}"


def essence(told: str) -> str:
    """The end of what pytest or nbval told: there the values stand that were compared."""
    _, _, after = told.rpartition("Traceback:\n")
    errors = [line for line in told.splitlines() if line.startswith("E  ")]
    lines = errors or [line for line in (after or told).splitlines() if line.strip()]
    if len(lines) > MAX_LINES:
        half = MAX_LINES // 2
        lines = [*lines[:half], "…", *lines[-half:]]
    return "\n".join(line.removeprefix("E  ").strip() for line in lines)
