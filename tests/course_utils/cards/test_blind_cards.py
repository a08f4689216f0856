"""read_card() on cards that were answered before it was asked.

They are frozen: a card that is read wrong is mended in the package, never here.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import course_utils as cu
from tests.course_utils.cards.test_read_card import FIELDS

CASES = {
    name: tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text("utf-8"))["cards"]
    for name in ("blind_cards", "further_cards")
}
LISTS = ("languages", "base_models")
RIGHT = 0.96


def is_right(answer: Any, key: str, case: dict[str, Any]) -> bool:
    """An answer is found where the card gives one, and holds one of the words."""
    expected = case[key]
    if not answer.found:
        return expected is False or key in case.get("either", ())
    if expected is False:
        words = case.get(f"{key}_also", ())
        return key in case.get("either", ()) and (
            not words or any(word.casefold() in answer.text.casefold() for word in words)
        )
    heading, word = expected
    text = answer.text.casefold()
    words = [word, *case.get(f"{key}_also", ())]
    return heading in ("*", answer.heading) and any(one.casefold() in text for one in words)


def shows_the_line(answer: Any, key: str, case: dict[str, Any]) -> bool:
    """Whether the deciding line lies within the lines that the answer gives."""
    line = case["lines"][key]
    if not answer.found or line == "not said":
        return True
    if answer.lines is None:
        return line.strip(" -") in answer.text
    first, last = answer.lines
    return line in "\n".join(case["text"].splitlines()[first - 1 : last])


def missed(report: cu.CardReport, case: dict[str, Any]) -> dict[str, str]:
    wrong = {}
    for key, name in FIELDS.items():
        answer = getattr(report, name)
        if not is_right(answer, key, case):
            wrong[key] = f"{answer.found} {answer.heading!r} {answer.lines} {answer.text[:60]!r}"
    also = [set(one) for one in case.get("languages_also", ())]
    if set(report.languages) not in [set(case["languages"]), *also]:
        wrong["languages"] = str(report.languages)
    if set(report.base_models) != set(case["base_models"]):
        wrong["base_models"] = str(report.base_models)
    return wrong


@pytest.mark.parametrize("name", CASES)
def test_the_score(name, tmp_path):
    path = tmp_path / "README.md"
    wrong: Counter[str] = Counter()
    told, elsewhere = [], []
    for case in CASES[name]:
        path.write_bytes(case["text"].encode())
        report = cu.read_card(path)
        title = case["name"].removeprefix("blind: ")
        for key, saw in missed(report, case).items():
            wrong[key] += 1
            told.append(f"{title}: {key}: {saw}")
        for key, field in FIELDS.items():
            answer = getattr(report, field)
            if is_right(answer, key, case) and not shows_the_line(answer, key, case):
                elsewhere.append(f"{title}: {key}: {answer.lines} {answer.text[:60]!r}")
    asked = len(CASES[name]) * (len(FIELDS) + len(LISTS))
    print(f"\n{asked - len(told)} of {asked} answers as written; wrong: {dict(wrong)}")
    for line in told:
        print(f"  {line}")
    print(f"{len(elsewhere)} right answers from other lines than the ones named")
    for line in elsewhere:
        print(f"  {line}")
    assert len(CASES[name]) == {"blind_cards": 20, "further_cards": 10}[name]
    assert len(told) <= (1 - RIGHT) * asked
