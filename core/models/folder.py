"""A Stable Diffusion model in diffusers layout: a folder with one sub-folder for each part."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRequestError, ModelError, Problem
from .facts import ModelFacts, read_facts
from .libraries import import_diffusers
from .single_file.header import CheckpointError, read_header

if TYPE_CHECKING:
    import torch

    from .loaded import Components

CONFIG_FILES = {
    "unet": "config.json",
    "vae": "config.json",
    "text_encoder": "config.json",
    "scheduler": "scheduler_config.json",
}
TOKENIZER_FILES = ("vocab.json", "merges.txt")
WEIGHT_STEMS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
PICKLE_STEMS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "pytorch_model"}
SUPPORTED_UNET = "UNet2DConditionModel"


class FolderModel:
    """A model folder, looked at but not loaded.

    Raises InvalidRequestError with everything that is missing or of the wrong kind, in one go. ``name`` is what the
    user called it.
    """

    def __init__(self, folder: Path, name: str, allow_pickle: bool = False, check_weights: bool = True) -> None:
        self.folder = folder
        self.name = name
        self._allow_pickle = allow_pickle
        problems = [*self._family_problems(), *self._config_problems()]
        if check_weights:
            problems += self._weight_problems()
        if problems:
            raise InvalidRequestError(problems)

    @cached_property
    def facts(self) -> ModelFacts:
        """See ``ModelFacts``."""
        return read_facts(self.name, {part: self._read_json(f"{part}/{file}") for part, file in CONFIG_FILES.items()})

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The files that make the model what it is, for its hash."""
        configs = [self.folder / part / file for part, file in CONFIG_FILES.items()]
        tokenizer = [self.folder / "tokenizer" / file for file in TOKENIZER_FILES]
        weights = [path for part in WEIGHT_STEMS for path in self._weight_files(part)]
        return tuple(path for path in (*configs, *tokenizer, *weights) if path.is_file())

    def load(self, dtype: torch.dtype) -> Components:
        """Load all parts in ``dtype``, on the CPU. Raises ModelError when weights are corrupted or incomplete."""
        diffusers = import_diffusers()
        import transformers

        from .loaded import Components

        try:
            return Components(
                unet=self._load_part(diffusers.UNet2DConditionModel, "unet", dtype),
                vae=self._load_part(diffusers.AutoencoderKL, "vae", dtype),
                text_encoder=self._load_part(transformers.CLIPTextModel, "text_encoder", dtype),
                tokenizer=transformers.CLIPTokenizer.from_pretrained(self.folder / "tokenizer"),
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(f"the model {self.name!r} cannot be loaded: {_first_line(error)}") from error

    def _load_part(self, kind: Any, part: str, dtype: torch.dtype) -> Any:
        weights = self._weight_files(part)[0]
        variant = "fp16" if ".fp16." in weights.name else None
        safe = not weights.name.endswith((".bin", ".bin.index.json"))
        module, info = kind.from_pretrained(
            self.folder / part,
            dtype=dtype,
            variant=variant,
            use_safetensors=safe,
            local_files_only=True,
            output_loading_info=True,
        )
        missing = [key for key in info["missing_keys"] if not key.endswith("position_ids")]
        mismatched = [key[0] if isinstance(key, tuple) else key for key in info.get("mismatched_keys", ())]
        if missing or mismatched:
            raise ValueError(f"{part} lacks weights for {', '.join(map(str, sorted([*missing, *mismatched])[:3]))}")
        return module

    def _problem(self, sentence: str, corrupted: bool = False) -> Problem:
        return Problem("model", f"{self.name!r} {sentence}", corrupted)

    def _family_problems(self) -> Iterator[Problem]:
        index = self.folder / "model_index.json"
        if index.is_file():
            try:
                parts = json.loads(index.read_text(encoding="utf-8"))
                unet_class = (parts.get("unet") or [None, "none"])[1]
                pipeline = parts.get("_class_name", "")
            except (ValueError, AttributeError, TypeError, IndexError):
                yield self._problem("has a model_index.json that cannot be read; download the model again")
                return
            if unet_class != SUPPORTED_UNET or "XL" in pipeline:
                kind = pipeline or "model without a UNet"
                yield self._problem(f"is a {kind}; this version loads Stable Diffusion 1.x and 2.x")

    def _config_problems(self) -> Iterator[Problem]:
        missing = [f"{part}/{file}" for part, file in CONFIG_FILES.items() if not (self.folder / part / file).is_file()]
        missing += [f"tokenizer/{file}" for file in TOKENIZER_FILES if not (self.folder / "tokenizer" / file).is_file()]
        if missing:
            yield self._problem(f"is not a Stable Diffusion model in diffusers layout: {', '.join(missing)} missing")
        for part, file in CONFIG_FILES.items():
            if (self.folder / part / file).is_file():
                try:
                    self._read_json(f"{part}/{file}")
                except ValueError:
                    yield self._problem(f"has a {part}/{file} that cannot be read; download the model again")

    def _weight_problems(self) -> Iterator[Problem]:
        for part, stem in WEIGHT_STEMS.items():
            files = self._weight_files(part)
            if not files:
                if any((self.folder / part).glob(f"{PICKLE_STEMS[part]}*.bin*")):
                    yield self._problem(
                        f"has only pickle weights in {part}/, which can hide a program; "
                        "take a copy with .safetensors files, or give --allow-pickle if you trust where it is from"
                    )
                else:
                    yield self._problem(f"has no weights in {part}/ ({stem}.safetensors is missing)")
            for path in files:
                if path.suffix == ".safetensors":
                    try:
                        read_header(path)
                    except CheckpointError as error:
                        yield self._problem(f"has damaged weights: {part}/{path.name} {error.sentence}", corrupted=True)

    def _weight_files(self, part: str) -> list[Path]:
        """The weight file of a part, or its shard index followed by the shards. Full precision before fp16."""
        stems = [(WEIGHT_STEMS[part], "safetensors")]
        if self._allow_pickle:
            stems.append((PICKLE_STEMS[part], "bin"))
        for stem, suffix in stems:
            for variant in ("", ".fp16"):
                whole = self.folder / part / f"{stem}{variant}.{suffix}"
                if whole.is_file():
                    return [whole]
                index = self.folder / part / f"{stem}.{suffix}.index{variant}.json"
                if index.is_file():
                    shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
                    return [index, *(index.parent / name for name in sorted(shards))]
        return []

    def _read_json(self, relative: str) -> dict[str, Any]:
        value = json.loads((self.folder / relative).read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError(f"{relative} holds no object")
        return value


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
