"""License files are what they say, not what they begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_utils.licenses import texts
from course_utils.licenses.table import find_license
from course_utils.licenses.texts import read_license_text

HELD = sorted(Path(texts.__file__).with_name("texts").glob("*.txt"), key=lambda path: path.name)
TEXT = {path.stem: path.read_text(encoding="utf-8") for path in HELD}
MIT = TEXT["mit"].replace("<year> <copyright holders>", "2024 Acme")


def ids(text: str) -> list[str]:
    return [row.id for row in read_license_text(text).licenses]


@pytest.mark.parametrize("name", TEXT)
def test_each_known_text_is_itself_and_nothing_more(name):
    reading = read_license_text(TEXT[name])
    assert [row.id for row in reading.licenses] == [find_license(name).id]
    assert reading.compared and not reading.added and not reading.left_out


def test_line_breaks_quotes_and_names_do_not_matter():
    for text in (
        " ".join(MIT.split()),
        MIT.replace('"', "“"),
        MIT.upper(),
        f"{MIT}\n(c) Acme, Inc.",
    ):
        reading = read_license_text(text)
        assert [row.id for row in reading.licenses] == ["mit"] and not reading.added, reading


def test_what_is_added_is_told_with_its_lines():
    reading = read_license_text(f"{MIT}\nNobody with more than ten customers may use it.\n")
    (piece,) = reading.added
    assert piece.text.startswith("Nobody with more than ten")
    assert piece.first == len(MIT.split("\n")) + 1


def test_one_changed_word_is_told():
    changed = MIT.replace("without restriction", "with restriction")
    (piece,) = read_license_text(changed).added
    assert piece.text == "with"


def test_a_right_that_was_taken_out_is_told():
    assert read_license_text(MIT.replace("sublicense, and/or sell", "and")).left_out == (
        "sell",
        "sublicense",
    )


def test_the_head_alone_is_an_excerpt():
    reading = read_license_text("Apache License\nVersion 2.0, January 2004")
    assert [row.id for row in reading.licenses] == ["apache-2.0"]
    assert not reading.added and not reading.left_out


@pytest.mark.parametrize(
    "text",
    [
        "ACME LICENSE\n\nMade from the Apache License, Version 2.0. You pay us ten percent of it.",
        "This is not the MIT License. Ask us before you do anything with these weights, please.",
        "Do what we say.",
        "",
    ],
)
def test_a_text_of_its_own_is_none_that_is_known(text):
    assert ids(text) == []


def test_two_texts_in_one_file_are_both_found():
    assert set(ids(f"{MIT}\n\n----\n\n{TEXT['apache-2.0']}")) == {"mit", "apache-2.0"}


def test_other_alphabets_are_not_overlooked():
    reading = read_license_text(f"{MIT}\n本软件禁止商业使用。\n")
    assert any("禁止商业使用" in piece.text for piece in reading.added)
