"""read_card(): its answers to cases written down before, and to cards of every odd kind."""

from __future__ import annotations

import json
import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import course_utils as cu
from course_utils.cards.markdown import read_card_text
from course_utils.hub import client as hub_client
from tests.support.own_hub import repo, serving
from tests.support.paths import HELD

CASES = tomllib.loads((Path(__file__).parent / "cards.toml").read_text(encoding="utf-8"))["cards"]
PRACTICE = HELD / "practice"
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


# --- Odd cards -----------------------------------------------------------------------------------


def read(tmp_path: Path, content: bytes) -> cu.CardReport:
    path = tmp_path / "README.md"
    path.write_bytes(content)
    report = cu.read_card(path)
    json.dumps(report.to_dict())
    assert str(report) and report._repr_html_()
    return report


@pytest.mark.timeout(120)
def test_a_card_of_half_a_megabyte_is_read(tmp_path):
    rows = "| some | words | in a table |\n|---|---|---|\n" + "| a | b | c |\n" * 50
    filler = f"## Evaluation\n\n{'Numbers, numbers. ' * 40}\n\n{rows}\n"
    content = "# big\n\n" + filler * 350 + "## Limitations\n\nIt is long.\n"
    report = read(tmp_path, content.encode())
    assert len(content) > 500_000
    assert report.limits.text == "It is long."
    assert report.limits.lines == (content.count("\n"), content.count("\n"))


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes_break_nothing(tmp_path, seed):
    noise = random.Random(seed)
    words = [b"---\n", b"# ", b"<table>", b"```", b"**", b"license:", b"\xff", b"|", b"<!--", b"["]
    pieces = [noise.choice([*words, noise.randbytes(30)]) for _ in range(2000)]
    read(tmp_path, noise.randbytes(20_000))
    read(tmp_path, b"".join(pieces))


@pytest.mark.timeout(120)  # what is quadratic in these takes hours
@pytest.mark.parametrize("piece", ["[", "![[", "> ", "<", "**a", "<!--", "[a](", "&", "- \n", "|a"])
def test_no_repetition_makes_it_hang(tmp_path, piece):
    read(tmp_path, (piece * 30_000).encode())


@given(st.text(max_size=400))
@settings(max_examples=60, deadline=None)
def test_any_text_is_taken_apart(text):
    card = read_card_text(text)
    for passage in card.passages:
        for block in passage.blocks:
            assert 1 <= block.first <= block.last


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "shift_jis"])
def test_other_encodings_are_read_as_far_as_they_go(tmp_path, encoding):
    text = "# title\n\n## Limitations\n\nIt is old.\n"
    report = read(tmp_path, text.encode(encoding))
    if encoding != "utf-16":
        assert report.limits.text == "It is old."


def test_metadata_that_holds_itself_is_refused(tmp_path):
    read(tmp_path, b"---\na: &a [*a]\nlanguage: *a\n---\ntext\n")
    report = read(tmp_path, b"---\n" + b"[" * 5000 + b"\n---\n## Description\n\nFine.\n")
    assert report.problem
    assert report.what_it_does.found


# --- Files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "weights", "remote_code"),
    [
        (["config.json", "model.safetensors"], "safetensors", False),
        (["config.json", "pytorch_model.bin", "training_args.bin"], "pickle", False),
        (
            ["model.safetensors", "pytorch_model-00001-of-00002.bin"],
            "safetensors and pickle",
            False,
        ),
        (["config.json", "training_args.bin", "optimizer.pt"], "none", False),
        (["model.Q4_K_M.gguf"], "other", False),
        (["config.json", "model.safetensors", "modeling_x.py"], "safetensors", True),
        (["notes.txt"], None, None),
    ],
)
def test_weights_and_code_of_a_local_repo(tmp_path, files, weights, remote_code):
    for name in files:
        text = '{"auto_map": {}}' if remote_code and name == "config.json" else "{}"
        (tmp_path / name).write_text(text)
    report = read(tmp_path, b"# local\n")
    assert (report.weights, report.remote_code) == (weights, remote_code)
    assert cu.read_card(tmp_path).subject.endswith("README.md")


def test_code_that_is_asked_for_and_not_there_is_noted(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    content = (
        b"## Usage\n\n```python\nAutoModel.from_pretrained('a/b', trust_remote_code=True)\n```\n"
    )
    assert "do without" in str(read(tmp_path, content))


@pytest.mark.parametrize(
    "odd", ["", "  ", None, 3, [], "./not/here", "~/nope.md", "x" * 5000, "\0"]
)
def test_what_is_neither_file_nor_repo_is_said(odd):
    with pytest.raises(cu.CourseError):
        cu.read_card(odd)


# --- The practice Hub ----------------------------------------------------------------------------


def test_held_cards_answer_the_four_questions():
    for name in ("tiny-chat", "tiny-sentiment", "tiny-fill-mask", "gated-chat", "no-license"):
        report = cu.read_card(f"practice/{name}")
        assert "4 of 4" in report.title(), report
        assert report.languages == ("en",) and report.training_data.found


def test_evidence_is_where_it_is_said_to_be():
    report = cu.read_card("practice/tiny-chat")
    lines = (PRACTICE / "tiny-chat" / "README.md").read_text().splitlines()
    for answer in (report.what_it_does, report.inputs_outputs, report.intended_use):
        first, last = answer.lines
        assert answer.text.split()[0] in lines[first - 1]
        assert answer.text.split()[-1].strip("`") in lines[last - 1] or lines[last - 1] == "```"


def test_a_repo_without_a_card_says_so():
    report = cu.read_card("practice/no-card")
    assert not report.has_card and "has no card" in str(report)
    assert "what it does" in report.not_said
    assert report.weights == "safetensors"


def test_pickles_and_custom_code_are_explained():
    pickled = cu.read_card("practice/pickle-sentiment")
    assert pickled.weights == "pickle" and "weights_only=True" in str(pickled)
    custom = cu.read_card("practice/custom-code-classifier")
    assert custom.remote_code and custom.code_files == ("modeling_bag_of_words.py",)
    assert "trust_remote_code=True" in str(custom)


def test_lineage_goes_up():
    repos = [
        repo("acme/child", {"README.md": "---\nbase_model: acme/mother\n---\n"}),
        repo("acme/mother", {"README.md": "---\nbase_model: acme/gone\n---\n"}),
    ]
    with serving(*repos):
        report = cu.read_card("acme/child")
    assert report.base_models == ("acme/mother", "acme/gone")
    assert "does not show it" in str(report)


@pytest.mark.parametrize("repo_id", ["practice/nowhere", "practice/private-chat", "a/b/c"])
def test_missing_repos_are_said(repo_id):
    with pytest.raises(cu.CourseError, match="repo"):
        cu.read_card(repo_id)


@pytest.mark.parametrize(
    "name", ["too-many-requests", "server-error", "captive-portal", "cut-json"]
)
def test_trouble_is_a_message(name):
    with pytest.raises(cu.CourseError):
        cu.read_card(f"trouble/{name}")


@pytest.mark.timeout(120)
def test_a_hub_that_hangs_is_left(monkeypatch):
    monkeypatch.setattr(hub_client.model_info, "__defaults__", (1.0,))
    with pytest.raises(cu.CourseError, match="did not answer in time"):
        cu.read_card("trouble/hangs")
