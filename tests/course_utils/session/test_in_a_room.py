"""cu.start() in a room: claims its name once, keeps the secret for itself, and never shows it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from practice_hub import PracticeHub
from practice_hub.visitor import Visitor, claim
from tests.support.paths import ROOT

KEY = "hotel-wifi-42"
SECRET = re.compile(r"~[0-9a-f]{32}")
START = "import course_utils as cu; session = cu.start('practice'); print(session)\n"
WALK = (
    START
    + """
import os, huggingface_hub as h
token = session.visitor.create_token(os.environ["TOKEN_NAME"])
print("I am", h.whoami(token=token)["name"], len(list(h.HfApi().list_models(limit=3))))
print("home", session.home)
"""
)


@pytest.fixture(scope="module")
def room() -> Iterator[PracticeHub]:
    with PracticeHub(room_key=KEY) as hub:
        yield hub


def address_files(home: Path) -> list[Path]:
    return sorted((home / ".cache" / "practice-hub").rglob("address"))


def test_a_kernel_claims_its_name_and_the_machines_other_kernels_share_it(
    room, run_python, tmp_path
):
    url = f"{room.url}/{KEY}/anna"
    for variable in ("HF_ENDPOINT", "PRACTICE_HUB_URL"):
        out = run_python(WALK, TOKEN_NAME=variable, **{variable: url}).stdout
        assert "I am anna 3" in out
        assert url in out
        assert not SECRET.search(out)
    (kept,) = address_files(tmp_path / "home")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert SECRET.search(kept.read_text())
    with pytest.raises(ValueError, match="is taken"):
        claim(url)


def test_two_kernels_at_once_are_one_learner(room, run_python, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    def kernel(number: int) -> str:
        url = f"{room.url}/{KEY}/twin"
        return str(run_python(WALK, TOKEN_NAME=f"kernel {number}", HF_ENDPOINT=url).stdout)

    with ThreadPoolExecutor(3) as kernels:
        outs = list(kernels.map(kernel, range(3)))
    assert all("I am twin" in out for out in outs)
    assert len(address_files(tmp_path / "home")) == 1


def test_another_machine_is_told_that_the_name_is_taken(room, run_python, tmp_path):
    url = f"{room.url}/{KEY}/berta"
    claim(url)
    finished = run_python(START, check=False, HF_ENDPOINT=url)
    assert "The name berta is taken" in finished.stderr
    assert "one-time link" in finished.stderr
    assert address_files(tmp_path / "home") == []


def test_a_one_time_link_lets_it_in(room, run_python):
    browser = Visitor(claim(f"{room.url}/{KEY}/carla"))
    link = browser.one_time_link()
    for variable in (link, f"{room.url}/{KEY}/carla"):  # once in, the plain name is enough
        out = run_python(WALK, TOKEN_NAME=variable[-5:], HF_ENDPOINT=variable).stdout
        assert "I am carla" in out
        assert not SECRET.search(out)


def test_two_names_on_one_machine_have_two_homes(room, run_python):
    homes = set()
    for name in ("dora", "emil"):
        out = run_python(WALK, TOKEN_NAME="mine", HF_ENDPOINT=f"{room.url}/{KEY}/{name}").stdout
        assert f"I am {name}" in out
        homes.add(out.rpartition("home ")[2].strip())
    assert len(homes) == 2


def test_errors_and_logs_of_a_script_do_not_show_the_secret(room, run_python):
    code = START + (
        "import logging, os, huggingface_hub as h\n"
        "logging.warning('asked %s', os.environ['HF_ENDPOINT'])\n"
        "h.HfApi().model_info('practice/nothing')\n"
    )
    finished = run_python(code, check=False, HF_ENDPOINT=f"{room.url}/{KEY}/fritz")
    assert "RepositoryNotFoundError" in finished.stderr
    assert "asked http" in finished.stderr
    assert not SECRET.search(finished.stdout + finished.stderr)


REPORTS = (
    START
    + """
import json
report = cu.check_access("practice/gated-chat")
for shown in (str(report), repr(report), report._repr_html_(), json.dumps(report.to_dict())):
    print(shown)
print("LINK", session.visitor.one_time_link())
"""
)


def test_a_scripts_reports_do_not_show_the_secret_and_their_links_lead_there(room, run_python):
    home = f"{room.url}/{KEY}/gerda"
    out, _, link = run_python(REPORTS, HF_ENDPOINT=home).stdout.partition("LINK ")
    assert out.count(f"{home}/settings/tokens") == 4
    assert out.count("one_time_link()") == 4
    assert not SECRET.search(out)
    page = f"{home}/practice/gated-chat"
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.addheaders = [("Accept", "text/html")]
    with pytest.raises(urllib.error.HTTPError) as stranger:
        browser.open(page)
    assert stranger.value.code == 403
    assert b"one_time_link()" in stranger.value.read()  # the door says what to do
    assert browser.open(f"{link.strip()}/claim", data=b"").status == 200
    assert b"practice/gated-chat/ask-access" in browser.open(page).read()


def test_alone_no_link_asks_for_another(run_python):
    code = START + "print(cu.check_access('practice/gated-chat'))"
    assert "one_time_link" not in run_python(code).stdout


def test_no_saved_output_of_a_notebook_shows_the_secret(room, tmp_path, monkeypatch):
    cells = [
        START,
        "import os, huggingface_hub as h; os.environ['HF_ENDPOINT']",
        "print(os.environ['HF_ENDPOINT'])",
        "!echo $HF_ENDPOINT",
        "try:\n    h.HfApi().model_info('practice/nothing')\nexcept Exception as e:\n    print(e)",
        "h.HfApi().model_info('practice/nothing')",
        "import logging; logging.warning(os.environ['HF_ENDPOINT'])",
        "session",
        "from IPython.display import Markdown; Markdown(os.environ['HF_ENDPOINT'])",
        "cu.check_access('practice/gated-chat')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HF_ENDPOINT", f"{room.url}/{KEY}/greta")
    NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3").execute()
    assert all(cell.outputs for cell in notebook.cells)
    saved = json.dumps(notebook)
    assert saved.count(f"{room.url}/{KEY}/greta") >= len(cells)
    assert "RepositoryNotFoundError" in saved
    assert not SECRET.search(saved)


def test_practice_hub_env_claims_too(room, tmp_path):
    url = f"{room.url}/{KEY}/hans"
    command = [sys.executable, "-m", "practice_hub", "env", url]
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    lines = {
        subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    (line,) = lines
    assert re.search(rf"HF_ENDPOINT='{url}~[0-9a-f]{{32}}' ", line)
    assert len(address_files(tmp_path)) == 1


@pytest.mark.parametrize("name", ["Anna", "practice", "a" * 31])
def test_a_name_that_cannot_be_is_said(room, run_python, name):
    finished = run_python(START, check=False, HF_ENDPOINT=f"{room.url}/{KEY}/{name}")
    assert "CourseError" in finished.stderr
    assert "door stays shut" in finished.stderr or "may not be taken" in finished.stderr
