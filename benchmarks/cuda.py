"""Predicted against measured on a CUDA GPU: weights, KV cache, peak, and whether "fits" came true.

    python -m benchmarks.cuda --json results.json

Meant for one GPU of 80 GB and ten minutes; it downloads nothing: models of the catalogue are
loaded at full size with random weights. With the process held to a T4's, an L4's and an A100's
memory it is tried whether what was predicted to fit does. On a smaller GPU, what exceeds it is
reported as out of memory. The peak is what the process takes from the driver: the allocator's
reserve and the CUDA context.

A file written into ``course_utils/memory/runs/`` is what ``cu.recorded_runs(model)`` shows.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cuda_memory import (
    capped,
    empty_cache,
    heard,
    is_out_of_memory,
    peak_of,
    reset_peak,
)
from course_utils.fit.ways import NO, verdict
from course_utils.gpus import GPUS
from course_utils.memory import MemoryEstimate, estimate_memory, measure_memory
from course_utils.memory.live_cache import measure_cache
from tests.support.random_weights import bits_and_bytes, load_random

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

SHAPES = (
    "Qwen/Qwen2.5-0.5B-Instruct",
    "google/gemma-3-1b-it",
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    "Qwen/Qwen2.5-1.5B-Instruct",
    "meta-llama/Llama-3.2-3B-Instruct",
    "microsoft/Phi-3.5-mini-instruct",
    "meta-llama/Llama-2-7b-chat-hf",
    "Qwen/Qwen2.5-7B-Instruct",
    "meta-llama/Llama-3.1-8B-Instruct",
    "mistralai/Mistral-Nemo-Instruct-2407",
    "meta-llama/Llama-2-13b-chat-hf",
    "microsoft/phi-4",
    "google/gemma-2-27b-it",
    "Qwen/Qwen3-30B-A3B",
)
WAYS = (
    ("float16", None),
    ("bfloat16", None),
    ("float16", "int8"),
    ("bfloat16", "fp4"),
    ("bfloat16", "nf4"),
    ("bfloat16", "nf4-double"),
)
CONTEXTS = (1024, 4096)
CAPS = ("T4", "L4", "A100-40GB")
MINUTES = 9.0
NO_TIME = "no time left"


class NoGpu(SystemExit):
    """There is nothing to measure here."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda", description=__doc__)
    parser.add_argument("--json", type=Path, required=True, help="file to write the results to")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="begin nothing after this")
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="ids from the catalogue")
    chosen = parser.parse_args(arguments)
    require_cuda()
    quiet()
    began = time.monotonic()
    warm_up()
    loads: list[dict[str, Any]] = []
    report: dict[str, Any] = {**where(), "contexts": CONTEXTS, "caps": CAPS}
    for shape in chosen.shapes:
        config = catalogue_config(shape)
        for dtype, quantization in WAYS:
            load = Load(shape, config, dtype, quantization, "cuda:0")
            in_time = time.monotonic() - began < chosen.minutes * 60
            loads.append(load.run_safely() if in_time else load.left_out(NO_TIME))
            print(line_of(loads[-1]), flush=True)
        seconds = round(time.monotonic() - began)
        report |= {"seconds": seconds, "summary": summary(loads), "loads": loads}
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report["summary"], indent=1))
    if report["summary"]["failed"]:
        raise SystemExit('Some loads failed for another reason than memory: see "error".')


def quiet() -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()


def warm_up() -> None:
    """Once through everything: kernels are loaded when first used, into the CUDA context."""
    for dtype, quantization in WAYS:
        Load(SHAPES[0], catalogue_config(SHAPES[0]), dtype, quantization, "cuda:0", (64,), ()).run()


def require_cuda() -> None:
    import torch

    if not torch.cuda.is_available():
        raise NoGpu(
            "No CUDA GPU is here, and this benchmark measures one. On a machine that has one: "
            "pip install bitsandbytes, then the same command again."
        )
    torch.cuda.init()


def where() -> dict[str, Any]:
    import torch

    properties = torch.cuda.get_device_properties(0)
    libraries = ("torch", "transformers", "accelerate", "bitsandbytes")
    return {
        "date": datetime.date.today().isoformat(),
        "gpu": properties.name,
        "gpu_memory": torch.cuda.mem_get_info(0)[1],
        "compute_capability": f"{properties.major}.{properties.minor}",
        "cuda": torch.version.cuda,
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in libraries},
    }


def catalogue_config(repo_id: str) -> PreTrainedConfig:
    from tests.support.catalogue import config_of

    try:
        return config_of(repo_id)
    except FileNotFoundError:
        raise SystemExit(f"{repo_id} is not in the catalogue.") from None


class Load:
    """One model, loaded in one way: predicted, tried under each cap, measured.

    On a device other than CUDA there are no caps and no peak; weights and cache are measured all
    the same.
    """

    def __init__(
        self,
        shape: str,
        config: PreTrainedConfig,
        dtype: str,
        quantization: str | None,
        device: str,
        contexts: tuple[int, ...] = CONTEXTS,
        caps: tuple[str, ...] = CAPS,
    ) -> None:
        self.shape, self.config, self.device = shape, config, device
        self.dtype, self.quantization = dtype, quantization
        self.contexts = contexts
        self.caps = caps if device.startswith("cuda") else ()
        self.model: PreTrainedModel | None = None
        self.weights: int | None = None
        self.load_peak: int | None = None

    def run_safely(self) -> dict[str, Any]:
        """As ``run``; what fails for another reason than memory is noted, and the rest goes on."""
        try:
            return self.run()
        except Exception as error:
            self.unload()
            return self.left_out(f"{type(error).__name__}: {error}")

    def left_out(self, reason: str) -> dict[str, Any]:
        return {
            "model": self.shape,
            "dtype": self.dtype,
            "quantization": self.quantization,
            "weights": None,
            "capped": [],
            "contexts": [],
            "error": reason,
        }

    def run(self) -> dict[str, Any]:
        began = time.monotonic()
        predicted = {
            context: estimate_memory(self.config, self.dtype, self.quantization, context)
            for context in self.contexts
        }
        first = next(iter(predicted.values()))
        found: dict[str, Any] = {
            "model": self.shape,
            "parameters": first.parameters,
            "dtype": self.dtype,
            "quantization": self.quantization,
            "weights_predicted": first.weights,
            "capped": [],
        }
        worked: set[int] = set()
        for cap in self.caps:
            with capped(GPUS[cap].memory):
                worked |= self.surviving(worked)
            found["capped"] += [
                outcome(cap, predicted[context], context in worked) for context in self.contexts
            ]
        if self.loads():
            worked |= self.surviving(worked)
        found |= {"weights": self.weights, "load_peak": self.load_peak}
        found["contexts"] = [
            self.measured(predicted[context])
            if context in worked
            else {"context": context, "out_of_memory": True}
            for context in self.contexts
        ]
        self.unload()
        return {**found, "seconds": round(time.monotonic() - began, 1)}

    def loads(self) -> bool:
        """Whether the model is loaded, or can be now."""
        if self.model is not None:
            return True
        reset_peak(self.device)
        with heard() as said:
            try:
                config = bits_and_bytes(self.quantization, self.dtype)
                self.model = load_random(self.config, self.dtype, config, self.device)
                self.weights = measure_memory(self.model).weights  # before the first forward
                self.load_peak = peak_of(self.device)
            except Exception as error:
                if not is_out_of_memory(error, said):
                    raise
        empty_cache(self.device)
        return self.model is not None

    def surviving(self, worked: set[int]) -> set[int]:
        """What worked with less memory works with more, and is not tried again."""
        return {one for one in self.contexts if one not in worked and self.survives(one)}

    def survives(self, context: int) -> bool:
        """Whether it loads and goes through ``context`` tokens within the memory there is now."""
        if not self.loads():
            return False
        try:
            self.generate(context)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return False
        finally:
            empty_cache(self.device)
        return True

    def generate(self, context: int) -> Any:
        """``context`` tokens go through, the last by a decode step; returns the cache."""
        import torch

        prompt = torch.ones(1, context - 1, dtype=torch.long, device=self.device)
        found = self.model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            min_new_tokens=2,
            max_new_tokens=2,
            do_sample=False,
            return_dict_in_generate=True,
            pad_token_id=0,
        )
        # Its name since transformers 5.24, and the one before.
        return found["cache" if "cache" in found else "past_key_values"]

    def measured(self, predicted: MemoryEstimate) -> dict[str, Any]:
        reset_peak(self.device)
        cache = self.generate(predicted.context)
        found = {
            "context": predicted.context,
            "cache_predicted": predicted.kv_cache,
            "cache": sum(measure_cache(cache).keys_and_values.values()),
            "total_predicted": ends_of(predicted),
            "peak": peak_of(self.device),
        }
        del cache
        empty_cache(self.device)
        return found

    def unload(self) -> None:
        self.model = None
        empty_cache(self.device)


def outcome(cap: str, predicted: MemoryEstimate, worked: bool) -> dict[str, Any]:
    said = verdict(predicted.total, GPUS[cap].memory)
    return {
        "cap": cap,
        "context": predicted.context,
        "verdict": said,
        "worked": worked,
        "came_true": worked == (said != NO),
    }


def ends_of(predicted: MemoryEstimate) -> list[int]:
    return [predicted.total.low, predicted.total.expected, predicted.total.high]


def summary(loads: list[dict[str, Any]]) -> dict[str, Any]:
    """How often the prediction was right, in figures that a reader can check in the list."""
    weighed = [load for load in loads if load["weights"] is not None]
    runs = [run for load in loads for run in load["contexts"] if "cache" in run]
    trials = [trial for load in loads for trial in load["capped"]]
    peaks = [run for run in runs if run["peak"] is not None]
    said_no = [trial for trial in trials if trial["verdict"] == NO]
    said_yes = [trial for trial in trials if trial["verdict"] == "fits"]
    return {
        "loads": len(loads),
        "left_out": sum("error" in load for load in loads),
        "failed": sum(load.get("error", NO_TIME) != NO_TIME for load in loads),
        "weights_measured": len(weighed),
        "weights_exact": sum(one["weights"] == one["weights_predicted"] for one in weighed),
        "caches_measured": len(runs),
        "caches_exact": sum(run["cache"] == run["cache_predicted"] for run in runs),
        "peaks_measured": len(peaks),
        "peaks_within_range": sum(
            run["total_predicted"][0] <= run["peak"] <= run["total_predicted"][2] for run in peaks
        ),
        "fits_said": len(said_yes),
        "fits_came_true": sum(trial["came_true"] for trial in said_yes),
        "does_not_fit_said": len(said_no),
        "does_not_fit_came_true": sum(trial["came_true"] for trial in said_no),
        "tight_said": len(trials) - len(said_no) - len(said_yes),
    }


def line_of(load: dict[str, Any]) -> str:
    weights, way = load["weights"], load["quantization"] or load["dtype"]
    if "error" in load:
        return f"{load['model']:<40} {way:<11} {load['error'][:200]}"
    exact = "not loaded" if weights is None else f"{weights - load['weights_predicted']:+,} B"
    right = sum(trial["came_true"] for trial in load["capped"])
    return (
        f"{load['model']:<40} {way:<11} weights {exact:<12} "
        f"caps {right}/{len(load['capped'])}  {load['seconds']} s"
    )


if __name__ == "__main__":
    main()
