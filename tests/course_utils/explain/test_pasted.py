# ruff: noqa: E501
"""Tracebacks as people paste them: from Colab, a terminal, a log, with half of it missing."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stdout

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_utils.errors import CourseError
from course_utils.explain import explain_error
from course_utils.explain.trace import of_text
from tests.support.paths import ROOT

TERMINAL = """\
Traceback (most recent call last):
  File "/opt/venv/lib/python3.12/site-packages/huggingface_hub/utils/_http.py", line 406, in hf_raise
    response.raise_for_status()
httpx.HTTPStatusError: Client error '403 Forbidden' for url 'https://huggingface.co/google/gemma-2b/resolve/main/config.json'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/opt/venv/lib/python3.12/site-packages/transformers/utils/hub.py", line 479, in cached_files
    hf_hub_download(
huggingface_hub.errors.GatedRepoError: 403 Client Error. (Request ID: Root=1-0)

Cannot access gated repo for url https://huggingface.co/google/gemma-2b/resolve/main/config.json.
Your request to access model google/gemma-2b is awaiting a review from the repo authors.

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/home/me/try.py", line 3, in <module>
    model = AutoModelForCausalLM.from_pretrained("google/gemma-2b")
OSError: You are trying to access a gated repo.
Make sure to have access to it at https://huggingface.co/google/gemma-2b.
"""
COLAB = """\
---------------------------------------------------------------------------
HTTPStatusError                           Traceback (most recent call last)
/usr/local/lib/python3.12/dist-packages/huggingface_hub/utils/_http.py in hf_raise_for_status(response)
    405     try:
--> 406         response.raise_for_status()
    407     except HTTPStatusError as e:

HTTPStatusError: Client error '403 Forbidden' for url 'https://huggingface.co/google/gemma-2b/resolve/main/config.json'

The above exception was the direct cause of the following exception:

GatedRepoError                            Traceback (most recent call last)
/usr/local/lib/python3.12/dist-packages/transformers/utils/hub.py in cached_files(path_or_repo_id)
    478         if len(full_filenames) == 1:
--> 479             hf_hub_download(
    480                 path_or_repo_id,

GatedRepoError: 403 Client Error. (Request ID: Root=1-0)

Cannot access gated repo for url https://huggingface.co/google/gemma-2b/resolve/main/config.json.
Your request to access model google/gemma-2b is awaiting a review from the repo authors.

The above exception was the direct cause of the following exception:

OSError                                   Traceback (most recent call last)
/tmp/ipython-input-3-1234.py in <cell line: 0>()
----> 1 model = AutoModelForCausalLM.from_pretrained("google/gemma-2b")

OSError: You are trying to access a gated repo.
Make sure to have access to it at https://huggingface.co/google/gemma-2b.
"""


def stamped(stamp: str) -> str:
    return "".join(f"{stamp}{line}\n" for line in TERMINAL.splitlines())


FORMS = {
    "terminal": TERMINAL,
    "colab": COLAB,
    "windows line ends": TERMINAL.replace("\n", "\r\n"),
    "indented": "".join(f"        {line}\n" for line in TERMINAL.splitlines()),
    "indented under a sentence": "I ran it and got:\n"
    + "".join(f"    {line}\n" for line in TERMINAL.splitlines()),
    "quoted in a mail": "Hello,\nhere it is:\n" + stamped("> "),
    "github actions": stamped("2026-11-25T21:09:59.1234567Z "),
    "log of a server": "INFO starting\n" + stamped("[2026-11-25 21:09:59,123] ERROR: "),
    "docker compose": stamped("worker-1  | "),
    "gh run view": stamped("test\tRun python\t2026-11-25T21:09:59.1234567Z "),
    "colours": COLAB.replace("OSError", "\x1b[0;31mOSError\x1b[0m").replace(
        "-->", "\x1b[0;32m-->\x1b[0m"
    ),
    "colours out of an ipynb": COLAB.replace(
        "GatedRepoError", "\\u001b[0;31mGatedRepoError\\u001b[0m"
    ),
    "colours without their escape": COLAB.replace("OSError", "[0;31mOSError[0m"),
    "cut at the top": TERMINAL[TERMINAL.index("    hf_hub_download(") :],
    "cut at the top, in a log": "".join(
        f"2026-11-25T21:09:59Z {line}\n"
        for line in TERMINAL[TERMINAL.index("huggingface_hub.errors.Gated") :].splitlines()
    ),
    "only its last lines": TERMINAL[TERMINAL.index("Cannot access gated repo") :],
    "words before and after": f"Loading…\n100%|█| 2/2\n{TERMINAL}\nmake: *** [run] Error 1\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_pasted_traceback_is_read_in_every_form(form):
    explained = explain_error(FORMS[form])
    assert explained.name == "gated-pending", explained
    assert "google/gemma-2b" in explained.what
    assert "04" in explained.lesson
    assert any("awaiting a review" in line for line in explained.evidence)


def test_the_chain_and_its_lines_of_code_are_found():
    for text in (TERMINAL, COLAB):
        shown, gate, root = of_text(text).links
        assert (shown.name, gate.name, root.name) == (
            "OSError",
            "GatedRepoError",
            "HTTPStatusError",
        )
        assert gate.frames[0].code == "hf_hub_download("
        assert "transformers/utils/hub.py" in gate.frames[0].shown()
        assert "OSError" in shown.types and shown.message.endswith("gemma-2b.")


def test_the_last_of_two_tracebacks_is_explained():
    first = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    f()\nKeyError: 'x'\n"
    assert explain_error(f"{first}\nretrying\n\n{TERMINAL}").name == "gated-pending"
    assert explain_error(f"{TERMINAL}\nretrying\n\n{first}").name == "unknown"


def test_what_ipython_shows_here_is_read():
    shell = InteractiveShell()
    shell.colors = "linux"
    with redirect_stdout(io.StringIO()) as shown:
        shell.run_cell(
            "import torch\ntry:\n    torch.nn.Linear(2, 2)(torch.ones(1, 2).half())\n"
            "except RuntimeError as error:\n    raise ValueError('wrapped') from error"
        )
    text = shown.getvalue()
    assert "Traceback" in text
    explained = explain_error(text)
    assert explained.name == "dtypes-differ", explained
    assert explained.error.startswith("ValueError: wrapped")


@pytest.mark.parametrize("nothing", ["", "   \n\n", 3, ValueError, b"Traceback"])
def test_what_is_no_error_is_refused_in_words(nothing):
    with pytest.raises(CourseError):
        explain_error(nothing)


def test_the_command_reads_its_input():
    def run(text: bytes) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "course_utils.explain"]
        return subprocess.run(command, input=text, capture_output=True, cwd=ROOT, timeout=120)

    known = run(TERMINAL.encode() + b"\xff")
    assert known.returncode == 0 and b"have not answered yet" in known.stdout
    assert run(b"KeyError: 'x'").returncode == 1
    empty = run(b"")
    assert empty.returncode == 2 and b"empty" in empty.stderr
