"""check_license(): its answers to cases written down before, and what it does with bad ones."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

import course_utils as cu
from course_utils.licenses import KINDS, USES, known_licenses, license_kind
from own_hub import repo, serving

CASES = tomllib.loads((Path(__file__).parent / "license_cases.toml").read_text(encoding="utf-8"))
COMMERCIAL = [
    {"ask": identifier, "verdict": verdict}
    for verdict, identifiers in CASES["commercial"].items()
    for identifier in identifiers.split()
]
BY_IDENTIFIER = [*COMMERCIAL, *CASES["identifiers"]]
FLOOR = 1.0  # share of cases that must come out as written


def misses(report: cu.LicenseReport, case: dict[str, Any]) -> list[str]:
    """What a report does not have of what the case asks for; [] is a hit."""
    text = str(report).casefold()
    found = []
    if report.verdict != case["verdict"]:
        found.append(f"says {report.verdict}, should say {case['verdict']}")
    if "finding" in case and bool(report.findings) != case["finding"]:
        found.append(f"findings: {report.findings}")
    found += [f"lacks {words!r}" for words in case.get("says", ()) if words.casefold() not in text]
    found += [f"has {words!r}" for words in case.get("says_not", ()) if words.casefold() in text]
    return found


def asked(case: dict[str, Any]) -> cu.LicenseReport:
    return cu.check_license(
        case.get("ask") or f"acme/{case['name']}", case.get("use", "commercial")
    )


def card(metadata: str | None, body: str = "") -> str:
    return f"---\n{metadata}\n---\n{body}"


@pytest.fixture(scope="module")
def own_hub():
    repos = {}
    for case in CASES["repos"]:
        files = {"config.json": "{}"}
        if "card" in case:
            files["README.md"] = card(case["card"], case.get("body", ""))
        if "license" in case:
            files[case.get("file_name", "LICENSE")] = case["license"]
        repo_id = f"acme/{case['name']}"
        repos[repo_id] = repo(repo_id, files, gated=case.get("gated", False))
        for base, metadata in case.get("bases", {}).items():
            repos[base] = repo(base, {"README.md": card(metadata)})
    with serving(*repos.values()) as url:
        yield url


@pytest.fixture(scope="module")
def score(own_hub):
    """Misses by case, of all cases."""
    found = {}
    for number, case in enumerate((*BY_IDENTIFIER, *CASES["repos"]), start=1):
        name = case.get("name") or f"{number}: {case['ask']!r} for {case.get('use', 'commercial')}"
        found[name] = misses(asked(case), case)
    return found


def test_the_score(score):
    wrong = {name: problems for name, problems in score.items() if problems}
    known = {case["name"] for case in CASES["repos"] if "known_miss" in case}
    print(f"\n{len(score) - len(wrong)} of {len(score)} license cases as written down before")
    for name, problems in wrong.items():
        print(f"  {name}: {'; '.join(problems)}")
    assert len(score) > 180
    assert set(wrong) <= known
    assert len(wrong) <= (1 - FLOOR) * len(score)
