"""The practice Hub beside answers recorded from the real one.

``recorded_answers.json`` holds the status, the headers that matter and the shape (field names and
types) of answers of huggingface.co, each with its source and date. Here the same question goes to
the practice Hub, about a repo in the same state. What differs on purpose stands in
``practice_hub/DEVIATIONS.md``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from practice_hub import PracticeHub
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
# How the caller stands with the gate, where it is not anonymous.
STATES = {
    "auth_check__ok": "accepted",
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
    "invalid_token": "garbage",
    "repo_not_found__with_token_404": "known",
    "resolve_head_small__gated_owner_200": "owner, one pending",
    "tree__gated_unmasked_owner": "owner, one pending",
    "whoami__fine_grained_token": "fineGrained",
    "whoami__write_token": "write",
}
BODIES = {
    "gated_access__handle_ok": {"user": "learner", "status": "accepted"},
    "gated_access__handle_same_status_404": {"user": "learner", "status": "pending"},
    "gated_access__not_gated_400": {"user": "learner"},
}
FORMS = {
    "gated_access__ask_access_303": None,  # the gate's own questions, answered
    "oauth_device__start": {"client_id": "course"},
    "oauth_device__pending": "device code",
    "oauth_device__success": "device code",
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
    if state in ("write", "fineGrained"):
        return visitor.create_token("course", role=state)
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
    body: dict[str, Any] = {}
    if name in BODIES:
        body = {"json": BODIES[name]}
    elif name in FORMS:
        body = {"data": form_for(name, hub, visitor)}
    url = hub.url + PATHS.get(name, recast(answer["path"]))
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
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    return {"grant_type": grant, "device_code": login["device_code"], "client_id": "course"}


def differences(recorded: Any, here: Any, where: str = "") -> list[str]:
    """What the shapes do not share; ``recorded`` is a shape, ``here`` an answer."""
    key = where.rpartition(".")[2].rstrip("?[]")
    if key in DIFFERENT_TYPES:
        return []
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


@pytest.mark.parametrize("name", [name for name in RECORDED if name not in listed_deviations()])
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
        assert here.json() == {key: localize(text, name, hub) for key, text in words.items()}
    elif "shape" in recorded:
        assert differences(recorded["shape"], here.json()) == []


def localize(text: str, name: str, hub: PracticeHub) -> str:
    text = recast(text).replace("https://huggingface.co", hub.url)
    return text.replace(f"model {GATED} is not", "model practice/tiny-chat is not")


def check_headers(recorded: dict[str, Any], here: Any, hub: PracticeHub) -> None:
    wanted = recorded["headers"]
    deviant = listed_deviations()
    for header in ("content-type", "x-error-code", "x-error-message", "www-authenticate"):
        if f"header-{header}" in deviant and header not in here.headers:
            continue
        expected = wanted.get(header)
        if expected is None:
            error = recorded["status"] >= 400 and header.startswith("x-error")
            missing_anonymously = "Invalid username" in str(recorded.get("body"))
            if error and not (header == "x-error-code" and missing_anonymously):
                assert header not in here.headers or recorded["name"].startswith("oauth")
            continue
        assert here.headers.get(header) == localize(expected, recorded["name"], hub), header
    if "location" in wanted:
        expected = localize(wanted["location"], recorded["name"], hub)
        assert here.headers["location"] == expected
    if "link" in wanted:
        assert re.fullmatch(r'<http://.*[?&]cursor=.*>; rel="next"', here.headers["link"])
    if "x-repo-commit" in wanted:
        assert re.fullmatch(r"[0-9a-f]{40}", here.headers["x-repo-commit"])
    if "etag" in wanted:
        assert here.headers["etag"].startswith("W/") == (wanted["etag"] == "weak")
    assert re.fullmatch(r'"(api|resolvers|pages)";r=\d+;t=\d+', here.headers["ratelimit"])
    assert "Origin" in here.headers["vary"]


def test_every_deviation_has_its_reason():
    for line in DEVIATIONS.read_text().splitlines():
        if line.startswith("- "):
            assert re.fullmatch(r"- `[\w-]+`: .{20,}", line), line


def test_deviations_name_recordings_or_parts_of_answers():
    parts = {name for name in listed_deviations() if not name.startswith(("header-", "how-"))}
    assert parts <= set(RECORDED)
