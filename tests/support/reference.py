"""The slow, plain reading of SyncDiffusion's Algorithm 1 that the engine is compared with.

One window at a time, autograd through everything, nothing batched, nothing clever. It uses diffusers' and lpips' own
parts and nothing of the package under test.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from .models import empty_lpips
from .torchvision_import import import_torchvision

Loss = Callable[..., Tensor]  # of two images (1, 3, h, w) in [0, 1]; with guard=True its gradient is always finite
Anchor = int | Tensor | None  # None: the middle window; an index; a picture (1, 3, window, window) in [0, 1]


@dataclass(frozen=True)
class View:
    """A window's place in latents: the rows and columns of the canvas that it shows, in order."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]

    def crop(self, canvas: Tensor) -> Tensor:
        """Crop the window from the canvas (T_z->i of Eq. 12)."""
        return canvas[:, :, list(self.rows)][:, :, :, list(self.columns)].clone()


@dataclass
class Trace:
    """All that happened in a run. Latents and gradients are the variance-preserving ones."""

    noise: Tensor  # (1, C, h, w)
    latents: list[Tensor]  # after every step, (1, C, h, w)
    losses: Tensor  # (steps, windows); NaN where no gradient was taken: the anchor, steps without synchronization
    grads: list[Tensor]  # one for every step, (windows, C, n, n); zero where none was taken
    image: Tensor | None  # (1, 3, H, W) in [0, 1], decoded whole; None where the canvas wraps
    views: list[View]
    anchor: int | None  # None: a picture
    timesteps: list[float]


@dataclass(frozen=True)
class Shortcuts:
    """What a run leaves out of the paper's; the names are those of the command line's options."""

    gradient: Literal["exact", "no-unet"] = "exact"
    loss_decoder: Any = None  # an AutoencoderTiny
    loss_scale: float = 1
    reuse_noise: bool = False
    shift_windows: bool = False


PAPER = Shortcuts()


@dataclass(frozen=True)
class Text:
    """A text as the UNet reads it."""

    tokens: Tensor
    pooled: Tensor | None


class Parts:
    """The parts of a model in diffusers' layout, as they lie in its folder."""

    def __init__(self, folder: str | Path, dtype: torch.dtype) -> None:
        import_torchvision()
        from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

        self.dtype = dtype
        self.tokenizer = CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer")
        self.text_encoder = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", dtype=dtype).eval()
        self.unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", torch_dtype=dtype).eval()
        self.vae = AutoencoderKL.from_pretrained(folder, subfolder="vae", torch_dtype=dtype).eval()
        self.is_xl = (Path(folder) / "text_encoder_2").is_dir()
        if self.is_xl:
            self.tokenizer_2 = CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer_2")
            second = CLIPTextModelWithProjection.from_pretrained(folder, subfolder="text_encoder_2", dtype=dtype)
            self.text_encoder_2 = second.eval().requires_grad_(False)
        self.scheduler_config = DDIMScheduler.load_config(folder, subfolder="scheduler")
        for part in (self.text_encoder, self.unet, self.vae):
            part.requires_grad_(False)

    @property
    def factor(self) -> int:
        """Pixels of an image for each latent."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def prediction_type(self) -> str:
        """What the UNet predicts: "epsilon" or "v_prediction"."""
        return self.scheduler_config.get("prediction_type", "epsilon")

    @torch.no_grad()
    def embed(self, text: str, *, negative: bool = False) -> "Text":
        """Encode a prompt, cut or padded to the tokenizer's length; SDXL's empty negative prompt is zeros."""
        if not self.is_xl:
            return Text(self.text_encoder(self._ids(self.tokenizer, text))[0], None)
        first = self.text_encoder(self._ids(self.tokenizer, text), output_hidden_states=True)
        second = self.text_encoder_2(self._ids(self.tokenizer_2, text), output_hidden_states=True)
        tokens = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=2)
        scale = 0 if negative and text == "" else 1
        return Text(scale * tokens, scale * second.text_embeds)

    @staticmethod
    def _ids(tokenizer: Any, text: str) -> Tensor:
        length = tokenizer.model_max_length
        return tokenizer(text, padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids

    def predict(self, x: Tensor, t: Any, positive: "Text", negative: "Text", guidance_scale: float) -> Tensor:
        """Evaluate the UNet on a window with classifier-free guidance."""
        conditional, unconditional = self.evaluate(x, t, positive), self.evaluate(x, t, negative)
        return unconditional + guidance_scale * (conditional - unconditional)

    def evaluate(self, x: Tensor, t: Any, text: "Text") -> Tensor:
        """Evaluate the UNet on a window under one text."""
        added = None
        if self.is_xl:  # every window is told it is a whole picture of its own size
            window = x.shape[-1] * self.factor
            original = max(window, self.unet.config.sample_size * self.factor)
            added = {"text_embeds": text.pooled, "time_ids": torch.tensor([[original, original, 0, 0, window, window]])}
        return self.unet(x, t, encoder_hidden_states=text.tokens, added_cond_kwargs=added).sample

    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents to an image in [0, 1]."""
        image = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return (image / 2 + 0.5).clamp(0, 1)


# ---------------------------------------------------------------------------------------------------------- windows


def axis_starts(size: int, window: int, stride: int, *, wrap: bool, shift: int = 0) -> list[int]:
    """Place windows along an axis: at multiples of the stride, the last pulled in; evenly where the axis wraps.

    A shift moves them to the right; on an open axis what comes to lie beyond the end is pulled in or left out, and the
    beginning gets a window.
    """
    if wrap:
        count = math.ceil(size / stride)
        return [(k * size // count + shift) % size for k in range(count)]
    starts = list(range(shift, size - window + 1, stride))
    if shift > 0:
        starts = [0, *starts]
    if starts[-1] + window < size:
        starts.append(size - window)
    return starts


def make_views(
    height: int,
    width: int,
    window: int,
    stride: int,
    *,
    wrap_x: bool = False,
    wrap_y: bool = False,
    shift: tuple[int, int] = (0, 0),
) -> list[View]:
    """Place the windows over a canvas, row by row; all in latents. `shift`: down, right."""
    views = []
    for top in axis_starts(height, window, stride, wrap=wrap_y, shift=shift[0]):
        for left in axis_starts(width, window, stride, wrap=wrap_x, shift=shift[1]):
            rows = tuple((top + k) % height for k in range(window))
            columns = tuple((left + k) % width for k in range(window))
            views.append(View(rows, columns))
    return views


def make_shift(seed: int, step: int, stride: int) -> tuple[int, int]:
    """Give a step's shift (down, right): the fractions of multiples of sqrt(2) and of the golden ratio, of a stride."""
    down, right = math.modf((seed + step) * (2**0.5 - 1))[0], math.modf((seed + step) * (5**0.5 - 1) / 2)[0]
    return int(down * stride), int(right * stride)


def nearest_view(views: list[View], place: View, height: int, width: int, *, wrap_x: bool, wrap_y: bool) -> int:
    """Find the view whose corner is nearest to that of `place`, round the loop where there is one."""

    def apart(a: int, b: int, size: int, wrap: bool) -> int:
        return min(abs(a - b), size - abs(a - b)) if wrap else abs(a - b)

    distances = [
        apart(view.rows[0], place.rows[0], height, wrap_y) ** 2
        + apart(view.columns[0], place.columns[0], width, wrap_x) ** 2
        for view in views
    ]
    return distances.index(min(distances))


def merge(windows: list[Tensor], views: list[View], canvas: Tensor, fade: int = 0) -> Tensor:
    """Average windows where they overlap, over a canvas of the given one's shape (Eq. 12; Algorithm 1, line 7).

    A window counts less over `fade` latents from each edge: 1 / (fade + 1) at the edge, 2 / (fade + 1) next to it.
    """
    total, count = torch.zeros_like(canvas), torch.zeros_like(canvas)
    for x, view in zip(windows, views, strict=True):
        last = len(view.rows) - 1
        counts = [min(1.0, (min(k, last - k) + 1) / (fade + 1)) for k in range(last + 1)]
        for k, row in enumerate(view.rows):
            for j, column in enumerate(view.columns):
                total[:, :, row, column] += counts[k] * counts[j] * x[:, :, k, j]
                count[:, :, row, column] += counts[k] * counts[j]
    assert count.min() > 0, "a place that no window shows"
    return total / count


# ------------------------------------------------------------------------------------------------------------ losses


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Read a state dict from `.safetensors` or `.pt`."""
    if Path(path).suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def make_lpips(net: Literal["vgg", "alex", "squeeze"], weights: str | Path, dtype: torch.dtype = torch.float32) -> Loss:
    """Give LPIPS by the lpips package; the gradient at a zero feature is NaN without the guard."""
    model = empty_lpips(net)
    model.load_state_dict(read_state(weights), assign=True)
    model = model.to(dtype).eval().requires_grad_(False)

    def distance(image: Tensor, anchor: Tensor, *, guard: bool = False) -> Tensor:
        x, y = 2 * image - 1, 2 * anchor - 1
        return (guarded_lpips(model, x, y) if guard else model(x, y)).squeeze()

    return distance


def guarded_unit(features: Tensor) -> Tensor:
    """Give LPIPS's unit features with 1e-20 inside the square root, whose gradient is finite at zero."""
    return features / ((features.square().sum(1, keepdim=True) + 1e-20).sqrt() + 1e-10)


def guarded_lpips(model: Any, x: Tensor, y: Tensor) -> Tensor:
    """Give LPIPS in its own words with guarded unit features."""
    total = torch.zeros((), dtype=x.dtype)
    features_x, features_y = model.net(model.scaling_layer(x)), model.net(model.scaling_layer(y))
    for head, fx, fy in zip(model.lins, features_x, features_y, strict=True):
        total = total + head((guarded_unit(fx) - guarded_unit(fy)).square()).mean()
    return total


def make_style(weights: str | Path, dtype: torch.dtype = torch.float32) -> Loss:
    """Give the style loss: Gram matrices of VGG19's first five convolutions before their ReLU, times 1e6."""
    state = {name: value.to(dtype) for name, value in read_state(weights).items()}
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=dtype).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], dtype=dtype).view(1, 3, 1, 1)

    def conv(x: Tensor, index: int) -> Tensor:
        return F.conv2d(x, state[f"features.{index}.weight"], state[f"features.{index}.bias"], padding=1)

    def features(image: Tensor) -> list[Tensor]:
        c1 = conv((image - mean) / std, 0)
        c2 = conv(F.relu(c1), 2)
        c3 = conv(F.max_pool2d(F.relu(c2), 2), 5)
        c4 = conv(F.relu(c3), 7)
        c5 = conv(F.max_pool2d(F.relu(c4), 2), 10)
        return [c1, c2, c3, c4, c5]

    def gram(feature: Tensor) -> Tensor:
        _, channels, height, width = feature.shape
        flat = feature.reshape(channels, height * width)
        return flat @ flat.T / (channels * height * width)

    def distance(image: Tensor, anchor: Tensor, *, guard: bool = False) -> Tensor:
        pairs = zip(features(image), features(anchor), strict=True)
        return 1e6 * sum(F.mse_loss(gram(x), gram(y)) for x, y in pairs)

    return distance


def make_loss(name: str, weights: str | Path | None, dtype: torch.dtype) -> Loss:
    """Give a loss by its name: "vgg", "alex", "squeeze" or "style"."""
    assert weights is not None, "a synchronized run needs loss_weights"
    return make_style(weights, dtype) if name == "style" else make_lpips(name, weights, dtype)


# ----------------------------------------------------------------------------------------------------- Algorithm 1


class _Run:
    """What both samplers share: the settings, and lines 1 to 5 of Algorithm 1."""

    def __init__(
        self,
        model_folder: str | Path,
        *,
        prompt: str,
        negative_prompt: str,
        height: int,
        width: int,
        window: int,
        stride: int,
        steps: int,
        guidance_scale: float,
        seed: int,
        noise: Tensor | None,
        sync_weight: float,
        sync_decay: float,
        sync_steps: set[int] | None,
        loss: str,
        loss_weights: str | Path | None,
        foresee: str,
        anchor: Anchor,
        wrap_x: bool,
        wrap_y: bool,
        shortcuts: Shortcuts,
        dtype: torch.dtype,
    ) -> None:
        self.parts = parts = Parts(model_folder, dtype)
        f = parts.factor
        self.positive, self.negative = parts.embed(prompt), parts.embed(negative_prompt, negative=True)
        self.guidance_scale, self.foresee = guidance_scale, foresee
        self.wraps = wrap_x or wrap_y
        wraps = {"wrap_x": wrap_x, "wrap_y": wrap_y}
        self.views = make_views(height // f, width // f, window // f, stride // f, **wraps)
        self.views_of = [self.views] * steps
        self.fade = (window - stride) // f if shortcuts.shift_windows else 0
        if shortcuts.shift_windows:
            self.views_of = [
                make_views(
                    height // f, width // f, window // f, stride // f, **wraps, shift=make_shift(seed, i, stride // f)
                )
                for i in range(steps)
            ]
        self.shortcuts = shortcuts
        self.weights = [sync_weight * sync_decay**i for i in range(steps)]  # w of each step
        wanted = set(range(steps)) if sync_steps is None else sync_steps
        self.sync_steps = {i for i in wanted if i < steps and self.weights[i] > 0}
        self.loss = make_loss(loss, loss_weights, dtype) if self.sync_steps else None
        self.picture = anchor.to(dtype) if isinstance(anchor, Tensor) else None
        self.anchor = None if isinstance(anchor, Tensor) else len(self.views) // 2 if anchor is None else anchor
        self.anchor_of = [self.anchor] * steps
        if self.anchor is not None:
            place = self.views[self.anchor]
            self.anchor_of = [nearest_view(v, place, height // f, width // f, **wraps) for v in self.views_of]
        if noise is None:
            generator = torch.Generator("cpu").manual_seed(seed)
            noise = torch.randn((1, parts.unet.config.in_channels, height // f, width // f), generator=generator)
        self.noise = noise.to(dtype)
        self.trace = Trace(
            noise=self.noise.clone(),
            latents=[],
            losses=torch.full((steps, max(map(len, self.views_of))), math.nan, dtype=dtype),
            grads=[],
            image=None,
            views=self.views,
            anchor=self.anchor,
            timesteps=[],
        )

    def predict(self, x: Tensor, t: Any) -> Tensor:
        return self.parts.predict(x, t, self.positive, self.negative, self.guidance_scale)

    def foreseen(self, x: Tensor, output: Tensor | None, x0_of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Give the image that a window is judged by: D(phi(x, t)) of Eq. 14, or D(x) of Eq. 13."""
        return self.picture_of(x if output is None else x0_of(output, x))

    def picture_of(self, clean: Tensor) -> Tensor:
        if self.shortcuts.loss_scale == 0.5:
            clean = F.interpolate(clean, scale_factor=0.5, mode="area")
        if self.shortcuts.loss_decoder is not None:
            return (self.shortcuts.loss_decoder.decode(clean).sample / 2 + 0.5).clamp(0, 1)
        return self.parts.decode(clean)

    def synchronize(
        self, z: Tensor, i: int, t: Any, x0_of: Callable[[Tensor, Tensor], Tensor], a: float
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Crop the windows from z_t, move each toward the anchor (lines 1 to 5; Eq. 14), and predict at each."""
        windows = [view.crop(z) for view in self.views_of[i]]
        grads = torch.zeros((len(windows), *windows[0].shape[1:]), dtype=z.dtype)
        moved = [x.clone() for x in windows]
        outputs: list[Tensor | None] = [None] * len(windows)
        if i in self.sync_steps:
            target = self.picture
            if target is None:
                with torch.no_grad():
                    x = windows[self.anchor_of[i]]
                    target = self.foreseen(x, self.predicted(x, t), x0_of)
            elif self.shortcuts.loss_scale == 0.5:
                target = F.interpolate(target, scale_factor=0.5, mode="area")
            for index, window in enumerate(windows):
                if index == self.anchor_of[i]:
                    continue  # line 2: the anchor window is not changed
                x = window.clone().requires_grad_()
                output = self.predicted(x, t)
                if self.shortcuts.reuse_noise:
                    outputs[index] = output.detach()
                if self.shortcuts.gradient == "no-unet":  # the posterior mean's slope where the prior's variance is 128
                    leaf = x0_of(output, x).detach().requires_grad_()
                    image, factor = self.picture_of(leaf), a * 128 / (1 + 127 * a**2)
                else:
                    leaf = x
                    image, factor = self.foreseen(x, output, x0_of), 1
                loss = self.loss(image, target)
                (grad,) = torch.autograd.grad(loss, leaf, retain_graph=True)
                if not grad.isfinite().all():
                    (grad,) = torch.autograd.grad(self.loss(image, target, guard=True), leaf)
                moved[index] = window - self.weights[i] * factor * grad
                self.trace.losses[i, index] = loss.detach()
                grads[index] = factor * grad[0]
        self.trace.grads.append(grads)
        self.trace.timesteps.append(float(t))
        with torch.no_grad():
            return moved, [
                self.predict(x, t) if output is None else output for x, output in zip(moved, outputs, strict=True)
            ]

    def predicted(self, x: Tensor, t: Any) -> Tensor | None:
        """What the model says of a window that is to be judged; nothing where x itself is (Eq. 13)."""
        return None if self.foresee == "noisy" else self.predict(x, t)

    def finish(self, z: Tensor) -> Trace:
        if not self.wraps:
            with torch.no_grad():
                self.trace.image = self.parts.decode(z)
        return self.trace


def reference_run(
    model_folder: str | Path,
    *,
    prompt: str,
    negative_prompt: str = "",
    height: int,
    width: int,
    window: int,
    stride: int,
    steps: int,
    guidance_scale: float = 7.5,
    seed: int = 0,
    noise: Tensor | None = None,
    sync_weight: float = 20.0,
    sync_decay: float = 0.95,
    sync_steps: set[int] | None = None,
    loss: Literal["vgg", "alex", "squeeze", "style"] = "vgg",
    loss_weights: str | Path | None = None,
    foresee: Literal["predicted", "noisy"] = "predicted",
    anchor: Anchor = None,
    wrap_x: bool = False,
    wrap_y: bool = False,
    shortcuts: Shortcuts = PAPER,
    dtype: torch.dtype = torch.float32,
) -> Trace:
    """Run Algorithm 1 with DDIM. Sizes in pixels; `sync_steps` None means every step, `sync_weight` 0 means none."""
    from diffusers import DDIMScheduler

    settings = dict(locals())
    del settings["DDIMScheduler"]
    run = _Run(**settings)
    scheduler = DDIMScheduler.from_config(run.parts.scheduler_config, clip_sample=False, thresholding=False)
    scheduler.set_timesteps(steps)
    z = run.noise
    for i, t in enumerate(scheduler.timesteps):

        def x0_of(output: Tensor, x: Tensor, t: Tensor = t) -> Tensor:
            return scheduler.step(output, t, x).pred_original_sample  # phi of Eq. 10

        a = float(scheduler.alphas_cumprod[t].sqrt())
        moved, outputs = run.synchronize(z, i, t, x0_of, a)  # line 12
        with torch.no_grad():  # lines 13 and 14
            stepped = [scheduler.step(output, t, x).prev_sample for output, x in zip(outputs, moved, strict=True)]
        z = merge(stepped, run.views_of[i], z, run.fade)  # line 15
        run.trace.latents.append(z)
    return run.finish(z)


def reference_multistep(
    model_folder: str | Path,
    *,
    scheduler: Literal["dpmpp-2m", "unipc", "euler", "euler-trailing", "lcm"],
    prompt: str,
    negative_prompt: str = "",
    height: int,
    width: int,
    window: int,
    stride: int,
    steps: int,
    guidance_scale: float = 7.5,
    seed: int = 0,
    noise: Tensor | None = None,
    sync_weight: float = 20.0,
    sync_decay: float = 0.95,
    sync_steps: set[int] | None = None,
    loss: Literal["vgg", "alex", "squeeze", "style"] = "vgg",
    loss_weights: str | Path | None = None,
    foresee: Literal["predicted", "noisy"] = "predicted",
    anchor: Anchor = None,
    wrap_x: bool = False,
    wrap_y: bool = False,
    shortcuts: Shortcuts = PAPER,
    dtype: torch.dtype = torch.float32,
) -> Trace:
    """Run Algorithm 1 with another sampler: the moved windows and the model's outputs are merged, the canvas steps.

    UniPC's corrector rests at the steps that are synchronized, since it replaces the sample that was moved. What LCM
    adds at its steps comes from the generator that gave the initial noise.
    """
    settings = dict(locals())
    del settings["scheduler"]
    run = _Run(**settings)
    sampler = _make_sampler(scheduler, run.parts.scheduler_config, run.sync_steps)
    sampler.set_timesteps(steps)
    z = run.noise
    generator = torch.Generator("cpu").manual_seed(seed)
    torch.randn(run.noise.shape, generator=generator)
    for i, t in enumerate(sampler.timesteps):
        if scheduler == "lcm":
            ratio = (1 / sampler.alphas_cumprod[t].double() - 1).sqrt()  # s / a
        else:
            ratio = sampler.sigmas[i].double()
        a, s = float(1 / (1 + ratio**2).sqrt()), float(ratio / (1 + ratio**2).sqrt())

        def x0_of(output: Tensor, x: Tensor, a: float = a, s: float = s) -> Tensor:
            return (x - s * output) / a if run.parts.prediction_type == "epsilon" else a * x - s * output

        moved, outputs = run.synchronize(z, i, t, x0_of, a)
        x_hat, output = (merge(given, run.views_of[i], z, run.fade) for given in (moved, outputs))
        if scheduler.startswith("euler"):  # its latents are x / a: variance exploding
            x_ve = x_hat / a
            assert torch.allclose(sampler.scale_model_input(x_ve, t).to(dtype), x_hat, rtol=1e-4, atol=1e-4)
            a_next = float(1 / (1 + sampler.sigmas[i + 1].double() ** 2).sqrt())
            z = a_next * sampler.step(output, t, x_ve).prev_sample
        elif scheduler == "lcm":
            z = sampler.step(output, t, x_hat, generator=generator).prev_sample
        else:
            z = sampler.step(output, t, x_hat).prev_sample
        run.trace.latents.append(z)
    return run.finish(z)


def _make_sampler(name: str, config: dict[str, Any], sync_steps: set[int]) -> Any:
    import_torchvision()
    from diffusers import (
        DPMSolverMultistepScheduler,
        EulerDiscreteScheduler,
        LCMScheduler,
        UniPCMultistepScheduler,
    )

    if name == "dpmpp-2m":
        return DPMSolverMultistepScheduler.from_config(config, algorithm_type="dpmsolver++", solver_order=2)
    if name == "unipc":  # the scheduler counts the corrector of step i as that of step i - 1
        return UniPCMultistepScheduler.from_config(config, disable_corrector=[i - 1 for i in sorted(sync_steps)])
    if name == "euler-trailing":
        return EulerDiscreteScheduler.from_config(config, timestep_spacing="trailing")
    if name == "lcm":
        return LCMScheduler.from_config(config)
    assert name == "euler", name
    return EulerDiscreteScheduler.from_config(config)
