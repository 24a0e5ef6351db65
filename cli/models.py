"""``syncdiffusion models``: what there is, what other programs have, what fits a card, and downloading."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..core.activity import Activity
from ..core.errors import InvalidRequestError, Problem
from ..core.models.hub import HubModel, is_hub_id
from ..core.models.hub_cache import TINY_DECODERS
from ..core.models.library import list_backbones, list_models
from ..core.models.scan import usual_folders
from ..core.models.tiny_decoder import fetch_tiny_decoder
from ..core.perceptual.weights import BACKBONES, download_backbone
from .found import memory, scanned
from .watch import watch


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("models", help="list the models there are, or download one", allow_abbrev=False)
    parser.add_argument("--download", metavar="NAME", help="a hub id, or a loss whose backbone is wanted (lpips-vgg)")
    parser.add_argument(
        "--scan",
        nargs="*",
        metavar="FOLDER",
        help="list what other programs have (default: in the known folders of ComfyUI, A1111, InvokeAI, Hugging Face)",
    )
    parser.add_argument("--memory", action="store_true", help="show how each family runs on cards of 6 to 24 GB")
    parser.add_argument("--full", action="store_true", help="download full precision, for computing on a CPU")
    parser.add_argument("--offline", action="store_true", help="use no network")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    parser.set_defaults(run=run)


def run(
    options: argparse.Namespace, unknown: Sequence[str], cancelled: Callable[[], bool], problems: Sequence[Problem]
) -> None:
    """List, or download. Raises SyncDiffusionError."""
    found = [*problems, *(Problem(word.lstrip("-"), f"{word!r} is no option of models") for word in unknown)]
    if options.download is not None and options.offline:
        found.append(Problem("download", "needs the network, which --offline forbids"))
    missing = [folder for folder in options.scan or () if not os.path.isdir(folder)]
    found += [Problem("scan", f"there is no folder {folder!r}") for folder in missing]
    if found:
        raise InvalidRequestError(found)
    if options.scan is not None or options.memory:
        folders = [Path(folder) for folder in options.scan or ()] or usual_folders()
        lines = [*(scanned(folders) if options.scan is not None else ()), *(memory() if options.memory else ())]
        print("\n".join(lines))
        return
    if options.download is None:
        print("\n".join(table()))
        return
    print(watch(downloading(options.download, not options.full), cancelled, options.quiet))


def downloading(name: str, half: bool) -> Activity:
    """The download of a model or tiny decoder by its hub id, or of a loss's backbone.

    Raises InvalidRequestError for another name.
    """
    if name in BACKBONES:
        return Activity(f"Downloading the backbone of {name}", lambda activity: download_backbone(name, activity))
    if name in TINY_DECODERS.values():
        return Activity(f"Downloading {name}", lambda activity: fetch_tiny_decoder(name, activity))
    if not is_hub_id(name):
        names = ", ".join(BACKBONES)
        raise InvalidRequestError(
            [Problem("download", f"{name!r} is neither a hub id (owner/name) nor one of {names}")]
        )

    def work(activity: Activity) -> str:
        HubModel(name, allow_pickle=False).fetch(half, activity)
        return f"{name} is in the Hugging Face cache"

    return Activity(f"Downloading {name}", work)


def table() -> list[str]:
    """The list, a line each."""
    rows = [("NAME", "WHERE", "LICENCE", "GB", "WINDOW", "MEMORY")]
    for entry in list_models():
        where = entry.problem or entry.place.value
        window = f"{entry.native_window} px" if entry.native_window else ""
        memory = f"{entry.memory_bytes / 2**30:.0f} GB" if entry.memory_bytes else ""
        rows.append((entry.name, where, entry.licence, f"{entry.bytes / 1e9:.2f}", window, memory))
    for backbone in list_backbones():
        where = "on this computer" if backbone.there else "can be downloaded"
        rows.append((f"loss {backbone.loss}", where, backbone.licence, f"{backbone.megabytes / 1e3:.2f}", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [
        *lines,
        "",
        "MEMORY is what the exact gradient takes at half precision, roughly; --memory tells how to do with less.",
    ]
