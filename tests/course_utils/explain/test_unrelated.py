"""Errors that have nothing to do with the field: none may be claimed, all get an honest answer."""

from __future__ import annotations

import ast
import configparser
import csv
import decimal
import json
import re
import socket
import sqlite3
import struct
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from course_utils.explain import explain_error
from tests.support.servers import http_server


def ask_another_site(status: int) -> None:
    with http_server(lambda _: (status, {"Content-Length": "0"}, b"")) as url:
        urllib.request.urlopen(f"{url}/weather", timeout=5)


def group() -> None:
    raise ExceptionGroup("two failed", [KeyError("price"), ValueError("no date")])


UNRELATED: dict[str, Callable[[], object]] = {
    "missing key": lambda: {}["price"],
    "missing key that a model type has as well": lambda: {}["shape"],
    "missing key that is a model type": lambda: {}["mistral"],
    "list too short": lambda: [][3],
    "none": lambda: None["x"],  # type: ignore[index]
    "no such attribute": lambda: [].shape,  # type: ignore[attr-defined]
    "no such name": lambda: eval("modle"),
    "divided by zero": lambda: 1 / 0,
    "no number": lambda: int("GPU"),
    "no float": lambda: float("abc"),
    "wrong argument": lambda: print("x", task=1),  # type: ignore[call-overload]
    "argument full": lambda: (lambda x: x)(full=1),  # type: ignore[call-arg]
    "no such package": lambda: __import__("my_helpers"),
    "no such name in a package": lambda: exec("from json import lodas"),
    "syntax": lambda: ast.parse("def ("),
    "no such file": lambda: Path("tickets.csv").read_text(),
    "no such folder": lambda: Path("/no/such/place/x").write_text(""),
    "a folder as a file": lambda: Path("/").read_bytes(),
    "bytes that are no text": lambda: b"\xff".decode(),
    "text that is no ascii": lambda: "é".encode("ascii"),
    "json of an answer": lambda: json.loads(""),
    "json cut off": lambda: json.loads('{"a": '),
    "yaml": lambda: yaml.safe_load("a: [1"),
    "ini": lambda: configparser.ConfigParser().read_string("x"),
    "csv": lambda: next(csv.DictReader("a")),
    "regular expression": lambda: re.compile("("),
    "decimal": lambda: decimal.Decimal("x"),
    "struct": lambda: struct.unpack("<I", b"\0"),
    "zip": lambda: zipfile.ZipFile(__file__),
    "pandas column": lambda: pd.DataFrame({"a": [1]})["price"],
    "pandas lengths": lambda: pd.DataFrame({"a": [1]}).assign(b=[1, 2]),
    "pandas truth": lambda: bool(pd.Series([1, 2])),
    "numpy shapes": lambda: np.ones(3) + np.ones(4),
    "numpy reshape": lambda: np.ones(3).reshape(2, 2),
    "torch shapes": lambda: torch.ones(3, 4) @ torch.ones(5, 6),
    "torch stack": lambda: torch.stack([torch.ones(2), torch.ones(3)]),
    "torch index": lambda: torch.ones(3)[7],
    "torch backward": lambda: torch.ones(1).backward(),
    "sqlite": lambda: sqlite3.connect(":memory:").execute("select * from tickets"),
    "subprocess": lambda: subprocess.run([sys.executable, "-c", "exit(3)"], check=True),
    "no such command": lambda: subprocess.run(["no-such-command"], check=True),
    "connection refused": lambda: socket.create_connection(("127.0.0.1", 9), timeout=2),
    "no such host": lambda: urllib.request.urlopen("http://no-such-host.invalid", timeout=2),
    "401 of another site": lambda: ask_another_site(401),
    "403 of another site": lambda: ask_another_site(403),
    "404 of another site": lambda: ask_another_site(404),
    "429 of another site": lambda: ask_another_site(429),
    "503 of another site": lambda: ask_another_site(503),
    "recursion": lambda: exec("def f(): f()\nf()"),
    "a group": group,
    "exit": lambda: sys.exit(3),
}

# What packages say that are not installed here.
QUOTED = [
    "requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: https://api.github.com/x",
    "requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://api.example.com",
    "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://x.org/v1",
    "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='api.example.com', port=443): "
    "Read timed out. (read timeout=5)",
    'psycopg2.OperationalError: connection to server at "db", port 5432 failed: Connection refused',
    "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
    "KeyboardInterrupt",
    "AssertionError",
    "PermissionError: [Errno 13] Permission denied: '/etc/shadow'",
    "OSError: [Errno 98] Address already in use",
    "TimeoutError: timed out",
    "ModuleNotFoundError: No module named 'sklearn'",
    "TypeError: plot() got an unexpected keyword argument 'task'",
    "Nothing of this is an error. The model was loaded and answers.",
]


@pytest.mark.parametrize("name", UNRELATED)
def test_an_unrelated_error_is_not_claimed(name):
    with pytest.raises(BaseException) as raised:
        UNRELATED[name]()
    explained = explain_error(raised.value)
    assert explained.name == "unknown", explained
    assert type(raised.value).__name__ in explained.search
    assert "not one I know" in explained.what
    assert explained.lesson is None


@pytest.mark.parametrize("text", QUOTED)
def test_an_unrelated_text_is_not_claimed(text):
    explained = explain_error(text)
    assert explained.name == "unknown", explained


def test_what_to_search_for_names_no_path_id_or_number():
    text = (
        'Traceback (most recent call last):\n  File "/opt/venv/lib/python3.12/site-packages/'
        'diffusers/models/unet.py", line 88, in forward\n    raise ValueError(x)\n'
        "ValueError: Cannot fit block 7 of /home/anna/secret/model.bin for owner/name "
        "(Request ID: Root=1-abc) at https://example.com/x with 0x7f3a2b"
    )
    explained = explain_error(text)
    assert explained.search == "diffusers ValueError Cannot fit block of for at with"
    assert "diffusers/models/unet.py, in forward" in explained.evidence[0]
    assert "/opt" not in explained.evidence[0]
