"""Results of benchmarks: kept as JSON, shown as a table."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from syncdiffusion.core.models.libraries import import_diffusers
from syncdiffusion.core.version import VERSION

from .modes import AUTHORS

TOTALS = {"timed": "total_seconds", "counted": "total_tflop"}


class Results:
    """The JSON: rows by (what, model, mode, size), written after every one; what is there is not done again."""

    def __init__(self, path: Path, machine: Mapping[str, Any]) -> None:
        self._path = path
        self._content: dict[str, Any] = {"machine": dict(machine), "rows": []}
        if path.is_file():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["machine"] == self._content["machine"]:
                self._content = kept

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows so far."""
        return self._content["rows"]

    def has(self, **key: Any) -> bool:
        """Whether there is a row of this key."""
        return any(key.items() <= row.items() for row in self.rows)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row and write the file."""
        self.rows.append(dict(row))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._content, indent=1) + "\n", encoding="utf-8")


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures were taken on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "diffusers": import_diffusers().__version__,
        "syncdiffusion": VERSION,
    }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as text: totals, operations a second, memory (of all, or of a window's gradient), and how much cheaper.

    Operations a second where the same was counted too: the device's utilization, over its peak. Cheaper than the
    authors' loop of the same model and size.
    """
    titles = ("seconds", 10), ("TFLOP", 10), ("TFLOP/s", 8), ("GiB", 7), ("cheaper", 8)
    heads = " ".join(f"{title:>{width}}" for title, width in titles)
    lines = [f"{'model':8} {'mode':22} {'across':>6} {'windows':>7} {heads}"]
    for row in rows:
        seconds = row.get("total_seconds")
        operations = row.get("total_tflop", _same(row, rows, what="counted").get("total_tflop"))
        memory = row.get("peak_memory_bytes", row.get("gradient_bytes"))
        authors, total = _same(row, rows, mode=AUTHORS).get(TOTALS[row["what"]]), row.get(TOTALS[row["what"]])
        figures = (
            seconds,
            operations,
            operations / seconds if operations and seconds else None,
            None if memory is None else memory / 2**30,
            authors / total if authors and total else None,
        )
        cells = " ".join(
            " " * width if figure is None else f"{figure:{width}.{2 if title == 'GiB' else 1}f}"
            for (title, width), figure in zip(titles, figures, strict=True)
        )
        head = f"{row['model']:8} {row['mode']:22} {row['across']:6} {row.get('windows', ''):>7}"
        lines.append(f"{head} {cells} {row.get('failed', '')}".rstrip())
    return "\n".join(lines)


def _same(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], **changed: str) -> Mapping[str, Any]:
    """The row with the same key but for what is changed; empty where there is none."""
    key = {name: row[name] for name in ("what", "model", "mode", "across")} | changed
    return next((other for other in rows if key.items() <= other.items()), {})
