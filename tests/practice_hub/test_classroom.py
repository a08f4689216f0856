"""A room's Hub: a key at the door, a secret behind each name, a desk for the instructor."""

from __future__ import annotations

import re
from collections.abc import Iterator

import huggingface_hub.utils
import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
from starlette.testclient import TestClient

from practice_hub import PracticeHub
from practice_hub.accounts import Accounts
from practice_hub.app import create_app
from practice_hub.classroom import Classroom, Names
from practice_hub.names import MOST_NAMES_OF_ONE_ADDRESS
from practice_hub.repos import load_held
from practice_hub.visitor import Visitor, claim

KEY = "hotel-wifi-42"
DESK = "0123456789abcdef0123456789abcdef"
GATED = "practice/gated-chat"
MANUAL = "practice/gated-manual-chat"
SECRET = re.compile(r"~[0-9a-f]{32}")


@pytest.fixture(scope="module")
def room() -> Iterator[PracticeHub]:
    with PracticeHub(room_key=KEY) as hub:
        yield hub


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def names() -> Names:
    return Names(reserved={"practice", "meta-llama"})


@pytest.fixture
def browser(accounts, names) -> TestClient:
    return client_of(accounts, names)


def client_of(accounts: Accounts, names: Names) -> TestClient:
    """A browser of its own: each keeps its own cookies."""
    app = Classroom(create_app(load_held(), accounts=accounts, names=names), KEY, names, DESK)
    return TestClient(app, "http://127.0.0.1", headers={"Accept": "text/html"})


def claimed(browser: TestClient, name: str) -> str:
    """The path of this name's own pages, after a click on the door's button."""
    answer = browser.post(f"/{KEY}/{name}/claim", follow_redirects=False)
    assert answer.status_code == 303, answer.text
    found = re.match(rf"/{KEY}/{name}~[0-9a-f]{{32}}", answer.headers["location"])
    assert found
    return found[0]


# --- A name is claimed once ----------------------------------------------------------------------


def test_who_claims_a_name_first_is_given_a_secret_in_the_addresss_one_segment(room):
    address = claim(f"{room.url}/{KEY}/anna")
    assert re.fullmatch(rf"{room.url}/{KEY}/anna~[0-9a-f]{{32}}", address)
    assert Visitor(address).create_token("mine").startswith("hf_practice_")
    with pytest.raises(ValueError, match="anna.* is taken"):
        claim(f"{room.url}/{KEY}/anna")


@pytest.mark.parametrize("made_up", ["", "~", "~" + "0" * 32, "~secret"])
def test_without_the_secret_403_in_words(room, made_up):
    claim_if_free(room, "bert")
    session = huggingface_hub.utils.get_session()
    url = f"{room.url}/{KEY}/bert{made_up}"
    for path in ("/api/models", "/settings/tokens", "/practice/tiny-chat/resolve/main/config.json"):
        answer = session.get(url + path)
        assert answer.status_code == 403
        assert "name" in answer.text
        assert answer.headers["x-error-message"]
        assert "tiny" not in answer.text
    with pytest.raises(HfHubHTTPError, match="secret"):
        HfApi(endpoint=url).model_info("practice/tiny-chat", token=False)


def claim_if_free(room: PracticeHub, name: str) -> None:
    try:
        claim(f"{room.url}/{KEY}/{name}")
    except ValueError as error:
        assert "is taken" in str(error)


@pytest.mark.parametrize("name", ["google", "meta-llama", "practice", "instructor", "static"])
def test_nobody_takes_the_name_of_an_owner_or_of_the_instructor(room, name):
    with pytest.raises(ValueError, match="not be taken"):
        claim(f"{room.url}/{KEY}/{name}")


@pytest.mark.parametrize("name", ["Anna", "-anna", "a" * 31, "anna.b"])
def test_a_name_that_is_none_is_explained(room, name):
    with pytest.raises(ValueError, match="small letters"):
        claim(f"{room.url}/{KEY}/{name}")


def test_looking_at_a_name_does_not_claim_it(browser, accounts, names):
    for _ in range(2):
        assert browser.get(f"/{KEY}/anna").status_code == 403
        assert browser.head(f"/{KEY}/anna/claim").status_code == 403
    assert "Take the name anna" in browser.get(f"/{KEY}/anna").text
    assert claimed(browser, "anna")


def test_another_site_cannot_claim_a_name(browser):
    answer = browser.post(f"/{KEY}/anna/claim", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert claimed(browser, "anna")


def test_the_door_offers_a_form_for_a_name(browser):
    page = browser.get(f"/{KEY}")
    assert page.status_code == 403
    assert 'name="name"' in page.text
    there = browser.post(f"/{KEY}/claim", data={"name": "anna"}, follow_redirects=False)
    assert there.status_code == 303
    assert SECRET.search(there.headers["location"])
    page = browser.post(f"/{KEY}/claim", data={"name": "Bad Name"})
    assert page.status_code == 400
    assert "small letters" in page.text


# --- What the others can no longer do ------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("GET", f"/{MANUAL}/settings/requests", None),
        ("POST", f"/{MANUAL}/settings/requests", {"user": "anna", "status": "rejected"}),
        ("POST", "/settings/tokens", {"name": "stolen"}),
        ("POST", "/settings/tokens/revoke", {"name": "mine"}),
        ("POST", "/oauth/device", {"client_id": "x"}),
        ("POST", "/oauth/device/decision", {"user_code": "BCDF-0000", "decision": "approve"}),
        ("POST", "/settings/gated-repos/cancel", {"repo_id": MANUAL}),
        ("POST", f"/{MANUAL}/ask-access", {}),
        ("GET", "/settings/tokens", None),
    ],
)
def test_nobody_acts_for_another_by_url(browser, accounts, names, method, path, form):
    claimed(browser, "anna")
    accounts.ask("anna", MANUAL, "manual", {"Name": "Anna's private answer"})
    accounts.create_token("anna", "mine")
    ben = client_of(accounts, names)
    claimed(ben, "ben")
    answer = ben.request(method, f"/{KEY}/anna{path}", data=form)
    assert answer.status_code == 403
    assert "private answer" not in answer.text
    assert accounts.request_of("anna", MANUAL).status == "pending"
    assert [(token.name, token.revoked) for token in accounts.tokens_of("anna")] == [
        ("mine", False)
    ]


def test_at_the_owners_desk_a_learner_finds_only_himself(browser, accounts, names):
    home = claimed(browser, "anna")
    accounts.ask("anna", MANUAL, "manual", {"Name": "my own answer"})
    accounts.ask("ben", MANUAL, "manual", {"Name": "Ben's private answer"})
    page = browser.get(f"{home}/{MANUAL}/settings/requests")
    assert "my own answer" in page.text
    assert "private" not in page.text
    for form in ({"user": "ben", "status": "rejected"}, {"user": "anna", "status": "accepted"}):
        browser.post(f"{home}/{MANUAL}/settings/requests", data=form)
    assert accounts.request_of("ben", MANUAL).status == "pending"
    assert accounts.request_of("anna", MANUAL).status == "accepted"


def test_by_call_too(room):
    anna, ben = (Visitor(claim(f"{room.url}/{KEY}/{name}")) for name in ("carla", "carl"))
    anna.agree(MANUAL)
    with pytest.raises(ValueError, match="your own"):
        ben.review(MANUAL, "rejected", user="carla")
    anna.review(MANUAL, "accepted")
    token = anna.create_token("mine")
    HfApi(endpoint=anna.url).auth_check(MANUAL, token=token)


def test_an_approved_device_code_is_spent(accounts):
    waiting = accounts.begin_login("anna")
    accounts.approve_login("anna", waiting.user_code)
    for yes in (True, False):
        with pytest.raises(ValueError, match="No login waits"):
            accounts.approve_login("ben", waiting.user_code, yes)
    access, _ = accounts.poll_login(waiting.device_code)
    assert accounts.identify(f"Bearer {access}").user == "anna"


def test_a_denied_device_code_is_spent(accounts):
    waiting = accounts.begin_login("anna")
    accounts.approve_login("anna", waiting.user_code, yes=False)
    with pytest.raises(ValueError, match="No login waits"):
        accounts.approve_login("ben", waiting.user_code)


# --- The other client of the same learner --------------------------------------------------------


def test_a_one_time_link_lets_the_kernel_in_after_the_browser(browser, accounts, names):
    home = claimed(browser, "anna")
    page = browser.post(f"{home}/settings/connect/link")
    link = re.search(rf"http://127\.0\.0\.1/{KEY}/anna~[0-9a-f]{{32}}", page.text.split("once")[-1])
    links = set(re.findall(rf"http://127\.0\.0\.1(/{KEY}/anna~[0-9a-f]{{32}})", page.text)) - {home}
    assert link
    (once,) = links
    kernel = client_of(accounts, names)
    for _ in range(2):  # a look, as a chat's preview takes, spends nothing
        looked = kernel.get(once)
        assert looked.status_code == 403
        assert "Open as anna" in looked.text
    assert kernel.get(f"{once}/settings/tokens").status_code == 403
    given = kernel.post(f"{once}/claim", headers={"Accept": "application/json"}).json()
    own = re.search(rf"/{KEY}/anna~[0-9a-f]{{32}}$", given["address"])[0]
    assert own not in (home, once)
    assert kernel.get(f"{own}/settings/tokens").status_code == 200
    assert browser.get(f"{home}/settings/tokens").status_code == 200
    again = client_of(accounts, names).post(f"{once}/claim")
    assert again.status_code == 403


def test_and_the_browser_after_the_kernel(room):
    kernel = Visitor(claim(f"{room.url}/{KEY}/dora"))
    browser = Visitor(claim(kernel.one_time_link()))
    assert browser.url != kernel.url
    browser.create_token("from the browser")
    with pytest.raises(ValueError, match="already"):
        kernel.create_token("from the browser")


def test_a_one_time_link_grows_old(names):
    secret = names.claim("anna")
    code = names.one_time_code("anna", seconds=-1)
    assert names.spend("anna", code) is None
    assert names.knows("anna", secret)


def test_only_the_newest_link_counts(names):
    names.claim("anna")
    first, second = names.one_time_code("anna"), names.one_time_code("anna")
    assert names.spend("anna", first) is None
    assert names.spend("anna", second)


def test_a_browser_that_was_let_in_finds_its_way_from_a_masked_address(browser, accounts, names):
    home = claimed(browser, "anna")
    answer = browser.get(f"/{KEY}/anna/{GATED}?x=1", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{home}/{GATED}?x=1"
    cookie = next(iter(browser.cookies.jar))
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.path == f"/{KEY}"
    other = client_of(accounts, names)
    assert other.get(f"/{KEY}/anna/{GATED}").status_code == 403
    assert browser.get(f"/{KEY}/ben/{GATED}").status_code == 403
    assert browser.post(f"/{KEY}/anna/settings/tokens", data={"name": "x"}).status_code == 403


def test_the_hubs_words_name_addresses_without_the_secret(room, tmp_path):
    anna = Visitor(claim(f"{room.url}/{KEY}/emma"))
    token = anna.create_token("mine")
    with pytest.raises(GatedRepoError) as error:
        HfApi(endpoint=anna.url).auth_check(GATED, token=token)
    assert f"Visit {room.url}/{KEY}/emma/{GATED} to ask for access." in error.value.server_message
    assert not SECRET.search(error.value.server_message)


# --- The instructor's desk -----------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["", "~" + "f" * 32])
def test_the_desk_has_a_key_of_its_own(browser, wrong):
    claimed(browser, "anna")
    assert browser.get(f"/{KEY}/instructor{wrong}/desk").status_code == 403
    page = browser.get(f"/{KEY}/instructor~{DESK}/desk")
    assert page.status_code == 200
    assert "anna" in page.text


def test_no_learner_reaches_the_desk(browser):
    home = claimed(browser, "anna")
    assert browser.get(f"{home}/desk").status_code == 403
    assert browser.post(f"{home}/desk/free", data={"name": "anna"}).status_code == 403


def test_the_desk_frees_a_name(browser, accounts, names):
    home = claimed(browser, "anna")
    accounts.create_token("anna", "mine")
    accounts.ask("anna", MANUAL, "manual", {"Name": "Anna"})
    desk = f"/{KEY}/instructor~{DESK}/desk"
    assert browser.post(f"{desk}/free", data={"name": "anna"}).status_code == 200
    assert browser.get(f"{home}/settings/tokens").status_code == 403
    other = client_of(accounts, names)
    assert claimed(other, "anna") != home
    assert accounts.tokens_of("anna") == []
    assert accounts.request_of("anna", MANUAL) is None
    assert browser.post(f"{desk}/free", data={"name": "nobody"}).status_code == 400


def test_the_instructor_decides_for_all(browser, accounts):
    accounts.ask("anna", MANUAL, "manual", {"Name": "Anna"})
    desk = f"/{KEY}/instructor~{DESK}"
    assert "Anna" in browser.get(f"{desk}/{MANUAL}/settings/requests").text
    form = {"user": "anna", "status": "accepted"}
    browser.post(f"{desk}/{MANUAL}/settings/requests", data=form)
    assert accounts.request_of("anna", MANUAL).status == "accepted"


def test_the_hub_makes_a_desk_key_and_says_where_the_desk_is(room):
    assert re.fullmatch(rf"{room.url}/{KEY}/instructor~[0-9a-f]{{32}}/desk", room.desk_url)
    assert huggingface_hub.utils.get_session().get(room.desk_url).status_code == 200


# --- The door ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["", "/api/models", f"/{KEY}", "/wrong-key/anna", f"/{KEY}/practice", f"/{KEY}/zoe"]
)
def test_without_the_key_nothing_is_told(room, path):
    answer = huggingface_hub.utils.get_session().get(room.url + path)
    assert answer.status_code == 403
    assert "tiny-chat" not in answer.text
    assert KEY not in answer.text
    assert answer.headers["x-error-message"] in " ".join(answer.text.split())


def test_there_is_a_brake_at_the_door(browser, names):
    home = claimed(browser, "anna")
    statuses = [browser.get(f"/guess-{number:04}/anna").status_code for number in range(200)]
    assert statuses[0] == 403
    assert statuses[-1] == 429
    stopped = browser.get("/another-guess/anna")
    assert "wait" in stopped.headers["x-error-message"].lower()
    assert browser.get(f"/{KEY}/anna~{'0' * 32}/models").status_code == 429
    assert browser.get(f"{home}/models").status_code == 200  # who has the secret goes through


def test_names_and_their_clients_are_bounded(names):
    for number in range(names.most):
        names.claim(f"learner-{number}")
    with pytest.raises(ValueError, match="enough"):
        names.claim("one-more")
    for _ in range(names.most_clients - 1):
        assert names.spend("learner-1", names.one_time_code("learner-1"))
    assert names.spend("learner-1", names.one_time_code("learner-1"))
    assert len(names.clients_of("learner-1")) <= names.most_clients


def test_no_address_alone_takes_all_names(names):
    for number in range(MOST_NAMES_OF_ONE_ADDRESS):
        names.claim(f"mine-{number}", "10.0.0.66")
    with pytest.raises(ValueError, match="from this address"):
        names.claim("one-more", "10.0.0.66")
    assert names.claim("anna", "10.0.0.7")
    names.free("mine-0")
    assert names.claim("one-more", "10.0.0.66")


def test_the_door_knows_where_a_claim_came_from(browser, names):
    claimed(browser, "anna")
    assert names._claimed_from == {"anna": "testclient"}


def test_a_line_break_in_an_address_is_no_wrong_secret(browser):
    home = claimed(browser, "anna")
    for _ in range(100):
        answer = browser.get(f"{home}/api/models/practice/tiny-chat/revision/a%0d%0aX-Evil: 1")
        assert answer.status_code == 404
        assert "x-evil" not in answer.headers
    assert browser.get(f"/{KEY}/bert").status_code == 403  # and not 429


def test_a_real_token_at_the_door_is_told_so_too(room):
    session = huggingface_hub.utils.get_session()
    answer = session.get(
        f"{room.url}/{KEY}/anna/api/models", headers={"Authorization": "Bearer hf_x"}
    )
    assert answer.status_code == 401
    assert "revoke it" in answer.text


def test_a_foreign_host_is_not_repeated(browser):
    home = claimed(browser, "anna")
    for host in ("evil.example", "evil.example:80", "127.0.0.1@evil.example"):
        answer = browser.get("/wrong", headers={"Host": host})
        assert "evil" not in answer.text
        for path in ("/api/models?limit=1", "/gpt2/resolve/main/config.json", f"/{GATED}"):
            answer = browser.get(home + path, headers={"Host": host}, follow_redirects=False)
            assert "evil" not in answer.text + str(answer.headers)
        answer = browser.post(
            f"{home}/{GATED}/ask-access", headers={"Host": host}, follow_redirects=False
        )
        assert "evil" not in answer.text + str(answer.headers)


# --- The libraries in a room ---------------------------------------------------------------------


def test_libraries_work_through_the_rooms_address(room, run_python):
    code = """
from transformers import pipeline
from huggingface_hub import HfApi
chat = pipeline("text-generation", "practice/tiny-chat")
print(len(list(HfApi().list_models(limit=40))))
messages = [{"role": "user", "content": "What is a model card?"}]
print(chat(messages)[0]["generated_text"][-1]["content"])
"""
    out = run_python(code, HF_ENDPOINT=claim(f"{room.url}/{KEY}/fritz")).stdout
    assert "40\n" in out
    assert "README" in out


def test_pages_of_a_list_follow_each_other_in_a_room(room):
    api = HfApi(endpoint=claim(f"{room.url}/{KEY}/greta"))
    ids = [model.id for model in api.list_models(limit=30, sort="downloads")]
    session = huggingface_hub.utils.get_session()
    first = session.get(f"{api.endpoint}/api/models?limit=15&sort=downloads")
    following = session.get(first.links["next"]["url"])
    assert [model["id"] for model in first.json() + following.json()] == ids


def test_learners_are_kept_apart(room, tmp_path):
    anna, ben = (Visitor(claim(f"{room.url}/{KEY}/{name}")) for name in ("hanna", "ben"))
    tokens = {visitor: visitor.create_token("mine") for visitor in (anna, ben)}
    assert anna.agree(GATED) == "accepted"
    api = {visitor: HfApi(endpoint=visitor.url) for visitor in tokens}
    api[anna].auth_check(GATED, token=tokens[anna])
    with pytest.raises(GatedRepoError):
        api[ben].auth_check(GATED, token=tokens[ben])
    assert api[anna].whoami(token=tokens[anna])["name"] == "hanna"
    assert api[ben].whoami(token=tokens[ben])["name"] == "ben"
    with pytest.raises(ValueError, match="no token named"):
        ben.revoke_token("hers")
    path = hf_hub_download(
        GATED, "config.json", endpoint=anna.url, token=tokens[anna], cache_dir=tmp_path
    )
    assert path


@pytest.mark.parametrize(
    "body",
    [
        b'{"action": "agree", "repo_id": "practice/gated-chat", "fields": {"Name": "\\ud800"}}',
        b'{"action": "agree", "repo_id": "practice/gated-chat", "fields": 5}',
        b'{"action": "create_token", "name": 5}',
        b'{"action": "approve_login", "user_code": 5}',
        b"[" * 50_000,
        b"x" * 200_000,
    ],
)
def test_what_one_learner_sends_harms_nobody(room, two_homes, body):
    session = huggingface_hub.utils.get_session()
    anna, ben = two_homes
    url = f"{anna}/api/practice-hub/actions"
    answer = session.post(url, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413)
    for page in ("practice/gated-chat/settings/requests", "settings/tokens"):
        assert session.get(f"{ben}/{page}").status_code == 200


@pytest.fixture(scope="module")
def two_homes(room) -> tuple[str, str]:
    return claim(f"{room.url}/{KEY}/ida"), claim(f"{room.url}/{KEY}/jan")


def test_old_names_are_sent_on_within_the_room(room, two_homes):
    session = huggingface_hub.utils.get_session()
    home = two_homes[0].removeprefix(room.url)
    answer = session.get(f"{two_homes[0]}/gpt2/resolve/main/config.json", follow_redirects=False)
    assert answer.headers["location"] == f"{home}/openai-community/gpt2/resolve/main/config.json"


def test_a_hundred_logins_are_no_trouble(room):
    session = huggingface_hub.utils.get_session()
    url = claim(f"{room.url}/{KEY}/kurt")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}
    for _ in range(102):
        login = session.post(f"{url}/oauth/device", data={"client_id": "course"}).json()
        Visitor(url).approve_login(login["user_code"])
        granted = session.post(
            f"{url}/oauth/token", data={**form, "device_code": login["device_code"]}
        )
        assert granted.status_code == 200


@pytest.mark.parametrize("room_key", [None, "", "short", "with space in it"])
def test_off_loopback_only_with_a_key(room_key):
    with pytest.raises(ValueError, match="key"):
        PracticeHub(host="0.0.0.0", room_key=room_key)


def test_a_room_downloads_at_once(room, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    def learner(number: int) -> int:
        visitor = Visitor(claim(f"{room.url}/{KEY}/learner-{number}"))
        token = visitor.create_token("mine")
        with pytest.raises(GatedRepoError):
            HfApi(endpoint=visitor.url).auth_check(GATED, token=token)
        visitor.agree(GATED)
        place = tmp_path / str(number)
        snapshot_download(GATED, endpoint=visitor.url, token=token, cache_dir=place)
        return len(list(place.rglob("snapshots/*/model.safetensors")))

    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(learner, range(30))) == [1] * 30
