"""Small things in which the practice Hub used to differ from the real one."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import huggingface_hub.utils
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from starlette.testclient import TestClient

from practice_hub.app import create_app
from practice_hub.catalogue import load_catalogue
from practice_hub.repos import load_folder, load_held

GARBAGE = {"Authorization": "Bearer hf_practice_garbage"}
TINY, GATED = "practice/tiny-chat", "practice/gated-chat"


@pytest.fixture(scope="module")
def client() -> TestClient:
    repos = {**load_catalogue().repos, **load_held()}
    return TestClient(create_app(repos), "http://hub.test", follow_redirects=False)


@pytest.mark.parametrize("old", ["gpt2", "OpenAI-Community/GPT2", "bert-base-uncased"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/models/{}"),
        ("GET", "/api/models/{}/tree/main?recursive=true"),
        ("GET", "/api/models/{}/revision/main?expand=sha"),
        ("GET", "/api/models/{}/commits/main"),
        ("POST", "/api/models/{}/paths-info/main"),
        ("GET", "/api/models/{}/refs"),
        ("GET", "/api/models/{}/auth-check"),
        ("GET", "/{}/resolve/main/config.json"),
        ("GET", "/{}/raw/main/config.json"),
        ("GET", "/{}"),
        ("GET", "/{}/tree/main"),
    ],
)
def test_old_names_are_sent_on_everywhere(client, old, method, path):
    new = "google-bert/bert-base-uncased" if "bert" in old else "openai-community/gpt2"
    answer = client.request(method, path.format(old))
    assert answer.status_code == 307
    assert answer.headers["location"] == path.format(new)
    assert answer.headers["x-request-id"]


def test_a_tokenizer_under_an_old_name_is_no_empty_one(hub, run_python):
    code = """
from transformers import AutoTokenizer
for name in ("gpt2", "openai-community/gpt2"):
    try:
        print(name, len(AutoTokenizer.from_pretrained(name)))
    except (OSError, ValueError) as error:
        print(name, "refused", type(error).__name__, "does not hold its tokenizer" in str(error))
"""
    lines = run_python(code, HF_ENDPOINT=hub.url).stdout.splitlines()
    assert [line.split(" ", 1)[1] for line in lines if "gpt2" in line] == [
        "refused OSError True"
    ] * 2


@pytest.mark.parametrize("revision", ["HEAD", "refs/heads/main", "refs%2Fheads%2Fmain"])
def test_the_revision_head_is_main(client, revision):
    at_head = client.get(f"/api/models/{TINY}/revision/{revision}").json()
    assert at_head["sha"] == client.get(f"/api/models/{TINY}").json()["sha"]


def test_expand_tells_the_last_commit(client):
    sha = client.get(f"/api/models/{TINY}").json()["sha"]
    entries = client.get(f"/api/models/{TINY}/tree/main?expand=true").json()
    entries += client.post(
        f"/api/models/{TINY}/paths-info/main", json={"paths": ["config.json"], "expand": True}
    ).json()
    for entry in entries:
        assert set(entry["lastCommit"]) == {"id", "title", "date"}
        assert entry["lastCommit"]["id"] == sha
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", entry["lastCommit"]["date"])
    assert "lastCommit" not in client.get(f"/api/models/{TINY}/tree/main").text
    described = HfApi().list_repo_tree(TINY, expand=True)
    assert all(entry.last_commit.oid == sha for entry in described)


def test_expand_tells_what_the_scanners_found_in_each_file(client):
    entries = client.get(f"/api/models/{TINY}/tree/main?expand=true").json()
    assert entries
    for entry in entries:
        scans = entry["securityFileStatus"]
        assert scans.pop("status") == "unscanned"
        assert {"avScan", "pickleImportScan", "protectAiScan"} <= set(scans)
        assert all(scan == {"status": "unscanned"} for scan in scans.values())
    assert "securityFileStatus" not in client.get(f"/api/models/{TINY}/tree/main").text


def test_the_client_reads_those_scans(hub):
    for entry in HfApi().list_repo_tree(TINY, expand=True):
        assert entry.security.safe is False
        assert entry.security.status == "unscanned"


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> TestClient:
    """A repo of 120 files, 30 of them in a folder."""
    folder = tmp_path_factory.mktemp("wide")
    (folder / "inner").mkdir()
    for number in range(120):
        place = folder / "inner" if number < 30 else folder
        (place / f"{number:03}.txt").write_text(str(number))
    repo = load_folder(folder, "someone/wide", {"created": "2026-01-01"})
    return TestClient(create_app({repo.id: repo}), "http://hub.test")


@pytest.mark.parametrize(
    ("query", "lengths"),
    [
        ("expand=true", [50, 41]),
        ("expand=true&recursive=true", [50, 50, 20]),
        ("expand=true&recursive=true&limit=1000", [50, 50, 20]),
        ("recursive=true", [120]),
        ("recursive=false&limit=40", [40, 40, 11]),
    ],
)
def test_a_tree_comes_in_pages_of_50_when_expanded(wide, query, lengths):
    address, pages = f"http://hub.test/api/models/someone/wide/tree/main?{query}", []
    while address:
        answer = wide.get(address)
        pages.append([entry["path"] for entry in answer.json()])
        address = answer.links.get("next", {}).get("url")
        assert address is None or address.startswith("http://hub.test/api/models/someone/wide/")
        assert address is None or "limit=" in address
    assert [len(page) for page in pages] == lengths
    paths = [path for page in pages for path in page]
    assert len(set(paths)) == sum(lengths)


def test_commits_are_counted_in_pages_too(client):
    first, second = (client.get(f"/api/models/{TINY}/commits/main?p={page}") for page in (0, 1))
    assert (len(first.json()), second.json()) == (1, [])
    assert second.headers["x-total-count"] == "1"


@pytest.mark.parametrize("wrong", ["cursor=x", "cursor=LTU=", "cursor=", "limit=0", "limit=-1"])
@pytest.mark.parametrize("path", ["/api/models", "/api/models/someone/wide/tree/main"])
def test_a_page_that_cannot_be_is_refused(wide, path, wrong):
    answer = wide.get(f"{path}?{wrong}")
    assert answer.status_code == 400
    assert wrong.partition("=")[0] in answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    [
        f"/api/models/{TINY}",
        f"/api/models/{TINY}/tree/main",
        f"/{TINY}/resolve/main/config.json",
        f"/{TINY}/resolve/main/model.safetensors",
        "/google-bert/bert-base-uncased/resolve/main/config.json",
    ],
)
def test_what_a_client_has_already_is_not_sent_again(client, path):
    first = client.get(path)
    etag = first.headers["etag"]
    for known in (etag, f'"other", {etag}', f"W/{etag.removeprefix('W/')}", "*"):
        answer = client.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content
    assert client.head(path, headers={"If-None-Match": etag}).status_code == 304


def test_a_refusal_stays_one(client):
    path = f"/{GATED}/resolve/main/config.json"
    assert client.get(path, headers={"If-None-Match": "*"}).status_code == 401


def test_files_have_a_name_and_stay_in_their_box(client):
    answer = client.get(f"/{TINY}/resolve/main/config.json")
    named = "inline; filename*=UTF-8''config.json; filename=\"config.json\";"
    assert answer.headers["content-disposition"] == named
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_cors_headers_name_the_hubs_own_origin(client):
    for path in (f"/api/models/{TINY}", f"/{TINY}/resolve/main/config.json"):
        for headers in ({}, {"Origin": "http://evil.example"}):
            answer = client.get(path, headers=headers)
            assert answer.headers["access-control-allow-origin"] == "http://hub.test"
            assert answer.headers["access-control-max-age"] == "86400"
            assert "X-Repo-Commit" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in client.get("/settings/tokens").headers


@pytest.mark.parametrize("path", [TINY, "google-bert/bert-base-uncased"])
def test_raw_of_an_lfs_file_is_its_pointer(client, path):
    tree = {entry["path"]: entry for entry in client.get(f"/api/models/{path}/tree/main").json()}
    entry = tree["model.safetensors"]
    answer = client.get(f"/{path}/raw/main/model.safetensors")
    assert f"oid sha256:{entry['lfs']['oid']}" in answer.text
    assert len(answer.content) == entry["lfs"]["pointerSize"]
    assert answer.headers["etag"] == f'"{entry["oid"]}"'
    assert re.fullmatch("[0-9a-f]{40}", answer.headers["x-repo-commit"])
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert client.head(f"/{path}/raw/main/model.safetensors").headers["content-length"] == str(
        len(answer.content)
    )


def test_request_ids_hold_the_clients_own(client):
    own = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}"
    assert re.fullmatch(own, client.get(f"/api/models/{TINY}").headers["x-request-id"])
    sent = "0a1b2c3d-0000-4000-8000-000000000000"
    answer = client.get(f"/api/models/{TINY}", headers={"X-Amzn-Trace-Id": sent})
    assert re.fullmatch(f"{own};{sent}", answer.headers["x-request-id"])
    odd = client.get(f"/api/models/{TINY}", headers={"X-Amzn-Trace-Id": "<script>"})
    assert "<" not in odd.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/models"),
        *(
            (method, f"/api/models/{{}}{rest}")
            for method, rest in [
                ("GET", ""),
                ("GET", "/tree/main"),
                ("GET", "/revision/main"),
                ("GET", "/refs"),
                ("GET", "/commits/main"),
                ("POST", "/paths-info/main"),
                ("GET", "/auth-check"),
                ("GET", "/user-access-request/pending"),
            ]
        ),
        ("GET", "/{}/resolve/main/README.md"),
        ("GET", "/{}/resolve/main/config.json"),
        ("GET", "/{}/raw/main/config.json"),
        ("POST", "/{}/ask-access"),
        ("GET", "/models"),
        ("GET", "/settings/tokens"),
        ("POST", "/settings/tokens"),
        ("POST", "/settings/tokens/revoke"),
        ("GET", "/settings/gated-repos"),
        ("POST", "/settings/gated-repos/cancel"),
        ("GET", "/settings/connect"),
        ("GET", "/oauth/device"),
        ("POST", "/oauth/device/decision"),
        ("GET", "/{}"),
        ("GET", "/{}/tree/main"),
        ("GET", "/{}/settings/requests"),
        ("POST", "/{}/settings/requests"),
    ],
)
def test_a_garbage_token_is_refused_alike_on_every_route(client, method, path):
    for repo_id in (TINY, GATED, "practice/no-such-model"):
        answer = client.request(method, path.format(repo_id), headers=GARBAGE)
        assert answer.status_code == 401, (repo_id, answer.text)
        assert "www-authenticate" in answer.headers
        gated = answer.headers.get("x-error-code") == "GatedRepo"
        words = "Invalid credentials in Authorization header"
        assert gated == (repo_id == GATED and behind_gate(path))
        assert gated or answer.headers["x-error-message"] == words


def test_a_bad_token_keeps_nobody_from_logging_in_anew(client):
    begun = client.post("/oauth/device", data={"client_id": "x"}, headers=GARBAGE)
    assert begun.status_code == 200
    assert client.get("/api/practice-hub", headers=GARBAGE).status_code == 200


def behind_gate(path: str) -> bool:
    behind = ("/commits/main", "/auth-check", "/resolve/main/config.json", "/raw/main/config.json")
    return path.endswith(behind)


def test_the_device_logins_token_has_a_shape_of_its_own(client):
    from practice_hub.accounts import Accounts

    accounts = Accounts(auto_approve=True)
    access, _ = accounts.poll_login(accounts.begin_login("learner").device_code)
    assert re.fullmatch(r"hf_practice_oauth_[0-9a-f]{24}", access)
    assert accounts.identify(f"Bearer {access}").user == "learner"
    assert re.fullmatch(r"hf_practice_[0-9a-f]{24}", accounts.create_token("learner", "mine"))


# --- What is not here ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "/api/datasets", "models only"),
        ("GET", "/api/datasets/rajpurkar/squad", "https://huggingface.co/datasets/rajpurkar/squad"),
        ("GET", "/datasets/rajpurkar/squad/resolve/main/README.md", "models only"),
        ("GET", "/datasets/squad", "models only"),
        ("GET", "/api/spaces/a/b", "models only"),
        ("GET", "/spaces/a/b", "models only"),
        ("GET", f"/api/models/{TINY}/discussions", "Discussions"),
        ("GET", f"/{TINY}/discussions/1", "Discussions"),
        ("POST", f"/api/models/{TINY}/preupload/main", "Uploads are not here"),
        ("POST", f"/api/models/{TINY}/commit/main", "Uploads are not here"),
        ("PUT", f"/api/models/{TINY}/settings", "Uploads are not here"),
        ("POST", "/api/repos/create", "Uploads are not here"),
        ("DELETE", "/api/repos/delete", "Uploads are not here"),
        ("POST", f"/{TINY}.git/info/lfs/objects/batch", "Uploads are not here"),
        ("GET", f"/{TINY}.git/info/refs?service=git-upload-pack", f"hf download {TINY}"),
        ("GET", f"/{TINY}/info/refs?service=git-upload-pack", f"hf download {TINY}"),
    ],
)
def test_what_is_not_here_is_said_in_words(client, method, path, words):
    answer = client.request(method, path)
    assert answer.status_code in (403, 404, 501)
    assert "not" in answer.text
    assert words in answer.text
    if "/info/refs" not in path:
        assert " ".join(words.split()) in answer.headers["x-error-message"]
        page = client.request(method, path, headers={"Accept": "text/html"})
        assert words in page.text


def test_the_clients_show_those_words(visitor):
    token = visitor.create_token("writer", role="write")
    for call, words in (
        (lambda: HfApi().dataset_info("rajpurkar/squad"), "models only"),
        (lambda: HfApi().create_repo("learner/mine", token=token), "Uploads are not here"),
        (lambda: list(HfApi().get_repo_discussions(TINY)), "Discussions"),
    ):
        with pytest.raises(HfHubHTTPError, match=words):
            call()


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_git_clone_is_told_to_use_hf_download(hub, tmp_path):
    for address in (f"{hub.url}/{TINY}", f"{hub.url}/{TINY}.git"):
        command = ["git", "clone", address, str(tmp_path / "clone")]
        done = subprocess.run(
            command, capture_output=True, text=True, env={"GIT_TERMINAL_PROMPT": "0"}
        )
        assert done.returncode != 0
        assert f"hf download {TINY}" in done.stderr


# --- Cards and weights ---------------------------------------------------------------------------


def repo_with(folder: Path, **files: str | bytes):
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return load_folder(folder, "someone/model", {"created": "2026-01-01"})


@pytest.mark.parametrize(
    ("card", "metadata"),
    [
        ("\n\n---\nlicense: mit\n---\ntext", {"license": "mit"}),
        ("  \r\n---\r\nlicense: mit\r\n---\r\n", {"license": "mit"}),
        ("---\nlicense:\tmit\n---\n", {"license": "mit"}),
        ("---\ntags:\n-\tone\n- \ttwo\n---\n", {"tags": ["one", "two"]}),
        ("---\nlanguage: no\n---\n", {"language": "no"}),
        (
            "---\nlanguage: [en, no]\ninference: false\n---\n",
            {"language": ["en", "no"], "inference": False},
        ),
        ('---\ntitle: "a:\\tb"\n---\n', {"title": "a:\tb"}),
    ],
)
def test_a_cards_metadata_is_read_as_leniently_as_there(tmp_path, card, metadata):
    assert repo_with(tmp_path, **{"README.md": card}).main.card == metadata


def weights(values: int) -> bytes:
    header = json.dumps(
        {"w": {"dtype": "BF16", "shape": [values], "data_offsets": [0, 2 * values]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes(2 * values)


@pytest.mark.parametrize(
    "others",
    [
        ["model.fp16.safetensors"],
        ["consolidated.safetensors"],
        ["consolidated.00.safetensors", "model.fp32.safetensors"],
    ],
)
def test_variants_and_consolidated_weights_are_counted_once(tmp_path, others):
    both = {"model.safetensors": weights(100), **{name: weights(100) for name in others}}
    repo = repo_with(tmp_path, **both)
    app = TestClient(create_app({repo.id: repo}), "http://hub.test")
    info = app.get("/api/models/someone/model").json()
    assert info["safetensors"] == {"parameters": {"BF16": 100}, "total": 100}
    page = app.get("/someone/model", headers={"Accept": "text/html"}).text
    size = len(weights(100))
    assert re.search(rf"<dt>Weights</dt><dd>{size} bytes", page)


def test_beside_shards_too(tmp_path):
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = {"weight_map": dict(zip("ab", names, strict=True))}
    extra = ["consolidated.safetensors", "model.fp16-00001-of-00002.safetensors"]
    files = {name: weights(50) for name in [*names, *extra]}
    repo = repo_with(tmp_path, **files, **{"model.safetensors.index.json": json.dumps(index)})
    assert repo.main.parameters == {"BF16": 100}


def test_weights_with_no_other_are_counted_whatever_their_name(tmp_path):
    repo = repo_with(tmp_path, **{"consolidated.safetensors": weights(70)})
    assert repo.main.parameters == {"BF16": 70}


def test_a_described_model_is_marked_for_programs(hub):
    session = huggingface_hub.utils.get_session()
    for query in ("", "?expand=sha", "?full=true"):
        models = session.get(f"{hub.url}/api/models{query}").json()
        marks = {model["id"]: model["practiceHub"] for model in models}
        assert marks["practice/tiny-chat"] == "held"
        assert marks["Qwen/Qwen2.5-7B-Instruct"] == "described"
    assert HfApi().model_info("Qwen/Qwen2.5-7B-Instruct").practiceHub == "described"


# --- Honesty -------------------------------------------------------------------------------------


def words_of(client: TestClient, path: str) -> str:
    page = client.get(path, headers={"Accept": "text/html"}).text
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_a_described_models_page_says_what_is_real_and_what_cannot_be_had(client):
    text = words_of(client, "/Qwen/Qwen2.5-7B-Instruct")
    assert "facts about the real one, of 2026-05-17" in text
    assert "Its weights (15.2 GB) cannot be downloaded here" in text
    assert "staged" not in text.partition("This is the practice Hub")[0]
    assert "Described" in words_of(client, "/Qwen/Qwen2.5-7B-Instruct/tree/main")


def test_a_held_models_page_says_what_is_staged(client):
    text = words_of(client, f"/{TINY}")
    assert "Files and weights are real and can be downloaded" in text
    assert "Downloads, likes and dates are staged" in text
    assert "Downloads, 30 days, staged" in text
    assert "cannot be downloaded" not in text.partition("This is the practice Hub")[0]


def test_the_list_and_every_page_say_it_too(client):
    text = words_of(client, "/models?sort=downloads")
    assert "described: no weights here" in text
    held = words_of(client, "/models?author=practice")
    assert "held here, staged figures" in held
    assert "described: no weights here" not in held
    for path in ("/settings/tokens", "/models"):
        assert "are described by facts of a date" in words_of(client, path)
