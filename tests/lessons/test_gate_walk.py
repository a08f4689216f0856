"""What notebook 04 says of gates, tokens and logins, held against the installed clients."""

from __future__ import annotations

import builtins
import getpass
import io
import re
import stat
import sys
import threading
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import (
    HfApi,
    ModelCard,
    constants,
    get_token,
    hf_hub_download,
    login,
    logout,
    notebook_login,
)
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from tests.support.paths import ROOT

GATED = "practice/gated-chat"
MANUAL = "practice/gated-manual-chat"
LESSON = ROOT / "lessons" / "04_log_in_to_a_gated_model.md"


@pytest.fixture(autouse=True)
def stranger(visitor, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield
    for path in (constants.HF_TOKEN_PATH, constants.HF_STORED_TOKENS_PATH):
        Path(path).unlink(missing_ok=True)


def status(repo_id=GATED):
    try:
        HfApi().auth_check(repo_id)
    except HfHubHTTPError as error:
        return error.response.status_code, type(error)
    return None


def test_401_for_strangers_and_403_for_the_known(visitor, monkeypatch):
    assert status() == (401, GatedRepoError)
    monkeypatch.setenv("HF_TOKEN", visitor.create_token("one"))
    assert status() == (403, GatedRepoError)
    visitor.agree(GATED)
    assert status() is None


def test_a_gate_is_a_kind_of_not_found():
    assert issubclass(GatedRepoError, RepositoryNotFoundError)


def test_what_a_gate_leaves_open():
    assert HfApi().model_info(GATED).gated
    assert "model.safetensors" in HfApi().list_repo_files(GATED)
    assert ModelCard.load(GATED).text
    with pytest.raises(GatedRepoError):
        hf_hub_download(GATED, "config.json")


def test_transformers_wrap_the_gate_in_an_oserror():
    from transformers import AutoModelForCausalLM, pipeline

    for load in (AutoModelForCausalLM.from_pretrained, partial(pipeline, "text-generation")):
        with pytest.raises(OSError) as raised:
            load(GATED)
        assert type(raised.value) is OSError
        assert isinstance(raised.value.__cause__, GatedRepoError)
        assert f"https://huggingface.co/{GATED}" in str(raised.value).splitlines()[1]


def test_auth_check_downloads_nothing(recording_practice_hub, run_python):
    code = """
import huggingface_hub
print(huggingface_hub.HfApi().auth_check("practice/tiny-chat"))
"""
    out = run_python(code, HF_ENDPOINT=recording_practice_hub.url).stdout
    assert out.strip() == "None"
    assert "/api/models/practice/tiny-chat/auth-check" in recording_practice_hub.paths
    assert not any("/resolve/" in path for path in recording_practice_hub.paths)


def test_a_copy_on_disk_needs_no_gate(visitor, tmp_path):
    visitor.agree(GATED)
    token = visitor.create_token("one")
    hf_hub_download(GATED, "config.json", token=token, cache_dir=tmp_path)
    visitor.forget_me()
    with pytest.raises(GatedRepoError):
        HfApi().auth_check(GATED, token=False)
    assert hf_hub_download(GATED, "config.json", token=False, cache_dir=tmp_path)


def test_a_missing_permission_looks_like_a_missing_network(visitor):
    from transformers import pipeline

    visitor.agree(MANUAL)
    visitor.review(MANUAL, "accepted")
    fine = visitor.create_token("fine", role="fineGrained", reads_gated=False)
    with pytest.raises(OSError) as raised:
        pipeline("text-generation", model=MANUAL, token=fine)
    assert str(raised.value).startswith("We couldn't connect to")
    assert "fine-grained token settings" in root_refusal(raised.value).server_message


def root_refusal(error: BaseException | None) -> HfHubHTTPError:
    while not isinstance(error, HfHubHTTPError):
        error = error.__cause__ or error.__context__
    return error


def test_five_refusals_are_raised_as_the_lesson_shows_them(hub, visitor):
    from transformers import AutoConfig

    good = visitor.create_token("good")
    tries = {
        "A": (MANUAL, good),
        "B": (MANUAL, False),
        "C": (MANUAL, visitor.create_token("fine", role="fineGrained", reads_gated=False)),
        "D": (MANUAL, visitor.create_token("dead", seconds=0)),
        "E": ("practice/gatedchat", good),
    }
    rows = re.findall(r"^\| \*\*(\w)\*\* \| (.*) \|$", LESSON.read_text(), re.MULTILINE)
    assert [letter for letter, _ in rows] == list(tries)
    for letter, shown in rows:
        repo_id, token = tries[letter]
        with pytest.raises(OSError) as raised:
            AutoConfig.from_pretrained(repo_id, token=token)
        first = str(raised.value).splitlines()[0].replace(hub.url, "http://127.0.0.1:8765")
        root = root_refusal(raised.value)
        cause = f"{type(root).__name__}, {root.response.status_code}"
        assert shown == f"{'yes' if token else 'no'} | {first} | {cause}"


def test_the_order_in_which_tokens_are_found(visitor, monkeypatch, run_python):
    login(token=visitor.create_token("in the file"), skip_if_logged_in=False)
    assert HfApi().whoami()["auth"]["accessToken"]["displayName"] == "in the file"
    monkeypatch.setenv("HF_TOKEN", visitor.create_token("in the variable"))
    assert HfApi().whoami()["auth"]["accessToken"]["displayName"] == "in the variable"
    code = """
from tools.colab_stand_in import install
install("hf_secret", fake_shell=True)
from huggingface_hub import get_token
print(get_token())
"""
    assert run_python(code, HF_TOKEN="").stdout.split() == ["hf_secret"]
    assert run_python(code, HF_TOKEN="hf_variable").stdout.split() == ["hf_variable"]
    # OIDC comes first: here it fails, for want of an id token, and nothing else is used instead.
    oidc = {"HF_OIDC_RESOURCE": "model:someone/some-model", "HF_TOKEN": "hf_variable"}
    assert "OIDCError" in run_python(code, check=False, **oidc).stderr


def test_a_colab_secret_missing_or_refused(run_python):
    code = """
from tools.colab_stand_in import install
reads = install(fake_shell=True)
from google.colab import userdata
from huggingface_hub import get_token
REFUSE
print(get_token(), get_token(), reads)
"""
    missing = run_python(code.replace("REFUSE", ""))
    assert missing.stdout.split()[:2] == ["None", "None"]
    assert missing.stderr == ""
    refuse = """
def get(name):
    reads.append(name)
    raise userdata.NotebookAccessError(name)
userdata.get = get
"""
    refused = run_python(code.replace("REFUSE", refuse))
    assert refused.stdout.strip() == "None None ['HF_TOKEN']"
    assert "has not been granted" in refused.stderr


def test_login_in_a_notebook_has_no_field_for_a_token(visitor, monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda one: shown.append(one.data))
    approval = threading.Timer(0.5, visitor.approve_login)
    approval.start()
    notebook_login()
    approval.join()
    page = " ".join(shown)
    assert "/oauth/device" in page and "Login successful" in page
    assert "<input" not in page and "<button" not in page
    assert get_token() and get_token() not in page


def test_login_shows_a_code_and_asks_for_no_token(visitor, monkeypatch):
    def asked(*_):
        raise AssertionError("login() asked for something to be typed")

    monkeypatch.setattr(builtins, "input", asked)
    monkeypatch.setattr(getpass, "getpass", asked)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)

    second_hand = threading.Timer(0.5, visitor.approve_login)
    second_hand.start()
    shown = io.StringIO()
    with redirect_stdout(shown):
        login()
    second_hand.join()
    assert "/oauth/device" in shown.getvalue()
    assert get_token() and get_token() not in shown.getvalue()


def test_login_with_a_token_there_asks_nothing(visitor):
    login(token=visitor.create_token("given"))
    assert HfApi().whoami()["auth"]["accessToken"]["displayName"] == "given"
    for again in (login, notebook_login):
        shown = io.StringIO()
        with redirect_stdout(shown):
            again()
        assert shown.getvalue() == ""


def test_where_a_login_is_kept_and_what_logout_does(visitor):
    token = visitor.create_token("kept")
    login(token=token, skip_if_logged_in=False)
    for path in (constants.HF_TOKEN_PATH, constants.HF_STORED_TOKENS_PATH):
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    logout()
    assert not Path(constants.HF_TOKEN_PATH).exists()
    assert HfApi().whoami(token=token)["name"]


def test_a_dead_token_is_worse_than_none(visitor, monkeypatch):
    assert HfApi().model_info("practice/tiny-chat").id
    monkeypatch.setenv("HF_TOKEN", visitor.create_token("dead"))
    visitor.revoke_token("dead")
    with pytest.raises(huggingface_hub.errors.HfHubHTTPError) as raised:
        HfApi().model_info("practice/tiny-chat")
    assert raised.value.response.status_code == 401


def test_the_terminal_has_a_login_too(run_python):
    code = "import subprocess; print(subprocess.run(['hf', 'auth', 'login', '--help']).returncode)"
    assert run_python(code).stdout.split()[-1] == "0"


def test_the_kernel_remembers_the_text_of_cells(run_python):
    code = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.run_cell("word = 'swordfish'", store_history=True)
print([cell for cell in shell.user_ns["In"] if "swordfish" in cell])
"""
    assert "swordfish" in run_python(code).stdout
