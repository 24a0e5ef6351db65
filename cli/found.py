"""What other programs have on this machine, and what fits which card, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.models.memory_plan import CARDS, FOOTPRINTS, best_plan, memory_plans
from ..core.models.scan import Found, scan

HEADINGS = {
    "model": "Models (--model)",
    "lora": "LoRAs (--lora)",
    "embedding": "Words (--embedding)",
    "vae": "VAEs (--vae)",
    "tiny decoder": "Tiny decoders (--tiny-decoder)",
}


def scanned(folders: Sequence[Path]) -> Iterator[str]:
    """What is in some folders and below, by what it is for; at the end what cannot be used, with the reasons."""
    yield "Looked in: " + (", ".join(map(str, folders)) or "none of the known folders exists; name one")
    found = list(scan(folders))
    for kind, heading in HEADINGS.items():
        if several := [one for one in found if one.kind == kind and one.problem is None]:
            yield from ("", heading, *(line for one in several for line in _lines(one)))
    if refused := [one for one in found if one.problem is not None]:
        yield from ("", "Not usable here", *(line for one in refused for line in _lines(one)))


def memory() -> Iterator[str]:
    """How each family runs on cards of some sizes."""
    yield "Memory of a graphics card, half precision, windows of the native size (computed)"
    for name, footprint in FOOTPRINTS.items():
        plans = memory_plans(footprint)
        yield f"  {name}, windows of {footprint.native} px"
        for card in CARDS:
            plan = best_plan(plans, card)
            words = "too small; take a smaller --window"
            if plan is not None:
                words = f"{plan.name}, {plan.peak_bytes / 2**30:.1f} GB"
            yield f"    {card:>2} GB: {words}"


def _lines(one: Found) -> tuple[str, str]:
    words = ", ".join(word for word in (one.family, one.prediction, one.few_step) if word)
    told = f": {one.problem}" if one.problem else f"  [{words}]" if words else ""
    return f"  {one.name}{told}", f"    {one.path}"
