"""What a report draws says the same in words: trees and tables, as text and as HTML."""

from __future__ import annotations

import re

import pytest

import course_utils as cu
from course_utils.report import Branch, tree_as_html, tree_as_text
from tests.support.on_screen import words_of

LEAF = Branch("c/grandparent", "cc-by-nc-4.0 → no", "no", "made from")
TREE = Branch(
    "a/child",
    "mit → yes",
    "yes",
    branches=(
        Branch("b/mother", "mit → yes", "yes", "made from", branches=(LEAF,)),
        Branch("<b>Llama</b> 3.1", "llama3.1 → yes, if", "yes-if", "seems made from", True),
    ),
)


def test_a_tree_in_text_shows_who_hangs_on_whom():
    assert list(tree_as_text(TREE)) == [
        "a/child: mit → yes",
        "├─ made from b/mother: mit → yes",
        "│  └─ made from c/grandparent: cc-by-nc-4.0 → no",
        "└─ seems made from <b>Llama</b> 3.1: llama3.1 → yes, if",
    ]


def test_a_tree_on_a_page_says_the_same_and_its_lists_are_nested():
    page = tree_as_html(TREE)
    words = words_of(page)
    for line in tree_as_text(TREE):
        assert line.lstrip("│├└─ ") in words
    assert "<b>Llama</b>" not in page
    assert re.findall(r'data-shape="(\w+)"', page) == ["circle", "circle", "octagon", "triangle"]
    assert page.count("<ul") == page.count("</ul>") == 3
    assert page.count("dashed") == 1


@pytest.mark.parametrize(
    ("repo_id", "family"),
    [
        (
            "practice/relabeled-chat",
            {"practice/relabeled-chat": "yes", "practice/noncommercial-chat": "no"},
        ),
        ("practice/tiny-chat", {}),
    ],
)
def test_a_license_shows_the_family_with_what_each_allows_by_itself(repo_id, family):
    report = cu.check_license(repo_id)
    assert {one.name: one.verdict for one in report.family} == family
    for page in (str(report), words_of(report._repr_html_())):
        for name, verdict in family.items():
            assert re.search(rf"{name}: [^→]+→ {verdict}", page)
    for one in report.family[1:]:
        assert one.evidence in report.evidence
        assert one.evidence.says not in str(report)  # the tree has said it


def test_a_repo_id_in_a_table_is_broken_only_after_its_owner():
    found = cu.find_models(author="Qwen", limit=2)
    page = found._repr_html_()
    for model in found:
        owner, name = model.repo_id.split("/")
        assert f'{owner}/</span><wbr><span style="white-space:nowrap">{name}</span>' in page


def test_a_page_has_the_words_of_the_table_and_how_to_read_its_bars():
    table = cu.ways_to_fit("Qwen/Qwen2.5-7B-Instruct", "T4")
    words = words_of(table._repr_html_())
    for line in table.lines():
        assert " ".join(line) in words
    assert "hatched" in words and "hatched" not in str(table)
