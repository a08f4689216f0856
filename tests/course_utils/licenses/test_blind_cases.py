"""check_license() on situations that were answered before it was asked.

They are frozen: a case that comes out wrong is mended in the package, never here.
An answer is right, soft (over-careful, but safe), dangerous, or plainly wrong.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import course_utils as cu
from practice_hub.repos import Repo
from tests.support.own_hub import repo, serving

HERE = Path(__file__).parent
CASES = {
    name: tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))["repos"]
    for name in ("blind_cases", "further_cases")
}
SHOWN = 40  # characters of the deciding line that have to stand in the report

RIGHT = 0.95
OVER_CAREFUL = 0.05


def card(metadata: str, body: str = "") -> str:
    return f"---\n{metadata}\n---\n{body}"


def repos_of(case: dict[str, Any]) -> list[Repo]:
    files = {"config.json": "{}", "README.md": card(case["card"], case.get("body", ""))}
    if "license" in case or "license_file" in case:
        text = case.get("license") or (HERE / case["license_file"]).read_text(encoding="utf-8")
        assert case.get("license_without", "") in text
        text = text.replace(case.get("license_without", "\0"), "") + case.get("license_added", "")
        files[case.get("file_name", "LICENSE")] = text
    made = [repo(f"acme/{case['name']}", files, gated=case.get("gated", False))]
    for base, metadata in case.get("bases", {}).items():
        theirs = {"README.md": card(metadata, case.get("base_bodies", {}).get(base, ""))}
        if base in case.get("base_license_files", {}):
            theirs["LICENSE"] = (HERE / case["base_license_files"][base]).read_text("utf-8")
        made.append(repo(base, theirs))
    return made


def judged(report: cu.LicenseReport, case: dict[str, Any]) -> str:
    if report.verdict in case["ok"]:
        return "right"
    if report.verdict in case["dangerous"]:
        return "dangerous"
    return "over-careful" if report.verdict in case["soft"] or "plain_yes" in case else "wrong"


def misses(report: cu.LicenseReport, case: dict[str, Any]) -> list[str]:
    """What a report lacks beside its verdict."""
    text = str(report).casefold()
    found = [f"lacks {words!r}" for words in case.get("says", ()) if words.casefold() not in text]
    if "finding" in case and bool(report.findings) != case["finding"]:
        found.append(f"findings: {report.findings}")
    if report.verdict == "yes" and any("limits the use" in one for one in report.findings):
        found.append("a restriction beside a plain yes")
    return found


def squeezed(text: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[\W_]+", "", text).casefold()


def shows_the_line(report: cu.LicenseReport, case: dict[str, Any]) -> bool:
    """Whether the deciding line, or of a line of metadata its value, stands in the report."""
    line = re.sub(r"^\s*(license(s|_name)?|base_model|extra_gated_prompt|name):", "", case["line"])
    line = re.sub(r"https://huggingface.co/([\w.-]+/[\w.-]+)\S*", r"\1", line)
    return squeezed(line)[:SHOWN] in squeezed(str(report))


@pytest.mark.parametrize("name", CASES)
def test_the_score(name):
    cases = CASES[name]
    verdicts: Counter[str] = Counter()
    lines, told = 0, []
    for case in cases:
        with serving(*repos_of(case)):
            report = cu.check_license(f"acme/{case['name']}", "commercial")
        verdict, shown = judged(report, case), shows_the_line(report, case)
        verdicts[verdict] += 1
        lines += shown
        lacks = misses(report, case) + ([] if shown else ["the deciding line is not shown"])
        if verdict != "right" or lacks:
            told.append(f"{case['name']}: {verdict}, {report.verdict}; {'; '.join(lacks)}")
    asked = len(cases)
    print(f"\n{asked} license situations: {dict(verdicts)}, deciding line shown in {lines}")
    for line in told:
        print(f"  {line}")
    assert asked == {"blind_cases": 44, "further_cases": 18}[name]
    assert verdicts["dangerous"] == 0
    assert verdicts["over-careful"] <= OVER_CAREFUL * asked
    assert verdicts["right"] >= RIGHT * asked
    assert not told
