"""Trouble on demand, as the clients meet it, and a room's Hub with a key at its door."""

from __future__ import annotations

import time
from collections.abc import Iterator

import huggingface_hub
import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from practice_hub import PracticeHub
from practice_hub.visitor import Visitor

KEY = "hotel-wifi-42"
GATED = "practice/gated-chat"


@pytest.mark.parametrize(
    ("kind", "status"),
    [("too-many-requests", 429), ("server-error", 500), ("gateway-timeout", 504)],
)
def test_refusals(kind, status):
    with pytest.raises(HfHubHTTPError) as error:
        HfApi().model_info(f"trouble/{kind}")
    assert error.value.response.status_code == status


def test_too_many_requests_says_how_long_to_wait(hub):
    answer = huggingface_hub.utils.get_session().get(
        f"{hub.url}/api/models/trouble/too-many-requests"
    )
    assert answer.headers["ratelimit"] == '"api";r=0;t=1'


@pytest.mark.parametrize("kind", ["captive-portal", "cut-json"])
def test_answers_that_are_no_data(kind):
    with pytest.raises(ValueError):
        HfApi().model_info(f"trouble/{kind}")


def test_a_hub_that_hangs():
    began = time.monotonic()
    with pytest.raises(Exception, match="(?i)timed? ?out"):
        HfApi().model_info("trouble/hangs", timeout=0.5)
    assert time.monotonic() - began < 10


def test_a_download_that_breaks_off_leaves_no_file(tmp_path, hub, run_python):
    code = """
from huggingface_hub import hf_hub_download
hf_hub_download("trouble/truncated-download", "model.safetensors", cache_dir="cache")
"""
    finished = run_python(code, check=False, HF_ENDPOINT=hub.url)
    assert finished.returncode != 0
    assert not list(tmp_path.glob("cache/*/snapshots/*/model.safetensors"))


def test_trouble_stays_where_it_is(hub):
    assert HfApi().model_info("practice/tiny-chat").id
    assert not [model for model in HfApi().list_models() if model.id.startswith("trouble/")]


@pytest.fixture(scope="module")
def room() -> Iterator[PracticeHub]:
    with PracticeHub(room_key=KEY) as hub:
        yield hub


@pytest.mark.parametrize(
    "path", ["", "/api/models", f"/{KEY}", "/wrong-key/anna", f"/{KEY}/practice"]
)
def test_without_the_key_nothing_is_told(room, path):
    answer = huggingface_hub.utils.get_session().get(room.url + path)
    assert answer.status_code == 403
    assert "tiny-chat" not in answer.text
    assert KEY not in answer.text


def test_libraries_work_through_the_rooms_address(room, run_python):
    code = """
from transformers import pipeline
from huggingface_hub import HfApi
chat = pipeline("text-generation", "practice/tiny-chat")
print(len(list(HfApi().list_models(limit=40))))
messages = [{"role": "user", "content": "What is a model card?"}]
print(chat(messages)[0]["generated_text"][-1]["content"])
"""
    out = run_python(code, HF_ENDPOINT=f"{room.url}/{KEY}/anna").stdout
    assert "40\n" in out
    assert "README" in out


def test_pages_of_a_list_follow_each_other_in_a_room(room):
    api = HfApi(endpoint=f"{room.url}/{KEY}/anna")
    ids = [model.id for model in api.list_models(limit=30, sort="downloads")]
    session = huggingface_hub.utils.get_session()
    first = session.get(f"{api.endpoint}/api/models?limit=15&sort=downloads")
    following = session.get(first.links["next"]["url"])
    assert [model["id"] for model in first.json() + following.json()] == ids


def test_learners_are_kept_apart(room, tmp_path):
    anna, ben = (Visitor(f"{room.url}/{KEY}/{name}") for name in ("anna", "ben"))
    tokens = {visitor: visitor.create_token("mine") for visitor in (anna, ben)}
    assert anna.agree(GATED) == "accepted"
    api = {visitor: HfApi(endpoint=visitor.url) for visitor in tokens}
    api[anna].auth_check(GATED, token=tokens[anna])
    with pytest.raises(GatedRepoError):
        api[ben].auth_check(GATED, token=tokens[ben])
    assert api[anna].whoami(token=tokens[anna])["name"] == "anna"
    assert api[ben].whoami(token=tokens[ben])["name"] == "ben"
    with pytest.raises(ValueError, match="no token named"):
        ben.revoke_token("hers")
    path = hf_hub_download(
        GATED, "config.json", endpoint=anna.url, token=tokens[anna], cache_dir=tmp_path
    )
    assert path


@pytest.mark.parametrize("name", ["google", "meta-llama", "practice"])
def test_nobody_takes_the_name_of_an_owner(room, name):
    with pytest.raises(ValueError, match="belongs to a room"):
        Visitor(f"{room.url}/{KEY}/{name}").create_token("mine")


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
def test_what_one_learner_sends_harms_nobody(room, body):
    session = huggingface_hub.utils.get_session()
    url = f"{room.url}/{KEY}/anna/api/practice-hub/actions"
    answer = session.post(url, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413)
    for page in ("practice/gated-chat/settings/requests", "settings/tokens"):
        assert session.get(f"{room.url}/{KEY}/ben/{page}").status_code == 200


def test_old_names_are_sent_on_within_the_room(room):
    session = huggingface_hub.utils.get_session()
    url = f"{room.url}/{KEY}/anna/gpt2/resolve/main/config.json"
    answer = session.get(url, follow_redirects=False)
    moved = f"/{KEY}/anna/openai-community/gpt2/resolve/main/config.json"
    assert answer.headers["location"] == moved


def test_a_hundred_logins_are_no_trouble(room):
    session = huggingface_hub.utils.get_session()
    url = f"{room.url}/{KEY}/carl"
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
        visitor = Visitor(f"{room.url}/{KEY}/learner-{number}")
        token = visitor.create_token("mine")
        with pytest.raises(GatedRepoError):
            HfApi(endpoint=visitor.url).auth_check(GATED, token=token)
        visitor.agree(GATED)
        place = tmp_path / str(number)
        snapshot_download(GATED, endpoint=visitor.url, token=token, cache_dir=place)
        return len(list(place.rglob("snapshots/*/model.safetensors")))

    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(learner, range(30))) == [1] * 30
