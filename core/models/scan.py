"""What of other programs' files can be used here: found on disk, judged by headers and configurations, not loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import InvalidRequestError, Problem
from .additions.embedding import embedding_problem, is_embedding
from .additions.lora import is_lora, lora_problem, text_width
from .additions.vae import Vae, is_vae
from .facts import TEXT_WIDTHS, ModelFacts
from .few_step import few_step_lora, telling_name
from .folder import FolderModel
from .hub_cache import current_revision, hub_cache, repository_of
from .single_file.checkpoint import CheckpointModel
from .single_file.families import UNET
from .single_file.header import CheckpointError, Header, read_header
from .tiny_decoder import tiny_decoder_problem

Kind = Literal["model", "lora", "embedding", "vae", "tiny decoder", "other"]

INDEX, CONFIG = "model_index.json", "config.json"
PARTS_ALONE: Mapping[str, Kind] = {"AutoencoderKL": "vae", "AutoencoderTiny": "tiny decoder"}
# Folders that hold programs, results, or the same files once more.
PASSED_OVER = {
    ".git", ".venv", "__pycache__", "blobs", "custom_nodes", "env", "node_modules", "output", "outputs",
    "site-packages", "venv",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A file or folder that a setting can name, or the reason why none can.

    ``family`` and ``few_step`` are words for the user, empty where nothing tells them.
    """

    path: Path
    kind: Kind
    name: str
    family: str = ""
    prediction: str = ""
    few_step: str = ""
    problem: str | None = None


def usual_folders() -> list[Path]:
    """The folders here where ComfyUI, A1111, InvokeAI and the Hugging Face libraries are known to keep models."""
    home = Path.home()
    installed = [folder for base in (home, home / "Documents") for folder in (base / "ComfyUI", base / "comfyui")]
    webuis = [home / name for name in ("stable-diffusion-webui", "stable-diffusion-webui-forge", "SD.Next", "sdnext")]
    invoke = [Path(os.environ.get("INVOKEAI_ROOT") or home / "invokeai")]
    kept = [base / "models" for base in (*installed, *webuis, *invoke)]
    folders = [*kept, *(webui / "embeddings" for webui in webuis), hub_cache()]
    return [folder for folder in folders if os.path.isdir(folder)]


def scan(folders: Iterable[str | Path]) -> Iterator[Found]:
    """Everything in some folders and below that is a model, is added to one, or looks like it. Never raises.

    Folders that cannot be read are passed over; links that lead round in a circle are followed once.
    """
    seen: set[str] = set()
    for root in folders:
        for place, subfolders, files in os.walk(root, followlinks=True):
            real = os.path.realpath(place)
            if real in seen:
                subfolders.clear()
                continue
            seen.add(real)
            subfolders[:] = sorted(set(subfolders) - PASSED_OVER)
            if INDEX in files or (CONFIG in files and _class_of(Path(place)) in PARTS_ALONE):
                subfolders.clear()
                yield describe(Path(place))
                continue
            if os.path.basename(place) == "snapshots":
                subfolders[:] = _current(Path(place), subfolders)
            for file in sorted(files):
                if file.lower().endswith((".safetensors", ".ckpt")):
                    yield describe(Path(place, file))


def describe(path: Path) -> Found:
    """What a file or folder is, by its header or configuration. Never raises."""
    name = _name_of(path)
    try:
        if os.path.isdir(path):
            return _describe_folder(path, name)
        if path.suffix.lower() != ".safetensors":
            return Found(path, "other", name, problem="is a pickle, which can hide a program; look for .safetensors")
        return _describe_file(path, name, read_header(path))
    except CheckpointError as error:
        return Found(path, "other", name, problem=error.sentence)
    except InvalidRequestError as error:
        return Found(path, "model", name, problem="; ".join(_sentence(problem) for problem in error.problems))
    except OSError as error:
        return Found(path, "other", name, problem=f"cannot be read: {error.strerror or error}")


def _describe_file(path: Path, name: str, header: Header) -> Found:
    if is_lora(header):
        few_step = few_step_lora(path, header.metadata)
        return Found(
            path, "lora", name, TEXT_WIDTHS.get(text_width(header) or 0, ""), "",
            few_step.kind if few_step else "", _of(lora_problem(path)),
        )  # fmt: skip
    if is_embedding(header):
        return Found(path, "embedding", name, problem=_of(embedding_problem(path)))
    if is_vae(header):
        return Found(path, "vae", name, problem=_of(Vae(path).problem()))
    if any(tensor.startswith(UNET) for tensor in header.tensors):
        return _describe_model(path, name, CheckpointModel(path, path.name).facts)
    return Found(path, "other", name, problem=_objection(path))


def _describe_folder(path: Path, name: str) -> Found:
    if os.path.isfile(path / INDEX):
        return _describe_model(path, name, FolderModel(path, path.name).facts)
    kind = PARTS_ALONE[_class_of(path)]
    problem = _of(Vae(path).problem()) if kind == "vae" else tiny_decoder_problem(path, None, str(path))
    return Found(path, kind, name, problem=problem)


def _describe_model(path: Path, name: str, facts: ModelFacts) -> Found:
    family = "SDXL" if facts.family == "sdxl" else TEXT_WIDTHS.get(facts.text_width, "Stable Diffusion")
    few_step = facts.few_step.kind if facts.few_step else ""
    return Found(path, "model", name, family, facts.prediction_type, few_step)


def _objection(path: Path) -> str:
    try:
        CheckpointModel(path, path.name)
    except InvalidRequestError as error:
        return _sentence(error.problems[0])
    return "is not used here"


def _class_of(folder: Path) -> str:
    try:
        return str(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _current(snapshots: Path, revisions: list[str]) -> list[str]:
    """Of a repository's revisions in the Hugging Face cache the one that its id stands for, if that is known."""
    current = current_revision(snapshots)
    return [current] if current in revisions else revisions


def _name_of(path: Path) -> str:
    """What a user calls it: of the Hugging Face cache its hub id."""
    return repository_of(path) or telling_name(path)


def _of(problem: Problem | None) -> str | None:
    return _sentence(problem) if problem else None


def _sentence(problem: Problem) -> str:
    """Without the name that it begins with."""
    return problem.sentence.partition("' ")[2] or problem.sentence
