"""The list of models, made beside the main thread, and what the scene's next picture still lacks of them."""

from __future__ import annotations

import json
import threading

import bpy

from ..core.models.library import Entry, list_models
from ..core.perceptual.weights import BACKBONES, cached_backbone
from . import screen
from .preferences import preferences
from .requests import PRESET_NAMES, preset_loss

INTERVAL = 0.25


class Library:
    """The models that were found when somebody looked last; None before."""

    def __init__(self) -> None:
        self.entries: tuple[Entry, ...] | None = None
        self._looking = False

    def look(self) -> None:
        """Make the list anew; the cache may lie on a slow disk."""
        if self._looking:
            return
        self._looking = True
        added = added_models()

        def work() -> None:
            try:
                self.entries = tuple(list_models(added))
            finally:
                self._looking = False
                self.entries = self.entries or ()  # what went wrong would go wrong again at every redraw

        if bpy.app.background:
            work()
            return
        threading.Thread(target=work, name="syncdiffusion: models", daemon=True).start()
        bpy.app.timers.register(self._await_list, first_interval=INTERVAL)

    def _await_list(self) -> float | None:
        screen.redraw()
        return INTERVAL if self._looking else None


library = Library()


def added_models() -> list[str]:
    """The folders and files that the user has added."""
    return json.loads(preferences().added_models or "[]")


def set_added_models(paths: list[str]) -> None:
    """Keep them in the preferences, and look at them."""
    preferences().added_models = json.dumps(list(dict.fromkeys(paths)))
    library.look()


def needed(model: str, loss: str) -> str:
    """What ``download_model`` has to be given before a picture can be made: a hub id, a loss, or nothing."""
    from ..core.errors import SyncDiffusionError
    from ..core.models.hub import find_hub_model, is_hub_id

    if is_hub_id(model):
        try:
            find_hub_model(model, allow_pickle=False, offline=True)
        except SyncDiffusionError:
            return model
    return loss if loss in BACKBONES and not cached_backbone(loss).is_file() else ""


def needed_by(settings: bpy.types.PropertyGroup) -> str:
    """The same for the settings of a scene."""
    model = settings.model.strip() or "builtin"
    return needed(model, preset_loss(PRESET_NAMES[settings.preset], model))
