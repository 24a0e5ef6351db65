"""Regions: how much each of several prompts counts at every column of the canvas."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

BLEND = 0.5  # of a window: over what width one prompt gives way to the next


def region_shares(centers: Sequence[float], width: int, blend: float, wrap: bool) -> Tensor:
    """(regions, width), in [0, 1], summing to 1 at every column.

    ``centers`` are the columns where each prompt stands, in latents, in any order but no two alike. Halfway between two
    neighbours one gives way to the other, linearly over ``blend`` columns, or as many as lie between them. On a canvas
    that does not ``wrap`` the outermost reach to its ends.
    """
    shares = torch.zeros(len(centers), width, dtype=torch.float64)
    order = sorted(range(len(centers)), key=centers.__getitem__)
    columns = torch.arange(width, dtype=torch.float64) + 0.5
    places = [(centers[region], region) for region in order]
    if wrap:
        places = [(places[-1][0] - width, places[-1][1]), *places, (places[0][0] + width, places[0][1])]
    else:
        shares[places[0][1], columns <= places[0][0]] = 1
        shares[places[-1][1], columns > places[-1][0]] = 1
    for (left, first), (right, second) in pairwise(places):
        between = (columns > left) & (columns <= right)
        fading = min(blend, right - left)
        share = ((columns - (left + right) / 2) / fading + 0.5).clamp(0, 1)[between]
        shares[first, between] += 1 - share
        shares[second, between] += share
    return shares
