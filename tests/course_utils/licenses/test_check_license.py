"""check_license(): its answers to cases written down before, and what it does with bad ones."""

from __future__ import annotations

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import course_utils as cu
from course_utils.hub import client as hub_client
from course_utils.licenses import KINDS, USES, known_licenses, license_kind
from course_utils.licenses.table import (
    NOT_IN_FULL,
    find_license,
    find_named,
    mentioned,
    named_licenses,
)
from course_utils.licenses.texts import recognize
from practice_hub.repos import Repo
from tests.support.own_hub import repo, serving

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


def repos_of(cases: list[dict[str, Any]]) -> list[Repo]:
    made = {}
    for case in cases:
        files = {"config.json": "{}"}
        if "card" in case:
            files["README.md"] = card(case["card"], case.get("body", ""))
        if "license" in case:
            files[case.get("file_name", "LICENSE")] = case["license"]
        repo_id = f"acme/{case['name']}"
        made[repo_id] = repo(repo_id, files, gated=case.get("gated", False))
        for base, words in case.get("bases", {}).items():
            made[base] = repo(base, {"README.md": card(words)})
    return list(made.values())


def test_the_score():
    score = {}
    with serving(*repos_of(CASES["repos"])):
        for number, case in enumerate((*BY_IDENTIFIER, *CASES["repos"]), start=1):
            use = case.get("use", "commercial")
            name = case.get("name") or f"{number}: {case['ask']!r} for {use}"
            score[name] = misses(asked(case), case)
    wrong = {name: problems for name, problems in score.items() if problems}
    known = {case["name"] for case in CASES["repos"] if "known_miss" in case}
    print(f"\n{len(score) - len(wrong)} of {len(score)} license cases as written down before")
    for name, problems in wrong.items():
        print(f"  {name}: {'; '.join(problems)}")
    assert len(score) > 180
    assert set(wrong) <= known
    assert len(wrong) <= (1 - FLOOR) * len(score)


# --- The table -----------------------------------------------------------------------------------


def test_every_identifier_has_an_answer_for_every_use():
    assert len(known_licenses()) == len(COMMERCIAL) == 83
    for row in known_licenses().values():
        assert row.kind in KINDS and row.kind == license_kind(row.id)
        for use in USES:
            report = cu.check_license(row.id, use)
            assert report.verdict in ("yes", "yes-if", "no", "cannot-tell")
            assert bool(report.conditions) == (report.verdict == "yes-if"), report
            assert report.reason and report.evidence
            assert str(report).count("legal advice") == 1
            assert "{" not in str(report)
            json.dumps(report.to_dict())


def test_what_is_not_read_says_so():
    unread = [row for row in known_licenses().values() if "not read" in row.note]
    assert unread
    for row in unread:
        report = cu.check_license(row.id, "research")
        assert "not read in full" in str(report), row.id


def test_every_named_license_says_where_it_was_read_and_answers():
    rows = set(named_licenses().values())
    assert len(rows) >= 20
    for row in rows:
        assert row.kind in KINDS and row.read and row.read_on and row.source.startswith("https://")
        for use in USES:
            report = cu.check_license(row.id, use)
            assert report.verdict != "yes" or not row.conditions_for(use), row.id
            if row.read == NOT_IN_FULL:
                assert "not read in full" in str(report), row.id


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("NVIDIA Open Model License", "nvidia-open-model-license"),
        ("nvidia-open-model-license", "nvidia-open-model-license"),
        ("Qwen Research License Agreement", "qwen-research"),
        ("tencent_hunyuan_community", "tencent-hunyuan-community"),
        ("llama-3.1-community-license", "llama3.1"),
        ("Apache License 2.0", "apache-2.0"),
        ("acme-license", None),
        ("license", None),
        ("other", None),
        ("", None),
        (None, None),
    ],
)
def test_license_names_are_found_by_their_spellings(name, identifier):
    row = find_named(name)
    assert (row.id if row else None) == identifier


EXPRESSIONS = {
    "Apache-2.0 OR MIT": "yes",
    "mit or gpl-3.0-only": "yes",
    "MIT AND CC-BY-NC-4.0": "no",
    "(MIT OR Apache-2.0) AND CC-BY-4.0": "yes-if",
    "GPL-2.0-or-later WITH Classpath-exception-2.0": "yes-if",
    "MIT OR Acme-1.0": "yes",
    "MIT AND Acme-1.0": "cannot-tell",
    "MIT OR": "cannot-tell",
    "MIT and then some": "cannot-tell",
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_spdx_expressions(expression):
    assert cu.check_license(expression).verdict == EXPRESSIONS[expression]


def test_no_yes_stands_beside_a_restriction():
    """Over all repos of the cases, for every use."""
    cases = CASES["repos"]
    with serving(*repos_of(cases)):
        for case in cases:
            for use in USES:
                report = cu.check_license(f"acme/{case['name']}", use)
                restricts = [one for one in report.findings if "limits the use" in one]
                assert not (restricts and report.verdict == "yes"), (case["name"], use)


def test_license_kind_asks_nobody(monkeypatch):
    monkeypatch.setattr(hub_client, "ask", pytest.fail)
    assert license_kind(" MIT ") == "permissive"
    assert license_kind("Llama 3.1") == "conditional"
    assert [license_kind(odd) for odd in (None, "", "nobody-knows", 3)] == ["unknown"] * 4


def test_texts_of_installed_packages_are_recognized():
    """Their authors named the license in the package's metadata."""
    told = []
    for package in metadata.distributions():
        named = find_license(package.metadata.get("License-Expression"))
        texts = [
            file
            for file in package.files or ()
            if re.fullmatch(r"(LICEN[CS]E|COPYING)(\.(txt|md|rst))?", file.name)
        ]
        if named and len(texts) == 1:
            found = recognize(Path(str(texts[0].locate())).read_text(errors="replace"))
            told.append((package.name, named.id, found and found.id))
    wrong = [one for one in told if one[1] != one[2]]
    assert len(told) > 20
    assert len(wrong) <= 0.1 * len(told), wrong


def test_licenses_are_found_in_prose():
    text = "Under the Apache License, Version 2.0; its data under CC BY-NC-SA 4.0, its code MIT."
    assert [row.id for row in mentioned(text)] == ["apache-2.0", "cc-by-nc-sa-4.0", "mit"]
    assert (
        mentioned("We admit that other models commit to nothing. The gemma gem, isc, AGPL-30") == []
    )


# --- What is asked -------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ["", "   ", None, 7, [], [None, ""], {}, object()])
def test_nothing_to_judge_is_said(odd):
    with pytest.raises(cu.CourseError, match="identifier"):
        cu.check_license(odd)


@pytest.mark.parametrize("use", ["", "sale", None, 3, ["commercial"]])
def test_an_unknown_use_names_the_known_ones(use):
    with pytest.raises(cu.CourseError, match="commercial, internal, research, personal"):
        cu.check_license("mit", use)


def test_forty_licenses_are_judged_and_shown_short():
    forty = [f"  {identifier.upper()}  " for identifier in list(known_licenses())[:40]]
    report = cu.check_license(forty)
    assert report.verdict == "cannot-tell"
    assert len(report.subject) <= 200
    assert cu.check_license(["mit"] * 40).verdict == "yes"
    assert len(cu.check_license(["mit"] * 40).evidence) == 1


def test_odd_lists_are_judged():
    assert cu.check_license([None, "mit", "", " "]).verdict == "yes"
    assert cu.check_license([None, 4]).verdict == "cannot-tell"


def test_a_name_without_an_owner_is_a_license_first_and_a_repo_second():
    assert cu.check_license("gemma").subject == "gemma"
    assert cu.check_license("gpt2").subject == "openai-community/gpt2"
    assert "no repo of that name" in str(cu.check_license("no-such-thing"))


def test_an_address_is_read_as_its_repo():
    report = cu.check_license("https://huggingface.co/practice/tiny-chat")
    assert report.subject == "practice/tiny-chat" and report.verdict == "yes"


# --- The practice Hub ----------------------------------------------------------------------------

PRACTICE = {
    "tiny-chat": "yes",
    "tiny-fill-mask": "yes",
    "tiny-sentiment": "yes",
    "pickle-sentiment": "yes",
    "gated-manual-chat": "yes",
    "relabeled-chat": "no",
    "noncommercial-chat": "no",
    "no-license": "cannot-tell",
    "no-card": "cannot-tell",
    "gated-chat": "cannot-tell",
}


@pytest.mark.parametrize("name", PRACTICE)
def test_held_repos(name):
    assert cu.check_license(f"practice/{name}").verdict == PRACTICE[name]


def test_a_permissive_tag_over_a_restricted_base_is_a_finding():
    report = cu.check_license("practice/relabeled-chat")
    (finding,) = report.findings
    assert "practice/noncommercial-chat" in finding and "cc-by-nc-4.0" in finding
    assert ("base model", "cc-by-nc-4.0") in [
        (one.source, "cc-by-nc-4.0") for one in report.evidence if "cc-by-nc" in one.says
    ]


def test_llama_and_gemma_say_what_matters():
    llama = str(cu.check_license("meta-llama/Llama-3.1-8B-Instruct"))
    assert "700 million" in llama and "July 23, 2024" in llama
    gemma = str(cu.check_license("google/gemma-2-2b-it"))
    assert "distillation" in gemma
    nemotron = cu.check_license("nvidia/Llama-3.1-Nemotron-Nano-8B-v1")
    assert nemotron.verdict == "yes-if"
    assert "llama3.1" in " ".join(nemotron.findings)
    assert "NVIDIA" in " ".join(nemotron.conditions)
    assert "700 million" in " ".join(nemotron.conditions)


def test_a_long_lineage_is_not_followed_for_ever():
    chain = [
        repo(
            f"acme/m{number}", {"README.md": card(f"license: mit\nbase_model: acme/m{number + 1}")}
        )
        for number in range(40)
    ]
    with serving(*chain):
        report = cu.check_license("acme/m0")
    assert report.verdict == "yes"
    assert "too long" in " ".join(report.findings)
    assert len(report.evidence) < 30


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=40, deadline=None)
def test_no_license_text_breaks_it(tag, text):
    recognize(text * 50)
    mentioned(text * 10)
    assert cu.check_license([tag + "/", text]).verdict in ("yes", "yes-if", "no", "cannot-tell")


# --- Trouble -------------------------------------------------------------------------------------

TROUBLE = {
    "too-many-requests": "429",
    "server-error": "error of its own",
    "gateway-timeout": "error of its own",
    "captive-portal": "log in",
    "cut-json": "cut off",
    "not-there": "no such repo",
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_with_the_hub_is_said_with_a_next_step(name):
    with pytest.raises(cu.CourseError, match=TROUBLE[name]):
        cu.check_license(f"trouble/{name}")


@pytest.mark.timeout(120)
def test_a_hub_that_hangs_is_left(monkeypatch):
    monkeypatch.setattr(hub_client.model_info, "__defaults__", (1.0,))
    with pytest.raises(cu.CourseError, match="did not answer in time"):
        cu.check_license("trouble/hangs")


def test_without_a_network_an_unknown_word_is_not_taken_for_a_repo(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    report = cu.check_license("nobody-knows")
    assert report.verdict == "cannot-tell"
    assert "cannot be reached" in str(report)
    with pytest.raises(cu.CourseError, match="cannot be reached"):
        cu.check_license("practice/tiny-chat")


def test_a_base_model_in_trouble_is_named_and_not_guessed():
    text = card("license: mit\nbase_model: trouble/server-error")
    with serving(repo("acme/child", {"README.md": text})):
        report = cu.check_license("acme/child")
    assert report.verdict == "cannot-tell"
    assert "trouble/server-error" in " ".join(report.findings)
