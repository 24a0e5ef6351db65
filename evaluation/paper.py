"""The numbers of the paper's Tables 2 and 3, as they are printed: mean ± standard deviation."""

from __future__ import annotations

from collections.abc import Mapping

METRICS = ("distance", "style", "giqa", "fid", "kid", "agreement")  # in the order of the columns
STUDY = 66.35  # percent of the answers of the user study that preferred SyncDiffusion (w = 20) to MultiDiffusion
QUESTION = "Which one appears a more coherent panorama image to you?"

_TABLE_2 = {
    "sd": ("0.74 ± 0.07", "8.40 ± 6.27", "26.70 ± 6.90", "28.31 ± 10.89", "<0.01 ± 0.13", "31.63 ± 1.89"),
    "bld": ("0.58 ± 0.06", "4.64 ± 3.32", "24.27 ± 6.19", "84.29 ± 36.74", "66.54 ± 37.30", "31.41 ± 1.66"),
    "md": ("0.69 ± 0.09", "2.98 ± 2.41", "28.54 ± 7.99", "33.52 ± 12.43", "9.04 ± 4.23", "31.77 ± 2.32"),
    "w5": ("0.64 ± 0.07", "2.15 ± 1.61", "28.58 ± 7.84", "35.57 ± 12.43", "12.09 ± 4.98", "31.85 ± 2.33"),
    "w10": ("0.60 ± 0.07", "1.75 ± 1.31", "28.28 ± 7.54", "38.24 ± 15.24", "15.08 ± 6.77", "31.90 ± 2.33"),
    "w15": ("0.58 ± 0.06", "1.54 ± 1.21", "27.74 ± 7.19", "41.04 ± 16.74", "17.47 ± 8.29", "31.86 ± 2.25"),
    "w20": ("0.56 ± 0.06", "1.39 ± 1.15", "27.17 ± 6.66", "44.60 ± 18.45", "21.00 ± 11.06", "31.84 ± 2.19"),
    "md-2048": ("0.69 ± 0.09", "2.96 ± 2.41", "28.33 ± 7.79", "33.07 ± 12.38", "8.58 ± 3.99", "31.77 ± 2.14"),
    "w20-2048": ("0.55 ± 0.06", "1.39 ± 1.19", "27.08 ± 6.65", "43.33 ± 17.98", "18.77 ± 10.19", "31.77 ± 2.14"),
    "md-1024": ("0.66 ± 0.09", "2.57 ± 1.97", "28.17 ± 7.54", "30.66 ± 11.79", "5.24 ± 3.04", "31.73 ± 2.22"),
    "w20-1024": ("0.53 ± 0.06", "1.09 ± 0.77", "26.41 ± 6.38", "40.35 ± 16.43", "13.20 ± 7.61", "31.71 ± 2.01"),
    "eq13": ("0.68 ± 0.09", "2.95 ± 2.39", "28.53 ± 7.99", "33.58 ± 0.09", "9.15 ± 4.25", "31.78 ± 2.32"),
    "style": ("0.64 ± 0.10", "1.08 ± 1.10", "25.74 ± 6.31", "73.05 ± 37.56", "56.64 ± 39.58", "31.15 ± 2.32"),
}
_TABLE_3 = {
    "f5": ("0.64 ± 0.07", "2.33 ± 1.83", "28.44 ± 7.85", "35.18 ± 13.31", "11.43 ± 4.68", "31.81 ± 2.24"),
    "f10": ("0.62 ± 0.07", "2.14 ± 1.72", "28.43 ± 7.75", "36.22 ± 14.03", "12.84 ± 5.59", "31.85 ± 2.27"),
}
_SECONDS = {"md": "46.10 ± 1.07", "f5": "81.17 ± 0.53", "f10": "104.83 ± 3.38", "w20": "339.53 ± 2.85"}

ROWS: Mapping[str, Mapping[str, str]] = {
    key: {**dict(zip(METRICS, values, strict=True)), **({"seconds": _SECONDS[key]} if key in _SECONDS else {})}
    for key, values in {**_TABLE_2, **_TABLE_3}.items()
}
"""Key of a row -> metric -> "mean ± standard deviation", multiplied as the heading says."""


def mean_and_deviation(printed: str) -> tuple[float, float]:
    """The two numbers of a cell; "<0.01" counts as 0.01."""
    mean, _, deviation = printed.partition(" ± ")
    return float(mean.lstrip("<")), float(deviation)
