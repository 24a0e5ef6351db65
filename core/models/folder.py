"""A Stable Diffusion model in diffusers layout: a folder with one sub-folder for each part."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRequestError, ModelError, Problem
from .facts import ModelFacts, read_facts
from .libraries import import_diffusers
from .single_file.header import CheckpointError, DamagedFileError, read_header
from .tiny_decoder import CONFIG, FOLDER, WEIGHTS

if TYPE_CHECKING:
    import torch

    from .model import Components

CONFIG_FILES = {
    "unet": "config.json",
    "vae": "config.json",
    "text_encoder": "config.json",
    "scheduler": "scheduler_config.json",
}
TOKENIZER_VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"))  # as transformers 5 writes it, and before
TOKENIZER_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")
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

    @property
    def tiny_decoder(self) -> Path:
        """Where the tiny decoder would lie that may come with the model."""
        return self.folder / FOLDER

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The files that make the model what it is, for its hash."""
        configs = [self.folder / part / file for part, file in CONFIG_FILES.items()]
        vocabularies = [file for files in TOKENIZER_VOCABULARIES for file in files]
        tokenizer = [self.folder / "tokenizer" / file for file in (*vocabularies, *TOKENIZER_SETTINGS)]
        weights = [path for part in WEIGHT_STEMS for path in self._weight_files(part)]
        tiny = [self.tiny_decoder / file for file in (CONFIG, WEIGHTS)]
        return tuple(path for path in (*configs, *tokenizer, *weights, *tiny) if path.is_file())

    def load(self, dtype: torch.dtype) -> Components:
        """Load all parts in ``dtype``, on the CPU. Raises ModelError when weights are corrupted or incomplete."""
        diffusers = import_diffusers()
        import transformers

        from ..runtime.memory import is_out_of_memory
        from .model import Components

        try:
            return Components(
                unet=self._load_part(diffusers.UNet2DConditionModel, "unet", dtype),
                vae=self._load_part(diffusers.AutoencoderKL, "vae", dtype),
                text_encoder=self._load_part(transformers.CLIPTextModel, "text_encoder", dtype),
                tokenizer=transformers.CLIPTokenizer.from_pretrained(self.folder / "tokenizer"),
            )
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

    def _family_problems(self) -> Iterator[Problem]:
        index = self.folder / "model_index.json"
        if index.is_file():
            try:
                parts = self._read_json("model_index.json")
                unet_class = (parts.get("unet") or [None, "none"])[1]
                pipeline = str(parts.get("_class_name") or "model of an unknown kind")
            except (OSError, ValueError, KeyError, TypeError, IndexError):
                yield self._problem("has a model_index.json that cannot be read; download it again")
                return
            if unet_class != SUPPORTED_UNET or "XL" in pipeline:
                yield self._problem(f"is a {pipeline}; this version loads Stable Diffusion 1.x and 2.x")

    def _config_problems(self) -> Iterator[Problem]:
        needed = [f"{part}/{file}" for part, file in CONFIG_FILES.items()]
        missing = [file for file in needed if not self._has(file)]
        vocabularies = [[f"tokenizer/{file}" for file in files] for files in TOKENIZER_VOCABULARIES]
        if not any(all(map(self._has, files)) for files in vocabularies):
            missing += [file for file in vocabularies[-1] if not self._has(file)]
        if missing:
            yield self._problem(f"is not a Stable Diffusion model in diffusers layout: {', '.join(missing)} missing")
        for file in (*needed, *(file for files in vocabularies for file in files)):
            if self._has(file):
                try:
                    self._read_text(file) if file.endswith(".txt") else self._read_json(file)
                except (OSError, ValueError):
                    yield self._problem(f"has a {file} that cannot be read; download it again")

    def _weight_problems(self) -> Iterator[Problem]:
        only_pickles = []
        for part, stem in WEIGHT_STEMS.items():
            if not self._has(f"{part}/{CONFIG_FILES[part]}"):
                continue  # the whole part is missing, which has been said
            try:
                files = self._weight_files(part)
            except (OSError, ValueError, KeyError, AttributeError, TypeError):
                yield self._problem(f"has an index of weights in {part}/ that cannot be read; download it again", True)
                continue
            if not files and any((self.folder / part).glob(f"{PICKLE_STEMS[part]}*.bin*")):
                only_pickles.append(f"{part}/")
            elif not files:
                yield self._problem(f"has no weights in {part}/: {stem}.safetensors is missing")
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
