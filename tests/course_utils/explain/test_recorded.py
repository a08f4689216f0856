"""Errors that were really raised and written down, as exceptions and as text to be pasted.

``raised_errors.jsonl``: each was raised on a machine without a GPU, with transformers 5.23 (slugs
"old-…": with older versions), Hub failures against a local server that answers as recorded.
``how_raised`` is the code. ``quoted_errors.toml`` holds what a laptop
cannot raise, with the source.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from course_utils.explain import explain_error

HERE = Path(__file__).parent
RAISED = [json.loads(line) for line in (HERE / "raised_errors.jsonl").open(encoding="utf-8")]
QUOTED = tomllib.loads((HERE / "quoted_errors.toml").read_text(encoding="utf-8"))["errors"]

BEHIND = {
    "cause": "The above exception was the direct cause of the following exception:",
    "context": "During handling of the above exception, another exception occurred:",
}


def as_exception(recorded: dict[str, Any]) -> BaseException:
    """An exception with the recorded class names, message and chain."""
    first, *others = map(_made, [recorded, *recorded["cause_chain"]])
    behind = first
    for link, error in zip(recorded["cause_chain"], others, strict=True):
        setattr(behind, f"__{link['link']}__", error)
        behind = error
    return first


def _made(recorded: dict[str, Any]) -> BaseException:
    bases: tuple[type, ...] = (Exception,)
    for name in reversed(recorded.get("bases", [])):
        if name not in ("Exception", "BaseException"):
            bases = (type(name.rpartition(".")[2], bases, {}),)
    module, _, name = recorded["type"].rpartition(".")
    members = {"__str__": lambda _: recorded["message"], "__module__": module or "builtins"}
    error: BaseException = type(name, bases, members)()
    return error


def as_text(recorded: dict[str, Any]) -> str:
    """What a terminal shows of it, nearest error last."""
    links = [recorded, *recorded["cause_chain"]]
    blocks = [
        "Traceback (most recent call last):\n"
        '  File "/home/somebody/try.py", line 3, in <module>\n'
        f"    run()\n{link['type']}: {link['message']}\n"
        for link in links
    ]
    text = blocks[-1]
    for link, block in zip(reversed(links[1:]), reversed(blocks[:-1]), strict=True):
        text += f"\n{BEHIND[link['link']]}\n\n{block}"
    return text


@pytest.mark.parametrize("form", [as_exception, as_text])
@pytest.mark.parametrize("case", RAISED, ids=[case["slug"] for case in RAISED])
def test_a_recorded_error_is_explained(case, form):
    explained = explain_error(form(case["exception"]))
    assert explained.name == case["expected"], explained
    assert explained.known == (case["expected"] != "unknown")


@pytest.mark.parametrize("case", QUOTED, ids=[case["name"] for case in QUOTED])
def test_a_quoted_error_is_explained(case):
    explained = explain_error(case["text"])
    assert explained.name == case["name"], explained
    assert case["source"]
    for words in case.get("says", []):
        assert words in str(explained)
