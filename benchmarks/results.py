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
    """The rows as text: totals, memory (of all, or of one window's gradient), and how much cheaper.

    Cheaper than the authors' loop of the same model and size.
    """
    lines = [
        f"{'model':8} {'mode':22} {'across':>6} {'windows':>7} {'seconds':>10} {'TFLOP':>10} {'GB':>6} {'cheaper':>8}"
    ]
    for row in rows:
        line = f"{row['model']:8} {row['mode']:22} {row['across']:6} {row.get('windows', ''):>7}"
        for name in ("total_seconds", "total_tflop"):
            line += f" {row[name]:10.1f}" if name in row else " " * 11
        memory = row.get("peak_memory_bytes", row.get("gradient_bytes"))
        line += f" {memory / 2**30:6.2f}" if memory is not None else " " * 7
        lines.append(f"{line} {_cheaper(row, rows)}".rstrip())
    return "\n".join(lines)


def _cheaper(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    amount = TOTALS[row["what"]]
    if not row.get(amount):
        return row.get("failed", "")
    for other in rows:
        same = all(other[key] == row[key] for key in ("what", "model", "across"))
        if same and other["mode"] == AUTHORS and amount in other:
            return f"{other[amount] / row[amount]:7.1f}x"
    return ""
