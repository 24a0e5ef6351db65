"""Before the tour through installing (install.txt): the engine comes from an index on this computer (serve.py).

Run in Blender at its start, with this folder as /tests. The extension has been installed and enabled by Blender's own
command. The hand that presses buttons is in ``blshot.hand``.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace

import blshot
import bpy

MODULE = "bl_ext.user_default.syncdiffusion"
INDEX = "http://127.0.0.1:8613/simple"
tour = bpy.app.driver_namespace


def part(name: str) -> object:
    """A module of the installed extension."""
    return importlib.import_module(f"{MODULE}.{name}")


def serve_here(torch: str, torchvision: str, gigabytes: tuple[float, float]) -> None:
    """From now on all builds are these versions, of this size, from the index on this computer."""
    builds, sources = part("core.engine_setup.builds"), part("core.engine_setup.sources")
    builds.TORCH = part("panels.engine").TORCH = torch
    builds.TORCHVISION = torchvision
    for key, build in builds.BUILDS.items():
        builds.BUILDS[key] = replace(build, index=INDEX, local="", systems={"linux": gigabytes})
    part("operators.engine").FromIndex = lambda build: sources.FromIndex(build, fallback=INDEX)


bpy.context.preferences.view.render_display_type = "NONE"
tour["serve_here"], tour["setup"] = serve_here, part("blender.setup").setup
tour["session"], tour["library"] = part("blender.session").session, part("blender.library").library
sys.path.append("/tests")
blshot.hand = importlib.import_module("hand").Hand()
