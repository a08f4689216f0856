"""``make bench-sweep``: every model type that transformers can build, shrunken, saved and loaded.

Each is loaded in four ways on a CPU, and its weights and cache are added up from its tensors
(``ground_truth``) and held against the estimate. Prints a summary with date and versions.

    python -m benchmarks.sweep [--share 0.1] [--seed 0] [--seconds 900] [NAME …]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import logging
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.accuracy import WAYS
from tests.support import ground_truth
from tests.support.shrunken import shrink

CONTEXT, BATCH = 11, 2
LARGEST = 200_000_000  # parameters; what stays larger when it is shrunken is left out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the types, drawn by chance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="then no more begin")
    parser.add_argument("names", nargs="*", help="model types; all without")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ["TQDM_DISABLE"] = "1"
    import bitsandbytes
    import torch
    import transformers
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    every = sorted(transformers.CONFIG_MAPPING)
    drawn = random.Random(asked.seed).sample(every, round(asked.share * len(every)))
    began, counts, left_out = time.monotonic(), Counter[Any](), Counter[str]()
    wrong: list[str] = []
    begun = 0
    for model_type in asked.names or drawn:
        if time.monotonic() - began > asked.seconds:
            break
        begun += 1
        try:
            with tempfile.TemporaryDirectory() as folder:
                wrong += one_type(model_type, Path(folder), counts)
        except Exception as error:  # types want libraries, sizes or inputs, each in its own way
            left_out[type(error).__name__] += 1
    print(
        f"{datetime.date.today()}, transformers {transformers.__version__}, torch "
        f"{torch.__version__}, bitsandbytes {bitsandbytes.__version__}\n"
        f"{begun} of {len(every)} model types (seed {asked.seed}); "
        f"{counts['types']} could be shrunken, saved and loaded"
    )
    for way in (*WAYS, "KV cache"):
        print(f"  {way:<12}{counts[way, 'exact']:>5} of {counts[way, 'all']} to the byte")
    for line in wrong:
        print(f"  {line}")
    print("left out:", ", ".join(f"{n} × {name}" for name, n in left_out.most_common()))


def one_type(model_type: str, folder: Path, counts: Counter[Any]) -> list[str]:
    """Loads one type in each way. Returns a line for each figure that is off."""
    import course_utils as cu

    config, cls = small(model_type)
    ground_truth.save_random(config, cls, folder)
    wrong = []
    for number, (way, (dtype, quantization)) in enumerate(WAYS.items()):
        model = ground_truth.load(cls, folder, dtype, quantization)
        counts["types"] += not number
        real = ground_truth.resident_bytes(model)
        found = cu.estimate_memory(folder, dtype, quantization, CONTEXT, BATCH)
        told = {way: (found.weights, real)}
        if not quantization:
            with contextlib.suppress(Exception):  # no cache, or one that wants other inputs
                cache = ground_truth.cache_bytes(model, CONTEXT, BATCH)[0]
                if cache:
                    told["KV cache"] = (found.kv_cache, cache)
        for what, (guess, truth) in told.items():
            counts[what, "all"] += 1
            counts[what, "exact"] += guess == truth
            if guess != truth:
                wrong.append(f"{model_type}, {what}: {guess:,} told, {truth:,} loaded")
    return wrong


def small(model_type: str) -> tuple[Any, type[Any]]:
    """Config and class of a shrunken model of this type.

    Raises:
        Exception: it cannot be built, or stays too large.
    """
    import torch
    import transformers
    from transformers.models.auto import modeling_auto

    whole = transformers.CONFIG_MAPPING[model_type]()
    names: Any = (
        modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(model_type)
        or modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES.get(model_type)
        or modeling_auto.MODEL_MAPPING_NAMES[model_type]
    )
    named = names if isinstance(names, str) else names[0]
    config = ground_truth.config_of(
        shrink(whole.to_dict() | {"model_type": model_type, "architectures": [named]})
    )
    cls = ground_truth.class_of({"architectures": [named]})
    with torch.device("meta"):
        values = cls(config).num_parameters()
    if values > LARGEST:
        raise ValueError(f"{values:,} parameters are too many")
    return config, cls


if __name__ == "__main__":
    main()
