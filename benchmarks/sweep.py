"""``make bench-sweep``: every model type that transformers can build, shrunken, saved and loaded.

Each is loaded in four ways on a CPU, and its weights and cache are added up from its tensors
(``ground_truth``) and held against the estimate. What was found of a type is written down at once,
in a file for each release of transformers: a sweep that was stopped goes on where it was. Prints a
summary with date and versions.

    python -m benchmarks.sweep [--share 0.1] [--seed 0] [--seconds 900] [NAME …]
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import datetime
import importlib
import logging
import os
import random
import signal
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy import WAYS
from tests.support import ground_truth
from tests.support.shrunken import shrink

FOUND = Path(__file__).parent / "swept"
CONTEXT, BATCH = 11, 2
LARGEST = 200_000_000  # parameters; what stays larger when it is shrunken is left out
SECONDS = 60  # of computing, for one type
ENDED = "the process ended"  # until something better is known of a type
# Where a class is looked for: the task that a type is mostly used for comes first.
TASKS = ("CAUSAL_LM", "SEQ_TO_SEQ_CAUSAL_LM", "IMAGE_TEXT_TO_TEXT", "PRETRAINING")


@dataclass(frozen=True)
class Figure:
    """Bytes of one type in one way, or of its cache; ``left_out``: why there are none."""

    model_type: str
    what: str = ""
    told: int = 0
    loaded: int = 0
    left_out: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the types, drawn by chance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="then no more begin")
    parser.add_argument("names", nargs="*", help="model types, anew; all others without")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ["TQDM_DISABLE"] = "1"
    import transformers
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    every = sorted(transformers.CONFIG_MAPPING)
    drawn = random.Random(asked.seed).sample(every, round(asked.share * len(every)))
    FOUND.mkdir(exist_ok=True)
    file = FOUND / f"{transformers.__version__}.csv"
    begun, known = time.monotonic(), read(file)
    for model_type in asked.names or [one for one in drawn if one not in known]:
        if time.monotonic() - begun > asked.seconds:
            break
        write(file, [Figure(model_type, left_out=ENDED)])
        write(file, list(one_type(model_type)))
    known = read(file)
    of_these = [one for one in asked.names or drawn if one in known]
    print("\n".join(summary({one: known[one] for one in of_these}, len(every))))


def read(file: Path) -> dict[str, list[Figure]]:
    """What was found of each type; the last word on it counts."""
    if not file.exists():
        return {}
    found: dict[str, list[Figure]] = defaultdict(list)
    with file.open(encoding="utf-8", newline="") as lines:
        for name, what, told, loaded, left_out in csv.reader(lines):
            if left_out == ENDED or [one.left_out for one in found[name]] == [ENDED]:
                found[name] = []
            found[name].append(Figure(name, what, int(told), int(loaded), left_out))
    return found


def write(file: Path, found: list[Figure]) -> None:
    with file.open("a", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(
            (one.model_type, one.what, one.told, one.loaded, one.left_out) for one in found
        )


def summary(found: Mapping[str, list[Figure]], of: int) -> Iterator[str]:
    import bitsandbytes
    import torch
    import transformers

    figures = [one for some in found.values() for one in some]
    loaded = {one.model_type for one in figures if not one.left_out}
    yield (
        f"{datetime.date.today()}, transformers {transformers.__version__}, torch "
        f"{torch.__version__}, bitsandbytes {bitsandbytes.__version__}"
    )
    yield f"{len(found)} of {of} model types; {len(loaded)} could be shrunken, saved and loaded"
    for way in (*WAYS, "KV cache"):
        of_way = [one for one in figures if one.what == way]
        exact = sum(one.told == one.loaded for one in of_way)
        yield f"  {way:<12}{exact:>5} of {len(of_way)} to the byte"
    for one in figures:
        if one.told != one.loaded:
            yield f"  {one.model_type}, {one.what}: {one.told:,} told, {one.loaded:,} loaded"
    for one in figures:
        if one.left_out.startswith("refused"):
            yield f"  {one.model_type}, {one.what}: {one.left_out}"
    reasons = Counter(one.left_out.partition(":")[0] for one in figures if one.left_out)
    yield "left out: " + ", ".join(f"{count} × {why}" for why, count in reasons.most_common())


def one_type(model_type: str) -> Iterator[Figure]:
    """Loads one type in each way."""
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield from _figures(model_type, Path(folder))
    except Exception as error:  # types want libraries, sizes or inputs, each in its own way
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        yield Figure(model_type, left_out=why)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _too_long(*_: Any) -> None:
    raise TimeoutError(f"{SECONDS} s were not enough")


def _figures(model_type: str, folder: Path) -> Iterator[Figure]:
    import course_utils as cu

    config, cls = small(model_type)
    ground_truth.save_random(config, cls, folder)
    for way, (dtype, quantization) in WAYS.items():
        model = ground_truth.load(cls, folder, dtype, quantization)
        real = ground_truth.resident_bytes(model)
        try:
            found = cu.estimate_memory(folder, dtype, quantization, CONTEXT, BATCH)
        except Exception as error:  # it loads, so an estimate is owed
            yield Figure(model_type, way, left_out=f"refused: {' '.join(str(error).split())[:300]}")
            continue
        yield Figure(model_type, way, found.weights, real)
        if not quantization:
            with contextlib.suppress(Exception):  # no cache, or one that wants other inputs
                cache = ground_truth.cache_bytes(model, CONTEXT, BATCH)[0]
                if cache:
                    yield Figure(model_type, "KV cache", found.kv_cache, cache)


def small(model_type: str) -> tuple[Any, type[Any]]:
    """Config and class of a shrunken model of this type.

    Raises:
        Exception: it cannot be built, or stays too large.
    """
    import torch
    import transformers

    whole = transformers.CONFIG_MAPPING[model_type]()
    named = class_name(model_type, type(whole))
    config = ground_truth.config_of(
        shrink(whole.to_dict() | {"model_type": model_type, "architectures": [named]})
    )
    cls = ground_truth.class_of({"architectures": [named]})
    with torch.device("meta"):
        values = cls(config).num_parameters()
    if values > LARGEST:
        raise ValueError(f"{values:,} parameters are too many")
    return config, cls


def class_name(model_type: str, config_class: type[Any]) -> str:
    """The class of a type: by the task it is mostly used for, else any that its module hands on.

    Raises:
        LookupError: it is a part of other models, and has none.
    """
    import transformers
    from transformers.models.auto import modeling_auto

    names: list[str] = []
    for table in (*(f"MODEL_FOR_{task}_MAPPING_NAMES" for task in TASKS), "MODEL_MAPPING_NAMES"):
        found: Any = getattr(modeling_auto, table).get(model_type, ())
        names += [found] if isinstance(found, str) else found
    module = config_class.__module__.replace(".configuration_", ".modeling_")
    with contextlib.suppress(ImportError):
        names += getattr(importlib.import_module(module), "__all__", ())
    for name in names:
        cls = getattr(transformers, name, None)
        own = getattr(cls, "config_class", None) is config_class
        if own and not name.endswith("PreTrainedModel"):
            return name
    raise LookupError("no class is built from its config alone")


if __name__ == "__main__":
    main()
