"""Progress on standard error."""

import io

import pytest

from syncdiffusion.cli.progress import ProgressLine
from syncdiffusion.core.events import Notice, Phase, Progress

EVENTS = (
    Progress(Phase.LOADING),
    Progress(Phase.SAMPLING),
    Notice("half of it"),
    Progress(Phase.SAMPLING, 1, 2, 61.4, 0.25),
    Progress(Phase.SAMPLING, 2, 2, 0.0, None),
    Progress(Phase.SAVING),
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown():
    """What a stream shows of events."""

    def show(stream, events=EVENTS, quiet=False):
        with ProgressLine(quiet, stream) as progress:
            for event in events:
                progress.show(event)
        return stream.getvalue()

    return show


def test_lines_where_there_is_no_terminal(shown):
    assert shown(io.StringIO()).splitlines() == [
        "Loading", "Sampling", "note: half of it", "Sampling, 1/2, loss 0.2500, 61 s left", "Sampling, 2/2, 0 s left",
        "Saving",
    ]  # fmt: skip


def test_a_bar_on_a_terminal(shown):
    lines = shown(Terminal()).split("\n")
    assert len(lines) == 4
    assert lines[0].endswith("Sampling")
    assert lines[1] == "note: half of it"
    bars = lines[2].split("\r\x1b[K")[1:]
    assert bars == [
        f"[{'#' * 15}{'-' * 15}] Sampling, 1/2, loss 0.2500, 61 s left",
        f"[{'#' * 30}] Sampling, 2/2, 0 s left",
        "Saving",
    ]
    assert lines[3] == ""


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quiet_shows_notices_only(shown, stream):
    assert shown(stream(), quiet=True) == "note: half of it\n"


@pytest.mark.parametrize("steps", [1, 7, 50, 1000])
def test_about_ten_lines_and_the_last_step(shown, steps):
    events = [Progress(Phase.SAMPLING, step, steps, 0.0) for step in range(1, steps + 1)]
    lines = shown(io.StringIO(), events).splitlines()
    assert min(steps, 10) <= len(lines) <= 20
    assert lines[-1] == f"Sampling, {steps}/{steps}, 0 s left"
