"""The stylesheet of the widgets."""

from __future__ import annotations

from course_utils.palette import COLOURS

# Colours come from the page: Colab's, VS Code's or JupyterLab's variables, whichever is there.
RULES = """
.cu-box .widget-html, .cu-box .widget-html-content { min-width: 0; max-width: 100% }
.cu-box .widget-html-content { flex: 1 1 100% }
.cu-view {
  --cu-ink: var(--colab-primary-text-color,
    var(--vscode-foreground, var(--jp-content-font-color1, currentColor)));
  color: var(--cu-ink);
  font-family: var(--jp-content-font-family, inherit);
  font-size: var(--jp-content-font-size1, 14px);
  line-height: 1.45;
  max-width: 72rem;
  overflow-wrap: anywhere;
  white-space: normal;
}
.cu-view p, .cu-view ul { margin: .35em 0; padding: 0 }
.cu-title { font-weight: 600 }

.cu-track { position: relative; height: 2.3em; margin: 1em 0 0 }
.cu-device, .cu-part, .cu-peak { position: absolute; top: 0; bottom: 0; box-sizing: border-box }
.cu-device { left: 0; border: 2px solid var(--cu-ink); border-radius: 2px }
.cu-part {
  display: flex; align-items: center; justify-content: center;
  overflow: hidden; border: 1px solid var(--cu-part);
}
.cu-measured { background: var(--cu-part) }
.cu-predicted {
  background: repeating-linear-gradient(135deg, var(--cu-part) 0 4px, transparent 4px 8px);
}
.cu-peak { width: 0; top: -.45em; bottom: -.45em; border-left: 2px solid var(--cu-ink) }
.cu-peak::before {
  content: ""; position: absolute; left: -6px; top: -3px;
  border: 5px solid transparent; border-top: 8px solid var(--cu-ink);
}
.cu-labels { container-type: inline-size; font-size: .85em; line-height: 1.3 }
.cu-wide, .cu-narrow { position: relative; height: .7em }
.cu-wide { display: none }
@container (min-width: 560px) {
  .cu-wide { display: block }
  .cu-narrow { display: none }
}
.cu-two-rows { height: 2.9em }
.cu-labels svg { position: absolute; left: 0; top: 1px; width: 100%; height: 1em }
.cu-labels line { stroke: var(--cu-ink); stroke-width: 1.2px; vector-effect: non-scaling-stroke }
.cu-label { position: absolute; transform: translateX(-50%); white-space: nowrap }
.cu-below { top: 1.1em }
.cu-inside {
  top: -2.05em; background: #fff; color: #111; border-radius: 2px; padding: 0 .3em;
  font-weight: 600;
}
.cu-legend {
  display: flex; flex-wrap: wrap; gap: .2em 1.4em;
  list-style: none; font-variant-numeric: tabular-nums;
}
.cu-legend li { display: flex; align-items: center; gap: .45em; margin: 0 }
.cu-legend span { min-width: 0 }
.cu-swatch {
  flex: none; box-sizing: border-box; width: 2em; height: 1.1em; border: 1px solid var(--cu-part);
}
.cu-key { opacity: .85; font-size: .9em; --cu-part: var(--cu-ink) }
.cu-free { border: 2px solid var(--cu-ink) }

.cu-line {
  display: block; box-sizing: border-box; width: 100%; height: 4em; margin: .5em 0 .2em;
  border: solid var(--cu-ink); border-width: 0 0 1px 1px;
}
.cu-verdict { display: flex; align-items: center; gap: .5em; font-size: 1.15em }
.cu-verdict svg { width: 1.7em; height: 1.7em; flex: none }
.cu-facts { border-collapse: collapse; margin: .4em 0; color: inherit; font-size: inherit }
.cu-facts th, .cu-facts td {
  padding: .15em .9em .15em 0; max-width: none;
  text-align: left; vertical-align: top; white-space: normal;
}
.cu-facts th { font-weight: 600; white-space: nowrap }
.cu-view pre {
  margin: .5em 0; padding: .6em .8em; overflow-x: auto; white-space: pre; line-height: 1.4;
  color: inherit; background: transparent; border: 1px solid var(--cu-ink); border-radius: 2px;
  font-family: var(--jp-code-font-family, monospace);
  font-size: var(--jp-code-font-size, 13px);
}
.cu-view pre:focus-visible { outline: 3px solid #0072b2 }
.cu-view p.cu-problem { border-left: 4px solid #d32f2f; padding-left: .6em }

@media (forced-colors: active) {
  .cu-part, .cu-swatch, .cu-verdict svg { forced-color-adjust: none }
}
@media (max-width: 30rem) {
  .cu-facts th, .cu-facts td { display: block; padding-right: 0 }
}
"""
FILLS = "\n".join(f".cu-{kind} {{ --cu-part: {colour} }}" for kind, colour in COLOURS.items())
STYLE = f"<style>{RULES}{FILLS}</style>"

# For three outputs of a cell in a row: widget, picture, and this. Of the first two one is shown.
LIVE_OR_STILL = """<style class="cu-live-or-still">
.jp-OutputArea-child:has(.cu-box) + .jp-OutputArea-child:has(+ * .cu-live-or-still),
.jp-OutputArea-child:not(:has(.cu-box)):has(+ * + * .cu-live-or-still),
.jp-OutputArea-child:has(.cu-live-or-still) { display: none }
</style>"""

# The sliders of ipywidgets 8 have no name that a screen reader could say: their label is not tied
# to them. A page runs no <script> of an HTML widget, but it does run what an image that fails to
# load asks for. Where a page forbids even that, only the names are missing.
NAME_SLIDERS = """<img alt="" src="data:," style="display:none" onerror="
(function name(image, tries) {
  const sliders = image.closest('.cu-box')?.querySelectorAll('.widget-slider') ?? [];
  for (const slider of sliders) {
    const label = slider.querySelector('.widget-label')?.textContent;
    const readout = slider.querySelector('.widget-readout');
    slider.querySelector('[role=slider]')?.setAttribute('aria-label', label);
    readout?.setAttribute('aria-label', label + ', as a number');
    readout?.setAttribute('role', 'textbox');
  }
  if (!sliders.length && tries) setTimeout(name, 100, image, tries - 1);
})(this, 100)">"""
