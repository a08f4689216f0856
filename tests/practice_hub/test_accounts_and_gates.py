"""Tokens and gates, through the installed clients: every state that a learner can be in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
)

from practice_hub import PracticeHub
from practice_hub.visitor import Visitor

AUTO, MANUAL, PRIVATE = (
    "practice/gated-chat",
    "practice/gated-manual-chat",
    "practice/private-chat",
)
WEIGHTS = "model.safetensors"


@pytest.fixture
def token(visitor: Visitor) -> str:
    return visitor.create_token("course", role="read")


def refusal(repo_id: str, token: str | bool, tmp_path) -> HfHubHTTPError:
    """The error of the two ways to ask; both are the same."""
    with pytest.raises(HfHubHTTPError) as asked:
        HfApi().auth_check(repo_id, token=token)
    with pytest.raises(HfHubHTTPError) as loaded:
        huggingface_hub.hf_hub_download(repo_id, WEIGHTS, token=token, cache_dir=tmp_path)
    assert type(asked.value) is type(loaded.value)
    assert asked.value.server_message == loaded.value.server_message
    return asked.value


@pytest.mark.parametrize("repo_id", [AUTO, MANUAL])
def test_anonymous_is_401_gated(repo_id, visitor, tmp_path):
    error = refusal(repo_id, False, tmp_path)
    assert isinstance(error, GatedRepoError)
    assert error.response.status_code == 401
    assert "Please log in" in error.server_message


@pytest.mark.parametrize("repo_id", [AUTO, MANUAL])
def test_known_but_not_agreed_is_403_gated(repo_id, token, tmp_path):
    error = refusal(repo_id, token, tmp_path)
    assert isinstance(error, GatedRepoError)
    assert error.response.status_code == 403
    assert f"Visit {huggingface_hub.constants.ENDPOINT}/{repo_id} to ask for access." in str(error)


def test_an_automatic_gate_opens_on_agree(visitor, token, tmp_path):
    assert visitor.agree(AUTO) == "accepted"
    HfApi().auth_check(AUTO, token=token)
    path = huggingface_hub.hf_hub_download(AUTO, WEIGHTS, token=token, cache_dir=tmp_path)
    assert Path(path).stat().st_size > 10_000


def test_a_manual_gate_waits_is_refused_is_reset_and_opens(visitor, token, tmp_path):
    assert visitor.agree(MANUAL) == "pending"
    words = {"pending": "awaiting a review"}
    assert words["pending"] in refusal(MANUAL, token, tmp_path).server_message
    visitor.review(MANUAL, "rejected")
    assert "has been rejected" in refusal(MANUAL, token, tmp_path).server_message
    assert visitor.agree(MANUAL) == "rejected"
    visitor.review(MANUAL, "reset")
    assert "has been reset" in refusal(MANUAL, token, tmp_path).server_message
    assert visitor.agree(MANUAL) == "pending"
    visitor.review(MANUAL, "accepted")
    HfApi().auth_check(MANUAL, token=token)


def test_a_request_can_be_taken_back(visitor, token, tmp_path):
    visitor.agree(MANUAL)
    visitor.cancel(MANUAL)
    assert "not in the authorized list" in refusal(MANUAL, token, tmp_path).server_message
    with pytest.raises(ValueError, match="No pending access request"):
        visitor.cancel(MANUAL)


def test_a_login_can_be_denied(hub, visitor):
    session = huggingface_hub.utils.get_session()
    login = session.post(f"{hub.url}/oauth/device", data={"client_id": "course"}).json()
    visitor.approve_login(login["user_code"], yes=False)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}
    answer = session.post(
        f"{hub.url}/oauth/token", data={**form, "device_code": login["device_code"]}
    )
    assert answer.json()["error"] == "access_denied"


def test_the_owner_sees_and_decides_through_the_client(hub, visitor, token):
    visitor.agree(MANUAL)
    owner = hub.owner_token()
    (request,) = HfApi().list_pending_access_requests(MANUAL, token=owner)
    assert request.username == "learner"
    HfApi().accept_access_request(MANUAL, "learner", token=owner)
    HfApi().auth_check(MANUAL, token=token)
    with pytest.raises(HfHubHTTPError) as error:
        list(HfApi().list_pending_access_requests(MANUAL, token=token))
    assert error.value.response.status_code == 403


def test_a_fine_grained_token_needs_the_gated_permission(visitor, tmp_path):
    visitor.agree(AUTO)
    without = visitor.create_token("fine", role="fineGrained", reads_gated=False)
    with pytest.raises(HfHubHTTPError) as error:
        HfApi().auth_check(AUTO, token=without)
    assert not isinstance(error.value, GatedRepoError)
    assert error.value.response.status_code == 403
    assert "fine-grained token settings" in error.value.server_message
    with pytest.raises(LocalEntryNotFoundError) as loaded:  # the client hides the reason in here
        huggingface_hub.hf_hub_download(AUTO, WEIGHTS, token=without, cache_dir=tmp_path)
    assert "fine-grained token settings" in str(loaded.value.__cause__)
    with_it = visitor.create_token("finer", role="fineGrained", reads_gated=True)
    HfApi().auth_check(AUTO, token=with_it)


@pytest.mark.parametrize("how", ["revoked", "expired", "garbage"])
def test_a_bad_token(how, visitor, tmp_path):
    bad = "hf_practice_" + "0" * 24
    if how == "revoked":
        bad = visitor.create_token("old")
        visitor.revoke_token("old")
    elif how == "expired":
        bad = visitor.create_token("short", seconds=-1)
    with pytest.raises(HfHubHTTPError) as error:
        HfApi().whoami(token=bad)
    assert error.value.response.status_code == 401
    with pytest.raises(HfHubHTTPError) as error:
        HfApi().model_info("practice/tiny-chat", token=bad)
    assert not isinstance(error.value, RepositoryNotFoundError)
    assert isinstance(refusal(AUTO, bad, tmp_path), GatedRepoError)


@pytest.mark.parametrize("role", ["read", "write", "fineGrained"])
def test_whoami(role, visitor):
    value = visitor.create_token(f"my {role}", role=role)
    me = HfApi().whoami(token=value)
    assert me["name"] == "learner"
    assert me["auth"]["accessToken"]["role"] == role
    assert me["auth"]["accessToken"]["displayName"] == f"my {role}"
    assert ("email" in me) == (role != "fineGrained")
    assert ("fineGrained" in me["auth"]["accessToken"]) == (role == "fineGrained")


def test_whoami_without_a_token(hub, run_python):
    code = "import huggingface_hub; huggingface_hub.whoami()"
    finished = run_python(code, check=False, HF_ENDPOINT=hub.url)
    assert LocalTokenNotFoundError.__name__ in finished.stderr


def test_a_gated_repo_is_described_to_everybody(visitor, tmp_path):
    info = HfApi().model_info(AUTO, token=False)
    assert info.gated == "auto"
    assert HfApi().model_info(MANUAL, token=False).gated == "manual"
    assert huggingface_hub.ModelCard.load(AUTO, token=False).text
    for name in ("README.md", "LICENSE"):
        assert huggingface_hub.hf_hub_download(AUTO, name, token=False, cache_dir=tmp_path)


def test_hashes_are_hidden_until_the_gate_is_open(visitor, token):
    def oid() -> str:
        tree = HfApi().list_repo_tree(AUTO, token=token)
        return next(entry.lfs.sha256 for entry in tree if entry.path == WEIGHTS)

    assert oid() == "*" * 64
    visitor.agree(AUTO)
    assert "*" not in oid()


def test_a_private_repo_is_missing_to_all_but_its_owner(hub, token, tmp_path):
    for who in (False, token):
        with pytest.raises(RepositoryNotFoundError):
            HfApi().model_info(PRIVATE, token=who)
    assert PRIVATE not in [model.id for model in HfApi().list_models(author="practice")]
    owner = hub.owner_token()
    assert HfApi().model_info(PRIVATE, token=owner).private
    HfApi().auth_check(PRIVATE, token=owner)


def test_a_missing_repo_is_404_with_a_token(token):
    with pytest.raises(RepositoryNotFoundError) as error:
        HfApi().model_info("practice/no-such-model", token=token)
    assert error.value.response.status_code == 404


def test_login_with_a_token(hub, visitor, token, run_python, tmp_path):
    code = f"""
import huggingface_hub
huggingface_hub.login(token={token!r})
print(huggingface_hub.whoami()["name"])
huggingface_hub.logout()
print(huggingface_hub.get_token())
"""
    out = run_python(code, HF_ENDPOINT=hub.url).stdout
    assert "learner\n" in out
    assert out.strip().endswith("None")


# What login() does in a notebook.
LOG_IN = """
import IPython.display, huggingface_hub
IPython.display.display = lambda shown: print(shown.data)
huggingface_hub.notebook_login()
print("I am", huggingface_hub.whoami()["name"])
"""


def test_device_login_waits_for_a_person(hub, visitor, tmp_path):
    """The ordinary ``login()`` of a notebook: it shows a code and waits until it is typed."""
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", LOG_IN],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    stop = threading.Timer(60, process.kill)
    stop.start()
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        for word in line.replace("<", " ").replace(">", " ").split():
            if len(word) == 9 and word[4] == "-" and word[:4].isalpha() and word[5:].isdigit():
                visitor.approve_login(word)
    stop.cancel()
    assert "I am learner" in seen, seen


def test_auto_approve_needs_nobody(run_python):
    with PracticeHub(auto_approve=True) as hub:
        Visitor(hub.url).agree(MANUAL)
        code = LOG_IN + f"huggingface_hub.HfApi().auth_check({MANUAL!r})\nprint('open')"
        assert run_python(code, HF_ENDPOINT=hub.url).stdout.strip().endswith("open")


def test_no_token_is_ever_written_down(hub, visitor, token, caplog, capfd):
    HfApi().whoami(token=token)
    with pytest.raises(HfHubHTTPError):
        HfApi().auth_check(AUTO, token=token)
    out, err = capfd.readouterr()
    assert token not in out + err + caplog.text


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda v: v.create_token(""), "needs a name"),
        (lambda v: v.create_token("x" * 101), "needs a name"),
        (lambda v: v.create_token("x", role="admin"), "role is one of"),
        (lambda v: (v.create_token("x"), v.create_token("x")), "already"),
        (lambda v: v.revoke_token("never made"), "no token named"),
        (lambda v: v.agree("practice/tiny-chat"), "no gated repo"),
        (lambda v: v.review(AUTO, "accepted"), "No access request"),
        (lambda v: v.review(AUTO, "loved"), "one of pending"),
        (lambda v: v.approve_login("ABCD-0000"), "No login waits"),
    ],
)
def test_what_makes_no_sense_is_said(call, words, visitor):
    with pytest.raises(ValueError, match=words):
        call(visitor)
