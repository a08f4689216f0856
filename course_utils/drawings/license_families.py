"""Three models of the course's short list, whom they come from, and what that lets you do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course_utils.drawings.marks import verdict_mark
from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Shape, Words, box, line


@dataclass(frozen=True)
class Family:
    """``verdict`` is what ``check_license`` says of ``model`` for commercial use."""

    model: str
    base: str
    license: str
    verdict: str
    yours: str

    @property
    def name(self) -> str:
        return self.model.split("/")[1]

    @property
    def answer(self) -> str:
        return {"yes": "yes", "yes-if": "yes, if …", "no": "no"}[self.verdict]


FAMILIES = (
    Family(
        "Qwen/Qwen2.5-7B-Instruct",
        "Qwen2.5-7B",
        "apache-2.0",
        "yes",
        "pass the license and notices on with it",
    ),
    Family(
        "meta-llama/Llama-3.1-8B-Instruct",
        "Llama-3.1-8B",
        "llama3.1",
        "yes-if",
        "the same terms; its name begins with Llama",
    ),
    Family(
        "Qwen/Qwen2.5-3B-Instruct",
        "Qwen2.5-3B",
        "qwen-research",
        "no",
        "research only, like its base",
    ),
)
QUESTION = "May a company build a product on it?"
TOP, STEP, NODE = 72.0, 150.0, 34.0


def license_families() -> Drawing:
    title = "What a license hands down"
    height = TOP + STEP * len(FAMILIES)
    return Drawing("license_families", title, _words(), height, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    yield Words(16, 52, QUESTION, 12)
    for number, family in enumerate(FAMILIES):
        yield from _tree(family, TOP + STEP * number)


def _tree(family: Family, top: float) -> Iterator[Shape]:
    nodes = (
        (16, 108, family.base, False),
        (38, 186, family.name, False),
        (60, 164, "your finetune", True),
    )
    for row, (left, width, name, is_yours) in enumerate(nodes):
        at = top + row * (NODE + 6)
        if row:
            above = nodes[row - 1][0] + 10
            yield line((above, at - 6), (above, at + 14), (left, at + 14), colour="ink", thick=1.6)
        fill = "empty" if is_yours else "washed"
        yield box(left, at, width, 28, "weights", fill, edge="weights", dashed=is_yours)
        yield Words(left + 8, at + 19, name, 12, bold=row == 1)
    yield Words(236, top + 19, f"license: {family.license}", 12)
    yield from verdict_mark(246, top + NODE + 20, family.verdict)
    yield Words(264, top + NODE + 25, family.answer, 13, bold=True)
    yield Words(60, top + 3 * NODE + 24, family.yours, 12)


def _words() -> str:
    lines = [
        f"{family.base} ({family.license}) → {family.name}: {family.answer} → your finetune: "
        f"{family.yours}."
        for family in FAMILIES
    ]
    return "\n".join([QUESTION, *lines])
