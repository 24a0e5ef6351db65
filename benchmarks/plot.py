"""The front of coherence against operations, as an SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, MARGIN = 760, 440, 56
GOOD, WEAK, INK, GRID = "#1b7f5a", "#b5541c", "#222222", "#dddddd"


def draw_front(rows: Sequence[Mapping[str, Any]]) -> str:
    """Share of the exact gain over TFLOP on a logarithmic axis; filled where quality and agreement hold too."""
    points = [(row["tflop"], row.get("gain", 0.0 if i == 0 else 1.0), row) for i, row in enumerate(rows)]
    low = 10 ** math.floor(math.log10(min(x for x, _, _ in points)))
    high = 10 ** math.ceil(math.log10(max(x for x, _, _ in points)))
    bottom, top = min(0.0, *(y for _, y, _ in points)), max(1.1, *(y for _, y, _ in points))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - math.log10(low)) / (math.log10(high) - math.log10(low))
        return MARGIN + across * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - (y - bottom) / (top - bottom) * (
            HEIGHT - 2 * MARGIN
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for exponent in range(round(math.log10(low)), round(math.log10(high)) + 1):
        x, y = place(10.0**exponent, bottom)
        parts.append(f'<line x1="{x:.0f}" y1="{MARGIN}" x2="{x:.0f}" y2="{y:.0f}" stroke="{GRID}"/>')
        parts.append(_text(x, y + 18, f"{10.0**exponent:g}", "middle"))
    for share in (0.0, 0.5, 0.95, 1.0):
        x, y = place(low, share)
        parts.append(f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{WIDTH - MARGIN}" y2="{y:.0f}" stroke="{GRID}"/>')
        parts.append(_text(x - 6, y + 4, f"{share:.0%}", "end"))
    parts.append(_text(WIDTH / 2, HEIGHT - 12, "TFLOP a panorama", "middle"))
    parts.append(_text(MARGIN, 30, "gain in coherence over MultiDiffusion, of the exact gradient's", "start"))
    for x, y, row in points:
        across, down = place(x, y)
        colour = GOOD if row.get("holds", True) else WEAK
        parts.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="5" fill="{colour}"/>')
        parts.append(_text(across + 8, down + 4, row["name"], "start"))
    return "\n".join([*parts, "</svg>\n"])


def _text(x: float, y: float, words: str, anchor: str) -> str:
    style = f'font-size="12" fill="{INK}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'
