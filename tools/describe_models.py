"""Writes the tensor lists of the described models: ``python -m tools.describe_models [ID ...]``.

For each file of facts in ``practice_hub/catalogue`` that has a transformers config and a
safetensors file on the Hub, builds the model on the meta device (no memory, no download), lists
what ``save_pretrained`` would store, and writes ``<owner>--<name>.tensors.json`` beside the facts.
Where the facts explain how the published file differs from what transformers builds, the list is
changed accordingly and says so.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.core_model_loading import revert_weight_conversion
from transformers.modeling_utils import remove_tied_weights_from_state_dict

from practice_hub.catalogue import BUILT_IN, FACTS_SUFFIX, TENSORS_SUFFIX, file_id
from practice_hub.tensor_list import Tensor, compact, count_values, expand, make_files

DTYPES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
PUBLISHED_DTYPES = {name: dtype for dtype, name in DTYPES.items()}
BUILT_AS = re.compile(r"meta device, (\w+)$")
FP8_BLOCK = 128
FP8_WEIGHT = re.compile(r"\.(self_attn|mlp)\.(.*\.)?\w+_proj(_with_mqa)?\.weight$")

# --- How published files differ from what transformers builds; the facts' notes tell of each ----

Change = Callable[[list[Tensor]], list[Tensor]]


def add(*extra: Tensor) -> Change:
    return lambda tensors: [*tensors, *extra]


def position_ids(name: str, length: int) -> Tensor:
    return Tensor(name, "I64", (1, length))


def pooler(model: str, width: int) -> Change:
    return add(
        Tensor(f"{model}.pooler.dense.bias", "F32", (width,)),
        Tensor(f"{model}.pooler.dense.weight", "F32", (width, width)),
    )


def gpt2_masks(layers: int) -> Change:
    return add(Tensor(f"transformer.h.{{0-{layers - 1}}}.attn.bias", "F32", (1, 1, 1024, 1024)))


def pythia_buffers(layers: int, rotary: int) -> Change:
    layer = f"gpt_neox.layers.{{0-{layers - 1}}}.attention"
    return add(
        Tensor(f"{layer}.bias", "U8", (1, 1, 2048, 2048)),
        Tensor(f"{layer}.rotary_emb.inv_freq", "F16", (rotary,)),
    )


PYTHIA_BUFFERS = (
    "causal masks and rotary frequencies stored; the masks' dtype is not known, U8 stands for it"
)


def drop(name: str) -> Change:
    return lambda tensors: [tensor for tensor in tensors if tensor.name != name]


def experts_in_4_bits(tensors: list[Tensor]) -> list[Tensor]:
    """The Hub counts 4-bit experts by value: they are listed so, and not as packed bytes."""
    expert = re.compile(r"\.mlp\.experts\.(gate_up|down)_proj$")
    return [
        Tensor(item.name, "F4", item.shape) if expert.search(item.name) else item
        for item in tensors
    ]


def deepseek_v3(tensors: list[Tensor]) -> list[Tensor]:
    """Adds the layer that predicts a second token, then stores linear layers in 8 bits."""
    layer, vocabulary, width = "model.layers.61", 129280, 7168
    last = [item for item in tensors if item.name.startswith("model.layers.60.")]
    extra = [item.named(item.name.replace("model.layers.60", layer)) for item in last]
    extra += [
        Tensor(f"{layer}.eh_proj.weight", "BF16", (width, 2 * width)),
        Tensor(f"{layer}.embed_tokens.weight", "BF16", (vocabulary, width)),
        Tensor(f"{layer}.enorm.weight", "BF16", (width,)),
        Tensor(f"{layer}.hnorm.weight", "BF16", (width,)),
        Tensor(f"{layer}.shared_head.head.weight", "BF16", (vocabulary, width)),
        Tensor(f"{layer}.shared_head.norm.weight", "BF16", (width,)),
    ]
    stored: list[Tensor] = []
    for item in [*tensors, *extra]:
        if item.name.endswith("e_score_correction_bias"):
            stored.append(Tensor(item.name, "F32", item.shape))
        elif FP8_WEIGHT.search(item.name):
            blocks = tuple(math.ceil(length / FP8_BLOCK) for length in item.shape)
            stored.append(Tensor(item.name, "F8_E4M3", item.shape))
            stored.append(Tensor(f"{item.name}_scale_inv", "F32", blocks))
        else:
            stored.append(item)
    return stored


WITH_POSITION_IDS = (
    "position_ids stored",
    add(position_ids("embeddings.position_ids", 512)),
)
CHANGES: dict[str, tuple[str, Change]] = {
    "BAAI/bge-base-en-v1.5": WITH_POSITION_IDS,
    "BAAI/bge-small-en-v1.5": WITH_POSITION_IDS,
    "sentence-transformers/all-MiniLM-L6-v2": WITH_POSITION_IDS,
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2": WITH_POSITION_IDS,
    "FacebookAI/roberta-base": (
        "position_ids stored",
        add(position_ids("roberta.embeddings.position_ids", 514)),
    ),
    "openai/clip-vit-base-patch32": (
        "position_ids of text and image stored",
        add(
            position_ids("text_model.embeddings.position_ids", 77),
            position_ids("vision_model.embeddings.position_ids", 50),
        ),
    ),
    "FacebookAI/xlm-roberta-base": ("an unused pooler stored", pooler("roberta", 768)),
    "dslim/bert-base-NER": ("an unused pooler stored", pooler("bert", 768)),
    "openai-community/gpt2": ("causal masks stored", gpt2_masks(12)),
    "openai-community/gpt2-medium": ("causal masks stored", gpt2_masks(24)),
    "openai-community/gpt2-large": ("causal masks stored", gpt2_masks(36)),
    "EleutherAI/pythia-1.4b": (
        PYTHIA_BUFFERS,
        pythia_buffers(24, 16),
    ),
    "EleutherAI/pythia-160m": (
        PYTHIA_BUFFERS,
        pythia_buffers(12, 8),
    ),
    "Qwen/Qwen3-1.7B": (
        "the tied head stored a second time",
        add(Tensor("lm_head.weight", "BF16", (151936, 2048))),
    ),
    "google/flan-t5-base": (
        "a head of its own stored; transformers builds it tied",
        add(Tensor("lm_head.weight", "F32", (32128, 768))),
    ),
    "google-t5/t5-small": (
        "an unused attention bias of the decoder stored",
        add(
            Tensor(
                "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",
                "F32",
                (32, 8),
            )
        ),
    ),
    "facebook/wav2vec2-base-960h": (
        "masked_spec_embed not stored",
        drop("wav2vec2.masked_spec_embed"),
    ),
    "openai/gpt-oss-20b": (
        "experts listed as 4-bit values (F4), as the Hub counts them; the published file packs two "
        "of them into a byte (U8 blocks) and holds 597,196,800 bytes of scales beside them",
        experts_in_4_bits,
    ),
    "facebook/detr-resnet-50": (
        "the backbone with the names of transformers' own ResNet; the published file has timm's",
        lambda tensors: tensors,
    ),
    "deepseek-ai/DeepSeek-V3": (
        "layer 61 (prediction of a second token) and 8-bit linear layers with block scales stored",
        deepseek_v3,
    ),
}


# --- Building ------------------------------------------------------------------------------------


def is_described(facts: dict[str, Any]) -> bool:
    """Whether the Hub holds a safetensors file of this model that transformers can build."""
    without_safetensors = str(facts.get("safetensors_note")).startswith("The Hub publishes no")
    return bool((facts["config"] or {}).get("architectures")) and not without_safetensors


def stored_dtype(facts: dict[str, Any]) -> torch.dtype:
    config = facts["config"]
    named = config.get("dtype") or config.get("torch_dtype")
    if named:
        return getattr(torch, named)
    published = (facts["safetensors"] or {}).get("parameters") or {}
    floats = [name for name in published if name in ("F32", "F16", "BF16")]
    return PUBLISHED_DTYPES[floats[0]] if len(floats) == 1 else torch.float32


def build(facts: dict[str, Any]) -> transformers.PreTrainedModel:
    fields = dict(facts["config"])
    if fields.pop("backbone", None) == "resnet50":  # by default from timm, which is not needed here
        fields["backbone_config"] = transformers.ResNetConfig(out_features=["stage4"])
        fields["use_timm_backbone"] = False
    config = transformers.CONFIG_MAPPING[fields["model_type"]].from_dict(fields)
    found = BUILT_AS.search(facts["verified"].get("computed_with") or "")
    name = found[1] if found else facts["config"]["architectures"][0]
    with torch.device("meta"):
        model = getattr(transformers, name)._from_config(config, dtype=stored_dtype(facts))
    model.tie_weights()
    return model


def stored_tensors(model: transformers.PreTrainedModel) -> list[Tensor]:
    """What ``save_pretrained`` would write, in its order."""
    state = remove_tied_weights_from_state_dict(model.state_dict(), model)
    state = revert_weight_conversion(model, state)
    return [Tensor(name, DTYPES[item.dtype], tuple(item.shape)) for name, item in state.items()]


def natural_order(tensor: Tensor) -> list[tuple[int, int | str]]:
    return [(0, int(part)) if part.isdigit() else (1, part) for part in tensor.name.split(".")]


def tensor_list(facts: dict[str, Any]) -> dict[str, Any]:
    model = build(facts)
    change, apply = CHANGES.get(facts["id"], ("", lambda tensors: tensors))
    whole = sorted(expand(apply(stored_tensors(model))), key=natural_order)
    tensors = compact(whole)
    assert list(expand(tensors)) == whole, facts["id"]
    origin = (
        f"not the original's header: what transformers {transformers.__version__} would store for "
        f"{type(model).__name__} with this config" + (f"; {change}" if change else "")
    )
    published = (facts["safetensors"] or {}).get("total")
    total = sum(count_values(tensors).values())
    return {
        "id": facts["id"],
        "reconstructed": origin,
        "total": total,
        "matches_published": None if published is None else published == total,
        "files": [
            {"path": path, "size": file.size, "id": file_id(path, file.content)}
            for path, file in make_files(tensors, origin).items()
        ],
        "tensors": [[item.name, item.dtype, list(item.shape)] for item in tensors],
    }


def one_line_an_entry(content: dict[str, Any]) -> str:
    """JSON with one line for each field, file and tensor: small, and readable in a diff."""
    fields = []
    for key, value in content.items():
        if isinstance(value, list):
            lines = ",\n".join(f"  {json.dumps(item, separators=(',', ':'))}" for item in value)
            fields.append(f' "{key}": [\n{lines}\n ]')
        else:
            fields.append(f' "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(fields) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.describe_models", description=__doc__)
    parser.add_argument("ids", nargs="*", help="models to describe (default: all of the catalogue)")
    parser.add_argument("--catalogue", type=Path, default=BUILT_IN, help="folder of facts")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    for path in sorted(options.catalogue.glob(f"*{FACTS_SUFFIX}")):
        if path.name.endswith(TENSORS_SUFFIX):
            continue
        facts = json.loads(path.read_text(encoding="utf-8"))
        if (options.ids and facts["id"] not in options.ids) or not is_described(facts):
            continue
        try:
            found = tensor_list(facts)
        except (ImportError, RuntimeError, ValueError) as error:
            print(f"{facts['id']}: not built: {error}")
            continue
        target = path.with_name(path.name.removesuffix(FACTS_SUFFIX) + TENSORS_SUFFIX)
        target.write_text(one_line_an_entry(found), encoding="utf-8")
        print(f"{facts['id']}: {found['total']:,}, matches published: {found['matches_published']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
