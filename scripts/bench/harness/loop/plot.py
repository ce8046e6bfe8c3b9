"""The plot: CPU time of an echo by protocol at three sizes, as an SVG that suits light and dark pages."""

from __future__ import annotations

from html import escape

from harness.loop import figures
from harness.loop.figures import Results
from harness.loop.kinds import KINDS, Kind
from harness.loop.lines import CHART
from harness.plot import BAR, GAP, LEGEND, STYLE, WIDTH

LEFT = 90


def draw(results: Results) -> str:
    """Each size has its own scale: its longest bar fills the width. Empty when no echo was measured."""
    parts, y = ['<text class="head" x="8" y="15">CPU time of an echo over TCP by protocol, us: shorter is better</text>'], float(LEGEND)
    for line in CHART:
        kinds = [kind for kind in KINDS if figures.cost(results, line, kind.name)]
        if kinds:
            parts += group(results, line, kinds, y)
            y += BAR * len(kinds) + GAP
    if len(parts) == 1:
        return ""
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" role="img" '
            'aria-label="CPU time of an echo by event loop and size">')
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"


def group(results: Results, line: str, kinds: list[Kind], y: float) -> list[str]:
    costs = [figures.cost(results, line, kind.name) or 0 for kind in kinds]
    room, height = WIDTH - LEFT - 150, BAR * len(kinds)
    parts = [f'<text x="{LEFT - 10}" y="{y + height / 2 + 4:.1f}" text-anchor="end">{escape(line.removeprefix("tcp protocol "))}</text>',
             f'<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{y:.1f}" y2="{y + height:.1f}"/>']
    for index, (kind, cost) in enumerate(zip(kinds, costs, strict=True)):
        width, top = room * cost / max(costs), y + index * BAR
        parts.append(f'<rect x="{LEFT}" y="{top + 1:.1f}" width="{width:.1f}" height="{BAR - 2}" rx="2" fill="{kind.color}"/>'
                     f'<text class="value" x="{LEFT + width + 5:.1f}" y="{top + BAR - 3:.1f}">{cost:.1f}  {escape(kind.label)}</text>')
    return parts
