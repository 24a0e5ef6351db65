"""A model in diffusers layout: a folder with one sub-folder for each part."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRequestError, ModelError, Problem
from .facts import SUPPORTED, ModelFacts, family_of, read_facts
from .few_step import telling_name
from .hub_cache import published_tiny_decoder
from .libraries import import_diffusers
from .single_file.header import CheckpointError, DamagedFileError, read_header
from .tiny_decoder import FOLDER, tiny_decoder_files

if TYPE_CHECKING:
    import torch

    from .model import Components

TOKENIZER_VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"))  # as transformers 5 writes it, and before
TOKENIZER_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")
# Network -> how its weights are named: as safetensors, as pickle.
WEIGHT_STEMS = {
    "unet": ("diffusion_pytorch_model", "diffusion_pytorch_model"),
    "vae": ("diffusion_pytorch_model", "diffusion_pytorch_model"),
    "text_encoder": ("model", "pytorch_model"),
    "text_encoder_2": ("model", "pytorch_model"),
}
ONLY_SDXL = ("text_encoder_2", "tokenizer_2")
SUPPORTED_UNET = "UNet2DConditionModel"


class FolderModel:
    """A model folder, looked at but not loaded.

    Raises InvalidRequestError with everything that is missing or of the wrong kind, in one go. ``name`` is what the
    user called it.
    """

    variant = None

    def __init__(self, folder: Path, name: str, allow_pickle: bool = False, check_weights: bool = True) -> None:
        self.folder = folder
        self.name = name
        self._allow_pickle = allow_pickle
        self._is_sdxl = self._looks_like_sdxl()
        self._networks = self._parts_of(*WEIGHT_STEMS)
        self._tokenizers = self._parts_of("tokenizer", "tokenizer_2")
        problems = [*self._family_problems(), *self._config_problems()]
        if check_weights:
            problems += self._weight_problems()
        if problems:
            raise InvalidRequestError(problems)

    @cached_property
    def facts(self) -> ModelFacts:
        """See ``ModelFacts``."""
        configs = {file.partition("/")[0]: self._read_json(file) for file in self._config_files()}
        return read_facts(self.name, configs, [telling_name(Path(self.name)), telling_name(self.folder.absolute())])

    @property
    def tiny_decoder(self) -> Path:
        """See ``Model``: the folder's own, else its family's if that is on this machine."""
        own = self.folder / FOLDER
        return own if own.is_dir() else published_tiny_decoder(self.facts) or own

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The files that make the model what it is, for its hash."""
        configs = [self.folder / file for file in self._config_files()]
        names = [*(file for files in TOKENIZER_VOCABULARIES for file in files), *TOKENIZER_SETTINGS]
        tokenizers = [self.folder / tokenizer / name for tokenizer in self._tokenizers for name in names]
        weights = [path for part in self._networks for path in self._weight_files(part)]
        tiny = tiny_decoder_files(self.folder / FOLDER)
        return tuple(path for path in (*configs, *tokenizers, *weights, *tiny) if path.is_file())

    def load(self, dtype: torch.dtype) -> Components:
        """Load all parts in ``dtype``, on the CPU. Raises ModelError when weights are corrupted or incomplete."""
        diffusers = import_diffusers()
        import transformers

        from ..runtime.memory import is_out_of_memory
        from .model import Components

        try:
            kinds = {
                "unet": diffusers.UNet2DConditionModel,
                "vae": diffusers.AutoencoderKL,
                "text_encoder": transformers.CLIPTextModel,
                "text_encoder_2": transformers.CLIPTextModelWithProjection,
            }
            networks = {part: self._load_part(kinds[part], part, dtype) for part in self._networks}
            tokenizers = {
                part: transformers.CLIPTokenizer.from_pretrained(self.folder / part) for part in self._tokenizers
            }
            return Components(**networks, **tokenizers, zeros_for_empty=self._zeros_for_empty())
        except Exception as error:  # whatever the libraries raise on files that are damaged or do not fit together
            if is_out_of_memory(error):
                raise
            sentence = f"the model {self.name!r} cannot be loaded: {_first_sentence(error)}; download it again"
            raise ModelError(sentence) from error

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

    def _looks_like_sdxl(self) -> bool:
        """By the UNet's configuration; by the index where that is missing or broken, which is a problem of its own."""
        try:
            return family_of(self._read_json("unet/config.json")) == "sdxl"
        except (OSError, ValueError):
            return "XL" in str(self._index().get("_class_name"))

    def _parts_of(self, *parts: str) -> tuple[str, ...]:
        return tuple(part for part in parts if self._is_sdxl or part not in ONLY_SDXL)

    def _config_files(self) -> list[str]:
        return [*(f"{part}/config.json" for part in self._networks), "scheduler/scheduler_config.json"]

    def _index(self) -> dict[str, Any]:
        try:
            return self._read_json("model_index.json")
        except (OSError, ValueError):
            return {}

    def _zeros_for_empty(self) -> bool:
        """Whether an empty negative prompt is zeros: in SDXL, unless its index says otherwise."""
        return self._is_sdxl and bool(self._index().get("force_zeros_for_empty_prompt", True))

    def _family_problems(self) -> Iterator[Problem]:
        if not self._has("model_index.json"):
            return
        try:
            parts = self._read_json("model_index.json")
            unet_class = (parts.get("unet") or [None, "none"])[1]
            pipeline = str(parts.get("_class_name") or "model of an unknown kind")
            refines = self._is_sdxl and not (parts.get("text_encoder") or [None])[0]
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            yield self._problem("has a model_index.json that cannot be read; download it again")
            return
        if unet_class != SUPPORTED_UNET:
            yield self._problem(f"is a {pipeline}; {SUPPORTED}")
        elif refines:
            yield self._problem("is the refiner of SDXL, which makes no pictures of its own; take the base model")

    def _config_problems(self) -> Iterator[Problem]:
        needed = self._config_files()
        missing = [file for file in needed if not self._has(file)]
        vocabularies = []
        for tokenizer in self._tokenizers:
            choices = [[f"{tokenizer}/{file}" for file in files] for files in TOKENIZER_VOCABULARIES]
            if not any(all(map(self._has, files)) for files in choices):
                missing += [file for file in choices[-1] if not self._has(file)]
            vocabularies += [file for files in choices for file in files]
        if missing:
            yield self._problem(f"is not a Stable Diffusion model in diffusers layout: {', '.join(missing)} missing")
        for file in (*needed, *vocabularies):
            if self._has(file):
                try:
                    self._read_text(file) if file.endswith(".txt") else self._read_json(file)
                except (OSError, ValueError):
                    yield self._problem(f"has a {file} that cannot be read; download it again")

    def _weight_problems(self) -> Iterator[Problem]:
        only_pickles = []
        for part in self._networks:
            safe, pickle = WEIGHT_STEMS[part]
            if not self._has(f"{part}/config.json"):
                continue  # the whole part is missing, which has been said
            try:
                files = self._weight_files(part)
            except (OSError, ValueError, KeyError, AttributeError, TypeError):
                yield self._problem(f"has an index of weights in {part}/ that cannot be read; download it again", True)
                continue
            if not files and any((self.folder / part).glob(f"{pickle}*.bin*")):
                only_pickles.append(f"{part}/")
            elif not files:
                yield self._problem(f"has no weights in {part}/: {safe}.safetensors is missing")
            for path in files:
                yield from self._file_problems(path)
        if only_pickles:
            yield self._problem(
                f"has only pickle weights in {', '.join(only_pickles)}, which can hide a program; "
                "take a copy with .safetensors files, or give --allow-pickle if you trust where it is from"
            )

    def _file_problems(self, path: Path) -> Iterator[Problem]:
        file = f"{path.parent.name}/{path.name}"
        try:
            if path.suffix == ".safetensors":
                read_header(path)
            else:
                path.open("rb").close()
        except CheckpointError as error:
            yield self._problem(f"has a {file} that {error.sentence}", isinstance(error, DamagedFileError))
        except OSError as error:
            yield self._problem(f"has no {file} that can be read ({error.strerror}); download it again")

    def _weight_files(self, part: str) -> list[Path]:
        """The weight file of a part, or its shard index followed by the shards. Full precision before fp16."""
        suffixes = ("safetensors", "bin") if self._allow_pickle else ("safetensors",)
        for stem, suffix in zip(WEIGHT_STEMS[part], suffixes, strict=False):
            for variant in ("", ".fp16"):
                whole = self.folder / part / f"{stem}{variant}.{suffix}"
                if whole.is_file():
                    return [whole]
                index = self.folder / part / f"{stem}.{suffix}.index{variant}.json"
                if index.is_file():
                    shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
                    return [index, *(index.parent / name for name in sorted(shards))]
        return []

    def _has(self, file: str) -> bool:
        return os.path.isfile(self.folder / file)

    def _read_text(self, file: str) -> str:
        return (self.folder / file).read_text(encoding="utf-8")

    def _read_json(self, file: str) -> dict[str, Any]:
        value = json.loads(self._read_text(file))
        if not isinstance(value, dict):
            raise ValueError(f"{file} holds no object")
        return value


def _first_sentence(error: BaseException) -> str:
    """What a library says first; what follows is for its developers, or advises to run the code in a pickle."""
    return re.split(r"\.\s|\n", str(error).strip(), maxsplit=1)[0].rstrip(".") or type(error).__name__
