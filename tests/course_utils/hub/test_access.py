"""check_access(): every status by a real request, no token shown, never longer than promised."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import huggingface_hub.constants
import pytest

import course_utils as cu
from course_utils.hub.access import STATUSES
from course_utils.hub.access_steps import Situation, next_steps
from practice_hub import PracticeHub
from practice_hub.visitor import Visitor, claim
from tests.support.servers import Reply, http_server

OPEN, AUTO, MANUAL, PRIVATE = (
    "practice/tiny-chat",
    "practice/gated-chat",
    "practice/gated-manual-chat",
    "practice/private-chat",
)
GARBAGE = "hf_practice_" + "0" * 24


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, visitor: Visitor) -> None:
    """No token in any place where the client looks."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    Path(huggingface_hub.constants.HF_TOKEN_PATH).unlink(missing_ok=True)


@pytest.fixture
def token(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> str:
    """A read token of the visitor, where the client finds it."""
    value = visitor.create_token("course")
    monkeypatch.setenv("HF_TOKEN", value)
    return value


def first_step(repo_id: str, status: str, *token: str) -> str:
    """Check the status and what holds for every report; returns the first next step."""
    report = cu.check_access(repo_id)
    assert report.status == status, report
    assert report.status in STATUSES
    assert report.next_steps and report.evidence
    text = f"{report} {report._repr_html_()} {json.dumps(report.to_dict())}"
    for value in (*token, os.environ.get("HF_TOKEN", "")):
        assert len(value) < 8 or value[-8:] not in text
    return report.next_steps[0]


# --- Whoever asks --------------------------------------------------------------------------------


def test_open_to_all(hub):
    assert OPEN in first_step(OPEN, "open")


@pytest.mark.parametrize("repo_id", [AUTO, MANUAL])
def test_a_stranger_at_a_gate_has_to_log_in(repo_id, hub):
    report = cu.check_access(repo_id)
    assert report.status == "login needed"
    assert f"{hub.url}/settings/tokens" in report.next_steps[0]
    assert f"{hub.url}/{repo_id}" in report.next_steps[-1]
    assert not report.may_download


@pytest.mark.parametrize("repo_id", ["practice/no-such-model", PRIVATE])
def test_a_missing_repo_and_a_private_one_look_the_same_to_a_stranger(repo_id, hub):
    report = cu.check_access(repo_id)
    assert report.status == "missing or private"
    assert f"{hub.url}/models" in report.next_steps[0]
    assert "log in first" in report.next_steps[1]


@pytest.mark.parametrize("repo_id", ["practice/no-such-model", PRIVATE])
def test_with_a_token_the_step_is_another(repo_id, token):
    report = cu.check_access(repo_id)
    assert report.status == "missing or private"
    assert "let learner in" in report.next_steps[1]


def test_the_owner_reads_his_private_repo(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.owner_token())
    first_step(PRIVATE, "granted")


def test_an_old_name_leads_to_the_new_one():
    assert cu.check_access("gpt2").repo_id == "openai-community/gpt2"


# --- At the gate ---------------------------------------------------------------------------------


def test_every_state_of_a_request(hub, visitor, token):
    step = first_step(MANUAL, "terms not accepted")
    assert "as learner" in step and f"{hub.url}/{MANUAL}" in step
    assert "by hand" in cu.check_access(MANUAL).next_steps[1]
    visitor.agree(MANUAL)
    assert f"{hub.url}/settings/gated-repos" in first_step(MANUAL, "pending")
    visitor.review(MANUAL, "rejected")
    assert "another model" in first_step(MANUAL, "rejected")
    visitor.review(MANUAL, "reset")
    assert f"{hub.url}/{MANUAL}" in first_step(MANUAL, "reset")
    visitor.review(MANUAL, "accepted")
    assert MANUAL in first_step(MANUAL, "granted")


def test_an_automatic_gate_opens_on_agree(hub, visitor, token):
    assert len(cu.check_access(AUTO).next_steps) == 1
    assert f"{hub.url}/{AUTO}" in first_step(AUTO, "terms not accepted")
    visitor.agree(AUTO)
    first_step(AUTO, "granted")
    assert cu.check_access(AUTO).may_download


@pytest.mark.parametrize("agreed", [False, True])
def test_a_fine_grained_token_without_the_permission(agreed, hub, visitor, monkeypatch):
    if agreed:
        visitor.agree(AUTO)
    fine = visitor.create_token("fine", role="fineGrained", reads_gated=False)
    monkeypatch.setenv("HF_TOKEN", fine)
    step = first_step(AUTO, "token lacks gated permission")
    assert f"{hub.url}/settings/tokens" in step
    first_step(OPEN, "open")


def test_a_fine_grained_token_with_the_permission(visitor, monkeypatch):
    visitor.agree(AUTO)
    monkeypatch.setenv("HF_TOKEN", visitor.create_token("fine", role="fineGrained"))
    first_step(AUTO, "granted")


# --- The token -----------------------------------------------------------------------------------


@pytest.mark.parametrize("repo_id", [OPEN, AUTO, "practice/no-such-model"])
@pytest.mark.parametrize("how", ["garbage", "revoked", "expired", "half a line"])
def test_a_bad_token_is_told_wherever_it_is_sent(how, repo_id, hub, visitor, monkeypatch):
    bad = visitor.create_token("old", seconds=-1 if how == "expired" else None)
    if how == "garbage":
        bad = GARBAGE
    elif how == "revoked":
        visitor.revoke_token("old")
    elif how == "half a line":
        bad = f"{bad[:16]}\n"
    monkeypatch.setenv("HF_TOKEN", bad)
    step = first_step(repo_id, "expired token" if how == "expired" else "bad token", bad)
    assert f"{hub.url}/settings/tokens" in step
    assert cu.check_access(repo_id).next_steps[1].endswith("the variable HF_TOKEN.")


@pytest.mark.parametrize("value", ["hf_two words", "hf_…", "hf_\ttab", "token: hf_abc"])
def test_what_no_token_looks_like_is_not_even_sent(value, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", value)
    first_step(AUTO, "bad token", value)
    assert "not sent" in cu.check_access(AUTO).evidence[-1]


@pytest.mark.parametrize("around", ["{}\n", "  {}  ", "{}\r\n"])
def test_blanks_around_a_good_token_do_no_harm(around, visitor, token, monkeypatch):
    visitor.agree(AUTO)
    monkeypatch.setenv("HF_TOKEN", around.format(token))
    first_step(AUTO, "granted", token)


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_an_empty_variable_is_named(value, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", value)
    first_step(AUTO, "login needed")
    assert "HF_TOKEN is set and empty" in cu.check_access(AUTO).evidence[0]


def test_the_place_of_the_token_is_the_clients(visitor, token, monkeypatch):
    path = Path(huggingface_hub.constants.HF_TOKEN_PATH)
    path.write_text(GARBAGE)
    assert cu.check_access(AUTO).status == "terms not accepted"
    monkeypatch.delenv("HF_TOKEN")
    report = cu.check_access(AUTO)
    assert report.status == "bad token"
    assert str(path) in report.next_steps[1]


def test_a_token_file_that_cannot_be_read(monkeypatch):
    path = Path(huggingface_hub.constants.HF_TOKEN_PATH)
    path.write_bytes(b"\xff\xfe\x00hf_")
    first_step(AUTO, "bad token")
    path.unlink()
    path.mkdir()
    try:
        first_step(AUTO, "bad token")
    finally:
        path.rmdir()


# --- Trouble on the way --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("too-many-requests", "rate limited"),
        ("server-error", "hub error"),
        ("gateway-timeout", "hub error"),
        ("cut-json", "hub error"),
        ("captive-portal", "captive portal"),
    ],
)
def test_trouble_at_the_practice_hub(kind, status):
    first_step(f"trouble/{kind}", status)


def test_how_long_to_wait_is_told():
    report = cu.check_access("trouble/too-many-requests")
    assert report.wait == 1
    assert "Wait 1 s" in report.next_steps[0]
    assert "quota" in report.next_steps[1]


@pytest.mark.timeout(120)
def test_a_repo_that_hangs_is_given_up(token, monkeypatch):
    monkeypatch.setattr("course_utils.hub.access.SECONDS", 1.0)
    first_step("trouble/hangs", "no answer")


@pytest.fixture
def answering() -> Iterator[Callable[..., str]]:
    """A server on loopback in a Hub's place; ``answers`` maps the end of a path to an answer."""
    with ExitStack() as servers:

        def serve(**answers: Reply) -> str:
            def reply(request: BaseHTTPRequestHandler) -> Reply:
                end = request.path.partition("?")[0].rpartition("/")[2].replace("-", "_")
                status, headers, body = answers.get(end, answers["otherwise"])
                sent = request.headers.get("authorization", "")
                return status, {key: text.format(sent=sent) for key, text in headers.items()}, body

            return servers.enter_context(http_server(reply))

        yield serve


ASK = """
import huggingface_hub, course_utils as cu
report = cu.check_access("owner/name")
print(report.status, "|", report.wait)
print(report)
"""
INFO = (200, {}, b'{"id": "owner/name", "gated": "auto", "private": false}')
ME = (200, {}, b'{"name": "anna", "auth": {"accessToken": {"role": "read"}}}')
SECRET = "hf_" + "S" * 34


def refusal(status: int, words: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"X-Error-Message": words, **headers}, json.dumps({"error": words}).encode()


# Answers that the practice Hub does not give, some as recorded from the real one.
ELSEWHERE = [
    ("hub error", {"otherwise": (200, {}, b'["JSON, but of no Hub"]')}),
    ("hub error", {"otherwise": (200, {}, b'{"hello": "there"}')}),
    ("refused", {"otherwise": (404, {}, b"no such page")}),
    ("refused", {"otherwise": refusal(403, "This country may not.")}),
    ("disabled", {"otherwise": refusal(403, "Access to this resource is disabled.")}),
    ("rate limited", {"otherwise": (429, {"Content-Type": "text/html"}, b"<h1>429</h1>")}),
    ("missing or private", {"otherwise": refusal(401, "Invalid username or password.")}),
]


@pytest.mark.parametrize(("status", "answers"), ELSEWHERE)
def test_answers_of_another_server_to_a_stranger(status, answers, answering, run_python):
    finished = run_python(ASK, HF_ENDPOINT=answering(**answers))
    assert finished.stdout.startswith(f"{status} | None"), finished.stdout


def test_a_portal_in_place_of_the_whole_hub(answering, run_python):
    portal = answering(otherwise=(200, {}, b"<!doctype html><p>Your room number, please"))
    out = run_python(ASK, HF_ENDPOINT=portal, HF_TOKEN=SECRET).stdout
    assert out.startswith("captive portal")
    assert "log in to this network" in out


def test_a_server_that_repeats_the_token_does_not_get_it_shown(answering, run_python):
    words = refusal(403, "You sent {sent}, I do not like it.", **{"X-Error-Code": "GatedRepo"})
    url = answering(name=INFO, whoami_v2=ME, otherwise=words)
    finished = run_python(ASK, HF_ENDPOINT=url, HF_TOKEN=SECRET)
    assert finished.stdout.startswith("refused at the gate")
    assert "You sent Bearer …" in finished.stdout
    assert SECRET not in finished.stdout + finished.stderr


def test_whoami_is_limited_as_well(answering, run_python):
    busy = refusal(429, "Slow down.", RateLimit='"api";r=0;t=52')
    url = answering(whoami_v2=busy, otherwise=refusal(401, "Invalid username or password."))
    finished = run_python(ASK, HF_ENDPOINT=url, HF_TOKEN=SECRET)
    assert finished.stdout.startswith("rate limited | 52")


def test_a_whoami_that_is_none_of_a_hub(answering, run_python):
    denied = refusal(401, "Invalid username or password.")
    url = answering(whoami_v2=(200, {}, b'["who?"]'), otherwise=denied)
    finished = run_python(ASK, HF_ENDPOINT=url, HF_TOKEN=SECRET)
    assert finished.stdout.startswith("hub error")


def test_https_that_something_broke_open(answering, run_python):
    address = answering(otherwise=INFO).replace("http:", "https:")
    assert run_python(ASK, HF_ENDPOINT=address).stdout.startswith("captive portal")


def test_nobody_listens(run_python):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        out = run_python(ASK, HF_ENDPOINT=url).stdout
    assert out.startswith("no network")
    assert "No Hub runs at" in out and "Start a new Python" in out


@pytest.mark.timeout(180)
def test_no_such_host(run_python):
    out = run_python(ASK, HF_ENDPOINT="http://hub.invalid").stdout
    assert out.splitlines()[0].split(" |")[0] in ("no network", "no answer")
    assert "http://hub.invalid/models" in out or "Wait a minute" in out


@pytest.mark.timeout(180)
def test_a_hub_that_takes_the_call_and_says_nothing(run_python):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        out = run_python(ASK, HF_ENDPOINT=url, HF_TOKEN=SECRET).stdout
    assert out.startswith("no answer")


def test_offline_mode(run_python, hub):
    out = run_python(ASK, HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="1").stdout
    assert out.startswith("offline mode")
    assert "Unset HF_HUB_OFFLINE" in out


def test_the_colab_secret_is_a_token_like_any_other(run_python, hub, visitor):
    code = f"""
from tools.colab_stand_in import install
install({visitor.create_token("secret")!r}, fake_shell=True)
{ASK}"""
    out = run_python(code.replace("owner/name", AUTO), HF_ENDPOINT=hub.url).stdout
    assert out.startswith("terms not accepted")
    assert "the Colab secret HF_TOKEN" in out


@pytest.mark.parametrize(
    ("refuses", "words"),
    [("NotebookAccessError", "may not read"), ("TimeoutException", "did not answer in time")],
)
def test_a_colab_secret_that_was_held_back_is_not_called_none(refuses, words, run_python, hub):
    code = f"""
import warnings; warnings.simplefilter("ignore")
from tools.colab_stand_in import install
install("hf_secret", fake_shell=True, refuses={refuses!r})
{ASK}"""
    out = run_python(code.replace("owner/name", AUTO), HF_ENDPOINT=hub.url).stdout
    assert out.startswith("login needed")
    assert words in out and "Notebook access" in out
    assert "none was found" not in out and "hf_secret" not in out


# --- By region -----------------------------------------------------------------------------------

NOT_GATED = INFO[:2] + (
    b'{"id": "owner/name", "gated": false, "private": false, '
    b'"siblings": [{"rfilename": "README.md"}, {"rfilename": "config.json"}]}',
)
FINE = (
    200,
    {},
    b'{"name": "anna", "auth": {"accessToken": {"role": "fineGrained", "fineGrained": '
    b'{"canReadGatedRepos": false}}}}',
)
REGIONS = [
    "This model is not available in your region.",
    "Access to model owner/name is restricted in your country.",
    "Not available in the European Union.",
    "Unavailable due to export control regulations.",
]


@pytest.mark.parametrize("words", REGIONS)
@pytest.mark.parametrize("token", ["", SECRET])
def test_a_region_is_not_the_tokens_fault(words, token, answering, run_python):
    url = answering(name=NOT_GATED, whoami_v2=FINE, otherwise=refusal(403, words))
    out = run_python(ASK, HF_ENDPOINT=url, HF_TOKEN=token).stdout
    assert out.startswith("refused by region"), out
    assert words in out
    assert "scope" not in out and "settings/tokens" not in out


def test_a_gated_repo_may_be_refused_by_region_as_well(answering, run_python):
    words = refusal(403, REGIONS[0], **{"X-Error-Code": "GatedRepo"})
    url = answering(name=INFO, whoami_v2=ME, otherwise=words)
    out = run_python(ASK, HF_ENDPOINT=url, HF_TOKEN=SECRET).stdout
    assert out.startswith("refused by region"), out
    assert "Read the terms" not in out


def test_a_repo_that_opens_and_refuses_its_files_is_not_open(answering, run_python):
    url = answering(name=NOT_GATED, auth_check=(200, {}, b"OK"), otherwise=refusal(403, REGIONS[0]))
    out = run_python(ASK, HF_ENDPOINT=url).stdout
    assert out.startswith("refused by region"), out
    assert "config.json: 403" in out


def test_451_is_a_region_too(answering, run_python):
    url = answering(name=NOT_GATED, otherwise=refusal(451, "No."))
    assert run_python(ASK, HF_ENDPOINT=url).stdout.startswith("refused by region")


def test_a_fine_grained_token_is_not_blamed_where_there_is_no_gate(answering, run_python):
    url = answering(name=NOT_GATED, whoami_v2=FINE, otherwise=refusal(403, "Forbidden."))
    out = run_python(ASK, HF_ENDPOINT=url, HF_TOKEN=SECRET).stdout
    assert out.startswith("refused |"), out


def test_what_agreeing_gives_away_is_said(hub, token):
    for repo_id in (AUTO, MANUAL):
        assert "e-mail address" in cu.check_access(repo_id).next_steps[0]


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_a_next_step(status):
    for token_place in (None, "the variable HF_TOKEN"):
        at = Situation("a/b", "https://huggingface.co", token_place, None, "manual", None)
        steps = list(next_steps(status, at))
        assert steps and all(steps), status


# --- What is no question -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repo_id", "words"),
    [
        ("", "Empty text is no repo id"),
        ("owner/name/file", "is no repo id"),
        ("owner name", "is no repo id"),
        ("../../etc", "is no repo id"),
        ("x" * 100_000, "is no repo id"),
        ("a\x00b", "is no repo id"),
        ("https://huggingface.co/owner/name", 'Its repo id: "owner/name"'),
        (None, "this is a NoneType"),
        (7, "this is a int"),
    ],
)
def test_what_is_no_repo_id_is_said(repo_id, words):
    with pytest.raises(cu.CourseError, match=words) as raised:
        cu.check_access(repo_id)
    assert len(str(raised.value)) < 600


def test_blanks_around_a_repo_id_do_no_harm():
    assert cu.check_access(f" {OPEN}\n").repo_id == OPEN


def test_without_a_hub_it_asks_for_the_start_cell(run_python):
    finished = run_python("import course_utils as cu; cu.check_access('a/b')", check=False)
    assert "Run cu.start() first" in finished.stderr


def test_on_the_practice_hub_each_click_is_offered_as_a_call(run_python):
    code = f"""
import course_utils as cu, os
visitor = cu.start("practice").visitor
print(cu.check_access({MANUAL!r}))
os.environ["HF_TOKEN"] = visitor.create_token("mine")
for decision in (None, "agree", "rejected", "reset"):
    if decision == "agree":
        visitor.agree({MANUAL!r})
    elif decision:
        visitor.review({MANUAL!r}, decision)
    print(cu.check_access({MANUAL!r}))
"""
    out = run_python(code, PRACTICE_HUB_AUTO_APPROVE="").stdout
    for call in ("create_token", "agree", 'review("practice/gated-manual-chat", "accepted")'):
        assert f'cu.start("practice").visitor.{call}' in out


# --- What the practice Hub has to know for this --------------------------------------------------


def test_the_last_login_of_ones_own_can_be_approved_without_its_code():
    with PracticeHub(room_key="hotel-wifi-42") as room:
        door = f"{room.url}/hotel-wifi-42"
        anna, ben = (Visitor(claim(f"{door}/{name}")) for name in ("anna", "ben"))
        session = huggingface_hub.utils.get_session()
        login = session.post(f"{anna.url}/oauth/device", data={"client_id": "course"}).json()
        with pytest.raises(ValueError, match="No login of yours waits"):
            ben.approve_login()
        anna.approve_login()
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}
        form["device_code"] = login["device_code"]
        assert session.post(f"{anna.url}/oauth/token", data=form).status_code == 200
        with pytest.raises(ValueError, match="No login of yours waits"):
            anna.approve_login()
