"""The paper's findings, and whether the numbers at hand show them: by rules that are written down before the run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .results import Results

WEIGHTS = ("md", "w5", "w10", "w15", "w20")
SMALL = 0.2  # share of what w = 20 changes that counts as nothing


@dataclass(frozen=True)
class Finding:
    """A claim of the paper. ``holds`` is None where not all of its rows have been measured."""

    claim: str
    rule: str
    numbers: str
    holds: bool | None

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return {True: "reproduced", False: "not reproduced", None: "not measured"}[self.holds]


def findings(results: Results) -> list[Finding]:
    """All that is checked."""
    return [
        _ordered(
            results,
            "Coherence grows with w (Section 5, Table 2)",
            "the mean intra-distance falls from each w to the next",
            "distance",
            WEIGHTS,
        ),
        _eq_13(results),
        _style(results),
        _ordered(
            results,
            "More gradient steps give more coherence (Table 3)",
            "the mean intra-distance falls from f = 5 to f = 10 to all steps",
            "distance",
            ("f5", "f10", "w20"),
        ),
        _ordered(
            results,
            "and take more time (Table 3)",
            "seconds rise from MultiDiffusion to f = 5 to f = 10 to all steps",
            "seconds",
            ("w20", "f10", "f5", "md"),
        ),
        _ordered(
            results,
            "Diversity falls with w (Figure 5)",
            "FID rises from each w to the next",
            "fid",
            WEIGHTS[::-1],
        ),
        _ordered(
            results,
            "Blended Latent Diffusion costs fidelity (Section 5)",
            "FID: Blended Latent Diffusion above SyncDiffusion with w = 20",
            "fid",
            ("bld", "w20"),
        ),
    ]


def _ordered(results: Results, claim: str, rule: str, metric: str, falling: Sequence[str]) -> Finding:
    """Means that fall from row to row."""
    values = [_mean(results, key, metric) for key in falling]
    numbers = _numbers(zip(falling, values, strict=True))
    if None in values:
        return Finding(claim, rule, numbers, None)
    return Finding(claim, rule, numbers, all(a > b for a, b in itertools.pairwise(values)))


def _eq_13(results: Results) -> Finding:
    claim = "Comparing noisy latents (Eq. 13) does nothing (Section 6.5)"
    rule = f"its change of the intra-distance is less than {SMALL:.0%} of that of Eq. 14 at w = 20"
    plain, noisy, foreseen = values = [_mean(results, key, "distance") for key in ("md", "eq13", "w20")]
    numbers = _numbers(zip(("md", "eq13", "w20"), values, strict=True))
    if None in values:
        return Finding(claim, rule, numbers, None)
    return Finding(claim, rule, numbers, abs(noisy - plain) < SMALL * abs(foreseen - plain))


def _style(results: Results) -> Finding:
    claim = "Style Loss moves style most and hurts fidelity (Section 6.4)"
    rule = "its intra-style is below, its FID above that of w = 20"
    pairs = [(_mean(results, "style", metric), _mean(results, "w20", metric)) for metric in ("style", "fid")]
    numbers = "; ".join(
        f"{name}: {_numbers(zip(('style', 'w20'), pair, strict=True))}"
        for name, pair in zip(("style", "FID"), pairs, strict=True)
    )
    if any(None in pair for pair in pairs):
        return Finding(claim, rule, numbers, None)
    (style, of_w20), (fid, fid_of_w20) = pairs
    return Finding(claim, rule, numbers, style < of_w20 and fid > fid_of_w20)


def _mean(results: Results, key: str, metric: str) -> float | None:
    cell = results.cell(key, metric)
    return cell.mean if cell else None


def _numbers(pairs: Iterable[tuple[str, float | None]]) -> str:
    return ", ".join(f"{key} {'–' if value is None else f'{value:.4g}'}" for key, value in pairs)


def findings_markdown(found: Sequence[Finding]) -> str:
    """A table of all."""
    lines = ["| finding of the paper | rule | numbers | verdict |", "|---|---|---|---|"]
    lines += [f"| {one.claim} | {one.rule} | {one.numbers} | {one.verdict} |" for one in found]
    return "\n".join(lines) + "\n"
