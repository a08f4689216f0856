"""read_card(): its answers to cases written down before, and to cards of every odd kind."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import course_utils as cu

CASES = tomllib.loads((Path(__file__).parent / "cards.toml").read_text(encoding="utf-8"))["cards"]
FLOOR = 1.0  # share of single answers that must come out as written
FIELDS = {
    "what": "what_it_does",
    "inputs": "inputs_outputs",
    "use": "intended_use",
    "limits": "limits",
    "load": "how_to_load",
    "data": "training_data",
}


def misses(report: cu.CardReport, case: dict[str, Any]) -> dict[str, str]:
    """What the report sees otherwise than the case says, by field."""
    wrong = {}
    lines = case["text"].splitlines()
    for key, name in FIELDS.items():
        answer, expected = getattr(report, name), case[key]
        if expected is False:
            good = not answer.found and answer.text == ""
        else:
            heading, word = expected
            good = answer.found and answer.heading == heading or (heading == "*" and answer.found)
            good = good and (word == "*" or word.casefold() in answer.text.casefold())
            if good and answer.lines is not None and word != "*":
                first, last = answer.lines
                good = word.split()[0].casefold() in "\n".join(lines[first - 1 : last]).casefold()
        if not good:
            wrong[key] = f"{answer.found} {answer.heading!r} {answer.lines} {answer.text[:60]!r}"
    if list(report.languages) != case["languages"]:
        wrong["languages"] = str(report.languages)
    if list(report.base_models) != case["base_models"]:
        wrong["base_models"] = str(report.base_models)
    if bool(report.problem) != (case.get("metadata") is False):
        wrong["metadata"] = report.problem
    return wrong


def test_the_score(tmp_path):
    score = {}
    path = tmp_path / "README.md"
    for case in CASES:
        path.write_bytes(case["text"].encode())
        score[case["name"]] = misses(cu.read_card(path), case)
    asked = len(CASES) * (len(FIELDS) + 3)
    wrong = [(name, *one) for name, missed in score.items() for one in missed.items()]
    known = [(case["name"], key) for case in CASES for key in case.get("known_miss", ())]
    print(f"\n{asked - len(wrong)} of {asked} answers about {len(CASES)} cards as written before")
    for name, key, saw in wrong:
        print(f"  {name}: {key}: {saw}")
    assert len(CASES) >= 40
    assert {(name, key) for name, key, _ in wrong} <= set(known)
    assert len(wrong) <= (1 - FLOOR) * asked
