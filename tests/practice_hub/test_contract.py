"""The installed clients against the Hub over HTTP. Takes ``--hub real`` for a run by hand."""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import huggingface_hub.utils
import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from practice_hub import PracticeHub
from tests.support.paths import HELD

MISSING = "practice/no-such-model"


@pytest.fixture
def repo_id(pytestconfig) -> str:
    on_real = pytestconfig.getoption("--hub") == "real"
    return "Qwen/Qwen2.5-0.5B-Instruct" if on_real else "practice/tiny-chat"


@pytest.fixture
def practice_only(pytestconfig) -> None:
    if pytestconfig.getoption("--hub") == "real":
        pytest.skip("about the practice Hub itself")


def get(url: str, method: str = "GET", **headers: str):
    session = huggingface_hub.utils.get_session()
    return session.request(method, url, headers=headers, follow_redirects=True)


def file_url(repo_id: str, name: str, revision: str = "main") -> str:
    return huggingface_hub.hf_hub_url(repo_id, name, revision=revision)


def test_model_info(repo_id):
    info = HfApi().model_info(repo_id)
    assert info.id == repo_id
    assert len(info.sha) == 40
    assert info.gated is False
    assert info.private is False
    assert info.pipeline_tag == "text-generation"
    assert info.library_name == "transformers"
    assert info.card_data.license == "apache-2.0"
    assert "license:apache-2.0" in info.tags
    assert info.config["model_type"] == "qwen2"
    assert info.safetensors.total == sum(info.safetensors.parameters.values())
    assert {"config.json", "README.md"} <= {file.rfilename for file in info.siblings}


def test_model_info_at_a_commit(repo_id):
    sha = HfApi().model_info(repo_id).sha
    assert HfApi().model_info(repo_id, revision=sha).sha == sha


def test_model_info_with_file_sizes(repo_id):
    siblings = HfApi().model_info(repo_id, files_metadata=True).siblings
    (weights,) = [file for file in siblings if file.rfilename == "model.safetensors"]
    assert weights.lfs.size == weights.size > 1_000_000
    assert weights.lfs.pointer_size == 125 + len(str(weights.size))


def test_model_info_with_chosen_fields(repo_id):
    info = HfApi().model_info(repo_id, expand=["downloads", "safetensors"])
    assert info.downloads > 0
    assert info.safetensors.total > 0
    assert info.tags is None


def test_list_models_filters(repo_id):
    def ids(**arguments) -> list[str]:
        return [model.id for model in HfApi().list_models(limit=50, **arguments)]

    owner, name = repo_id.split("/")
    assert repo_id in ids(author=owner, search=name, sort="downloads")
    assert repo_id in ids(author=owner, search=name, filter="license:apache-2.0", gated=False)
    assert repo_id not in ids(author=owner, search=name, pipeline_tag="fill-mask")
    assert repo_id not in ids(author=owner, search=name, num_parameters="min:900B")
    assert repo_id not in ids(author=owner, search=name, gated=True)


def test_tree(repo_id):
    entries = {entry.path: entry for entry in HfApi().list_repo_tree(repo_id, recursive=True)}
    assert entries["model.safetensors"].lfs.size == entries["model.safetensors"].size
    assert entries["config.json"].lfs is None


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_head_get_and_range_agree(repo_id, name):
    sha = HfApi().model_info(repo_id).sha
    for revision in ("main", sha):
        url = file_url(repo_id, name, revision)
        seen = huggingface_hub.get_hf_file_metadata(url)
        assert seen.commit_hash == sha
        part = get(url, Range="bytes=8-15", **{"Accept-Encoding": "identity"})
        assert part.status_code == 206
        assert part.headers["Content-Range"] == f"bytes 8-15/{seen.size}"
        assert len(part.content) == 8


def test_downloaded_bytes_are_the_held_bytes(practice_only, repo_id, tmp_path):
    folder = snapshot_download(repo_id, local_dir=tmp_path)
    held = [path.name for path in (HELD / repo_id).iterdir()]
    same, different, missing = filecmp.cmpfiles(HELD / repo_id, folder, held, shallow=False)
    assert sorted(same) == sorted(held)
    assert different == missing == []


def test_etags_are_git_and_sha256(practice_only, repo_id):
    content = (HELD / repo_id / "config.json").read_bytes()
    expected = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    assert huggingface_hub.get_hf_file_metadata(file_url(repo_id, "config.json")).etag == expected
    weights = (HELD / repo_id / "model.safetensors").read_bytes()
    seen = huggingface_hub.get_hf_file_metadata(file_url(repo_id, "model.safetensors"))
    assert seen.etag == hashlib.sha256(weights).hexdigest()


def test_safetensors_metadata(repo_id):
    metadata = HfApi().get_safetensors_metadata(repo_id)
    info = HfApi().model_info(repo_id)
    assert sum(metadata.parameter_count.values()) == info.safetensors.total


def test_card(repo_id):
    card = huggingface_hub.ModelCard.load(repo_id)
    assert card.data.license == "apache-2.0"
    assert card.text.strip()


def test_missing_repo(repo_id):
    with pytest.raises(RepositoryNotFoundError):
        HfApi().model_info(MISSING)
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download(MISSING, "config.json")


def test_missing_revision(repo_id):
    with pytest.raises(RevisionNotFoundError):
        HfApi().model_info(repo_id, revision="no-such-branch")
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(repo_id, "config.json", revision="refs/pr/99999")


def test_missing_file_is_remembered_as_missing(repo_id, tmp_path):
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(repo_id, "no-such-file.json", cache_dir=tmp_path)
    assert [path.name for path in tmp_path.glob("*/.no_exist/*/*")] == ["no-such-file.json"]


def test_missing_repo_asked_anonymously_is_a_401(repo_id):
    answer = get(f"{huggingface_hub.constants.ENDPOINT}/api/models/{MISSING}")
    assert answer.status_code == 401
    assert answer.json() == {"error": "Invalid username or password."}
    assert answer.headers["X-Error-Message"] == "Invalid username or password."


def test_missing_file_is_plain_text_with_its_commit(repo_id):
    answer = get(file_url(repo_id, "no-such-file.json"), "HEAD")
    assert answer.status_code == 404
    assert answer.headers["X-Error-Code"] == "EntryNotFound"
    assert len(answer.headers["X-Repo-Commit"]) == 40
    assert answer.headers["Content-Length"] == "15"
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "query",
    ["expand=__bogus__", "limit=-1", "limit=x", "sort=__bogus__", "num_parameters=lots"],
)
def test_malformed_queries_are_400(practice_only, query):
    answer = get(f"{huggingface_hub.constants.ENDPOINT}/api/models?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_list_goes_on_by_link(repo_id):
    owner = repo_id.split("/")[0]
    url = f"{huggingface_hub.constants.ENDPOINT}/api/models?author={owner}&limit=2"
    seen: list[str] = []
    for _ in range(3):
        answer = get(url)
        seen += [model["id"] for model in answer.json()]
        url = answer.links["next"]["url"]
        assert f"author={owner}" in url
    assert len(set(seen)) == 6


def test_refs_and_paths_info(repo_id):
    (main,) = [ref for ref in HfApi().list_repo_refs(repo_id).branches if ref.name == "main"]
    assert main.target_commit == HfApi().model_info(repo_id).sha
    found = HfApi().get_paths_info(repo_id, ["config.json", "no-such-file"])
    assert [entry.path for entry in found] == ["config.json"]


def test_tokenizer_and_chat_template(repo_id):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(repo_id)
    messages = [{"role": "user", "content": "Hello"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text.endswith("<|im_start|>assistant\n")


def test_a_sharded_model_loads(practice_only):
    from transformers import AutoModelForCausalLM

    sharded = "practice/sharded-chat"
    model = AutoModelForCausalLM.from_pretrained(sharded)
    assert model.num_parameters() == HfApi().model_info(sharded).safetensors.total


def test_a_pipeline_finds_its_task_by_asking_the_hub(practice_only):
    from transformers import pipeline

    (found,) = pipeline(model="practice/tiny-sentiment")("I love this.")
    assert found["label"] == "positive"


def test_old_names_are_sent_on(practice_only):
    assert HfApi().model_info("gpt2").id == "openai-community/gpt2"
    assert HfApi().model_info("Practice/Tiny-Chat").id == "practice/tiny-chat"
    assert hf_hub_download("gpt2", "config.json")


@pytest.mark.parametrize("sort", ["downloads", "likes", "created_at", "last_modified"])
def test_lists_are_sorted_from_the_top(repo_id, sort):
    models = list(HfApi().list_models(sort=sort, limit=10, expand=[CAMEL.get(sort, sort)]))
    values = [getattr(model, sort) for model in models]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 1


CAMEL = {"created_at": "createdAt", "last_modified": "lastModified"}


def test_lists_filter_by_size_and_license(practice_only):
    api = HfApi()
    arguments = {"num_parameters": "min:6B,max:8B", "filter": "license:apache-2.0", "gated": False}
    found = list(api.list_models(**arguments, expand=["safetensors", "tags", "gated"]))
    assert "mistralai/Mistral-7B-Instruct-v0.3" in [model.id for model in found]
    for model in found:
        assert 6e9 <= model.safetensors.total <= 8e9
        assert "license:apache-2.0" in model.tags
        assert model.gated is False


def test_no_xet_and_no_compression(practice_only, repo_id):
    for method in ("HEAD", "GET"):
        answer = get(file_url(repo_id, "tokenizer.json"), method, **{"Accept-Encoding": "gzip"})
        assert not [name for name in answer.headers if name.lower().startswith("x-xet")]
        assert "content-encoding" not in answer.headers
        assert (
            int(answer.headers["content-length"])
            == (HELD / repo_id / "tokenizer.json").stat().st_size
        )
    tree = get(f"{huggingface_hub.constants.ENDPOINT}/api/models/{repo_id}/tree/main").json()
    assert not any("xetHash" in entry for entry in tree)


def test_a_gated_snapshot_is_refused_whole(practice_only, tmp_path):
    with pytest.raises(GatedRepoError):
        snapshot_download("practice/gated-chat", token=False, local_dir=tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_transformers_wraps_the_gate_in_an_os_error(practice_only):
    from transformers import AutoModelForCausalLM

    with pytest.raises(OSError) as error:
        AutoModelForCausalLM.from_pretrained("practice/gated-chat", token=False)
    assert isinstance(error.value.__cause__, GatedRepoError)


@pytest.mark.parametrize("path", ["/api/agent-harnesses", "/api/no/such/route"])
def test_unknown_api_routes_are_404_json(practice_only, path):
    answer = get(huggingface_hub.constants.ENDPOINT + path)
    assert answer.status_code == 404
    assert answer.json() == {"error": "Sorry, we can't find the page you are looking for."}


# The server itself


def raw(hub: PracticeHub, request: bytes) -> bytes:
    where = urlsplit(hub.url)
    answer = b""
    with (
        socket.create_connection((where.hostname, where.port), timeout=2) as line,
        contextlib.suppress(TimeoutError, ConnectionError),
    ):
        line.sendall(request)
        while part := line.recv(65536):
            answer += part
    return answer


def still_serves(hub: PracticeHub) -> bool:
    return raw(
        hub, b"GET /api/models?limit=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    ).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "path",
    [
        b"/practice/tiny-chat/resolve/main/../../hub.toml",
        b"/practice/tiny-chat/resolve/main/%2e%2e/%2e%2e/hub.toml",
        b"/practice/tiny-chat/resolve/main/..%2f..%2fhub.toml",
        b"/practice/tiny-chat/resolve/main//etc/passwd",
        b"/practice/../practice/tiny-chat/resolve/main/config.json",
        b"/practice/tiny-chat/resolve/main/config.json%00.txt",
    ],
)
def test_no_path_leads_out_of_a_repo(practice_only, hub, path):
    answer = raw(hub, b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert answer.split()[1] in (b"400", b"404")
    assert b'tiny-chat"]' not in answer
    assert still_serves(hub)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /api/models HTTP/1.1\r\nHost: 127.0.0.1\r\nBig: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /api/models HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
        b"DELETE /api/models/practice/tiny-chat HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/models/%ff%fe HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        b"GET /api/models?limit=%ff&cursor=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /practice/tiny-chat/resolve/main/config.json HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Range: bytes=99999999-\r\nConnection: close\r\n\r\n",
        b"GET /practice/tiny-chat/resolve/main/config.json HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Range: bytes=oops\r\nConnection: close\r\n\r\n",
    ],
)
def test_malformed_requests_do_no_harm(practice_only, hub, request_bytes):
    answer = raw(hub, request_bytes)
    assert not answer or answer.split()[1].startswith(b"4")
    assert still_serves(hub)


def test_listens_on_loopback_only(practice_only, hub):
    assert urlsplit(hub.url).hostname == "127.0.0.1"


def test_starting_imports_none_of_the_heavy_libraries(practice_only, run_python):
    code = """
import sys
from practice_hub import PracticeHub
import urllib.request
with PracticeHub() as hub:
    urllib.request.urlopen(hub.url + "/api/models/practice/tiny-chat").read()
    print(sorted({"torch", "transformers", "huggingface_hub", "pandas"} & set(sys.modules)))
"""
    assert run_python(code).stdout.strip() == "[]"


def test_a_taken_port_is_said(practice_only, hub, run_python):
    port = urlsplit(hub.url).port
    code = f"from practice_hub.__main__ import main; raise SystemExit(main(['--port', '{port}']))"
    finished = run_python(code, check=False)
    assert finished.returncode == 1
    assert "Try --port 0" in finished.stderr


# A script that knows nothing of the course, with HF_ENDPOINT set


def test_an_unchanged_pipeline_answers(practice_only, hub, run_python):
    code = """
from transformers import pipeline
chat = pipeline("text-generation", "practice/tiny-chat")
messages = [{"role": "user", "content": "What is a model card?"}]
print(chat(messages)[0]["generated_text"][-1]["content"])
"""
    (line,) = [
        json.loads(line)
        for line in (HELD.parent.parent / "tools/tiny_models/tiny_chat_questions.jsonl")
        .read_text()
        .splitlines()
        if json.loads(line)["question"] == "What is a model card?"
    ]
    assert run_python(code, HF_ENDPOINT=hub.url).stdout.strip() == line["answer"]


def test_hf_download(practice_only, hub, run_python, tmp_path):
    code = """
import subprocess
subprocess.run(["hf", "download", "practice/tiny-chat", "--local-dir", "here"], check=True)
"""
    run_python(code, HF_ENDPOINT=hub.url)
    assert (tmp_path / "here" / "model.safetensors").stat().st_size > 1_000_000


def test_accelerate_estimate_memory(practice_only, hub, run_python):
    code = """
import subprocess
subprocess.run(["accelerate", "estimate-memory", "practice/tiny-chat"], check=True)
"""
    out = run_python(code, HF_ENDPOINT=hub.url).stdout
    assert "`practice/tiny-chat`" in out
    assert "float32" in out


def test_thirty_clients_at_once(practice_only, hub, repo_id, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    def one(number: int) -> int:
        path = hf_hub_download(repo_id, "model.safetensors", cache_dir=tmp_path / str(number))
        return len(Path(path).read_bytes())

    with ThreadPoolExecutor(30) as room:
        sizes = list(room.map(one, range(30)))
    assert set(sizes) == {(HELD / repo_id / "model.safetensors").stat().st_size}
