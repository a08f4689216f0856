"""cu.find_models, against the practice Hub through the installed client."""

from __future__ import annotations

import pytest

import course_utils as cu
from course_utils import find as hub_module
from practice_hub.repos import load_held


def ids(**conditions):
    return [model.repo_id for model in cu.find_models(**conditions)]


def test_conditions_hold_for_everything_found():
    found = cu.find_models(
        task="text-generation", author="practice", license="apache-2.0", gated=False, limit=50
    )
    held = load_held()
    assert {model.repo_id for model in found} == {
        repo.id
        for repo in held.values()
        if (repo.main.card or {}).get("pipeline_tag") == "text-generation"
        and (repo.main.card or {}).get("license") == "apache-2.0"
        and not repo.gated
        and not repo.private
    }
    assert ids(search="TINY-chat") == ["practice/tiny-chat"]
    assert {model.gate for model in cu.find_models(author="practice", gated=True)} == {
        "auto",
        "manual",
    }


def test_most_downloaded_first_and_no_more_than_asked():
    found = cu.find_models(limit=7)
    counts = [model.downloads for model in found]
    assert len(found) == 7
    assert counts == sorted(counts, reverse=True)
    assert ids(author="practice", sort="likes", limit=1) == ["practice/gated-chat"]


def test_a_kind_of_license_is_found_across_its_identifiers():
    found = cu.find_models(license="permissive", limit=100)
    assert {"mit", "apache-2.0"} <= {model.license for model in found}
    assert {model.license_kind for model in found} == {"permissive"}
    everything = cu.find_models(limit=1000)
    assert len(found) == sum(model.license_kind == "permissive" for model in everything)


def test_a_language_is_what_the_card_names_not_what_the_model_knows():
    chats = ids(task="text-generation", language="de", limit=50)
    assert chats and all(repo_id.startswith("meta-llama/Llama-3") for repo_id in chats)
    assert "Qwen/Qwen2.5-7B-Instruct" in ids(language="en", task="text-generation", limit=50)
    multilingual = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
    assert ids(task="sentence-similarity", language="de") == [multilingual]
    assert ids(task="sentence-similarity", language="de", license="mit") == []
    with pytest.raises(cu.CourseError, match='such as "de"; not .German'):
        cu.find_models(language="German")


def test_stored_bytes_are_the_bytes_of_the_tensors():
    from huggingface_hub import get_safetensors_metadata

    for repo_id in ("practice/tiny-sentiment", "practice/sharded-chat", "practice/tiny-chat"):
        (found,) = (m for m in cu.find_models(author="practice", limit=50) if m.repo_id == repo_id)
        files = get_safetensors_metadata(repo_id).files_metadata.values()
        offsets = [t.data_offsets for file in files for t in file.tensors.values()]
        assert found.stored_bytes == sum(end - start for start, end in offsets)


def test_what_the_hub_does_not_say_is_unknown_and_shown_as_such():
    (pickle,) = (m for m in cu.find_models(author="practice", limit=50) if "pickle" in m.repo_id)
    assert pickle.parameters is None and pickle.stored_bytes is None
    found = cu.find_models(search="pickle-s")
    line = next(line for line in str(found).splitlines() if "practice/" in line)
    assert line.split()[-3:-1] == ["?", "?"]


def test_fits_keeps_what_some_way_to_load_brings_onto_the_gpu():
    found = {m.repo_id: m.way for m in cu.find_models(author="Qwen", fits="T4", limit=50)}
    assert found["Qwen/Qwen2.5-3B-Instruct"] == "float16"
    assert found["Qwen/Qwen2.5-14B-Instruct"].startswith("nf4")
    assert "Qwen/Qwen2.5-32B-Instruct" not in found
    on_an_a100 = ids(author="Qwen", fits="A100-80GB", limit=50)
    assert "Qwen/Qwen2.5-72B-Instruct" in on_an_a100


def test_a_gated_model_is_sized_from_what_the_hub_tells_everybody():
    found = {m.repo_id: m for m in cu.find_models(author="meta-llama", fits="T4", limit=50)}
    assert found["meta-llama/Llama-3.2-3B-Instruct"].way == "float16"
    assert found["meta-llama/Llama-3.1-8B-Instruct"].way != "float16"  # 14.96 GiB alone
    assert "meta-llama/Llama-3.1-70B-Instruct" not in found


def test_a_bound_that_was_hit_is_told(monkeypatch):
    monkeypatch.setattr(hub_module, "MOST_READ", 10)
    found = cu.find_models(license="non-commercial")
    assert found.read == 10
    assert "only the first 10" in str(found)
    monkeypatch.setattr(hub_module, "MOST_READ", 3000)
    monkeypatch.setattr(hub_module, "MOST_SIZED", 2)
    assert "only the first 2" in str(cu.find_models(fits="T4", limit=5))


def test_an_empty_answer_says_that_spelling_may_be_why():
    found = cu.find_models(task="text-clasification")
    assert not found and "misspell" in str(found)
    assert "misspell" in found._repr_html_()


def test_what_was_asked_for_takes_no_column():
    found = cu.find_models(task="text-generation", license="permissive", limit=2)
    assert not {"task", "kind"} & set(found.columns())
    assert {"task", "kind", "license"} <= set(cu.find_models(limit=2).columns())


def test_the_frame_holds_numbers():
    frame = cu.find_models(author="practice", limit=3).to_frame()
    assert list(frame["downloads"]) == sorted(frame["downloads"], reverse=True)
    assert frame["downloads"].dtype.kind == "i"


def test_what_is_only_described_is_marked_as_text_as_html_and_in_the_frame():
    held = {repo.id for repo in load_held().values()}
    both = [*cu.find_models(author="Qwen", limit=3), *cu.find_models(author="practice", limit=3)]
    assert [model.described for model in both] == [True] * 3 + [False] * 3
    found = cu.find_models(search="chat", limit=50)
    assert {model.described for model in found} == {True, False}
    assert all(model.described == (model.repo_id not in held) for model in found)
    marked = {
        line.split()[0]: line.split()[-1] for line in str(found).splitlines() if "/" in line[:60]
    }
    for model in found:
        assert marked[model.repo_id] == ("described" if model.described else "held")
    page = found._repr_html_()
    assert page.count(">described</td>") == sum(model.described for model in found)
    assert page.count(">held</td>") == sum(not model.described for model in found)
    assert "holds no weights" in str(found) and "holds no weights" in page
    frame = found.to_frame()
    assert dict(zip(frame["repo_id"], frame["described"], strict=True)) == {
        model.repo_id: model.described for model in found
    }


def test_where_all_can_be_downloaded_nothing_is_marked():
    found = cu.find_models(author="practice", limit=5)
    assert "on this Hub" not in found.columns()
    assert not found.notes


def test_a_hub_that_says_nothing_of_it_marks_nothing():
    from huggingface_hub import ModelInfo

    assert hub_module._found(ModelInfo(id="someone/model", tags=[])).described is False


BAD = [
    ({"license": "apache"}, "apache-2.0"),
    ({"license": "free"}, "Kinds: "),
    ({"sort": "popularity"}, "downloads, likes"),
    ({"limit": 0}, "1 to 1000"),
    ({"limit": True}, "1 to 1000"),
    ({"limit": 10**6}, "1 to 1000"),
    ({"gated": "yes"}, "True, False or None"),
    ({"task": ""}, "task is text"),
    ({"author": 3}, "author is text"),
    ({"search": "x" * 300}, "search is text"),
    ({"fits": "T5"}, "T4"),
    ({"fits": -1}, "-1"),
]


@pytest.mark.parametrize(("conditions", "words"), BAD)
def test_bad_conditions_are_refused_with_what_is_accepted(conditions, words):
    with pytest.raises(cu.CourseError) as raised:
        cu.find_models(**conditions)
    assert words in str(raised.value)


def test_before_start_the_learner_is_told_to_start(run_python):
    code = "import course_utils as cu\ntry: cu.find_models()\nexcept cu.CourseError as e: print(e)"
    assert "cu.start()" in run_python(code).stdout


def test_a_hub_that_went_away_is_told_in_time(run_python):
    code = """
import course_utils as cu
from course_utils import find as hub
from course_utils.session.separation import _started
cu.start("practice")
hub.SECONDS = 2.0
_started[0].stop()
try:
    cu.find_models()
except cu.CourseError as error:
    print("told:", error)
"""
    assert "told: " in run_python(code).stdout
