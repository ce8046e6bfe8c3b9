"""The plot: grouped horizontal bars of requests per CPU-second, as an SVG that suits light and dark pages."""

from __future__ import annotations

from html import escape
from typing import Any

from harness.scenarios import SCENARIOS
from harness.servers import SERVERS

COLORS = {"tricorn": "#e4572e", "tricorn-silent": "#f2b5a0", "tricorn-reuse-port": "#f2b5a0", "bare": "#8d99ae", "uvicorn-fastest": "#3a86c8",
          "uvicorn-today": "#8fc1e8", "granian": "#6a994e", "go": "#2a9d8f", "node": "#b5a642"}
BAR, GAP, LEFT, WIDTH, LEGEND = 13, 18, 215, 920, 34
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .head { font-weight: 600 } .value { font-size: 10px; fill: #57606a } .axis { stroke: #d0d7de }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .value { fill: #9da7b3 } .axis { stroke: #444c56 }
  }
"""


def draw(throughput: dict[str, Any]) -> str:
    """Each scenario has its own scale: its longest bar fills the width."""
    parts, y = legend(throughput), float(LEGEND + GAP)
    for scenario in SCENARIOS:
        if row := throughput.get(scenario.name):
            group, height = bars(scenario.label.replace("`", ""), row, y)
            parts += group
            y += height + GAP
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" role="img" '
            'aria-label="Requests per CPU-second by server and scenario">')
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"


def legend(throughput: dict[str, Any]) -> list[str]:
    parts, x = ['<text class="head" x="8" y="15">Requests per CPU-second of the server</text>'], 8.0
    for server in SERVERS:
        if any(server.name in row for row in throughput.values()):
            parts.append(f'<rect x="{x:.0f}" y="{LEGEND - 9}" width="10" height="10" rx="2" fill="{COLORS[server.name]}"/>'
                         f'<text x="{x + 14:.0f}" y="{LEGEND}">{escape(server.label)}</text>')
            x += 26 + 6.7 * len(server.label)
    return parts


def bars(label: str, row: dict[str, Any], y: float) -> tuple[list[str], float]:
    names = [server.name for server in SERVERS if server.name in row]
    longest, room, height = max(row[name]["per_cpu_second"] for name in names), WIDTH - LEFT - 90, BAR * len(names)
    parts = [f'<text x="{LEFT - 10}" y="{y + height / 2 + 4:.1f}" text-anchor="end">{escape(label)}</text>',
             f'<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{y:.1f}" y2="{y + height:.1f}"/>']
    for index, name in enumerate(names):
        value = row[name]["per_cpu_second"]
        width, top = room * value / longest, y + index * BAR
        parts.append(f'<rect x="{LEFT}" y="{top + 1:.1f}" width="{width:.1f}" height="{BAR - 2}" rx="2" fill="{COLORS[name]}"/>'
                     f'<text class="value" x="{LEFT + width + 5:.1f}" y="{top + BAR - 3:.1f}">{value:,.0f}</text>')
    return parts, height
