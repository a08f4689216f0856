"""The README's pictures of the widgets, taken in a real JupyterLab: one light, one dark.

    python -m tools.widget_pictures

Writes ``docs/widgets_light.png`` and ``docs/widgets_dark.png``. Needs a Chromium and 6 GB of RAM.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
WIDTH, GAP = 1000, 28
CELLS = [
    """
import course_utils as cu
_ = cu.start("practice")
""",
    'cu.FitExplorer("Qwen/Qwen2.5-7B-Instruct", gpu="T4", context=8192)',
    """
from transformers import AutoConfig, AutoModelForCausalLM
name = "Qwen/Qwen2.5-1.5B-Instruct"
gauge = cu.VRAMGauge(cu.estimate_memory(name, context=32_768))
with gauge.watch("building a 1.5B"):
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(name), dtype="bfloat16")
_ = gauge.measure(model)
""",
    'cu.LicenseCheck("practice/relabeled-chat")',
]


def main() -> None:
    from tests.support.lab_page import lab_page, set_theme

    DOCS.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        lab_page(Path(folder), CELLS, seconds=600) as page,
    ):
        page.set_viewport_size({"width": WIDTH, "height": 2400})
        for theme in ("Light", "Dark"):
            set_theme(page, f"JupyterLab {theme}")
            page.wait_for_timeout(1000)
            pictures = [picture(box) for box in page.locator(".cu-box").all()]
            target = DOCS / f"widgets_{theme.lower()}.png"
            below_each_other(pictures).quantize(256, Image.Quantize.MAXCOVERAGE).save(
                target, optimize=True
            )
            print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1e3:.0f} kB")


def picture(box: Any) -> Image.Image:
    return Image.open(io.BytesIO(box.screenshot())).convert("RGB")


def below_each_other(pictures: list[Image.Image]) -> Image.Image:
    """On the colour that the first one has in its corner."""
    size = max(one.width for one in pictures), sum(one.height for one in pictures)
    paper = pictures[0].getpixel((0, pictures[0].height - 1))
    gaps = len(pictures) + 1
    page = Image.new("RGB", (size[0] + 2 * GAP, size[1] + gaps * GAP), paper)
    top = GAP
    for one in pictures:
        page.paste(one, (GAP, top))
        top += one.height + GAP
    return page


if __name__ == "__main__":
    main()
