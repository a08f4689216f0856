"""What each format costs, on two published models and the course's own texts.

The bounds leave room for the last digits of another CPU, and no more: the last test shows that the
figures of the next worse format would not pass them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

import course_utils as cu
from tests.support.published import needs_models

pytestmark = needs_models

EMBED = "sentence-transformers/all-MiniLM-L6-v2"
CHAT = "unpacked/SmolLM2-135M-Instruct-Q4_1"


@dataclass(frozen=True)
class Bound:
    """``same``: at least this share of nearest neighbours; ``worse``: at most this many times the
    perplexity of float32. Measured on 2026-11-25 with bitsandbytes 0.50.2 on a CPU: see beside."""

    same: float
    worse: float


BOUNDS = {
    "float32": Bound(1.00, 1.000),  # 1.00, 1.000
    "float16": Bound(0.98, 1.005),  # 1.00, 1.000
    "bfloat16": Bound(0.96, 1.010),  # 0.99, 1.001
    "int8": Bound(0.94, 1.050),  # 0.99, 1.018
    "nf4-double": Bound(0.82, 1.250),  # 0.89, 1.198
    "nf4": Bound(0.82, 1.250),  # 0.88, 1.198
    "fp4": Bound(0.80, 1.420),  # 0.87, 1.360
}
LOADED = {  # parameters of the embedder in MB, as loaded; scales of 4 bits come on top
    "float32": 90.9,
    "float16": 45.4,
    "bfloat16": 45.4,
}


def options(way: str) -> dict:
    """How ``from_pretrained`` is asked for a format."""
    import torch
    from transformers import BitsAndBytesConfig

    if way in ("float32", "float16", "bfloat16"):
        return {"dtype": getattr(torch, way)}
    if way == "int8":
        config = BitsAndBytesConfig(load_in_8bit=True)
    else:
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=way.removesuffix("-double"),
            bnb_4bit_use_double_quant=way.endswith("-double"),
            bnb_4bit_compute_dtype=torch.float32,
        )
    return {"dtype": torch.float16, "quantization_config": config}


@cache
def vectors(way: str) -> dict:
    """Each list of the help desk's texts, embedded."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(EMBED, model_kwargs=options(way), device="cpu")
    if way in LOADED:
        loaded = sum(tensor.nbytes for tensor in model.parameters()) / 1e6
        assert loaded == pytest.approx(LOADED[way], abs=0.1)
    lists = ("sentences", "solved", "english", "german")
    return {name: model.encode(list(getattr(cu.HELP_DESK, name))) for name in lists}


@cache
def perplexity(way: str) -> float:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(CHAT)
    model = AutoModelForCausalLM.from_pretrained(CHAT, **options(way))
    return cu.perplexity(model, tokenizer, cu.HELP_DESK.manual)


@pytest.mark.parametrize("way", BOUNDS)
def test_nearest_neighbours_stay_the_same(way):
    same = cu.same_neighbours(vectors(way)["sentences"], vectors("float32")["sentences"])
    assert same >= BOUNDS[way].same


@pytest.mark.parametrize("way", BOUNDS)
def test_english_tickets_are_found_and_german_ones_are_not(way):
    found = vectors(way)
    assert 17 <= cu.hits(found["english"], found["solved"]) <= 20
    assert 4 <= cu.hits(found["german"], found["solved"]) <= 9


@pytest.mark.parametrize("way", BOUNDS)
def test_the_chat_model_reads_an_unknown_page_hardly_worse(way):
    exact = perplexity("float32")
    assert 38 < exact < 45
    assert perplexity(way) <= exact * BOUNDS[way].worse


def test_the_bounds_would_not_let_the_next_worse_format_pass():
    exact = perplexity("float32")
    for way, next_worse in (("bfloat16", "int8"), ("int8", "nf4"), ("nf4", "fp4")):
        assert perplexity(next_worse) > exact * BOUNDS[way].worse
    same = cu.same_neighbours(vectors("nf4")["sentences"], vectors("float32")["sentences"])
    assert same < BOUNDS["int8"].same


def test_a_4_bit_format_with_half_its_values_would_not_pass():
    """Sixteen values pushed together two by two are eight: 3 bits in the place of 4."""
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(EMBED, device="cpu")
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear):
            blocks = layer.weight.data.view(-1, 64)
            scale = blocks.abs().amax(dim=1, keepdim=True)
            blocks.copy_((blocks / scale * 3.5).round() / 3.5 * scale)
    rough = model.encode(list(cu.HELP_DESK.sentences))
    same = cu.same_neighbours(rough, vectors("float32")["sentences"])
    assert same < min(bound.same for bound in BOUNDS.values())
