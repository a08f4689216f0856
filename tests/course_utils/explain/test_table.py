"""The table itself: each row whole, each lesson there, each row proved by an error."""

from __future__ import annotations

import re

import pytest

from course_utils.explain.explanation import FACT, taught_in
from course_utils.explain.failures import failures, read
from tests.course_utils.explain.staged import FAILURES
from tests.course_utils.explain.test_recorded import QUOTED, RAISED

ROWS = failures().failures
NAMES = [row.name for row in ROWS]


def test_no_two_rows_have_a_name():
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_a_row_is_whole(row):
    assert row.what.endswith((".", ":")) and row.why and len(row.do) in range(1, 7)
    assert taught_in(row.lesson).title
    may_name = {"restart", *failures().facts} | {
        name for clause in row.when if clause.says for name in clause.says.groupindex
    }
    for text in (row.what, *row.why, *row.do):
        assert {found[1] for found in FACT.finditer(text)} <= may_name, text
        assert not re.search(r"\bimpossible|just\b|simply", text)
    # What happened is always said, whatever the traceback holds; so is the first step.
    sure = set.intersection(
        *[set(clause.says.groupindex if clause.says else ()) for clause in row.when]
    )
    sure.add("restart")
    for text in (row.what, row.do[0]):
        assert all(found[2] or found[1] in sure for found in FACT.finditer(text)), text


def test_every_row_is_proved_by_an_error():
    proved = {name for name, _ in FAILURES} | {case["name"] for case in QUOTED}
    proved |= {case["expected"] for case in RAISED}
    assert sorted(set(NAMES) - proved) == []
    assert sorted(proved - {"unknown"} - set(NAMES)) == []


def test_at_least_thirty_failures_are_raised_by_the_library_itself():
    assert len({name for name, _ in FAILURES}) >= 30


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ('level = "special"\nwhen = [{ says = "x" }]', "level"),
        ("when = []", "clause"),
        ('when = [{ frame = "x" }]', "clause"),
    ],
)
def test_a_row_that_cannot_work_is_refused(row, complaint, tmp_path):
    table = tmp_path / "table.toml"
    head = '[facts]\n[[failures]]\nname = "n"\nwhat = "w"\nwhy = []\ndo = []\nlesson = "l"\n'
    table.write_text(head + row)
    with pytest.raises(ValueError, match=complaint):
        read(table)


def test_the_more_specific_row_wins(tmp_path):
    """Exact before general before wrapper; more conditions; nearer the root; first in the file."""
    from course_utils.explain.trace import of_text

    def best(*rows: tuple[str, str, str]) -> str:
        table = tmp_path / "table.toml"
        table.write_text(
            "[facts]\n"
            + "".join(
                f'[[failures]]\nname = "{name}"\nwhat = "w"\nwhy = []\ndo = []\nlesson = "l"\n'
                f'level = "{level}"\nwhen = [{when}]\n'
                for name, level, when in rows
            )
        )
        text = (
            "KeyError: 'root'\n\nThe above exception was the direct cause of the following "
            "exception:\n\nOSError: wrapped"
        )
        match = read(table).best(of_text(text))
        assert match is not None
        return match.failure.name

    wrapped, root = '{ says = "wrapped" }', '{ says = "root" }'
    assert best(("a", "wrapper", root), ("b", "general", wrapped)) == "b"
    assert best(("a", "general", root), ("b", "exact", wrapped)) == "b"
    assert best(("a", "exact", root), ("b", "exact", '{ type = "OSError", says = "wr" }')) == "b"
    assert best(("a", "exact", wrapped), ("b", "exact", root)) == "b"
    assert best(("a", "exact", root), ("b", "exact", root)) == "a"
