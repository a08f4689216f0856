"""GPUs by the names that people, drivers and shops give them, and the device in this machine."""

from __future__ import annotations

import _ctypes
import csv
import shutil
import sys
import types
from pathlib import Path

import pytest

import course_utils as cu
from course_utils import gpus

DRIVER_NAMES = {
    "Tesla T4": "T4",
    "NVIDIA L4": "L4",
    "Tesla P100-PCIE-16GB": "P100-16GB",
    "Tesla V100-SXM2-16GB": "V100-16GB",
    "Tesla V100-SXM2-32GB": "V100-32GB",
    "NVIDIA A100-SXM4-40GB": "A100-40GB",
    "NVIDIA A100-SXM4-80GB": "A100-80GB",
    "NVIDIA A100 80GB PCIe": "A100-80GB",
    "NVIDIA GeForce RTX 3060": "RTX 3060-12GB",
    "NVIDIA GeForce RTX 4090": "RTX 4090",
    "NVIDIA H100 80GB HBM3": "H100-80GB",
    "NVIDIA H100 PCIe": "H100-80GB",
    "NVIDIA H200": "H200",
}
SPELLINGS = {"t4": "T4", " nvidia-t4 ": "T4", "rtx4090": "RTX 4090", "A100": "A100-40GB"}


@pytest.mark.parametrize(("given", "name"), [*DRIVER_NAMES.items(), *SPELLINGS.items()])
def test_found_by_any_usual_name(given, name):
    assert cu.GPUS[given].name == name


@pytest.mark.parametrize(
    "given", ["T400", "RTX 4090 Laptop GPU", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "", None, 16]
)
def test_a_gpu_nobody_knows_is_not_taken_for_its_neighbour(given):
    with pytest.raises(cu.CourseError) as caught:
        cu.GPUS[given]
    assert all(name in str(caught.value) for name in cu.GPUS)
    assert "in bytes" in str(caught.value)
    assert given not in cu.GPUS


def test_the_nearest_is_named():
    with pytest.raises(cu.CourseError, match="nearest is RTX 40.0"):
        cu.GPUS["RTX 4080"]


def test_every_figure_is_as_its_evidence_says():
    with gpus.TABLE.open(newline="") as lines:
        rows = {row["name"]: row for row in csv.DictReader(lines)}
    assert rows.keys() == cu.GPUS.keys()
    for name, gpu in cu.GPUS.items():
        figure, unit = rows[name]["memory"].split()
        assert gpu.evidence
        assert figure in gpu.evidence or "bytes" in gpu.evidence
        assert 0.85 < gpu.memory / (gpu.marketing_gb * 10**9) < 1.1, name
        assert (unit == "B") == (gpu.memory == int(float(figure)))


def test_a_t4_is_not_sixteen_of_anything():
    t4 = cu.GPUS["T4"]
    assert t4.memory < 16 * 10**9 < 16 * 2**30
    assert "14.6 GiB as torch reports it" in str(t4)
    assert "sold as" in str(t4) and "16 GB" in str(t4)


def test_native_bfloat16_begins_with_ampere():
    assert {name for name, gpu in cu.GPUS.items() if not gpu.native_bf16} == {
        "T4",
        "P100-16GB",
        "V100-16GB",
        "V100-32GB",
        "RTX 2080 Ti",
    }
    assert "no: use float16" in str(cu.GPUS["T4"])


def test_two_gpus_never_share_a_spelling():
    spellings = [
        spelling
        for gpu in cu.GPUS.values()
        for spelling in {gpus._spelling(name) for name in (gpu.name, *gpu.aliases)}
    ]
    assert len(spellings) == len(set(spellings))


def test_the_table_is_read_only_when_asked(run_python):
    code = (
        "import course_utils as cu, csv\n"
        "csv.DictReader = None\n"
        "try:\n    len(cu.GPUS)\nexcept TypeError:\n    print('read now')"
    )
    assert "read now" in run_python(code).stdout


def test_the_live_gpu_is_asked_and_not_the_table(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", torch_with_a_t4())
    monkeypatch.setattr(gpus, "may_have_gpu", lambda: True)
    device = cu.current_device()
    assert (device.kind, device.memory, device.free) == ("cuda", 15_828_320_256, 15_000_000_000)
    assert device.native_bf16 is False
    assert cu.GPUS[device.name].name == "T4"


def test_without_a_gpu_the_ram_counts(monkeypatch):
    device = cu.current_device()
    if device.kind == "cuda":
        pytest.skip("a CUDA GPU is here")
    limit = Path("/proc/meminfo")
    assert 0 < device.free <= device.memory
    if limit.exists():
        total = int(limit.read_text().split()[1]) * 1024
        assert device.memory <= total
    assert "RAM" in str(device)


ASKED = """
import sys, course_utils as cu
from course_utils import gpus
cu.start("practice")
print(gpus.may_have_gpu(), "torch" in sys.modules)
"""


@pytest.mark.skipif(gpus.may_have_gpu(), reason="a GPU may be here")
def test_torch_is_imported_only_where_a_driver_is(run_python, tmp_path):
    assert run_python(ASKED).stdout.split()[-2:] == ["False", "False"]
    if sys.platform == "linux":  # a library of that name is what a driver brings
        shutil.copyfile(_ctypes.__file__, tmp_path / "libcuda.so.1")
        told = run_python(ASKED, LD_LIBRARY_PATH=str(tmp_path)).stdout.split()[-2:]
        assert told == ["True", "True"]


def torch_with_a_t4() -> types.ModuleType:
    """The part of torch that is asked, as torch answers on Colab's T4."""
    torch = types.ModuleType("torch")
    properties = types.SimpleNamespace(name="Tesla T4", major=7, minor=5)
    torch.cuda = types.SimpleNamespace(
        is_available=lambda: True,
        get_device_properties=lambda index: properties,
        mem_get_info=lambda index: (15_000_000_000, 15_828_320_256),
        is_bf16_supported=lambda including_emulation: including_emulation,
        device_count=lambda: 1,
    )
    return torch
