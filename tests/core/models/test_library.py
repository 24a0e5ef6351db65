"""The list of models, and downloading one: with the hub's true client, from a hub that the tests play."""

import shutil
import threading
from pathlib import Path

import pytest
from huggingface_hub import constants
from support.hub import COMMIT, Hub, use_endpoint

from syncdiffusion.core.activity import Activity
from syncdiffusion.core.errors import CancelledError, DownloadError
from syncdiffusion.core.models.hub import HubModel, find_hub_model
from syncdiffusion.core.models.library import OFFERS, SUGGESTED, Entry, Place, list_backbones, list_models
from syncdiffusion.core.perceptual.weights import BACKBONES, cached_backbone

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def hub(model_folder, tmp_path, monkeypatch):
    server = Hub(Path(shutil.copytree(model_folder, tmp_path / "repository")))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    use_endpoint(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def activity() -> Activity:
    return Activity("Downloading owner/name", str)


def download(activity: Activity) -> None:
    HubModel("owner/name", allow_pickle=False).fetch(True, activity)


def is_cached() -> bool:
    return any(entry.name == "owner/name" and not entry.problem for entry in list_models())


class TestDownloading:
    def test_shows_how_far_it_is_and_is_found_afterwards(self, hub, activity):
        told = []
        move = activity.move
        activity.move = lambda *amount: (told.append(amount), move(*amount))
        download(activity)
        assert is_cached()
        assert {what for what, _, _ in told} == {
            f"Downloading {part} ({number} of 3)"
            for number, part in enumerate(
                ["text_encoder/model.safetensors", UNET, "vae/diffusion_pytorch_model.safetensors"], 1
            )
        }
        assert told[-1][1] == told[-1][2] > 0
        hub.error = (500, "")
        assert find_hub_model("owner/name", allow_pickle=False, offline=True).facts.native_window == 64

    def test_is_taken_up_where_it_was_cut(self, hub, activity, monkeypatch):
        monkeypatch.setattr(Activity, "pause", lambda *_: None)
        hub.cut_after[UNET] = 1000
        download(activity)
        assert [start for file, start in hub.ranges if file == UNET and start] == [1000]
        assert is_cached()

    def test_that_is_cancelled_goes_on_the_next_time(self, hub, activity):
        activity.move = lambda *_: activity.cancel()
        with pytest.raises(CancelledError):
            download(activity)
        assert not is_cached()
        download(Activity("again", str))
        assert is_cached()

    def test_of_something_else_than_was_said_is_refused(self, hub, activity, monkeypatch):
        from syncdiffusion.core.models import download as module

        right = module._remote
        monkeypatch.setattr(module, "_remote", lambda *of: type(right(*of))(right(*of).url, right(*of).path, "0" * 64))
        with pytest.raises(DownloadError, match="is not what it should be"):
            download(activity)
        assert not is_cached()


class TestList:
    def test_has_the_built_in_model_and_the_offers(self):
        entries = list_models()
        assert entries[0].place is Place.BUILTIN
        assert entries[0].bytes > 10_000_000
        assert tuple(entries[1:]) == OFFERS
        assert OFFERS[0].name == SUGGESTED
        assert all(offer.licence and offer.bytes and offer.native_window for offer in OFFERS)

    def test_what_is_cached_is_not_offered_again(self, model_folder):
        repository = Path(constants.HF_HUB_CACHE) / f"models--{SUGGESTED.replace('/', '--')}"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text(COMMIT)
        shutil.copytree(model_folder, repository / "snapshots" / COMMIT)
        (entry,) = (entry for entry in list_models() if entry.name == SUGGESTED)
        assert (entry.place, entry.native_window, entry.licence) == (Place.CACHE, 64, OFFERS[0].licence)
        (repository / "snapshots" / COMMIT / UNET).unlink()
        broken, offered = (entry for entry in list_models() if entry.name == SUGGESTED)
        assert "has no weights in unet/" in broken.problem
        assert offered.place is Place.OFFERED

    def test_folders_and_files_of_the_user(self, model_folder, tmp_path):
        (tmp_path / "photo.safetensors").write_bytes(b"no weights")
        names = [str(model_folder), str(tmp_path / "photo.safetensors"), str(tmp_path / "gone"), str(model_folder)]
        good, bad, gone = (entry for entry in list_models(names) if entry.place is Place.ADDED)
        assert (good.title, good.native_window, good.problem) == (model_folder.name, 64, "")
        assert good.bytes > 0
        assert bad.problem
        assert "there is no folder or file" in gone.problem

    def test_memory_grows_with_the_window(self):
        base, larger = OFFERS[:2]
        assert 6 < base.memory_bytes / 2**30 < 9
        assert larger.memory_bytes > 1.5 * base.memory_bytes
        assert base.way(24) == "exact"
        assert base.way(6) not in ("exact", "")
        assert base.way(1) == "smaller windows"
        assert Entry("a/b", "", Place.CACHE).memory_bytes == 0
        assert Entry("a/b", "", Place.CACHE).way(24) == ""

    def test_backbones(self):
        entries = list_backbones()
        assert [entry.loss for entry in entries] == list(BACKBONES)
        assert not any(entry.there for entry in entries)
        cached_backbone("style").parent.mkdir(parents=True)
        cached_backbone("style").touch()
        assert [entry.loss for entry in list_backbones() if entry.there] == ["style"]
