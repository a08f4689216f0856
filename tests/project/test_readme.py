"""README.md, held against what it describes."""

from __future__ import annotations

import re

from course_utils.curriculum import curriculum
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_notebook_is_listed_with_its_minutes():
    rows = [
        f"| {lesson.number} | [{lesson.title}](notebooks/{lesson.name}.ipynb) | {lesson.minutes} |"
        for lesson in curriculum().lessons
    ]
    assert re.findall(r"^\| \d\d \|.*$", README, re.MULTILINE) == rows


def test_the_example_prints_what_it_is_said_to_print(run_python):
    code, output = re.search(
        r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL
    ).groups()
    assert run_python(code).stdout == output
