"""The front's candidates are requests, and are held against the exact path."""

import pytest

from benchmarks.front import CANDIDATES, _against_exact
from syncdiffusion.core.request.validation import prepare


def test_every_candidate_is_a_request_of_its_own():
    requests = [prepare({"prompt": "a landscape", **settings}).request for settings in CANDIDATES.values()]
    assert [request.synchronizes for request in requests] == [False, *[True] * (len(requests) - 1)]
    assert list(CANDIDATES)[:2] == ["multidiffusion", "exact"]
    assert requests[1].gradient == "exact"


def row(intra, truth, agreement):
    return {"intra": intra, "distance_to_truth": truth, "prompt_agreement": agreement}


@pytest.mark.parametrize(
    ("candidate", "holds"),
    [
        (row(0.62, 2.0, 0.9), True),
        (row(0.64, 2.0, 0.9), False),  # 90 % of the gain
        (row(0.4, 2.3, 0.9), False),  # more coherent, and a worse picture
        (row(0.6, 2.0, 0.8), False),
    ],
)
def test_a_row_holds_if_it_is_as_good_as_the_exact_one_within_5_percent(candidate, holds):
    rows = [row(1.0, 2.0, 0.9), row(0.6, 2.0, 0.9)]
    assert _against_exact(candidate, rows[:1]) == {}
    found = _against_exact(candidate, rows)
    assert found["holds"] is holds
    assert found["gain"] == pytest.approx((1 - candidate["intra"]) / 0.4)
