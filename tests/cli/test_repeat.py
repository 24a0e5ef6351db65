"""``--from``: a picture is made again from what it says about itself."""

import dataclasses
import json
import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from syncdiffusion.cli.repeat import settings_of
from syncdiffusion.core.files.images import read_request, write_png
from syncdiffusion.core.files.known import KnownFiles
from syncdiffusion.core.request.presets import PRESETS
from syncdiffusion.core.request.validation import Findings, prepare


@pytest.fixture
def pictures(generate, here, monkeypatch, tmp_path):
    """Make a picture with these options and move on to another working folder; gives the picture's path."""

    def make(*words, **options):
        outcome = generate(*words, **options)
        assert outcome.status == 0, outcome.errors
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / "elsewhere")
        return here / "out.png"

    return make


@pytest.fixture
def saying(here):
    """Make a picture that says it was made with a request; gives its path. Nothing is generated."""

    def make(**changed):
        request = {"prompt": "a lake", "model": "nobody/nothing", "method": "multidiffusion", "files": {}, **changed}
        with (here / "made.png").open("wb") as file:
            write_png(file, np.zeros((8, 8, 3), np.uint8), request)
        return here / "made.png"

    return make


def same(picture, other):
    with Image.open(picture) as a, Image.open(other) as b:
        return a.size == b.size and np.array_equal(a, b)


def test_bit_for_bit_from_another_folder(pictures, repeat, here):
    np.savez("noise.npz", latents=np.random.default_rng(0).normal(size=(1, 4, 8, 10)))
    Image.effect_noise((70, 90), 50).save("look.png")
    picture = pictures(
        prompt="日本の湖", negative_prompt="fog", seed=2**31 - 1, sync_count=1, sync_weight=3, sync_decay=0.5,
        anchor="look.png", initial_latents="noise.npz", guidance_scale=3.5, wrap="x", scheduler="euler",
    )  # fmt: skip
    outcome = repeat(picture)
    assert (outcome.status, outcome.out, outcome.errors) == (0, "again.png\n", [])
    assert Path("again.png").read_bytes() == picture.read_bytes()
    assert read_request(Path("again.png"))["sync_count"] == 1

    shutil.copy(picture, "moved.png")
    assert repeat("moved.png", "moved.png").status == 0  # onto itself
    assert Path("moved.png").read_bytes() == picture.read_bytes()


def test_other_options_override(pictures):
    picture = pictures("--deterministic", preset="paper", sync_count=1, wrap="x", sync_weight=3, steps=1)
    before = read_request(picture)

    def changed(**options):
        findings = Findings()
        after = prepare(settings_of(picture, options, findings), findings.problems).request
        after = json.loads(json.dumps(dataclasses.asdict(after)))  # lists as the picture has them
        after |= {name: file["name"] for name, file in before["files"].items()}
        return {name: after[name] for name in before.keys() & after.keys() if after[name] != before[name]}

    assert changed() == {}
    assert changed(seed=5, width="64", prompt="a pond") == {"seed": 5, "width": 64, "prompt": "a pond"}
    assert changed(sync_every=2) == {"sync_every": 2, "sync_count": None}
    assert changed(target="tile") == {"target": "tile", "wrap": "xy"}
    assert changed(shift_windows=True) == {"shift_windows": True, "stride": 64}
    draft = PRESETS["draft"]
    told = ("scheduler", "steps", "sync_weight", "sync_decay", "loss_scale", "reuse_noise", "shift_windows", "decode")
    assert changed(preset="draft") == {"preset": "draft", "stride": 64} | {name: draft[name] for name in told}
    assert changed(preset="draft", steps=1, stride=8, sync_weight=1)["sync_weight"] == 1


def test_another_loss_takes_its_own_weights(pictures, lpips_weights):
    picture = pictures(steps=1)
    settings = settings_of(picture, {"loss": "lpips-squeeze"}, Findings())
    assert "loss_weights" not in settings
    settings = settings_of(picture, {"loss": "style", "loss_weights": str(lpips_weights("style"))}, Findings())
    assert prepare(settings).request.sync_weight == PRESETS["balanced"]["sync_weight"] * 0.1 / 20


def test_what_a_picture_names_is_found_beside_it_too(pictures, repeat, here, lpips_alex):
    shutil.copy(lpips_alex, here / "own.pt")
    np.savez("noise.npz", latents=np.zeros((1, 4, 8, 10)))
    pictures(loss_weights="own.pt", initial_latents="noise.npz", steps=1)
    shutil.move(here / "noise.npz", "noise.npz")  # in the current folder
    moved = here / "moved"
    moved.mkdir()
    for name in ("out.png", "own.pt"):  # beside the picture
        shutil.move(here / name, moved / name)
    assert repeat(moved / "out.png").status == 0
    assert Path("again.png").read_bytes() == (moved / "out.png").read_bytes()


def test_a_model_that_has_moved_or_changed(pictures, repeat, own_model, tmp_path):
    picture = pictures(model="../own", width=64, method="multidiffusion", steps=1)
    sentence = "with which that picture was made, is not on this machine or has changed since; name it with --model"
    own_model.rename(tmp_path / "moved")
    outcome = repeat(picture)
    assert (outcome.status, outcome.errors) == (2, [f"model: 'own', {sentence}"])
    assert repeat(picture, model=tmp_path / "moved").status == 0
    assert same(picture, "again.png")

    (tmp_path / "moved").rename(own_model)
    assert repeat(picture).status == 0
    config = own_model / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("0.012", "0.013"))
    outcome = repeat(picture, width="wide")
    assert outcome.status == 2
    assert sorted(outcome.errors) == [
        f"model: 'own', {sentence}",
        "width: 'wide' is not a whole number; use 1 to 32768",
    ]


def test_a_model_under_another_name_is_found_by_its_content(pictures, repeat, own_model, generate, tmp_path):
    picture = pictures(model="../own", width=64, method="multidiffusion", steps=1)
    shutil.copytree(own_model, tmp_path / "copy")
    assert generate(model="../copy", width=64, method="multidiffusion", steps=1).status == 0  # now it is known
    shutil.rmtree(own_model)
    assert repeat(picture).status == 0
    assert read_request(Path("again.png"))["model"] == "copy"


def test_files_that_are_gone(pictures, repeat, here):
    Image.new("RGB", (64, 64)).save("look.png")
    picture = pictures(anchor="look.png", steps=1)
    Image.new("RGB", (64, 64), "red").save(here / "look.png")  # another picture of that name
    sentence = "with which that picture was made, is not on this machine or has changed since; name it with --anchor"
    assert repeat(picture).errors == [f"anchor: 'look.png', {sentence}"]
    assert repeat(picture, anchor="center").status == 0


def test_a_picture_that_holds_no_request(repeat, here, generate):
    Image.new("RGB", (8, 8)).save("plain.png")
    Image.new("RGB", (8, 8)).save("photo.jpg")
    Path("text.png").write_text("no picture")
    info = PngInfo()
    info.add_text("syncdiffusion", "{", zip=True)  # another program has written the chunk anew
    Image.new("RGB", (8, 8)).save("compressed.png", pnginfo=info)
    holds_none = "holds no request of SyncDiffusion (was it saved again by another program?)"
    for name, sentence in {
        "": "is empty; name a PNG",
        "gone.png": "there is no file 'gone.png'",
        "..": "'..' cannot be read: ",
        "photo.jpg": "'photo.jpg' is not a PNG",
        "text.png": "'text.png' is not a PNG",
        "plain.png": f"'plain.png' {holds_none}",
        "compressed.png": f"'compressed.png' {holds_none}",
        "a" * 300: f"{'a' * 300!r} cannot be read: ",
    }.items():
        outcome = repeat(name, width="wide")
        assert outcome.status == 2
        first, second = outcome.errors  # nobody knows whether a prompt is missing
        assert first.startswith(f"from: {sentence}")
        assert second == "width: 'wide' is not a whole number; use 1 to 32768"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "5", "{}", '{"files": []}', '{"files": {"model": "m"}}', '{"files": {"model": {"name": "m"}}}',
     '{"files": {"model": {"name": 1, "sha256": "0"}}}', "[" * 100_000],
)  # fmt: skip
def test_a_request_that_is_damaged(repeat, here, text):
    info = PngInfo()
    info.add_text("syncdiffusion", text)
    Image.new("RGB", (8, 8)).save("made.png", pnginfo=info)
    outcome = repeat("made.png")
    assert (outcome.status, outcome.errors) == (2, ["from: the request inside 'made.png' is damaged"])


def test_a_chunk_that_is_damaged(pictures, repeat):
    picture = pictures(width=64, method="multidiffusion", steps=1)
    content = bytearray(picture.read_bytes())
    at = content.index(b"a lake")
    content[at : at + 6] = b"a pond"
    picture.write_bytes(content)
    assert "holds no request" in repeat(picture).errors[0]
    # Truncated pictures are no matter: their pixels are not read.
    start = content.index(b"tEXt") - 4
    length = struct.unpack(">I", content[start : start + 4])[0]
    checksum = struct.pack(">I", zlib.crc32(content[start + 4 : start + 8 + length]))
    picture.write_bytes(content[: start + 8 + length] + checksum)
    assert repeat(picture).status == 0
    assert read_request(Path("again.png"))["prompt"] == "a pond"


def test_what_a_request_says_is_checked_like_options(saying, repeat):
    picture = saying(
        prompt=5, width=True, steps="many", scheduler=["ddim"], wrap={}, seed=1e300, loss_weights=7,
        sync_every=1, sync_count=1, hue="red", version="99", device="cuda:x", sync_decay=float("nan"),
    )  # fmt: skip
    outcome = repeat(picture)
    assert outcome.status == 2
    assert {line.partition(": ")[0] for line in outcome.errors} == {
        "prompt", "width", "steps", "scheduler", "wrap", "seed", "loss-weights", "sync-count", "device", "sync-decay",
        "model",
    }  # fmt: skip


def test_file_names_lead_nowhere(saying, repeat, here):
    for name in ("../own", "x" * 5000, str(here), ".", "a\0b"):
        picture = saying(model=name, files={"model": {"name": name, "sha256": "0" * 64}})
        outcome = repeat(picture)
        assert outcome.status == 2
        assert outcome.errors[0].startswith(
            f"model: {name!r}, with which that picture was made, is not on this machine"
        )


def test_a_tiny_decoder_that_was_found_in_the_cache(pictures, repeat, cached_tiny_decoder):
    picture = pictures(loss_decoder="tiny", steps=1)
    assert repeat(picture).status == 0
    assert Path("again.png").read_bytes() == picture.read_bytes()
    shutil.rmtree(cached_tiny_decoder)
    outcome = repeat(picture)
    sentence = "with which that picture was made, is not on this machine or has changed since"
    sentence = f"tiny-decoder: 'madebyollin/taesd', {sentence}; name it with --tiny-decoder"
    assert (outcome.status, outcome.errors) == (2, [sentence])


def test_a_hub_model_keeps_its_id(saying, repeat):
    picture = saying(files={"model": {"name": "nobody/nothing", "sha256": "0" * 64}})
    (line,) = repeat(picture).errors
    assert line.startswith("model: 'nobody/nothing' is no folder or file here and not in the Hugging Face cache")


def test_a_list_of_known_files_that_is_damaged(pictures, repeat):
    picture = pictures(width=64, method="multidiffusion", steps=1)
    listing = Path(os.environ["SYNCDIFFUSION_CACHE"]) / "known_files.json"
    assert json.loads(listing.read_text())
    listing.write_text("{")
    assert repeat(picture).errors[0].startswith("model: ")


def test_consent_is_the_users_and_not_the_pictures(saying):
    """Somebody else's picture must not allow pickles here."""
    settings = settings_of(saying(allow_pickle=True, offline=True), {"seed": 1}, Findings())
    assert settings == {"seed": 1, "prompt": "a lake", "model": "nobody/nothing", "method": "multidiffusion"}
    assert settings_of(saying(), {"allow_pickle": True}, Findings())["allow_pickle"]


def test_files_of_a_list_are_found_by_their_hashes(tmp_path):
    lora = tmp_path / "elsewhere" / "style.safetensors"
    lora.parent.mkdir()
    lora.write_bytes(b"1")
    request = {
        "lora": ["style.safetensors:0.5"],
        "embedding": ["word.safetensors"],
        "region": ["0:a castle"],
        "files": {
            "lora": [{"name": lora.name, "sha256": KnownFiles().sha256(lora)}],
            "embedding": [{"name": "word.safetensors", "sha256": "0" * 64}],
        },
    }
    with (tmp_path / "p.png").open("wb") as file:
        write_png(file, np.zeros((8, 8, 3), np.uint8), request)
    findings = Findings()
    settings = settings_of(tmp_path / "p.png", {}, findings)
    assert settings["lora"] == [f"{lora}:0.5"]
    assert settings["region"] == ["0:a castle"]
    (problem,) = findings.problems
    assert problem.field == "embedding"
    assert problem.sentence.startswith("'word.safetensors', with which that picture was made, is not on this machine")
