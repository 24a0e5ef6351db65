"""The way of a request to a picture: load, sample, decode, save."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .decoding.decoder import Decoder
from .decoding.encoder import Encoder
from .decoding.preview import fit_preview
from .decoding.tiny import TinyDecoder, TinyPreview
from .diffusion.background import decode_grown
from .diffusion.coherence import Coherence
from .diffusion.denoiser import Condition, Denoiser, encode_prompt, unet_network
from .diffusion.joint_diffusion import Anchor
from .diffusion.noise import initial_noise
from .diffusion.samplers import Sampler
from .errors import ModelError, NotEnoughMemoryError
from .events import Event, Phase, Progress
from .files.images import ImageError, read_square
from .files.known import KnownFiles
from .files.latents import read_latents
from .files.outputs import Outputs
from .hashes import file_hashes
from .methods import make_denoiser, make_diffusion, make_sampler
from .models.libraries import import_diffusers
from .models.model import Components, model_key
from .models.tiny_decoder import load_tiny_decoder, tiny_decoder_problem
from .panorama.fuse import fuse
from .panorama.views import View
from .panorama.world import finished
from .perceptual.weights import load_distance
from .poles import PolePainter
from .reporter import Reporter
from .request.request import PERSONAL
from .request.validation import Plan
from .request.world import NO_SUN
from .result import Result
from .runtime.checkpointing import Checkpointing
from .runtime.devices import arithmetic, resolve_device, resolve_dtype
from .runtime.kept import Kept
from .runtime.memory import FIXED_BATCH, Batches, fixed_batches, free_unused_memory, is_out_of_memory, room
from .runtime.precision import Network
from .runtime.stopwatch import TimeLeft
from .start import clean_canvas, held_window, to_tensor
from .version import VERSION


@dataclass
class _Loaded:
    """What is kept of a model from run to run."""

    components: Components
    preview: Callable[[torch.Tensor], torch.Tensor]


@dataclass
class _Judge:
    """What windows are compared by: the distance, and what decodes them for it (None: the model's own decoder)."""

    distance: Any
    tiny_decoder: torch.nn.Module | None

    def to(self, device: torch.device) -> _Judge:
        """Move both to a device."""
        self.distance.to(device)
        if self.tiny_decoder is not None:
            self.tiny_decoder.to(device)
        return self


@dataclass
class _Sampled:
    """What sampling hands on: clean latents on the device, the trace (empty unless kept) and the losses."""

    latents: torch.Tensor
    trace: np.ndarray
    losses: np.ndarray
    stopped_after: int | None = None


class Engine:
    """Carries out one plan at a time and keeps the model for the next. Not for two threads at a time."""

    def __init__(self) -> None:
        self._models: Kept[_Loaded] = Kept()
        self._judges: Kept[_Judge] = Kept()
        self._known_files = KnownFiles()
        self._device = torch.device("cpu")

    def load(self, plan: Plan, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Load what a plan needs and keep it, so that a run of it begins with sampling. Raises as ``generate`` does."""
        with self._prepared(plan, lambda _: None, cancelled) as run:
            self._load(run)

    def park(self) -> None:
        """Move the networks into main memory, so that a run that waits leaves the device to others."""
        self._move(torch.device("cpu"))

    def unpark(self) -> None:
        """Move the networks back to where the run goes on. Where they do not fit any more, they are forgotten."""
        try:
            self._move(self._device)
        except RuntimeError:
            self.release()
            raise

    def _move(self, device: torch.device) -> None:
        if self._models.value is not None:
            self._models.value.components.to(device)
        if self._judges.value is not None:
            self._judges.value.to(device)
        free_unused_memory()

    def release(self) -> None:
        """Forget the model and give its memory back."""
        self._models.release()
        self._judges.release()

    def generate(
        self,
        plan: Plan,
        outputs: Outputs,
        emit: Callable[[Event], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Generate a panorama and write its files.

        ``cancelled`` is asked before every batch of windows and every tile; to pause the run it may take its time.
        ``stopped`` is asked after every step: the run then ends with the picture as it is foreseen there.
        Raises a SyncDiffusionError; no file is left half-written then, and no memory kept but the model's.
        """
        with self._prepared(plan, emit, cancelled) as run:
            return self._generate(run, outputs, stopped)

    @contextmanager
    def _prepared(self, plan: Plan, emit: Callable[[Event], None], cancelled: Callable[[], bool]) -> Iterator[_Run]:
        """A run on its device, and what happens when memory runs out in it."""
        try:
            device = self._device = resolve_device(plan.request.device)
            dtype = resolve_dtype(plan.request.dtype, device)
            with arithmetic(device, dtype, plan.request.deterministic):
                yield _Run(plan, device, dtype, Reporter(emit, cancelled))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise NotEnoughMemoryError(
                f"memory ran out ({room(self._device)}); take --decode tiles, --dtype float16 or a smaller canvas, "
                "or close other programs"
            ) from error
        finally:
            free_unused_memory()

    def _generate(self, run: _Run, outputs: Outputs, stopped: Callable[[], bool]) -> Result:
        phase = run.reporter.phase
        with phase(Phase.LOADING):
            for note in run.plan.notes:
                run.reporter.warn(note)
            loaded, judge = self._load(run)
            decoder = run.decoder(loaded.components)
            request = run.plan.request
            condition = run.encode_prompt(loaded.components, request.prompt, [text for _, text in request.regions])
        with phase(Phase.SAMPLING):
            sampled = run.sample(loaded, condition, decoder, judge, stopped, keep_trace=outputs.trace is not None)
        paints = request.poles == "generate" and sampled.stopped_after is None
        if request.poles == "generate" and not paints:
            run.reporter.warn("poles: stopped before sky and ground were painted, so they are filled")
        with phase(Phase.DECODING):
            canvas = run.decode(decoder, sampled.latents)
            if not paints:
                pixels, sun = run.finish(canvas, [])
        if paints:
            with phase(Phase.SAMPLING):
                painted = run.paint_poles(loaded, decoder, judge, canvas, stopped)
            with phase(Phase.DECODING):
                pixels, sun = run.finish(canvas, painted)
        with phase(Phase.SAVING):
            result = Result(
                pixels=pixels,
                latents=sampled.latents.cpu().numpy(),
                trace=sampled.trace,
                losses=sampled.losses,
                request=request.to_json(file_hashes(run.plan, self._known_files), sampled.stopped_after, sun),
                stopped_after=sampled.stopped_after,
            )
            run.reporter.check_cancelled()
            outputs.write(result, partial(run.report, result))
        result.report = run.report(result)
        return result

    def _load(self, run: _Run) -> tuple[_Loaded, _Judge | None]:
        request = run.plan.request
        import_diffusers()
        key = partial(model_key, run.plan.model, run.device, run.dtype)
        loaded = self._models.get(key, run.load)
        run.reporter.check_cancelled()
        if not request.synchronizes:
            return loaded, None
        of_model = key() if request.loss_decoder == "tiny" else None
        judge = self._judges.get(lambda: (request.loss, request.loss_weights, run.device, of_model), run.load_judge)
        run.reporter.check_cancelled()
        return loaded, judge


class _Run:
    """One run of a plan: what its phases share, and those of them that need nothing kept."""

    def __init__(self, plan: Plan, device: torch.device, dtype: torch.dtype, reporter: Reporter) -> None:
        self.plan = plan
        self.device = device
        self.dtype = dtype
        self.reporter = reporter
        self._decoded = ""
        self._batches: Batches

    def load(self) -> _Loaded:
        """The model on the device, and its preview."""
        components = self.plan.model.load(self.dtype).to(self.device)
        for note in components.notes:
            self.reporter.warn(note)
        model = self.plan.model
        if tiny_decoder_problem(model.tiny_decoder, model.facts) is None:
            tiny = load_tiny_decoder(model.tiny_decoder, self.dtype).to(self.device)
            return _Loaded(components, TinyPreview(TinyDecoder(tiny, self.reporter.warn)))
        decoder, encoder = self.decoder(components), self.encoder(components)
        return _Loaded(components, fit_preview(decoder, encoder.images, model.facts, self.device))

    def load_judge(self) -> _Judge:
        """What the request compares windows by, on the device."""
        request = self.plan.request
        distance = load_distance(request.loss, request.loss_weights, self.reporter.warn)
        tiny = None
        if request.loss_decoder == "tiny":
            tiny = load_tiny_decoder(self.plan.model.tiny_decoder, self.dtype)
        return _Judge(distance, tiny).to(self.device)

    def decoder(self, components: Components) -> Decoder:
        """The model's decoder, which tells this run what goes wrong."""
        return Decoder(components.vae, self.plan.model.facts, self.reporter.warn, self.reporter.check_cancelled)

    def encoder(self, components: Components) -> Encoder:
        """Its counterpart."""
        return Encoder(components.vae, self.plan.model.facts, self.reporter.warn, self.reporter.check_cancelled)

    def encode_prompt(self, components: Components, prompt: str, regions: Sequence[str] = ()) -> Condition:
        """The text embeddings of a prompt, or of those of regions, beside the request's negative one."""
        limit = self.plan.model.facts.text_limit
        negative = self.plan.request.negative_prompt
        return encode_prompt(components, prompt, negative, limit, self.reporter.warn, regions)

    def sample(
        self,
        loaded: _Loaded,
        condition: Condition,
        decoder: Decoder,
        judge: _Judge | None,
        stopped: Callable[[], bool],
        keep_trace: bool,
    ) -> _Sampled:
        """Joint diffusion from noise, or a picture under noise, to clean latents.

        ``judge`` None: no step synchronizes. ``stopped``: whether to end early, with the x0 prediction of the step
        just done (Eq. 10).
        """
        request = self.plan.request
        unet = unet_network(loaded.components, self.reporter.warn)
        self._batches = self._plan_batches(loaded.components)
        coherence, anchor = None, None
        if judge is not None:
            coherence = self._coherence(judge, decoder, unet)
            anchor = self._anchor(coherence)
        sampler = make_sampler(self.plan)
        z, correct = self._start(sampler, loaded.components, decoder)
        denoise = make_denoiser(self.plan, unet, condition)
        diffusion = make_diffusion(self.plan, denoise, sampler, self._batches, coherence, anchor, correct)
        costly = [weight > 0 for weight in request.sync_weights()[request.start_step :]]
        steps = len(diffusion)  # a blended run takes all of the request's for every window
        time_left = TimeLeft(costly * (steps // len(costly)), self.reporter.stopwatch.now)
        trace, losses = [], []
        stopped_after = None
        self.reporter.step(Progress(Phase.SAMPLING, 0, steps, preview=loaded.preview(z).numpy()))
        for done, step in enumerate(diffusion.run(z), start=1):
            loss = None if math.isnan(step.loss) else step.loss
            picture = loaded.preview(step.x0).numpy()
            self.reporter.step(Progress(Phase.SAMPLING, done, steps, time_left.after(done - 1), loss, picture))
            losses.append(step.loss)
            if keep_trace:
                trace.append(step.latents.cpu())
            z = step.latents
            if stopped() and done < steps:
                z, stopped_after = step.x0, step.index + 1
                break
        kept = torch.cat(trace) if trace else torch.empty((0, *z.shape[1:]))
        return _Sampled(z, kept.numpy(), np.array(losses, dtype=np.float32), stopped_after)

    def _plan_batches(self, components: Components) -> Batches:
        request, size, sizes = self.plan.request, None, {}
        if request.deterministic or self.device.type != "cuda":
            # The paper's preset is the authors' result bit for bit, and they take one window at a time.
            size, sizes = FIXED_BATCH, {} if request.preset == "paper" else fixed_batches(components.unet)
        checkpointing = Checkpointing([components.unet, components.vae], self.reporter.warn)
        return Batches(self.device, size, self.reporter.cancelled, checkpointing.begin, sizes)

    def _start(
        self, sampler: Sampler, components: Components, decoder: Decoder
    ) -> tuple[torch.Tensor, Callable[[torch.Tensor, int], torch.Tensor] | None]:
        """The noisy latents of the first step, and what keeps a part of the canvas as it is."""
        request, windows = self.plan.request, self.plan.windows
        noise = self._initial_noise().to(self.device)
        if request.init_image is None:
            return noise, None
        encoder = self.encoder(components)
        if request.init_mode == "grow":
            return noise, held_window(request, windows, self._anchor_window(), encoder, self.device)
        clean = clean_canvas(request, noise.shape, encoder, decoder).to(self.device)
        return sampler.noised(clean, noise, sampler.first), None

    def _anchor_window(self) -> int:
        index = self.plan.request.anchor_index
        return self.plan.windows.center if index is None else index

    def _initial_noise(self) -> torch.Tensor:
        request = self.plan.request
        if request.initial_latents is not None:
            return torch.from_numpy(read_latents(Path(request.initial_latents)))
        return initial_noise(request.seed, self.plan.canvas_shape)

    def _coherence(self, judge: _Judge, decoder: Decoder, unet: Network) -> Coherence:
        request = self.plan.request
        if judge.tiny_decoder is not None:
            decoder = TinyDecoder(judge.tiny_decoder, self.reporter.warn)
        networks = [decoder.network]
        if request.foresee == "predicted" and request.gradient == "exact":
            networks.append(unet)
        return Coherence(judge.distance, decoder, networks, half_scale=request.loss_scale == 0.5)

    def _anchor(self, coherence: Coherence) -> Anchor:
        request = self.plan.request
        if request.anchor_image is None:
            return Anchor(self._anchor_window())
        try:
            image = read_square(Path(request.anchor_image), request.window)
        except ImageError as error:
            raise ModelError(f"anchor: {error}") from error
        tensor = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.device)
        features = coherence.look_at_image(tensor)
        return Anchor(None, lambda _: features)

    def decode(self, decoder: Decoder, latents: torch.Tensor) -> np.ndarray:
        """The canvas's pixels (H, W, 3) in [0, 1] of clean latents."""
        request = self.plan.request
        if request.method == "blended":
            image = decode_grown(decoder, self.plan.windows, latents, self.reporter.check_cancelled)
            self._decoded = "windows"
            return _pixels(image)
        image = decoder.canvas(latents, request.decode, request.wrap_y, request.wrap_x)
        self._decoded = decoder.used
        return _pixels(image)

    def paint_poles(
        self, loaded: _Loaded, decoder: Decoder, judge: _Judge | None, strip: np.ndarray, stopped: Callable[[], bool]
    ) -> list[tuple[View, np.ndarray]]:
        """The views above and below a world's finished strip, synchronized to the strip's anchor; see ``poles``."""
        components = loaded.components
        unet = unet_network(components, self.reporter.warn)
        coherence, anchor = None, None
        if judge is not None:
            coherence = self._coherence(judge, decoder, unet)
            anchor = self._anchor(coherence)
            if anchor.index is not None:
                features = coherence.look_at_image(self._anchor_of(strip))
                anchor = Anchor(None, lambda _: features)
        scale = self.plan.request.guidance_scale
        painter = PolePainter(
            self.plan,
            lambda prompt: Denoiser(unet, self.encode_prompt(components, prompt), scale),
            self._batches,
            coherence,
            anchor,
            decoder,
            self.encoder(components),
            self.reporter,
        )
        return painter.paint(strip, stopped)

    def _anchor_of(self, strip: np.ndarray) -> torch.Tensor:
        """The anchor window (1, 3, window, window) of a finished strip."""
        factor = self.plan.model.facts.latent_factor
        top, left = (factor * start for start in self.plan.windows.positions[self._anchor_window()])
        window = self.plan.request.window
        columns = (left + np.arange(window)) % strip.shape[1]
        return to_tensor(strip[top : top + window][:, columns]).to(self.device)

    def finish(
        self, canvas: np.ndarray, painted: list[tuple[View, np.ndarray]]
    ) -> tuple[np.ndarray, dict[str, Any] | None]:
        """The picture that was asked for, and the sun in it: the canvas itself, or the sphere or light round it."""
        request = self.plan.request
        if request.target != "world":
            return (canvas * 255).round().astype(np.uint8), None
        sphere = fuse(canvas, request.world_size, request.horizon, painted)
        pixels, sun = finished(sphere, request.peak)
        if sun is None and request.range == "expanded":
            self.reporter.warn(f"range: {NO_SUN}")
        return pixels, None if sun is None else sun.to_json()

    def report(self, result: Result) -> dict[str, Any]:
        """Every setting in effect, and what the run took."""
        import diffusers

        losses = [float(loss) for loss in result.losses if not math.isnan(loss)]
        return {
            "settings": {**result.request, **{name: getattr(self.plan.request, name) for name in PERSONAL}},
            "device": torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type,
            "dtype": str(self.dtype).removeprefix("torch."),
            "versions": {
                "syncdiffusion": VERSION,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "diffusers": diffusers.__version__,
            },
            "windows": len(self.plan.windows),
            "stopped_after": result.stopped_after,
            "decoded": self._decoded,
            "seconds": self.reporter.stopwatch.seconds(),
            "peak_memory_bytes": self._batches.peak_bytes(),
            "batch_sizes": {
                kind: {str(size): count for size, count in sorted(sizes.items())}
                for kind, sizes in self._batches.used.items()
            },
            "batches_halved": self._batches.halved,
            "loss": {"first": losses[0] if losses else None, "last": losses[-1] if losses else None},
            "notices": self.reporter.notices,
        }


def _pixels(image: torch.Tensor) -> np.ndarray:
    """(1, 3, H, W) to (H, W, 3), both in [0, 1]."""
    return image[0].permute(1, 2, 0).numpy()
