"""Models by hub id: with the true client, in a cache of the test's own, from a hub that this file plays."""

import shutil
import threading
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file
from support.hub import COMMIT, Hub, use_endpoint

from syncdiffusion.core.errors import InvalidRequestError, ModelError
from syncdiffusion.core.files.known import KnownFiles
from syncdiffusion.core.models.folder import FolderModel
from syncdiffusion.core.models.hub import HubModel, find_hub_model, is_hub_id

WEIGHTS = {
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model.safetensors",
}


@pytest.fixture
def hub(model_folder, tmp_path, monkeypatch):
    """A hub with the small model under the id owner/name; its folder is a copy."""
    server = Hub(Path(shutil.copytree(model_folder, tmp_path / "repository")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    use_endpoint(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cached(model_folder):
    """The snapshot folder of owner/name in the cache, as another program has left it."""
    repository = Path(constants.HF_HUB_CACHE) / "models--owner--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    return Path(shutil.copytree(model_folder, repository / "snapshots" / COMMIT))


def find(allow_pickle=False, offline=False):
    return find_hub_model("owner/name", allow_pickle=allow_pickle, offline=offline)


def refusal(**options):
    with pytest.raises(InvalidRequestError) as caught:
        find(**options)
    (problem,) = caught.value.problems
    assert (problem.field, problem.corrupted) == ("model", False)
    return problem.sentence


@pytest.mark.parametrize("name", ["owner/name", "a/b", "stabilityai/stable-diffusion-2-1-base", "0_x/y.z-1"])
def test_hub_ids(name):
    assert is_hub_id(name)


@pytest.mark.parametrize(
    "name", ["", "name", "a/b/c", "/a", "a/", "./a", "../a", "a b/c", "a/b c", "~/a", "a\\b", "a/b\n"]
)
def test_names_that_are_no_hub_ids(name):
    assert not is_hub_id(name)


def test_from_the_cache_of_other_programs(cached):
    model = find(offline=True)
    assert isinstance(model, FolderModel)
    assert (model.name, model.folder.resolve(), model.facts.native_window) == ("owner/name", cached.resolve(), 64)


def test_offline_and_not_in_the_cache():
    assert refusal(offline=True) == (
        "'owner/name' is no folder or file here and not in the Hugging Face cache, and no network may be used; "
        "download it first"
    )
    assert refusal() == refusal(offline=True)  # HF_HUB_OFFLINE is set


def test_what_is_wrong_in_the_cache_is_said_offline(cached):
    (cached / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    assert refusal(offline=True).startswith("'owner/name' has no weights in vae/: ")


def test_ids_that_no_hub_takes():
    for name in ("owner/na--me", "owner/na..me", "owner/ñ", f"owner/{'n' * 100}"):
        with pytest.raises(InvalidRequestError, match="is no folder or file here, and no hub id looks like that"):
            find_hub_model(name, allow_pickle=False, offline=False)


def test_downloaded_on_demand_then_found_offline(hub, model_folder, monkeypatch):
    for extra in (
        "README.md",
        "safety_checker/model.safetensors",
        "unet/diffusion_pytorch_model.bin",
        "all.safetensors",
    ):
        (hub.folder / extra).parent.mkdir(exist_ok=True)
        (hub.folder / extra).write_bytes(b"-")
    model = find()
    assert isinstance(model, HubModel)
    assert (model.name, model.facts.native_window) == ("owner/name", 64)
    assert not hub.downloaded & WEIGHTS  # the configuration is enough to check a request

    components = model.load(torch.float32)
    assert hub.downloaded >= WEIGHTS
    assert not any(
        file.endswith((".md", ".bin")) or file.count("/") == 0 for file in hub.downloaded - {"model_index.json"}
    )
    assert "safety_checker/model.safetensors" not in hub.downloaded
    unet = load_file(model_folder / "unet" / "diffusion_pytorch_model.safetensors")
    assert torch.equal(components.unet.conv_in.weight, unet["conv_in.weight"])

    hub.error = (500, "")
    again = find(offline=True)
    assert isinstance(again, FolderModel)
    assert again.files == model.files
    folder = FolderModel(model_folder, "m")
    known = KnownFiles()
    assert known.sha256(again.folder, again.files) == known.sha256(model_folder, folder.files)


@pytest.mark.parametrize(("dtype", "half"), [(torch.float32, False), (torch.float16, True)])
def test_the_precision_that_is_wanted(hub, dtype, half):
    for file in WEIGHTS:
        shutil.copy(hub.folder / file, hub.folder / file.replace(".safetensors", ".fp16.safetensors"))
    find().load(dtype)
    weights = {file for file in hub.downloaded if "safetensors" in file}
    assert len(weights) == 3
    assert all((".fp16." in file) == half for file in weights)


def test_an_interrupted_download_is_completed(hub):
    find()  # the configuration alone
    with pytest.raises(InvalidRequestError, match="'owner/name' has no weights in unet/: "):
        find(offline=True)
    model = find()
    assert isinstance(model, HubModel)
    model.load(torch.float32)
    assert isinstance(find(), FolderModel)


def test_pickles_need_consent(hub):
    for file in WEIGHTS:
        path = hub.folder / file
        state, path = (
            load_file(path),
            path.with_name("pytorch_model.bin" if "text" in file else path.name[:-11] + "bin"),
        )
        torch.save(state, path)
        (hub.folder / file).unlink()
    assert refusal().startswith("'owner/name' has only pickle weights, which can hide a program; ")
    find(allow_pickle=True).load(torch.float32)
    assert sum(file.endswith(".bin") for file in hub.downloaded) == 3
    assert refusal(offline=True).startswith("'owner/name' has only pickle weights in unet/, vae/, text_encoder/, ")


def test_other_families_are_refused_by_their_configuration(hub):
    index = hub.folder / "model_index.json"
    text = index.read_text().replace("StableDiffusionPipeline", "StableDiffusion3Pipeline")
    index.write_text(text.replace("UNet2DConditionModel", "SD3Transformer2DModel"))
    sentence = "is a StableDiffusion3Pipeline; this version loads Stable Diffusion 1.x, 2.x and SDXL"
    assert refusal() == f"'owner/name' {sentence}"
    assert not hub.downloaded & WEIGHTS


def test_a_repository_without_a_model(hub):
    shutil.rmtree(hub.folder)
    hub.folder.mkdir()
    (hub.folder / "model.safetensors").write_bytes(b"-")
    assert refusal().startswith("'owner/name' is not a Stable Diffusion model in diffusers layout: unet/config.json, ")


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (404, "RepoNotFound", "'owner/name' is no folder or file here, and the hub has no model of that id"),
        (401, "RepoNotFound", "'owner/name' is no folder or file here, and the hub has no model of that id"),
        (403, "GatedRepo", "'owner/name' is gated: accept its licence on the hub and log in there first"),
    ],
)
def test_what_the_hub_refuses(hub, status, code, sentence):
    hub.error = (status, code)
    assert refusal() == sentence


def test_a_hub_that_is_out_of_order(hub):
    hub.error = (500, "")
    with pytest.raises(ModelError, match=r"model: 'owner/name' could not be downloaded \(HfHubHTTPError\); check the"):
        find()


def test_a_hub_that_cannot_be_reached(monkeypatch):
    use_endpoint(monkeypatch, "http://127.0.0.1:1")
    with pytest.raises(ModelError, match=r"model: 'owner/name' could not be downloaded \(ConnectError\); check the"):
        find()


def test_a_download_that_breaks_off(hub):
    model = find()
    hub.error = (500, "")
    with pytest.raises(ModelError, match="what has arrived is kept"):
        model.load(torch.float32)


def test_a_full_disk(hub, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    model = find()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(ModelError, match=r"\(OSError\); check the connection and the free space"):
        model.load(torch.float32)
