"""Interactive charts inside one HTML file: plotly's script once, the values of each chart, and nothing from outside.

The script is the one that comes with the Python package plotly, so that a page works without a network.  Pages name the
scripts that may run by their hash (Content-Security-Policy): text of a case that reached the page cannot be one.
"""

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from functools import cache
from typing import Final

from chemomech.render.interactive import Chart

START: Final = """
for (const place of document.querySelectorAll("div.chart")) {
  const chart = JSON.parse(document.getElementById(place.dataset.values).textContent);
  const still = place.querySelector("img");
  if (still) still.remove();
  Plotly.newPlot(place, chart.data, chart.layout, {responsive: true, displaylogo: false});
}
"""
"""puts every chart where its still picture stands, which stays where scripts do not run"""
STYLE: Final = (
    "div.chart { width: 100%; min-height: 27rem; margin-bottom: 0.6rem; } div.chart img { display: block; }"
)


@cache
def library() -> str:
    """Return plotly.js, from the installed package."""
    from plotly.offline import get_plotlyjs  # slow to import

    script: str = get_plotlyjs()
    return script


def policy(charts: Sequence[Chart]) -> str:
    """Return the Content-Security-Policy of a page with these charts: only what is in the page, only these scripts."""
    sources = "default-src 'none'; img-src data: blob:; media-src data:; style-src 'unsafe-inline'"
    if not charts:
        return sources
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in (library(), START))
    return f"{sources}; script-src {hashes}"


def place(chart: Chart, still: str = "") -> str:
    """Return the element that a chart is put into, with its values; `still` is what stands there without scripts."""
    values = json.dumps({"data": chart.data, "layout": chart.layout}, allow_nan=False, ensure_ascii=False)
    safe = values.replace("<", "\\u003c")  # nothing in it can end the element
    name = html.escape(f"values-{chart.name}")
    return (
        f'<div class="chart" data-values="{name}">{still}</div>'
        f'<script type="application/json" id="{name}">{safe}</script>'
    )


def scripts(charts: Sequence[Chart]) -> str:
    """Return what makes the charts of a page, for its end; nothing where it has none."""
    return f"<script>{library()}</script>\n<script>{START}</script>" if charts else ""


def page(title: str, charts: Sequence[Chart]) -> str:
    """Return a page of charts alone."""
    figures = "\n".join(f"<figure>{place(chart)}</figure>" for chart in charts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy(charts)}">
<title>{html.escape(title)}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
figure {{ margin: 0 0 2rem 0; }}
{STYLE}
</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
{figures}
{scripts(charts)}
</body>
</html>
"""


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
