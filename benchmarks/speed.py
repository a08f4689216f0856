"""How long an answer takes, warm, and that one layer of each kind tells as much as all of them.

Each figure is taken twice in one run: as it is, and as it was, with every layer driven, each
skeleton built anew and nothing kept. The Hub is a process of its own, as in the course.

    python -m benchmarks.speed
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

from practice_hub.catalogue import BUILT_IN

LARGE = "deepseek-ai/DeepSeek-V3"
GPU = "T4"
RUNS = 3
HUB = """
import sys
from practice_hub import PracticeHub
with PracticeHub() as hub:
    print(hub.url, flush=True)
    sys.stdin.read()
"""
START = """
import os, sys, time
import course_utils as cu
began = time.perf_counter()
cu.start("practice")
print(time.perf_counter() - began, "torch" in sys.modules)
"""


def main() -> None:
    for what, figure in figures():
        print(f"{what:<44}{figure}", flush=True)


def figures() -> Iterator[tuple[str, str]]:
    """In a process of its own, for a process has one Hub."""
    done = subprocess.run(
        [sys.executable, "-c", "from benchmarks import speed; speed.measure()"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for line in done.stdout.splitlines():
        what, _, figure = line.partition("\t")
        yield what, figure


def measure() -> None:
    """Prints each figure after its name and a tab."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, _hub(folder):
        import course_utils as cu
        from course_utils.find import MOST_SIZED

        times, imported = start_seconds()
        _show("cu.start(), a cold process", f"{times:.2f} s, torch imported: {imported}")
        cu.start("practice")
        cu.estimate_memory("facebook/opt-125m")  # the libraries are imported
        models = [name for name, _ in catalogue()]
        asked: dict[str, Callable[[], Any]] = {
            f"estimate_memory, {LARGE}": lambda: cu.estimate_memory(LARGE),
            f"find_models(fits={GPU!r}), {MOST_SIZED} sized": lambda: cu.find_models(
                fits=GPU, limit=1000
            ),
        }
        for what, ask in asked.items():
            with each_layer_driven():
                before = seconds(ask)
            new_kernel()
            first = seconds(ask)
            new_kernel()
            kept = seconds(ask)
            again = statistics.median(seconds(ask) for _ in range(RUNS))
            _show(
                what,
                f"{again:.2f} s ({kept:.2f} s from disk, {first:.2f} s the first time, "
                f"{before:.2f} s with every layer driven and nothing kept)",
            )
        each = sorted(seconds(partial(_answer, name)) for name in models)
        _show(
            f"estimate_memory, each of {len(each)} models",
            f"{statistics.median(each):.2f} s in the median, {each[-1]:.2f} s the slowest",
        )
        equal, different = proof()
        _show(
            "one layer of each kind = every layer",
            f"{len(equal)} of {len(equal) + len(different)} models equal"
            + (f", not {', '.join(different)}" if different else ""),
        )


def start_seconds() -> tuple[float, str]:
    """Of ``cu.start()``, in the median of fresh Pythons; and whether that imported torch."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", START], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(RUNS)
    ]
    return statistics.median(float(run[-2]) for run in runs), runs[0][-1]


def seconds(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def proof() -> tuple[list[str], list[str]]:
    """The models whose cache comes out the same, driven through one layer of each kind or through
    all; and the others."""
    from course_utils.errors import CannotTell
    from course_utils.memory.kv_cache import observed_cache
    from course_utils.memory.meta_model import build, config_of, model_class

    equal: list[str] = []
    different: list[str] = []
    for name, fields in catalogue():
        fields = {key: value for key, value in fields.items() if key != "quantization_config"}
        try:
            config = config_of(name, fields)
            models = [build(name, config, model_class(config), "bfloat16") for _ in range(2)]
        except CannotTell:  # a pipeline of diffusers, or one that wants another library
            continue
        quick = observed_cache(models[0])
        with each_layer_driven():
            whole = observed_cache(models[1])
        (equal if quick == whole else different).append(name)
    return equal, different


def catalogue() -> Iterator[tuple[str, dict[str, Any]]]:
    """The models of the practice Hub's catalogue whose config is told."""
    for path in sorted(BUILT_IN.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("config"):
            yield content["id"], content["config"]


@contextmanager
def each_layer_driven() -> Iterator[None]:
    """As it was: no layer stands for another, and nothing that was found out is kept."""
    from course_utils.memory import by_transformers, kv_cache, skeleton

    def never(model: Any) -> Any:
        return None  # what cannot be called tells nothing, and every layer is driven

    def find_again(asked: str, find: Callable[[], Any], *_: Any) -> Any:
        return find()

    whole, packed = skeleton.skeleton.__wrapped__, skeleton.packed_tensors.__wrapped__
    with (
        mock.patch.object(kv_cache, "OneOfEachKind", never),
        mock.patch.object(skeleton, "kept_on_disk", find_again),
        mock.patch.object(by_transformers, "skeleton", whole),
        mock.patch.object(by_transformers, "packed_tensors", packed),
    ):
        yield


def new_kernel() -> None:
    """Forgets what this process found out; what is kept on disk stays."""
    from course_utils.memory import skeleton

    skeleton.skeleton.cache_clear()
    skeleton.packed_tensors.cache_clear()


def _answer(name: str) -> None:
    import course_utils as cu

    try:
        cu.estimate_memory(name)
    except cu.CourseError:
        return  # behind a gate, or no model of transformers: an answer, too


@contextmanager
def _hub(folder: str) -> Iterator[None]:
    """A practice Hub in a process of its own, and empty caches."""
    with subprocess.Popen(
        [sys.executable, "-c", HUB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        os.environ["PRACTICE_HUB_URL"] = process.stdout.readline().strip()
        os.environ["COURSE_CACHE"] = f"{folder}/cache"
        try:
            yield
        finally:
            process.stdin.close()


def _show(what: str, figure: str) -> None:
    print(f"{what}\t{figure}", flush=True)


if __name__ == "__main__":
    main()
