"""Nothing that one learner sends makes the Hub large, or holds the others up."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from starlette.testclient import TestClient

from practice_hub.accounts import (
    LONGEST_FIELDS,
    MOST_FIELDS,
    MOST_TOKENS,
    MOST_WAITING,
    MOST_WAITING_IN_ALL,
    AccountError,
    Accounts,
)
from practice_hub.app import create_app
from practice_hub.repos import load_held

GATED, MANUAL = "practice/gated-chat", "practice/gated-manual-chat"
LARGEST_PAGE = 1_000_000  # bytes


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def client(accounts) -> TestClient:
    app = create_app(load_held(), accounts=accounts)
    return TestClient(app, "http://hub.test", headers={"Accept": "text/html"})


def act(client: TestClient, **action):
    body = json.dumps(action)
    headers = {"Content-Type": "application/json"}
    return client.post("/api/practice-hub/actions", content=body, headers=headers)


@pytest.mark.parametrize(
    "fields",
    [
        {"Name": "x" * (LONGEST_FIELDS + 1)},
        {"x" * (LONGEST_FIELDS + 1): "y"},
        {str(number): "y" for number in range(MOST_FIELDS + 1)},
    ],
)
def test_the_fields_of_agree_are_bounded(client, accounts, fields):
    answer = act(client, action="agree", repo_id=GATED, fields=fields)
    assert answer.status_code == 400
    assert "at most" in answer.json()["error"]
    assert client.post(f"/{GATED}/ask-access", data=fields).status_code in (400, 413)
    assert accounts.request_of("learner", GATED) is None


def test_a_gates_own_form_is_no_trouble(client, accounts):
    assert act(client, action="agree", repo_id=MANUAL, fields={"Name": "Ada"}).status_code == 200


def test_agreeing_does_not_tell_that_a_private_repo_exists(accounts):
    repos = load_held()
    hidden = dataclasses.replace(repos[GATED], id="practice/hidden", private=True)
    app = create_app({**repos, hidden.id: hidden}, accounts=accounts)
    client = TestClient(app, "http://hub.test")
    answers = [
        act(client, action="agree", repo_id=f"practice/{name}", fields={})
        for name in ("hidden", "absent")
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].text.replace("hidden", "absent") == answers[1].text
    assert accounts.request_of("learner", "practice/hidden") is None


def test_tokens_named_login_are_counted_like_others(client, accounts):
    for number in range(MOST_TOKENS):
        accounts.create_token("learner", f"login {number}")
    for name in ("login more", "more"):
        with pytest.raises(AccountError, match="enough"):
            accounts.create_token("learner", name)
    assert len(accounts.tokens_of("learner")) == MOST_TOKENS


def test_a_real_login_is_told_from_a_token_of_that_name(accounts):
    accounts.create_token("learner", "login mine")
    for _ in range(30):
        login = accounts.begin_login("learner")
        accounts.approve_login("learner", login.user_code)
        accounts.poll_login(login.device_code)
    assert "login mine" in [token.name for token in accounts.tokens_of("learner")]


@pytest.mark.parametrize("reads_gated", ["x" * 90_000, 1, None, ["yes"]])
def test_reads_gated_is_yes_or_no(client, accounts, reads_gated):
    answer = act(
        client, action="create_token", name="x", role="fineGrained", reads_gated=reads_gated
    )
    assert answer.status_code == 400
    assert accounts.tokens_of("learner") == []


def test_waiting_device_logins_are_bounded(client, accounts):
    for _ in range(MOST_WAITING * 3):
        client.post("/oauth/device", data={"client_id": "x"})
    assert len(accounts._logins) == MOST_WAITING
    last = client.post("/oauth/device", data={"client_id": "x"}).json()
    accounts.approve_login("learner", last["user_code"])  # the newest is the one that counts


def test_and_all_together(accounts):
    for number in range(MOST_WAITING_IN_ALL):
        accounts.begin_login(f"user-{number}")
    with pytest.raises(AccountError, match="Too many logins"):
        accounts.begin_login("one-more")


@pytest.mark.parametrize(
    "name", ["search", "other", "author", "license", "library", "pipeline_tag", "num_parameters"]
)
def test_search_words_are_bounded(client, name):
    plain = len(client.get("/models").content)
    for value in ("x" * 50_000, "a " * 25_000, "min:1," * 4_000 + "max:2"):
        page = client.get("/models", params={name: value})
        assert len(page.content) < plain + 100_000
        listed = client.get("/api/models", params={name: value})
        assert listed.status_code in (200, 400)


def test_a_device_code_is_bounded(client):
    plain = len(client.get("/oauth/device").content)
    assert len(client.get("/oauth/device", params={"user_code": "x" * 50_000}).content) < plain + 50
    form = {"user_code": "x" * 50_000, "decision": "approve"}
    assert len(client.post("/oauth/device/decision", data=form).content) < plain + 500


def test_a_field_asked_for_often_is_told_once(client):
    (model,) = client.get("/api/models?limit=1" + "&expand=sha" * 5_000).json()
    assert "sha" in model


def test_a_long_address_is_not_repeated_in_a_header(client):
    for path in (f"/api/models/practice/tiny-chat/revision/{'x' * 50_000}", f"/{'y' * 50_000}/z"):
        answer = client.get(path)
        assert all(len(value) < 2_000 for value in answer.headers.values())


def test_paths_asked_for_twice_are_told_once(client):
    url = "/api/models/practice/tiny-chat/paths-info/main"
    form = "&".join(["paths=config.json"] * 5_000)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert len(client.post(url, content=form, headers=headers).json()) == 1


def test_no_page_grows_large_whatever_was_sent(client, accounts):
    for number in range(200):
        accounts.ask(f"user-{number}", MANUAL, "manual", {"Why": "x" * (LONGEST_FIELDS - 10)})
    for number in range(MOST_TOKENS):
        accounts.create_token("learner", f"{number} " + "x" * 90)
    for path in (f"/{MANUAL}/settings/requests", "/settings/tokens", "/settings/gated-repos"):
        assert len(client.get(path).content) < LARGEST_PAGE, path


@pytest.mark.parametrize(
    "seconds", [1e300, -1e300, math.inf, math.nan, 10**400, "60", True, [], {"a": 1}]
)
def test_absurd_seconds_are_refused_in_words(client, accounts, seconds):
    answer = act(client, action="create_token", name="x", seconds=seconds)
    assert answer.status_code == 400, answer.text
    assert accounts.tokens_of("learner") == []
    for path in ("/settings/tokens", "/models"):
        assert client.get(path).status_code == 200


def test_no_refresh_after_revocation(client, accounts):
    login = accounts.begin_login("learner")
    accounts.approve_login("learner", login.user_code)
    _, refresh = accounts.poll_login(login.device_code)
    (token,) = accounts.tokens_of("learner")
    accounts.revoke_token("learner", token.name)
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    answer = client.post("/oauth/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_refreshing_still_works_and_works_once(accounts):
    login = accounts.begin_login("learner")
    accounts.approve_login("learner", login.user_code)
    _, refresh = accounts.poll_login(login.device_code)
    access, _ = accounts.refresh_login(refresh)
    assert accounts.identify(f"Bearer {access}").user == "learner"
    assert accounts.refresh_login(refresh) == "invalid_grant"


def test_another_site_cannot_begin_or_end_a_login(client):
    for path in ("/oauth/device", "/oauth/token"):
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert client.post(path, data={"client_id": "x"}, headers=headers).status_code == 403


@pytest.mark.parametrize("path", ["/models", "/settings/tokens", f"/{GATED}", "/oauth/device"])
def test_no_other_site_may_frame_a_page(client, path):
    policy = client.get(path).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
