"""The practice Hub's pages: over HTTP, then in a real browser with an accessibility checker."""

from __future__ import annotations

import re
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from practice_hub.accounts import Accounts
from practice_hub.app import create_app
from practice_hub.classroom import Classroom
from practice_hub.how_to_load import CLASSES, PIPELINES
from practice_hub.names import Names
from practice_hub.pages import error_page
from practice_hub.rendering import compact_count, file_size, render_card, safe_link
from practice_hub.repos import Repo, RepoFile, Snapshot, load_folder
from practice_hub.responses import HubError
from tests.support.browser import CHROMIUM, QUIET_CHROMIUM, needs_chromium
from tests.support.servers import app_server

EVIL = "<script>alert(1)</script>"
CARD = """\
---
license: apache-2.0
pipeline_tag: text-generation
library_name: transformers
tags: [tiny]
base_model: practice/base
---
<!-- a remark for editors -->

# Open chat

See [the license](LICENSE), [below](#how-well) and [elsewhere](https://example.org).

## How well

| Way | Exact |
|---|---|
| bfloat16 | 97 % |

```python
chat = pipeline("text-generation", model="practice/open-chat")  # a line that goes on and on and on
```
"""
ODD_CARD = f"""\
---
license: [mit, "{EVIL}"]
tags: ["{EVIL}", 7, null]
pipeline_tag: "{EVIL}"
base_model: "{EVIL}"
license_link: "javascript:alert(1)"
---
# Odd {EVIL}

{EVIL}

<img src=x onerror=alert(1)> [click](javascript:alert(1)) [data](data:text/html,x)
![picture](https://example.org/pixel.png) <javascript:alert(1)>
"""
AUTO_CARD = f"""\
---
license: other
license_name: practice-terms
license_link: LICENSE
pipeline_tag: text-generation
library_name: transformers
extra_gated_heading: Tell us first {EVIL}
extra_gated_description: Only a name.
extra_gated_prompt: "You agree **not to** {EVIL}"
extra_gated_button_content: I agree
extra_gated_fields:
  Your name: text
  Country: country
  Born on: date_picker
  Seen from: ip_location
  I use it for:
    type: select
    options: [Research, {{label: Other things, value: other}}]
  I have read the terms: checkbox
---
# Gated
"""
ANSWERS = {
    "Your name": "Ada",
    "Country": "Utopia",
    "Born on": "1990-01-01",
    "Seen from": "not looked up",
    "I use it for": "other",
    "I have read the terms": "true",
}


def write_repo(
    folder: Path, repo_id: str, card: str | None, weights: bool = False, **facts
) -> Repo:
    home = folder / repo_id
    home.mkdir(parents=True)
    (home / "LICENSE").write_text("Terms.\n")
    if card is not None:
        (home / "README.md").write_text(card)
    if weights:
        (home / "config.json").write_text('{"model_type": "qwen2"}')
        (home / "chat_template.jinja").write_text("{{ messages }}")
        header = b'{"w":{"dtype":"BF16","shape":[1024,1024],"data_offsets":[0,2097152]}}'
        body = struct.pack("<Q", len(header)) + header + bytes(2 * 1024 * 1024)
        (home / "model.safetensors").write_bytes(body)
        (home / "onnx").mkdir()
        (home / "onnx" / "note & more.txt").write_text("A file in a folder.")
    return load_folder(home, repo_id, {"created": "2026-11-22", **facts})


def many_repos() -> Iterator[Repo]:
    for number in range(35):
        task = "fill-mask" if number % 5 == 0 else "text-classification"
        license_id = "mit" if number % 2 else "cc-by-4.0"
        card = f"---\nlicense: {license_id}\npipeline_tag: {task}\n---\nText.\n"
        files = {"README.md": RepoFile.from_text("README.md", card)}
        at = Snapshot(MappingProxyType(files), None, {"total": (number + 1) * 400_000_000})
        repo_id = f"many/a-model-with-quite-a-long-name-of-{number:02}-instruct-v0.1"
        yield Repo(repo_id, MappingProxyType({"main": at}), None, None, number)


@pytest.fixture(scope="module")
def repos(tmp_path_factory) -> dict[str, Repo]:
    folder = tmp_path_factory.mktemp("repos")
    made = [
        write_repo(folder, "practice/open-chat", CARD, True, downloads=3141, likes=420),
        write_repo(folder, "practice/base", CARD, likes=410),
        write_repo(folder, "practice/gated-auto", AUTO_CARD, True, gated="auto", likes=400),
        write_repo(
            folder,
            "practice/gated-manual",
            f"---\nlicense: gemma\nextra_gated_prompt: {'Long terms. ' * 100}\n---\n# By hand\n",
            gated="manual",
        ),
        write_repo(folder, "practice/odd", ODD_CARD),
        write_repo(folder, "practice/no-card", None),
        write_repo(folder, "practice/broken-yaml", "---\nlicense: [mit\n---\nStill text.\n"),
        write_repo(
            folder, "practice/long", "---\nlicense: mit\n---\n" + "**word** and _word_ " * 25_000
        ),
        write_repo(folder, "practice/secret", CARD, private=True),
        write_repo(folder, "learner/mine", CARD, private=True),
        *many_repos(),
    ]
    return {repo.id: repo for repo in made}


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def client(repos, accounts) -> TestClient:
    app = create_app(repos, accounts=accounts)
    return TestClient(app, "http://hub.test", headers={"Accept": "text/html"})


def text_of(page: str) -> str:
    """What is left of a page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


# --- Each page -----------------------------------------------------------------------------------


def test_the_root_leads_to_the_model_list(client):
    answer = client.get("/", follow_redirects=False)
    assert answer.headers["location"] == "/models"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/models", ["practice/ open-chat", "1.05M", "3.14K", "Gated, automatic approval"]),
        ("/practice/open-chat", ["License: apache-2.0", "1.05M", "2.1 MB", "3,141", "pipeline("]),
        ("/practice/open-chat/tree/main", ["model.safetensors", "2.1 MB", "onnx/"]),
        ("/practice/open-chat/tree/main/onnx", ["note &amp; more.txt"]),
        ("/practice/no-card", ["has no model card", "none stated"]),
        ("/practice/broken-yaml", ["broken YAML", "Still text."]),
        ("/practice/long", ["shown as it was written", "**word**"]),
        ("/practice/gated-auto", ["Tell us first", "I agree", "Only a name.", "(practice-terms)"]),
        ("/practice/gated-manual", ["Read the terms", "Agree and send request to access repo"]),
        ("/practice/gated-manual/settings/requests", ["anybody at this page", "Nobody waits."]),
        ("/settings/tokens", ["New token", "None yet."]),
        ("/settings/gated-repos", ["asked for nothing yet"]),
        ("/oauth/device", ["Enter the code"]),
        ("/learner/mine", ["Private"]),
    ],
)
def test_pages_say_what_they_should(client, path, expected):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    text = text_of(answer.text)
    assert all(words in text for words in [*expected, "This is the practice Hub"]), text
    assert answer.text.count("<h1") == 1
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r'(?:src|href)="//|<script|<img|src="http', answer.text)


def test_a_weights_file_is_offered_and_the_snippet_loads_it(client):
    page = client.get("/practice/open-chat").text
    assert "model=&#34;practice/open-chat&#34;" in page
    assert "model = AutoModelForCausalLM.from_pretrained(model_id)" in page
    files = client.get("/practice/open-chat/tree/main").text
    assert 'href="/practice/open-chat/resolve/main/model.safetensors"' in files
    assert (
        "/resolve/main/model.safetensors" not in client.get("/practice/gated-auto/tree/main").text
    )


@pytest.mark.parametrize(
    "path",
    [
        "/practice/secret",
        "/practice/secret/tree/main",
        "/practice/nothing",
        "/practice/open-chat/tree/dev",
        "/practice/open-chat/tree/main/nothing",
        "/static/../pages.py",
        "/static/other.css",
        "/settings/nothing",
        "/api/agent-harnesses",
    ],
)
def test_what_is_not_there_or_not_shown_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_an_unknown_api_route_stays_json(client):
    assert client.get("/api/agent-harnesses").headers["content-type"].startswith("application/json")


def test_private_repos_are_not_listed(client):
    assert "secret" not in client.get("/models?search=secret").text.partition("<ol")[2]
    assert "learner/mine" in client.get("/models?search=mine").text


def test_every_link_stays_in_the_room(repos):
    names = Names()
    home = f"/key-of-the-room/anna~{names.claim('anna')}"
    app = Classroom(create_app(repos, names=names), "key-of-the-room", names, "0" * 32)
    client = TestClient(app, "http://127.0.0.1")
    for path in (
        "/models?license=mit",
        "/practice/gated-auto",
        "/practice/open-chat/tree/main/onnx",
    ):
        page = client.get(home + path)
        assert page.status_code == 200
        places = re.findall(r'(?:href|action)="(/[^"]*)"', page.text)
        assert places
        assert all(place.startswith(f"{home}/") for place in places)
    page = client.get(f"{home}/practice/open-chat").text
    assert f"HF_ENDPOINT=&#39;http://127.0.0.1{home}&#39; " in page
    assert "You are <b>anna</b>" in client.get(f"{home}/models").text
    assert client.get(f"{home}/static/hub.css").status_code == 200
    agreed = client.post(f"{home}/practice/gated-auto/ask-access", data=ANSWERS)
    assert agreed.url.path == f"{home}/practice/gated-auto"
    made = client.post(f"{home}/settings/tokens", data={"name": "mine"})
    assert "hf_practice_" in made.text
    revoked = client.post(f"{home}/settings/tokens/revoke", data={"name": "mine"})
    assert revoked.url.path == f"{home}/settings/tokens"


# --- The list ------------------------------------------------------------------------------------


def listed(client: TestClient, **query: str) -> list[str]:
    page = client.get(f"/models?{urlencode(query)}").text
    rows = page.partition('<ol class="models"')[2].partition("</ol>")[0]
    return [name.removeprefix("/") for name in re.findall(r'<h2><a href="([^"]+)"', rows)]


def test_filters_add_up(client):
    assert len(listed(client, pipeline_tag="fill-mask")) == 7
    assert len(listed(client, pipeline_tag="fill-mask", license="license:mit")) == 3
    assert len(listed(client, pipeline_tag="fill-mask", license="mit")) == 3
    assert len(listed(client, num_parameters="min:13B")) == 3
    assert listed(client, num_parameters="min:13.9B", license="cc-by-4.0") == [
        "many/a-model-with-quite-a-long-name-of-34-instruct-v0.1"
    ]
    assert "practice/open-chat" in listed(client, library="safetensors", other="tiny")
    assert listed(client, search="MODEL 34", author="many")
    assert listed(client, search="34", author="practice") == []


def test_counts_in_the_sidebar_are_what_a_click_leaves(client):
    page = client.get("/models?license=license:mit").text
    offered = re.findall(
        r'class="option" href="([^"]+)">.*?class="count">(\d+)', page.replace("&amp;", "&")
    )
    assert len(offered) > 6
    for address, count in offered:
        head = re.search(r'class="of">(?:(\d+) of )?(\d+)', client.get(address).text)
        assert (head[1] or head[2]) == count, address


def test_active_filters_can_be_removed_one_by_one(client):
    page = client.get("/models?license=license:mit&pipeline_tag=fill-mask&sort=likes").text
    assert 'href="/models?license=license%3Amit&amp;sort=likes"' in page
    assert 'href="/models?pipeline_tag=fill-mask&amp;sort=likes"' in page


def test_sorting_and_pages(client):
    likes = listed(client, author="many", sort="likes")
    assert len(likes) == 30
    assert likes == sorted(likes, reverse=True)
    assert len(listed(client, author="many", p="1")) == 5
    assert listed(client, author="many", p="99") == listed(client, author="many", p="1")
    assert len(listed(client, author="many", p="minus", sort="nonsense")) == 30


# --- HTML stays text -----------------------------------------------------------------------------


def test_html_in_cards_tags_and_names_is_text(client):
    for path in ("/practice/odd", f"/models?{urlencode({'search': EVIL, 'license': EVIL})}"):
        page = client.get(path).text
        assert EVIL not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "<img" not in page
        assert not re.search(r'href="\s*(javascript|data):', page, re.IGNORECASE)
    assert EVIL not in client.get("/practice/gated-auto").text
    assert EVIL not in client.get(f"/oauth/device?{urlencode({'user_code': EVIL})}").text


def test_cards_are_read_as_markdown(client):
    page = client.get("/practice/open-chat").text
    assert '<h2 id="card-open-chat">Open chat</h2>' in page
    assert 'href="/practice/open-chat/resolve/main/LICENSE"' in page
    assert 'href="#card-how-well"' in page
    assert "a remark for editors" not in page
    odd = client.get("/practice/odd").text
    assert (
        '<a href="https://example.org/pixel.png" rel="nofollow noopener noreferrer">Image:' in odd
    )


ODD_METADATA = {
    "words for lists": "tags: word\nlicense: {x: y}\nbase_model: {a: b}\npipeline_tag: [a]",
    "lists for words": "extra_gated_fields: [one]\nextra_gated_prompt: [a]\nlicense_link: [1]",
    "odd questions": "extra_gated_fields: {1: text, null: x, q: {type: select, options: {a: b}}}",
    "a list": "- a\n- b",
    "itself": "license: &a [*a]\ntags: *a",
    "numbers": "license: 2.0\nlanguage: false\nbase_model: [a/b, 3]",
}


@pytest.mark.parametrize("metadata", ODD_METADATA.values(), ids=ODD_METADATA.keys())
def test_odd_metadata_breaks_no_page(tmp_path, metadata):
    repo = write_repo(tmp_path, "odd/card", f"---\n{metadata}\n---\nText.\n", gated="manual")
    client = TestClient(create_app({repo.id: repo}), "http://hub.test")
    for path in ("/models", "/odd/card", "/odd/card/tree/main"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "> " * 5_000 + "deep",
        "*" * 50_000,
        "<" * 50_000,
        "<!-- --> " * 9_000 + "x -->",
        "|" * 20_000,
        "\x00",
    ],
)
@pytest.mark.timeout(120)
def test_hostile_cards_do_not_hang(text):
    render_card(text, "")


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:x",
        " java\nscript:x",
        "data:text/html,x",
        "vbscript:x",
        "//[x",
    ],
)
def test_only_harmless_links(address):
    assert safe_link(address) is None


# --- Gates ---------------------------------------------------------------------------------------


def test_the_automatic_gate_opens_on_agree(client, accounts):
    page = client.get("/practice/gated-auto").text
    for label in ANSWERS:
        assert f'name="{label}"' in page
    answer = client.post("/practice/gated-auto/ask-access", data=ANSWERS, follow_redirects=False)
    assert answer.status_code == 303
    assert accounts.request_of("learner", "practice/gated-auto").status == "accepted"
    assert "The gate is open to you" in client.get("/practice/gated-auto").text
    assert "accepted" in client.get("/settings/gated-repos").text


def test_the_manual_gate_goes_over_the_owners_desk(client):
    gate, desk = "/practice/gated-manual", "/practice/gated-manual/settings/requests"
    client.post(f"{gate}/ask-access")
    assert "awaits a review" in client.get(gate).text
    assert "Cancel" in client.get("/settings/gated-repos").text
    client.post("/settings/gated-repos/cancel", data={"repo_id": "practice/gated-manual"})
    assert "awaits a review" not in client.get(gate).text
    client.post(f"{gate}/ask-access")
    for status, words in {
        "rejected": "was rejected",
        "reset": "was reset by the authors",
        "accepted": "open to you",
    }.items():
        answer = client.post(desk, data={"user": "learner", "status": status})
        assert answer.status_code == 200
        assert words in client.get(gate).text
    assert client.post(desk, data={"user": "nobody", "status": "accepted"}).status_code == 400
    assert client.post(desk, data={"user": "learner", "status": "king"}).status_code == 400


def test_a_repo_without_a_gate_has_no_desk(client):
    assert client.get("/practice/open-chat/settings/requests").status_code == 400


# --- Tokens and device login ---------------------------------------------------------------------


def make_token(client: TestClient, **form: str) -> str:
    answer = client.post("/settings/tokens", data={"name": "laptop", "role": "read", **form})
    assert answer.headers["cache-control"] == "no-store"
    return re.search(r'value="(hf_practice_[0-9a-f]+)"', answer.text)[1]


def test_a_token_is_shown_once_and_ends_when_revoked(client, accounts):
    value = make_token(client)
    assert accounts.identify(f"Bearer {value}").user == "learner"
    again = client.get("/settings/tokens").text
    assert value not in again
    assert "laptop" in again
    client.post("/settings/tokens/revoke", data={"name": "laptop"})
    assert accounts.identify(f"Bearer {value}").bad_token
    assert "revoked" in client.get("/settings/tokens").text


@pytest.mark.parametrize(("ticked", "reads"), [({}, False), ({"reads_gated": "true"}, True)])
def test_a_fine_grained_token_reads_gated_repos_only_if_ticked(client, accounts, ticked, reads):
    value = make_token(client, role="fineGrained", **ticked)
    assert accounts.identify(f"Bearer {value}").token.reads_gated is reads


@pytest.mark.parametrize(
    "form", [{}, {"name": " "}, {"name": "x", "role": "king"}, {"name": "x" * 200}]
)
def test_a_wrong_token_form_is_answered_with_the_reason(client, form):
    answer = client.post("/settings/tokens", data=form)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_device_login_is_approved_or_denied(client, accounts):
    login = accounts.begin_login("learner")
    refused = client.post("/oauth/device/decision", data={"user_code": "AAAA-0000"})
    assert refused.status_code == 400
    form = {"user_code": login.user_code.lower(), "decision": "approve"}
    assert "Logged in" in client.post("/oauth/device/decision", data=form).text
    assert accounts.poll_login(login.device_code)[0].startswith("hf_practice_")
    login = accounts.begin_login("learner")
    form = {"user_code": login.user_code, "decision": "deny"}
    assert "Denied" in client.post("/oauth/device/decision", data=form).text
    assert accounts.poll_login(login.device_code) == "access_denied"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://hub.test:8080"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "/settings/tokens",
        "/settings/tokens/revoke",
        "/settings/gated-repos/cancel",
        "/oauth/device/decision",
        "/practice/gated-manual/settings/requests",
    ],
)
def test_forms_from_other_sites_are_refused(client, accounts, path, headers):
    form = {"name": "stolen", "role": "write"}
    assert client.post(path, data=form, headers=headers).status_code == 403
    assert accounts.tokens_of("learner") == []


def test_own_forms_are_not(client):
    headers = {"Origin": "http://hub.test", "Sec-Fetch-Site": "same-origin"}
    answer = client.post("/settings/tokens", data={"name": "mine"}, headers=headers)
    assert answer.status_code == 200


# --- The small parts -----------------------------------------------------------------------------


def test_an_error_page_keeps_what_programs_read(repos):
    app = create_app(repos)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/practice/gated-auto/resolve/main/x",
        "path_params": {"owner": "practice", "name": "gated-auto"},
        "headers": [],
        "app": app,
    }
    error = HubError(403, f"Not you {EVIL}", "GatedRepo", {"X-Repo-Commit": "0"})
    answer = error_page(Request(scope), error)
    assert answer.status_code == 403
    assert answer.headers["x-error-code"] == "GatedRepo"
    assert answer.headers["x-error-message"] == f"Not you {EVIL}"
    assert answer.headers["x-repo-commit"] == "0"
    assert b'href="/practice/gated-auto"' in answer.body
    assert EVIL.encode() not in answer.body


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1K"),
        (999_999, "1M"),
        (2_103_424, "2.1M"),
        (7_615_616_512, "7.62B"),
    ],
)
def test_compact_counts(number, said):
    assert compact_count(number) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 bytes"), (10**9, "1 GB"), (15_230_000_000, "15.2 GB"), (140 * 10**9, "140 GB")],
)
def test_file_sizes_name_their_unit(number, said):
    assert file_size(number) == said


def test_the_ways_to_load_exist_in_transformers():
    import transformers
    from transformers.pipelines import SUPPORTED_TASKS

    assert set(PIPELINES) <= set(SUPPORTED_TASKS)
    assert not set(CLASSES) & set(SUPPORTED_TASKS)
    for names in {**PIPELINES, **CLASSES}.values():
        assert all(hasattr(transformers, name) for name in names)


# --- In a browser --------------------------------------------------------------------------------


@pytest.fixture
def address(repos, accounts) -> Iterator[str]:
    with app_server(create_app(repos, accounts=accounts)) as url:
        yield url


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET_CHROMIUM)
        yield browser
        browser.close()


def fill_gate(page) -> None:
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Country").fill("Utopia")
    page.get_by_label("Born on").fill("1990-01-01")
    page.get_by_label("I use it for").select_option("Other things")
    page.get_by_label("I have read the terms").check()


def download_status(address: str, token: str) -> int:
    url = f"{address}/practice/gated-auto/resolve/main/model.safetensors"
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.browser
@needs_chromium
def test_the_way_to_a_gated_model(chromium, address, accounts):
    """List, filter, model, 403, Agree, token, device login, download; without JavaScript."""
    page = chromium.new_page(java_script_enabled=False)
    assert download_status(address, accounts.create_token("learner", "early")) == 403
    page.goto(address)
    page.get_by_role("navigation", name="Filters").get_by_role("link", name="other 1").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Models 1 of 44"
    page.get_by_role("link", name="practice/gated-auto").click()
    fill_gate(page)
    page.get_by_role("button", name="I agree").click()
    assert page.get_by_text("The gate is open to you").is_visible()
    page.get_by_role("link", name="Access tokens").click()
    page.get_by_label("Name").fill("lesson 03")
    page.get_by_label("Read access to contents of all public gated repos").check()
    page.get_by_label("Fine-grained.").check()
    page.get_by_role("button", name="Create token").click()
    value = page.get_by_label("Copy it now").input_value()
    assert accounts.identify(f"Bearer {value}").token.reads_gated
    assert download_status(address, value) == 200
    login = accounts.begin_login("learner")
    page.get_by_role("link", name="Device login").click()
    page.get_by_label("Code", exact=True).fill(login.user_code)
    page.get_by_role("button", name="Approve").click()
    assert page.get_by_role("heading", name="Logged in").is_visible()
    assert download_status(address, accounts.poll_login(login.device_code)[0]) == 200
    page.close()


def tab_to(page, text: str) -> None:
    """Press Tab until the focus is on something that says this, and can be seen to be."""
    for _ in range(150):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => { const here = document.activeElement, style = getComputedStyle(here);
                return [here.innerText || here.value || here.name || "", style.outlineStyle] }"""
        )
        if text in focus[0]:
            assert focus[1] != "none"
            return
    raise AssertionError(f"Tab never reached {text!r}")


@pytest.mark.browser
@needs_chromium
def test_all_of_it_by_keyboard(chromium, address, accounts):
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/models")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the content"
    page.keyboard.press("Enter")
    tab_to(page, "fill-mask")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models?pipeline_tag=fill-mask")
    page.goto(f"{address}/practice/gated-manual")
    tab_to(page, "Read the terms")
    page.keyboard.press("Enter")
    assert page.get_by_text("Long terms.").first.is_visible()
    tab_to(page, "Agree and send request")
    page.keyboard.press("Enter")
    page.get_by_text("Your request awaits a review").wait_for()
    tab_to(page, "go to the owner’s desk")
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/requests")
    tab_to(page, "Accept")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="accepted 1").wait_for()
    assert accounts.request_of("learner", "practice/gated-manual").status == "accepted"
    page.goto(f"{address}/settings/tokens")
    tab_to(page, "name")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    page.get_by_text("Copy it now").wait_for()
    assert page.evaluate("document.activeElement.value").startswith("hf_practice_")
    page.close()


PAGES = {
    "list": "/models",
    "filtered": "/models?license=license:mit&pipeline_tag=fill-mask",
    "second page": "/models?author=many&p=1",
    "nothing found": "/models?search=nothing-like-it",
    "model": "/practice/open-chat",
    "odd model": "/practice/odd",
    "no card": "/practice/no-card",
    "long card": "/practice/long",
    "gate": "/practice/gated-auto",
    "pending": "/practice/gated-manual",
    "files": "/practice/open-chat/tree/main",
    "gated files": "/practice/gated-auto/tree/main",
    "tokens": "/settings/tokens",
    "my requests": "/settings/gated-repos",
    "owner's desk": "/practice/gated-manual/settings/requests",
    "device": "/oauth/device",
    "not found": "/practice/nothing",
}


@pytest.fixture
def lived_in(address, accounts) -> str:
    """A Hub where somebody has been: tokens, a request."""
    accounts.create_token("learner", "laptop")
    accounts.create_token("learner", "old", role="fineGrained", reads_gated=False)
    accounts.revoke_token("learner", "old")
    accounts.ask("learner", "practice/gated-manual", "manual", {"Why": "To learn"})
    return address


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_in_the_way_of_anybody(chromium, lived_in, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = chromium.new_page(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    found = []

    def check(name: str) -> None:
        for fault in Axe().run(page).response["violations"]:
            if fault["impact"] in ("moderate", "serious", "critical"):
                places = [node["html"][:120] for node in fault["nodes"][:3]]
                found.append((name, fault["id"], fault["impact"], places))

    for name, path in PAGES.items():
        page.goto(lived_in + path)
        check(name)
    page.goto(f"{lived_in}/settings/tokens")
    page.get_by_label("Name").fill("new")
    page.get_by_role("button", name="Create token").click()
    check("token shown")
    page.goto(f"{lived_in}/oauth/device?user_code=ABCD-0000")
    page.get_by_role("button", name="Approve").click()
    check("wrong code")
    page.close()
    assert found == []


@pytest.mark.browser
@needs_chromium
def test_readable_at_400_percent(chromium, lived_in):
    """1280 pixels at 400 % are 320 CSS pixels: nothing is cut off, and no page scrolls sideways."""
    page = chromium.new_page(viewport={"width": 320, "height": 640})
    wide = []
    for name, path in PAGES.items():
        page.goto(lived_in + path)
        widths = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        if widths[0] > widths[1]:
            wide.append((name, widths))
    page.goto(f"{lived_in}/models")
    page.get_by_text("Filters", exact=True).click()
    assert page.get_by_role("link", name="fill-mask 7 models").is_visible()
    page.close()
    assert wide == []
