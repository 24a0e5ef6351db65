"""What is typed: options, values, and what is no option at all."""

import pytest

from syncdiffusion.cli.generate import OUTPUT_OPTIONS
from syncdiffusion.core.errors import option
from syncdiffusion.core.request.settings import SETTINGS, Flag
from syncdiffusion.core.version import VERSION


def test_help_lists_every_option(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("generate", "--help")
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name in (*map(option, (*SETTINGS, *OUTPUT_OPTIONS)), "from", "quiet", "debug"):
        assert f"--{name} " in text or f"--{name}\n" in text
    assert all(" ".join(setting.help.split()) in " ".join(text.split()) for setting in SETTINGS.values())


def test_version(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("--version")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{VERSION}\n"


def test_commands(run):
    outcome = run()
    assert (outcome.status, outcome.errors) == (2, ["command: is missing; --help lists the commands"])
    outcome = run("dance")
    assert outcome.status == 2
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("command: invalid choice: 'dance'")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--colour=red"], "colour: '--colour' is no option; --help lists them all"),
        (["--guidance"], "guidance: '--guidance' is no option; --help lists them all"),  # no abbreviations
        (["-x"], "x: '-x' is no option; --help lists them all"),
        (["by", "night"], "by: 'by night' belongs to no option; put quotes round a text of several words"),
        ([""], "'': '' belongs to no option; put quotes round a text of several words"),
        (["--deterministic=yes"], "deterministic: takes no value, so not 'yes'"),
    ],
)
def test_words_that_are_no_options(refused, words, line):
    assert refused(*words) == [line]


@pytest.mark.parametrize("name", [*SETTINGS, *OUTPUT_OPTIONS, "from"])
def test_an_option_without_its_value(refused, name):
    if isinstance(SETTINGS.get(name), Flag):
        return
    flag = option(name)
    lines = refused(f"--{flag}", **{name: None})
    assert lines == [f"{flag}: is given without a value (--{flag}=VALUE for one that begins with a dash)"]


def test_negative_numbers_are_values(refused):
    assert refused("--seed", "-1") == ["seed: -1 is out of range; use 0 to 2147483647"]
    assert refused("--sync-weight", "-inf") == ["sync-weight: -inf is out of range; use a finite number, 0 or more"]
    assert refused("--guidance-scale", "-1e-5") == ["guidance-scale: -1e-05 is out of range; use 0 to 100"]


def test_all_problems_at_once_each_on_its_line(refused):
    lines = refused(
        "--colour",
        prompt=" ", model="nowhere", width="wide", steps=0, scheduler="magic", seed=-1, guidance_scale="nan",
        sync_every=2, sync_count=3, loss_weights="gone.pt", initial_latents="gone.npz", anchor="gone.png",
        target="tile", wrap="x", output="gone/out.png", report="gone/r.json", trace="z.npz", save_latents="z.npz",
    )  # fmt: skip
    fields = [line.partition(": ")[0] for line in lines]
    assert sorted(fields) == sorted(
        ["colour", "prompt", "model", "width", "steps", "scheduler", "seed", "guidance-scale", "sync-count",
         "loss-weights", "initial-latents", "anchor", "wrap", "output", "report", "trace", "save-latents"]
    )  # fmt: skip


def test_nothing_given(run, here):
    outcome = run("generate")
    assert outcome.status == 2
    assert [line.partition(": ")[0] for line in outcome.errors] == ["output", "prompt"]
