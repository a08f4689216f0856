"""Described models: the installed clients read facts and headers, and are refused the bodies."""

from __future__ import annotations

import json
import math
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import huggingface_hub
import pytest
import safetensors.torch
import torch
from accelerate.utils import convert_bytes
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, NotASafetensorsRepoError

from practice_hub import PracticeHub
from practice_hub.catalogue import (
    BUILT_IN,
    FACTS_SUFFIX,
    TENSORS_SUFFIX,
    CatalogueError,
    check_files,
    load_catalogue,
    read_tensor_list,
)
from practice_hub.repos import Repo
from practice_hub.tensor_list import (
    INDEX_FILE,
    LARGEST_SHARD,
    Tensor,
    compact,
    count_values,
    expand,
    make_files,
)

FACTS = {
    path.name.removesuffix(FACTS_SUFFIX): json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(BUILT_IN.glob(f"*{FACTS_SUFFIX}"))
    if not path.name.endswith(TENSORS_SUFFIX)
}
BY_ID = {facts["id"]: facts for facts in FACTS.values()}
LISTED = [path.name.removesuffix(TENSORS_SUFFIX) for path in BUILT_IN.glob(f"*{TENSORS_SUFFIX}")]
DIFFUSERS = {"black-forest-labs/FLUX.1-dev", "stabilityai/stable-diffusion-xl-base-1.0"}
SMALL = "Qwen/Qwen2.5-0.5B-Instruct"
SHARDED = "Qwen/Qwen2.5-7B-Instruct"


@pytest.fixture(autouse=True)
def practice_only(pytestconfig) -> None:
    if pytestconfig.getoption("--hub") == "real":
        pytest.skip("about the practice Hub itself")


@pytest.fixture(scope="module")
def described() -> dict[str, Repo]:
    return dict(load_catalogue().repos)


def total_in_headers(repo: Repo) -> int:
    total = 0
    for path, file in repo.main.files.items():
        if path.endswith(".safetensors"):
            head = file.read()
            length = int.from_bytes(head[:8], "little")
            assert len(head) == 8 + length
            header = json.loads(head[8:])
            assert "not the original" in header.pop("__metadata__")["reconstructed"]
            last = max(tensor["data_offsets"][1] for tensor in header.values())
            assert file.size == len(head) + last
            total += sum(math.prod(tensor["shape"]) for tensor in header.values())
    return total


# --- The catalogue -------------------------------------------------------------------------------


def test_all_models_of_the_catalogue_are_described(described):
    assert len(described) == len(FACTS) == 80
    assert not load_catalogue().problems


def test_headers_give_the_published_totals(described):
    """Wherever one is known: as the catalogue says itself, or after differences it explains."""
    checked = 0
    for repo_id, facts in BY_ID.items():
        published = (facts["safetensors"] or {}).get("total")
        if published is not None and repo_id not in DIFFUSERS:
            assert total_in_headers(described[repo_id]) == published, repo_id
            checked += 1
    assert checked == 66


@pytest.mark.parametrize("name", sorted(LISTED))
def test_listed_files_are_those_that_the_tensors_make(name):
    path = BUILT_IN / f"{name}{TENSORS_SUFFIX}"
    tensor_list = read_tensor_list(path)
    check_files(path, tensor_list)
    published = (FACTS[name]["safetensors"] or {}).get("parameters")
    if published and name != "openai--gpt-oss-20b":  # whose 4-bit values the Hub files under U8
        assert tensor_list.parameters == published
    for file in tensor_list.listed:
        assert file.size <= LARGEST_SHARD + 2_000_000


def test_the_catalogue_stays_small():
    assert sum(path.stat().st_size for path in BUILT_IN.iterdir()) < 1_000_000


def test_starting_does_not_wait_for_the_catalogue(run_python):
    code = """
import sys
from practice_hub import PracticeHub, tensor_list
made = []
tensor_list.weights_file = lambda *_: made.append("a header")
PracticeHub()
print("headers made:", len(made))
assert not {"torch", "transformers", "huggingface_hub"} & set(sys.modules)
"""
    assert run_python(code).stdout == "headers made: 0\n"


# --- Tensor lists and headers --------------------------------------------------------------------


def test_expanding_repeats_layers_together():
    listed = [
        Tensor("embed.weight", "F16", (9, 2)),
        Tensor("layers.{0-1}.experts.{0-2}.up", "F16", (2, 2)),
        Tensor("layers.{0-1}.norm", "F32", (2,)),
        Tensor("head.weight", "F16", (9, 2)),
    ]
    names = [tensor.name for tensor in expand(listed)]
    layer = ["experts.0.up", "experts.1.up", "experts.2.up", "norm"]
    assert names == [
        "embed.weight",
        *(f"layers.{n}.{part}" for n in (0, 1) for part in layer),
        "head.weight",
    ]
    assert compact(expand(listed)) == listed
    assert count_values(listed) == {"F16": 18 + 24 + 18, "F32": 4}


def test_headers_are_those_that_safetensors_writes(tmp_path):
    stored = {
        "b.weight": torch.zeros(3, 2, dtype=torch.bfloat16),
        "a.weight": torch.zeros(5, dtype=torch.float32),
        "c.ids": torch.zeros(1, 4, dtype=torch.int64),
        "d.mask": torch.zeros(7, dtype=torch.uint8),
        "scalar": torch.zeros((), dtype=torch.float16),
    }
    dtypes = ["BF16", "F32", "I64", "U8", "F16"]
    tensors = [
        Tensor(name, dtype, tuple(tensor.shape))
        for (name, tensor), dtype in zip(stored.items(), dtypes, strict=True)
    ]
    made = make_files(tensors, "here")["model.safetensors"]
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(stored, path, metadata={"format": "pt", "reconstructed": "here"})
    written = path.read_bytes()
    length = 8 + int.from_bytes(written[:8], "little")
    assert made.size == len(written)
    assert list(json.loads(made.content[8:]).items()) == list(json.loads(written[8:length]).items())


def test_shards_are_those_that_huggingface_hub_plans(described):
    tensors = list(expand(read_tensor_list(tensors_path(SHARDED)).tensors))
    state = {
        tensor.name: torch.empty(tensor.shape, dtype=torch.bfloat16, device="meta")
        for tensor in tensors
    }
    planned = huggingface_hub.split_torch_state_dict_into_shards(state, max_shard_size="5GB")
    index = json.loads(described[SHARDED].main.files[INDEX_FILE].read())
    assert index["weight_map"] == planned.tensor_to_filename
    assert index["metadata"]["total_size"] == planned.metadata["total_size"]


# --- The clients, over HTTP ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "repo_id",
    [SMALL, SHARDED, "google-bert/bert-base-uncased", "Qwen/Qwen3-30B-A3B", "openai/gpt-oss-20b"],
)
def test_get_safetensors_metadata(repo_id):
    found = HfApi().get_safetensors_metadata(repo_id)
    published = BY_ID[repo_id]["safetensors"]["total"]
    assert sum(found.parameter_count.values()) == published
    assert HfApi().model_info(repo_id).safetensors.total == published
    assert found.sharded == (repo_id not in (SMALL, "google-bert/bert-base-uncased"))


def test_a_model_without_safetensors_has_none_here():
    with pytest.raises(NotASafetensorsRepoError):
        HfApi().get_safetensors_metadata("facebook/opt-125m")
    assert HfApi().model_info("facebook/opt-125m").safetensors is None


@pytest.mark.parametrize("repo_id", [SMALL, "HuggingFaceTB/SmolLM2-135M-Instruct"])
def test_accelerate_estimate_memory(repo_id, hub, run_python, tmp_path):
    command = ["accelerate", "estimate-memory", repo_id, "--dtypes", "float32", "float16"]
    code = f"import subprocess; subprocess.run({command!r}, check=True)"
    printed = run_python(code, HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path / "hf")).stdout
    total = BY_ID[repo_id]["safetensors"]["total"]
    rows = [line.split("│") for line in printed.splitlines() if line.startswith("│float")]
    assert [row[3].strip() for row in rows] == [convert_bytes(4 * total), convert_bytes(2 * total)]


def test_facts_in_model_info():
    info = HfApi().model_info(SMALL)
    facts = BY_ID[SMALL]
    assert info.downloads == facts["downloads"]
    assert info.likes == facts["likes"]
    assert info.gated is False
    assert info.created_at.date().isoformat() == facts["created_at"]
    assert info.last_modified is None
    assert info.safetensors.parameters == facts["safetensors"]["parameters"]
    assert info.pipeline_tag == "text-generation"
    assert info.config["model_type"] == "qwen2"
    assert info.card_data.license == "apache-2.0"
    assert info.card_data.base_model == "Qwen/Qwen2.5-0.5B"
    assert {"conversational", "license:apache-2.0", "safetensors"} <= set(info.tags)


def test_what_is_not_known_is_absent():
    info = HfApi().model_info("stabilityai/stable-diffusion-xl-base-1.0")
    assert (info.downloads, info.likes, info.created_at, info.safetensors) == (None,) * 4
    assert [file.rfilename for file in info.siblings] == ["README.md"]
    assert info.library_name == "diffusers"
    assert HfApi().model_info("deepseek-ai/DeepSeek-V3").card_data.license is None


def test_gates_are_those_of_the_original():
    assert HfApi().model_info("meta-llama/Llama-3.1-8B-Instruct").gated == "manual"
    assert HfApi().model_info("black-forest-labs/FLUX.1-dev").gated == "auto"


@pytest.mark.parametrize(
    "sort", ["downloads", "likes", "created_at", "last_modified", "trending_score"]
)
def test_lists_cope_with_unknown_figures(sort):
    field = {"trending_score": "trendingScore", "created_at": "createdAt"}.get(sort, sort)
    field = {"last_modified": "lastModified"}.get(field, field)
    found = list(HfApi().list_models(sort=sort, limit=1000, expand=[field]))
    values = [getattr(model, sort) for model in found]
    unknown = values.index(None)
    assert values[:unknown] == sorted(values[:unknown], reverse=True)
    assert set(values[unknown:]) == {None}


def test_lists_find_described_models():
    arguments = {"filter": "license:apache-2.0", "num_parameters": "min:6B,max:8B"}
    found = {model.id for model in HfApi().list_models(gated=False, limit=100, **arguments)}
    assert SHARDED in found
    assert "meta-llama/Llama-3.1-8B-Instruct" not in found


def test_card_says_what_it_is(tmp_path):
    path = hf_hub_download(SHARDED, "README.md", cache_dir=tmp_path)
    text = Path(path).read_text(encoding="utf-8")
    assert "It is not the model's own card" in text
    assert f"<https://huggingface.co/{SHARDED}>" in text
    assert "7,615,616,512" in text
    assert "2026-05-17" in text
    assert "| Last modified | not known here |" in text
    assert huggingface_hub.ModelCard(text).data.license == "apache-2.0"


@pytest.mark.parametrize("repo_id", sorted(DIFFUSERS | {SMALL, "facebook/opt-1.3b"}))
def test_every_card_tells_of_its_weights(repo_id, described):
    card = described[repo_id].main.files["README.md"].read().decode()
    assert ("only headers can be read" in card) == (repo_id == SMALL)
    assert ("No weights are described here." in card) == (repo_id != SMALL)


def test_downloading_weights_is_refused_with_the_reason(tmp_path):
    for download in (
        lambda: hf_hub_download(SMALL, "model.safetensors", cache_dir=tmp_path),
        lambda: snapshot_download(SMALL, cache_dir=tmp_path),
    ):
        with pytest.raises(
            HfHubHTTPError, match=f"describes {SMALL} but does not hold its weights"
        ):
            download()


@pytest.mark.parametrize("repo_id", [SMALL, SHARDED])
def test_from_pretrained_shows_the_reason(repo_id, hub, run_python, tmp_path):
    code = f"""
from transformers import AutoConfig, AutoModelForCausalLM
assert AutoConfig.from_pretrained({repo_id!r}).model_type == "qwen2"
AutoModelForCausalLM.from_pretrained({repo_id!r})
"""
    variables = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}
    failed = run_python(code, check=False, **variables)
    assert failed.returncode == 1
    assert f"describes {repo_id} but does not hold its weights" in failed.stderr


def get(hub: PracticeHub, path: str, method: str = "GET", **headers: str):
    url = f"{hub.url}/{SMALL}/resolve/main/{path}"
    return huggingface_hub.utils.get_session().request(method, url, headers=headers)


def test_ranges_of_a_header(hub):
    size = int(get(hub, "model.safetensors", "HEAD").headers["Content-Length"])
    assert 988_065_536 < size < 988_200_000
    start = get(hub, "model.safetensors", Range="bytes=0-100000")
    assert start.status_code == 206
    length = len(start.content)
    assert length == 8 + int.from_bytes(start.content[:8], "little") < 100_000
    assert start.headers["Content-Range"] == f"bytes 0-{length - 1}/{size}"
    inner = get(hub, "model.safetensors", Range="bytes=8-15")
    assert inner.content == start.content[8:16]
    assert get(hub, "model.safetensors", Range="bytes=8-").content == start.content[8:]


@pytest.mark.parametrize("asked", ["bytes=200000-300000", "bytes=-8", "bytes=9-5", "bytes=x", ""])
def test_ranges_of_the_body_are_refused(hub, asked):
    answer = get(hub, "model.safetensors", **({"Range": asked} if asked else {}))
    assert answer.status_code == 404
    assert "X-Error-Code" not in answer.headers
    assert "does not hold its weights" in answer.headers["X-Error-Message"]
    assert answer.text == answer.headers["X-Error-Message"]


def test_ranges_of_small_files(hub):
    whole = get(hub, "config.json")
    assert whole.json() == BY_ID[SMALL]["config"]
    assert get(hub, "config.json", Range="bytes=2-5").content == whole.content[2:6]
    behind = get(hub, "config.json", Range="bytes=999999-")
    assert behind.status_code == 416
    assert behind.headers["Content-Range"] == f"bytes */{len(whole.content)}"


def test_etags_are_unique_and_last(described):
    again = load_catalogue().repos
    for repo_id, repo in described.items():
        files = repo.main.files.values()
        assert len({file.etag for file in files}) == len(files)
        assert again[repo_id].main.sha == repo.main.sha
    assert len({repo.main.sha for repo in described.values()}) == 80


# --- More folders, and bad ones ------------------------------------------------------------------


def tensors_path(repo_id: str) -> Path:
    return BUILT_IN / f"{repo_id.replace('/', '--')}{TENSORS_SUFFIX}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue of one good model, with a name of its own."""
    made = tmp_path / "more"
    made.mkdir()
    for suffix in (FACTS_SUFFIX, TENSORS_SUFFIX):
        source = BUILT_IN / f"Qwen--Qwen2.5-0.5B-Instruct{suffix}"
        copy = shutil.copyfile(source, made / f"class--good{suffix}")
        change(copy, lambda content: content.update(id="class/good"))
    return made


def change(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_more_folders_can_be_added(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    change(other / "class--good.json", lambda facts: facts.update(id="class/second", downloads=7))
    with PracticeHub(catalogue=[folder, other]) as more:
        assert more.problems == ()
        api = HfApi(endpoint=more.url)
        assert api.model_info("class/second").downloads == 7
        count = api.get_safetensors_metadata("class/good").parameter_count
        assert count == {"BF16": 494_032_768}
        assert api.model_info(SMALL).id == SMALL


def bad_facts(**fields: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / "class--bad.json", lambda facts: facts.update(fields))


def bad_list(edit: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    return lambda folder: change(folder / "class--bad.tensors.json", edit)


def text(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


BAD = {
    "is not JSON": text("class--bad.json", b"{'id': "),
    "is not JSON: 'utf-8' codec": text("class--bad.json", b"\xff\xfe\x00"),
    "is not a JSON object": text("class--bad.json", b"[1, 2]"),
    "names no model": bad_facts(id=None),
    "should read 'owner/name'": bad_facts(id="../../etc"),
    "'downloads' should be null or int": bad_facts(downloads="many"),
    "'created_at' should read YYYY-MM-DD": bad_facts(created_at="last spring"),
    "'gated' should be": bad_facts(gated="perhaps"),
    "add up to 1,": bad_facts(safetensors={"parameters": {"BF16": 1}, "total": 2}),
    "'safetensors' should hold": bad_facts(safetensors={"total": "7B"}),
    "the published total is 5; the catalogue claims": bad_facts(
        safetensors={"parameters": None, "total": 5}
    ),
    "tensors.json: is not JSON": text("class--bad.tensors.json", b""),
    "is not a tensor list": bad_list(lambda content: content.pop("tensors")),
    "is not a tensor list: ValueError": bad_list(lambda content: content["tensors"].append([1])),
    "the unknown dtype 'F7'": bad_list(lambda content: content["tensors"].append(["a", "F7", [1]])),
    "lists more than": bad_list(
        lambda content: content["tensors"].append(["a.{0-99999999999}.b", "BF16", [0]])
    ),
    "its tensors make 988": bad_list(lambda content: content["files"][0].update(size=12)),
    "is not that of its content": bad_list(lambda content: content["files"][0].update(id="0" * 64)),
    "it lists ['weights.bin']": bad_list(
        lambda content: content["files"][0].update(path="weights.bin")
    ),
    "describes 'class/good' too": bad_facts(id="class/good"),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_file_is_named_and_left_out(folder, reason, caplog):
    for suffix in (FACTS_SUFFIX, TENSORS_SUFFIX):
        shutil.copyfile(folder / f"class--good{suffix}", folder / f"class--bad{suffix}")
    change(folder / "class--bad.json", lambda facts: facts.update(id="class/bad"))
    BAD[reason](folder)
    with PracticeHub(catalogue=[folder]) as more:
        (problem,) = more.problems
        models = {model.id for model in HfApi(endpoint=more.url).list_models(author="class")}
    assert isinstance(problem, ValueError)
    assert reason in str(problem)
    assert str(problem) in caplog.text
    assert len(models) == 1


def test_a_folder_without_facts_is_refused(tmp_path):
    with pytest.raises(CatalogueError, match="is not a folder"):
        PracticeHub(catalogue=[tmp_path / "missing"])
    with pytest.raises(CatalogueError, match="holds no facts"):
        PracticeHub(catalogue=[tmp_path])


def wait_for(url: str) -> None:
    where = urlsplit(url)
    for _ in range(100):
        try:
            socket.create_connection((where.hostname, where.port), timeout=1).close()
            return
        except ConnectionError:
            time.sleep(0.1)
    raise TimeoutError(url)


@pytest.fixture
def serving(folder: Path) -> Iterator[subprocess.Popen[str]]:
    (folder / "class--bad.json").write_text("no JSON", encoding="utf-8")
    command = [sys.executable, "-m", "practice_hub", "--port", "0", "--catalogue", str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=BUILT_IN.parent.parent, **pipes) as process:
        yield process
        process.terminate()


def test_command_line_takes_a_catalogue(serving):
    url = serving.stdout.readline().split()[-1]
    wait_for(url)
    assert HfApi(endpoint=url).model_info("class/good").id == "class/good"
    serving.terminate()
    assert "class--bad.json: is not JSON" in serving.stderr.read()


def test_command_line_refuses_a_missing_catalogue(run_python, tmp_path):
    code = "from practice_hub.__main__ import main; raise SystemExit(main(['--catalogue', 'no']))"
    failed = run_python(code, check=False)
    assert failed.returncode == 1
    assert failed.stderr == "The catalogue cannot be used: no: is not a folder\n"
