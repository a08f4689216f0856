"""How far estimates are off: this package and its peers, against models that were really loaded.

Every transformers model of the catalogue, shrunken in depth and width so that it can be loaded in
each way on a CPU. What it takes is added up from its tensors (``ground_truth``). Shares that belong
to size alone (a large vocabulary in a small model, say) are those of the shrunken model.

    python -m benchmarks.accuracy [NAME …]
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from practice_hub import PracticeHub
from practice_hub.catalogue import BUILT_IN
from tests.support import ground_truth
from tests.support.shrunken import shrink

WAYS = {
    "16 bits": ("bfloat16", None),
    "int8": ("bfloat16", "int8"),
    "nf4": ("bfloat16", "nf4"),
    "nf4-double": ("bfloat16", "nf4-double"),
}
CONTEXT, BATCH = 40, 1
RUNS = 3
SPEED_MODEL = "Qwen/Qwen2.5-7B-Instruct"
Errors = dict[tuple[str, str], list[float]]


def main(names: list[str]) -> None:
    logging.disable(logging.WARNING)
    os.environ["TQDM_DISABLE"] = "1"
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    errors: Errors = defaultdict(list)
    exact: dict[str, list[bool]] = defaultdict(list)
    left_out = []
    for name, fields in models(names):
        try:
            with tempfile.TemporaryDirectory() as folder:
                measure(fields, Path(folder), errors, exact)
        except Exception as error:
            left_out.append(f"{name} ({type(error).__name__})")
    print(f"{len(exact['16 bits'])} models; off by, in the median and at worst\n")
    peers = list(dict.fromkeys(peer for peer, _ in errors))
    for peer in peers:
        cells = [f"{way} {_summary(errors[peer, way])}" for way in (*WAYS, "KV cache")]
        print(f"{peer:<28}{'  '.join(cells)}")
    print()
    for way, hits in exact.items():
        print(f"this package, {way}: {sum(hits)} of {len(hits)} to the byte")
    if left_out:
        print("left out, because they could not be loaded here:", ", ".join(left_out))
    if not names:
        print_speed()


def models(names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(BUILT_IN.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        fields = content.get("config") if isinstance(content, dict) else None
        if fields and fields.get("architectures") and (not names or content["id"] in names):
            yield content["id"], fields


def measure(
    fields: dict[str, Any], folder: Path, errors: Errors, exact: dict[str, list[bool]]
) -> None:
    import course_utils as cu

    fields = {name: value for name, value in fields.items() if name != "quantization_config"}
    config = ground_truth.config_of(shrink(fields))
    cls = ground_truth.class_of(fields)
    ground_truth.save_random(config, cls, folder)
    float32, numbers = accelerates_bytes(config), parameters(cls, folder)
    for way, (dtype, quantization) in WAYS.items():
        model = ground_truth.load(cls, folder, dtype, quantization)
        real = ground_truth.resident_bytes(model)
        own = cu.estimate_memory(folder, dtype, quantization, CONTEXT, BATCH)
        exact[way].append(own.weights == real)
        share = {"16 bits": 2, "int8": 1}.get(way, 0.5)
        guesses = {
            "this package": own.weights,
            "accelerate estimate-memory": float32 * share / 4,
            "bytes by the parameter": numbers * share,
        }
        for peer, guess in guesses.items():
            errors[peer, way].append(abs(guess / real - 1))
        if quantization:
            continue
        with contextlib.suppress(Exception):  # no cache, or one that wants other inputs
            cache, _ = ground_truth.cache_bytes(model, CONTEXT, BATCH)
            if cache:
                errors["this package", "KV cache"].append(abs(own.kv_cache / cache - 1))
                exact["KV cache"].append(own.kv_cache == cache)
                formula = hf_mems_cache(config.get_text_config())
                errors["hf-mem's formula", "KV cache"].append(abs(formula / cache - 1))


def accelerates_bytes(config: Any) -> int:
    """As ``accelerate estimate-memory`` counts: ``AutoModel`` on the meta device, in float32."""
    import torch
    from accelerate import init_empty_weights
    from accelerate.utils import calculate_maximum_sizes
    from transformers import AutoModel

    with init_empty_weights():
        empty = AutoModel.from_config(config, dtype=torch.float32)
    return int(calculate_maximum_sizes(empty)[0])


def parameters(cls: type, folder: Path) -> int:
    return int(ground_truth.load(cls, folder, "float32", None).num_parameters())


def hf_mems_cache(config: Any) -> int:
    """hf-mem's rule, from its description: full attention in every layer, no latent cache."""
    heads = config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // heads
    return int(2 * config.num_hidden_layers * kv_heads * head_size * 2 * CONTEXT * BATCH)


def _summary(found: list[float]) -> str:
    if not found:
        return "-"
    return f"{statistics.median(found):.1%} / {max(found):.0%}"


def print_speed() -> None:
    """From cold process to answer, both against the same Hub in the same run."""
    own = (
        "import huggingface_hub\nfrom course_utils.memory import estimate_memory\n"
        f"estimate_memory({SPEED_MODEL!r}, quantization='nf4')"
    )
    theirs = Path(sys.executable).with_name("accelerate")
    with PracticeHub() as hub, tempfile.TemporaryDirectory() as home:
        quick = _seconds([sys.executable, "-c", own], hub.url, home)
        slow = _seconds([str(theirs), "estimate-memory", SPEED_MODEL], hub.url, home)
    print(
        f"\n{SPEED_MODEL}, cold process to answer (median of {RUNS}): this package {quick:.2f} s,"
    )
    print(f"accelerate estimate-memory {slow:.2f} s, {slow / quick:.1f} × as long")


def _seconds(command: list[str], url: str, home: str) -> float:
    environment = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": home}
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main(sys.argv[1:])
