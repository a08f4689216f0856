"""The practice Hub beside answers recorded from the real one.

``recorded_answers.json`` holds the status, the headers that matter and the shape (field names and
types) of answers of huggingface.co, each with its source and date. Here the same question goes to
the practice Hub, about a repo in the same state. What differs on purpose stands in
``practice_hub/DEVIATIONS.md``. ``evidence`` says how an answer was come by: of one that was only
reported or put together from others, a header that is absent proves nothing.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import huggingface_hub.utils
import pytest
import yaml
from starlette.testclient import TestClient

from practice_hub import PracticeHub
from practice_hub.app import create_app
from practice_hub.repos import load_folder
from practice_hub.visitor import Visitor
from tests.support.paths import ROOT

RECORDED = {
    answer["name"]: answer
    for answer in json.loads((Path(__file__).parent / "recorded_answers.json").read_text())
}
DEVIATIONS = ROOT / "practice_hub" / "DEVIATIONS.md"
GATED = "practice/gated-manual-chat"
# The repo that plays each recorded one: in the same state, held or described here.
CAST = {
    "example-owner/tiny-gated-model": GATED,
    "example-owner/does-not-exist-xyz": "practice/no-such-model",
    "example-owner/does-not-exist": "practice/no-such-model",
    "meta-llama/Llama-3.2-1B": GATED,
    "meta-llama/Llama-3.1-8B-Instruct": GATED,
    "meta-llama/Llama-3.1-8B": GATED,
    "meta-llama/Meta-Llama-3-70B-Instruct": "meta-llama/Llama-3.1-70B-Instruct",
    "bigcode/starcoder": "practice/gated-chat",
    "mistralai/Mistral-7B-v0.1": "mistralai/Mistral-7B-Instruct-v0.3",
    "Qwen/Qwen3.5-0.8B-Base": "practice/pickle-sentiment",
    "TheBloke/Llama-2-7B-GGUF": "practice/tiny-chat",
    "ykilcher/gpt-4chan": "practice/gated-chat",
    "deepset/roberta-base-squad2": "practice/tiny-chat",
    "Salesforce/blip-image-captioning-base": "practice/tiny-sentiment",
    "espnet/kan-bayashi_ljspeech_vits": "practice/tiny-fill-mask",
    "facebook/mbart-large-50-many-to-many-mmt": "practice/no-license",
    "dbmdz/bert-large-cased-finetuned-conll03-english": "practice/no-card",
    "speechbrain/sepformer-wham": "practice/tiny-chat",
    "CompVis/stable-diffusion-v1-4": "practice/tiny-chat",
    "HuggingFaceH4/zephyr-7b-beta": "practice/tiny-chat",
    "checkpoint-0/model.safetensors": "model.safetensors",
    "tree/main/checkpoint-0": "tree/main",
    "refs/pr": "refs/pr",
}
# Asked about the repo that is here under the recorded name.
UNDER_THEIR_NAMES = {"model_info_expand__renamed_307_keeps_query", "paths_info__form_two_paths"}
# Compared by tests of their own, as no single question gets them.
CARDS = {
    "card_data__extra_gated_documented",
    "card_data__license_list",
    "card_data__license_other",
    "card_data__oddities_recorded",
}
# Named among the deviations for a header alone.
BUT_FOR_A_HEADER = {"commits__gpt2_paging": "link"}
# How the caller stands with the gate, where it is not anonymous.
STATES = {
    "auth_check__ok": "accepted",
    "gated_401__garbage_token": "garbage",
    "gated_403__fine_grained_token": "fineGrained, without gated repos",
    "gated_403__not_requested": "known",
    "gated_403__pending": "pending",
    "gated_403__rejected": "rejected",
    "gated_403__reset": "reset",
    "gated_access__ask_access_303": "known",
    "gated_access__cancel_none_404": "known",
    "gated_access__cancel_ok": "pending",
    "gated_access__handle_ok": "owner, one pending",
    "gated_access__handle_same_status_404": "owner, one pending",
    "gated_access__list_accepted": "owner, one accepted",
    "gated_access__list_pending": "owner, one pending",
    "gated_access__list_reset": "owner, one reset",
    "gated_access__list_no_permission_403": "known",
    "gated_access__not_gated_400": "owner, one pending",
    "gated_access__report": "owner, one accepted",
    "gated_access__validation_400": "owner, one pending",
    "invalid_token": "garbage",
    "repo_not_found__with_token_404": "known",
    "resolve_head_small__gated_owner_200": "owner, one pending",
    "tree__gated_unmasked_owner": "owner, one pending",
    "whoami__fine_grained_token": "fineGrained",
    "whoami__read_token": "read",
    "whoami__staging_write_periodEnd_null": "write",
    "whoami__write_token": "write",
}
BODIES = {
    "gated_access__handle_ok": {"user": "learner", "status": "accepted"},
    "gated_access__handle_same_status_404": {"user": "learner", "status": "pending"},
    "gated_access__not_gated_400": {"user": "learner"},
    "gated_access__validation_400": {"user": "learner", "status": "nonsense"},
    "paths_info__bert_lfs_expand": {"paths": ["model.safetensors"], "expand": True},
}
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
FORMS = {
    "gated_access__ask_access_303": None,  # the gate's own questions, answered
    "oauth_device__start": {"client_id": "course"},
    "oauth_device__pending": "device code",
    "oauth_device__success": "device code",
    "oauth_device__other_errors": {"grant_type": DEVICE_CODE, "device_code": "spent"},
    "paths_info__form_two_paths": {
        "paths": ["config.json", "model.safetensors", "nope.txt"],
        "expand": "False",
    },
}
RANGES = {
    "resolve_get_cdn__206_range": "bytes=0-99",
    "safetensors__single_file_header": "bytes=0-100000",
}
PATHS = {
    "gated_access__not_gated_400": "/api/models/practice/tiny-chat/user-access-request/grant",
    "resolve_head_small__gated_owner_200": f"/{GATED}/resolve/main/config.json",
    "resolve_404__allowlisted_missing_on_gated": f"/{GATED}/resolve/main/LICENSE.txt",
    "gated_403__not_requested_resolve": f"/{GATED}/resolve/main/config.json",
    "gated_403__pending_resolve": f"/{GATED}/resolve/main/config.json",
    "gated_403__reset_resolve": f"/{GATED}/resolve/main/config.json",
    "list_models__paged_link_ratelimit": "/api/models?limit=5",
    "list_models__paged_2025": "/api/models?limit=5",
    "invalid_token__api_models_401": "/api/models?limit=5",
    "gated_403__fine_grained_token_without_gated_permission": f"/{GATED}/resolve/main/config.json",
    "list_models__author_expand_safetensors": (
        "/api/models?author=Qwen&expand[]=safetensors&expand[]=downloads&expand[]=lastModified"
    ),
    "list_models__expand_cardData_license_null": (
        "/api/models?author=Qwen&limit=2&expand[]=sha&expand[]=gated&expand[]=pipeline_tag"
        "&expand[]=cardData&expand[]=createdAt&expand[]=downloads&expand[]=tags"
    ),
    "model_info_blobs__gpt2": "/api/models/practice/tiny-chat?blobs=true",
    "model_info_expand__safetensors_config": (
        "/api/models/Qwen/Qwen2.5-7B-Instruct?expand[]=safetensors&expand[]=config"
        "&expand[]=downloads&expand[]=lastModified"
    ),
    "paths_info__bert_lfs_expand": "/api/models/google-bert/bert-base-uncased/paths-info/main",
    "rate_limit__429_api_free_account": "/api/models/trouble/too-many-requests",
    "rate_limit__429_html": "/trouble/too-many-requests",
    "rate_limit__429_resolvers": "/trouble/too-many-requests/resolve/main/config.json",
    "resolve_get_cdn__206_range": "/practice/tiny-chat/resolve/main/model.safetensors",
    "resolve_head_small__followed_200": "/practice/tiny-chat/resolve/main/config.json",
    "revision_not_found__resolve_404": "/practice/tiny-chat/resolve/badrev/config.json",
    "safetensors__index_json": "/practice/sharded-chat/resolve/main/model.safetensors.index.json",
    "safetensors__single_file_header": "/practice/tiny-chat/resolve/main/model.safetensors",
    "server_error__500_api": "/api/models/trouble/server-error/revision/main",
    "server_error__503_resolve": "/trouble/unavailable/resolve/main/hf_quant_config.json",
    "server_error__504_gateway": "/api/models/trouble/gateway-timeout/tree/main?recursive=true",
    "tree__bert_expand": "/api/models/google-bert/bert-base-uncased/tree/main?expand=true",
    "tree__bert_flat": "/api/models/google-bert/bert-base-uncased/tree/main?recursive=false",
    "tree__paging_link": (
        "/api/models/practice/tiny-chat/tree/main?expand=false&recursive=true&limit=2"
    ),
    "tree__path_is_a_file_404": "/api/models/practice/tiny-chat/tree/main/model.safetensors",
}
# Fields that a repo may have or lack, and so may a recorded one.
OPTIONAL = {
    "auth",
    "avatar",
    "baseModels",
    "childrenModelCount",
    "createdAt",
    "lastModified",
    "requestId",
    "config",
    "downloads",
    "downloadsAllTime",
    "fields",
    "id_token",
    "inference",
    "interval",
    "lfs",
    "library_name",
    "mask_token",
    "model-index",
    "pipeline_tag",
    "practiceHub",
    "safetensors",
    "transformersInfo",
    "widgetData",
    "xetHash",
}
DIFFERENT_TYPES = {"model-index", "periodEnd", "gated"}


def listed_deviations() -> set[str]:
    return set(re.findall(r"^- `([\w-]+)`", DEVIATIONS.read_text(), re.MULTILINE))


def state_of(name: str) -> str:
    return next((state for start, state in STATES.items() if name.startswith(start)), "anonymous")


def set_up(state: str, hub: PracticeHub, visitor: Visitor) -> str | None:
    """Bring the gate into this state; returns the caller's token."""
    if state == "anonymous":
        return None
    if state == "garbage":
        return "hf_practice_garbage"
    if state in ("read", "write", "fineGrained"):
        return visitor.create_token("course", role=state)
    if state == "fineGrained, without gated repos":
        return visitor.create_token("course", role="fineGrained", reads_gated=False)
    if state != "known":
        visitor.agree(GATED)
    status = state.removeprefix("owner, one ")
    if status in ("accepted", "rejected", "reset"):
        visitor.review(GATED, status)
    return hub.owner_token() if state.startswith("owner") else visitor.create_token("course")


def recast(text: str) -> str:
    for recorded in sorted(CAST, key=len, reverse=True):
        text = text.replace(recorded, CAST[recorded])
    return text


def ask(answer: dict[str, Any], hub: PracticeHub, visitor: Visitor):
    name = answer["name"]
    token = set_up(state_of(name), hub, visitor)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if name in RANGES:
        headers["Range"] = RANGES[name]
    body: dict[str, Any] = {}
    if name in BODIES:
        body = {"json": BODIES[name]}
    elif name in FORMS:
        body = {"data": form_for(name, hub, visitor)}
    path = answer["path"] if name in UNDER_THEIR_NAMES else recast(answer["path"])
    url = hub.url + PATHS.get(name, path)
    session = huggingface_hub.utils.get_session()
    return session.request(answer["method"], url, headers=headers, follow_redirects=False, **body)


def form_for(name: str, hub: PracticeHub, visitor: Visitor) -> dict[str, str]:
    form = FORMS[name]
    if isinstance(form, dict):
        return form
    if form is None:
        fields = huggingface_hub.HfApi().model_info(GATED).card_data["extra_gated_fields"]
        return {label: "something" for label in fields}
    session = huggingface_hub.utils.get_session()
    login = session.post(f"{hub.url}/oauth/device", data={"client_id": "course"}).json()
    if name.endswith("success"):
        visitor.approve_login(login["user_code"])
    code = login["device_code"]
    return {"grant_type": DEVICE_CODE, "device_code": code, "client_id": "course"}


def differences(recorded: Any, here: Any, where: str = "") -> list[str]:
    """What the shapes do not share; ``recorded`` is a shape, ``here`` an answer."""
    key = where.rpartition(".")[2].rstrip("?[]")
    if key in DIFFERENT_TYPES:
        return []
    if recorded in ("object", "list"):
        kind = dict if recorded == "object" else list
        return [] if isinstance(here, kind) else [f"{where}: {type(here).__name__}"]
    if isinstance(recorded, list):
        if not isinstance(here, list):
            return [f"{where}: not a list"]
        inner = recorded[0] if recorded else None
        return [line for item in here if inner for line in differences(inner, item, where + "[]")]
    if isinstance(recorded, dict):
        if not isinstance(here, dict):
            return [f"{where}: not an object"]
        names = {name.rstrip("?"): shape for name, shape in recorded.items()}
        maybe = {name.rstrip("?") for name in recorded if name.endswith("?")} | OPTIONAL
        lines = [
            f"{where}.{name}: missing" for name in names if name not in here | dict.fromkeys(maybe)
        ]
        lines += [
            f"{where}.{name}: extra" for name in here if name not in names | dict.fromkeys(maybe)
        ]
        for name in here.keys() & names.keys():
            lines += differences(names[name], here[name], f"{where}.{name}")
        return lines
    kinds = {str: "str", bool: "bool", int: "int", float: "float", type(None): "null"}
    found = kinds.get(type(here), "?")
    return [] if found == recorded else [f"{where}: {found}, not {recorded}"]


COMPARED = sorted((RECORDED.keys() - listed_deviations() - CARDS) | BUT_FOR_A_HEADER.keys())


@pytest.mark.parametrize("name", COMPARED)
def test_answers_as_the_real_hub_does(name, hub, visitor):
    recorded = RECORDED[name]
    here = ask(recorded, hub, visitor)
    assert here.status_code == recorded["status"], here.text
    check_headers(recorded, here, hub)
    words = recorded.get("text", recorded.get("body"))
    if recorded["method"] == "HEAD":
        assert here.content == b""
    elif isinstance(words, str) and "\n" not in words:
        assert here.text == localize(words, name, hub)
    elif words is not None and not isinstance(words, str):
        assert here.json().keys() == words.keys()
        for key, text in words.items():
            begin, cut, end = localize(text, name, hub).partition("…")
            said = here.json()[key]
            assert (said.startswith(begin) and said.endswith(end)) if cut else said == begin
    elif "shape" in recorded:
        content = header_of(here.content) if name.startswith("safetensors__single") else here.json()
        assert content or not recorded["shape"]
        assert differences(recorded["shape"], content) == []


def header_of(weights: bytes) -> dict[str, Any]:
    """The header of a safetensors file, from its first bytes."""
    length = int.from_bytes(weights[:8], "little")
    return dict(json.loads(weights[8 : 8 + length]))


def localize(text: str, name: str, hub: PracticeHub) -> str:
    if name.startswith("rate_limit"):  # the words and the address that they refer to
        return text.replace("quota of 1000", "quota of 500")
    if name not in UNDER_THEIR_NAMES:
        text = recast(text)
    text = text.replace("https://huggingface.co", hub.url)
    return text.replace(f"model {GATED} is not", "model practice/tiny-chat is not")


def check_headers(recorded: dict[str, Any], here: Any, hub: PracticeHub) -> None:
    wanted = recorded["headers"]
    deviant = listed_deviations()
    for header in ("content-type", "x-error-code", "x-error-message", "www-authenticate"):
        if f"header-{header}" in deviant and header not in here.headers:
            continue
        expected = wanted.get(header)
        if expected is None:
            whole = recorded["evidence"].startswith("recorded")
            error = whole and recorded["status"] >= 400 and header.startswith("x-error")
            missing_anonymously = "Invalid username" in str(recorded.get("body"))
            if error and not (header == "x-error-code" and missing_anonymously):
                assert header not in here.headers or recorded["name"].startswith("oauth")
            continue
        assert here.headers.get(header) == localize(expected, recorded["name"], hub), header
    if "location" in wanted:
        expected = localize(wanted["location"], recorded["name"], hub)
        assert here.headers["location"] == expected
    if "content-range" in wanted:
        assert re.fullmatch(r"bytes 0-99/\d+", here.headers["content-range"])
    if "link" in wanted and BUT_FOR_A_HEADER.get(recorded["name"]) != "link":
        assert re.fullmatch(r'<http://.*[?&]cursor=.*>; rel="next"', here.headers["link"])
    if "x-repo-commit" in wanted:
        assert re.fullmatch(r"[0-9a-f]{40}", here.headers["x-repo-commit"])
    if "etag" in wanted:
        assert here.headers["etag"].startswith("W/") == (wanted["etag"] == "weak")
    assert re.fullmatch(r'"(api|resolvers|pages)";r=\d+;t=\d+', here.headers["ratelimit"])
    assert "Origin" in here.headers["vary"]


# --- Cards ---------------------------------------------------------------------------------------


def info_with_card(folder: Path, metadata: dict[str, Any]) -> tuple[dict[str, Any], TestClient]:
    """What the Hub tells of a repo whose card has this metadata, and a client to ask more."""
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(metadata)}---\ntext\n")
    gated = "auto" if "extra_gated_fields" in metadata else False
    repo = load_folder(folder, "someone/model", {"created": "2026-01-01", "gated": gated})
    client = TestClient(create_app({repo.id: repo}), "http://hub.test")
    return client.get("/api/models/someone/model").json(), client


@pytest.mark.parametrize(
    "metadata",
    [one["cardData"] for one in RECORDED["card_data__oddities_recorded"]["body"]]
    + [RECORDED["card_data__extra_gated_documented"]["body"]["cardData"]],
)
def test_a_cards_metadata_is_told_as_written(tmp_path, metadata):
    info, client = info_with_card(tmp_path, metadata)
    assert info["cardData"] == metadata
    page = client.get("/someone/model", headers={"Accept": "text/html"}).text
    for label in metadata.get("extra_gated_fields", {}):
        assert f">{html.escape(label)}</label>" in page


def test_a_licenses_tags_follow_its_card(tmp_path):
    several = ["mit", "cc-by-sa-3.0"]
    tags = info_with_card(tmp_path, {"license": several})[0]["tags"]
    assert [tag for tag in tags if "license" in tag] == ["license:mit", "license:cc-by-sa-3.0"]
    other = {"license": "other", "license_name": "flux-1-dev", "license_link": "LICENSE.md"}
    info, _ = info_with_card(tmp_path, other)
    assert info["cardData"] == other
    assert [tag for tag in info["tags"] if "license" in tag] == ["license:other"]


# --- The deviations ------------------------------------------------------------------------------


def test_every_deviation_has_its_reason():
    for line in DEVIATIONS.read_text().splitlines():
        if line.startswith("- "):
            assert re.fullmatch(r"- `[\w-]+`: .{20,}", line), line


def test_deviations_name_recordings_or_parts_of_answers():
    parts = {name for name in listed_deviations() if not name.startswith(("header-", "how-"))}
    assert parts <= set(RECORDED)
