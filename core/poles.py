"""The sky above a world's strip and the ground below it, painted by the model in perspective views.

Views do not share a grid of latents with the strip or with each other, so no noise goes from one to another: at every
third step what each foresees (Eq. 10) is decoded, warped, and encoded again (as SyncTweedies has it, Kim et al.,
NeurIPS 2024). Where a view sees the strip, it foresees the strip; where several see the same, they foresee the same.
Colours, in the large, are those of the strip's edges gone on to the poles (held low frequencies are ILVR's, Choi et
al., ICCV 2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .decoding.decoder import Decoder
from .decoding.encoder import Encoder
from .diffusion.coherence import Coherence
from .diffusion.denoiser import Denoiser
from .diffusion.joint_diffusion import Anchor, JointDiffusion, Shortcuts
from .diffusion.noise import generator_for
from .diffusion.samplers import Sampler
from .diffusion.windows import Panels
from .events import Phase, Progress
from .methods import make_sampler
from .panorama.fuse import feather
from .panorama.sphere import Cylinder, equirectangular
from .panorama.views import SHARPNESS, View, bilinear, look, views_over_pole
from .reporter import Reporter
from .request.request import Request
from .request.validation import Plan
from .runtime.memory import Batches
from .start import sphere_to_refine, to_tensor

OWN_SHARE = 1e-9  # what a view counts at its very edge, where no other may see anything
# Views begin with the strip's colours gone on to the pole, under the noise of this share of the steps, and keep them:
# what is wider than so many latents stays as it began. To the model is left what is finer. Of noise alone it makes
# horizons overhead and a ground that is not the strip's, and every view has a hue of its own.
STRENGTH = 0.6
COLOUR_REACH = 3.0
# Pictures are exchanged at every third step, since decoding and encoding cost more than a step does; at the others a
# view holds the strip's latents.
EXCHANGE_EVERY = 3


@dataclass(frozen=True)
class Cap:
    """All of the sphere above the strip, or all below it: the views that see it, and what they are to show.

    ``side``: of a view's canvas, in pixels.
    """

    views: tuple[View, ...]
    side: int
    prompt: str

    def panels(self, request: Request, factor: int) -> Panels:
        """The views' canvases side by side, with the windows over each, in latents."""
        side = self.side // factor
        shift_seed = request.seed if request.shift_windows and self.side > request.window else None
        return Panels(
            side, side * len(self.views), request.window // factor, request.stride // factor,
            shift_seed=shift_seed, count=len(self.views),
        )  # fmt: skip


def caps(request: Request) -> tuple[Cap, Cap]:
    """Sky and ground of a world. A view has about as many pixels to a degree as the strip, in whole windows."""
    cylinder = Cylinder(request.width, request.height, request.horizon)
    overlap = feather(cylinder)
    found = []
    for up, prompt in ((True, request.sky_prompt), (False, request.ground_prompt)):
        edge = cylinder.top if up else -cylinder.bottom
        views = views_over_pole(math.pi / 2 - edge + overlap, up)
        side = round(2 * views[0].reach * cylinder.radius / request.window) * request.window
        found.append(Cap(views, max(side, request.window), prompt))
    return tuple(found)


class Exchange:
    """What brings the views' x0 predictions of a step to one picture, round the strip that is finished.

    ``strip``: (H, W, 3) in [0, 1]. ``sphere``: what the views begin with, an equirectangular picture (h, 2 h, 3) that
    has the strip in it. Latents are canvases (1, C, h, w * views), as ``Cap.panels`` lays them. ``last``: the number of
    the run's last step.
    """

    def __init__(
        self,
        cap: Cap,
        strip: np.ndarray,
        horizon: float,
        sphere: np.ndarray,
        last: int,
        decoder: Decoder,
        encoder: Encoder,
        window: int,
        check_cancelled: Callable[[], None],
    ) -> None:
        device = decoder.device
        self._cap = cap
        self._last = last
        self._decoder = decoder
        self._encoder = encoder
        self._one_window = cap.side == window
        self._check_cancelled = check_cancelled
        directions = [view.directions(cap.side) for view in cap.views]
        held = [_seen_strip(strip, horizon, seen) for seen in directions]
        self._directions = [torch.from_numpy(seen).to(device) for seen in directions]
        self._bases = [torch.from_numpy(view.basis.astype(np.float32)).to(device) for view in cap.views]
        self._strip = [to_tensor(colours).to(device) for colours, _ in held]
        self._on_strip = [torch.from_numpy(inside).to(device) for _, inside in held]
        begun = (to_tensor(look(sphere, view, cap.side)).to(device) for view in cap.views)
        self._begun = [torch.where(*parts) for parts in zip(self._on_strip, self._strip, begun, strict=True)]
        self.start = torch.cat([self._encode(picture) for picture in self._begun], dim=3)
        self._held = torch.cat([_whole_cells(inside, self.start.shape[2]) for inside in self._on_strip], dim=1)

    @torch.no_grad()
    def __call__(self, x0: Tensor, step: int) -> Tensor:
        """The x0 predictions, in their colours and on the strip held; now and then moved to where the views agree."""
        x0 = self._coloured(x0)
        x0 = torch.where(self._held, self.start.to(x0.dtype), x0)
        if step == self._last or (self._last - step) % EXCHANGE_EVERY:
            return x0
        panels = x0.chunk(len(self._cap.views), dim=3)
        pictures = [self.decode(panel) for panel in panels]
        moved = []
        for index, (panel, picture) in enumerate(zip(panels, pictures, strict=True)):
            # What encoding itself changes is left out.
            change = self._encode(self._agreed(index, pictures)) - self._encode(picture)
            moved.append(panel + change.to(panel.dtype))
        return torch.cat(moved, dim=3)

    def painted(self, latents: Tensor) -> list[tuple[View, np.ndarray]]:
        """The views and their finished pictures (side, side, 3) in [0, 1]."""
        reach = COLOUR_REACH * self._cap.side / self.start.shape[2]
        finished = []
        for view, begun, panel in zip(self._cap.views, self._begun, latents.chunk(len(self._begun), 3), strict=True):
            picture = self.decode(panel).float()
            picture = (picture + _blurred(begun - picture, reach)).clamp(0, 1)  # latents hold colours nearly, not quite
            finished.append((view, picture[0].permute(1, 2, 0).cpu().numpy()))
        return finished

    @torch.no_grad()
    def decode(self, panel: Tensor) -> Tensor:
        """A view's picture (1, 3, side, side) in [0, 1] on the device."""
        self._check_cancelled()
        if self._one_window:
            return self._decoder.images(panel)
        return self._decoder.canvas(panel, "auto", False, False).to(panel.device)

    def _encode(self, picture: Tensor) -> Tensor:
        self._check_cancelled()
        return self._encoder.images(picture) if self._one_window else self._encoder.canvas(picture, False, False)

    def _coloured(self, x0: Tensor) -> Tensor:
        """The x0 predictions with the colours, in the large, of what the views began with."""
        count = len(self._cap.views)
        apart = torch.cat((self.start.to(x0.dtype) - x0).chunk(count, dim=3))  # a batch: none blurs into another
        return x0 + torch.cat(_blurred(apart, COLOUR_REACH).chunk(count), dim=3)

    def _agreed(self, index: int, pictures: Sequence[Tensor]) -> Tensor:
        """What a view should see: the strip, and elsewhere the mean of all views, each by its weight there."""
        directions = self._directions[index]
        total, colour = 0.0, 0.0
        for other, (basis, picture) in enumerate(zip(self._bases, pictures, strict=True)):
            place = directions @ basis.T
            at = place[..., :2] / (self._cap.views[other].reach * place[..., 2:].clamp_min(1e-6))
            inside = ((1 - at**2).clamp_min(0).prod(-1) ** SHARPNESS) * (place[..., 2] > 0)
            if other == index:
                inside = inside + OWN_SHARE
            elif not inside.any():
                continue
            seen = picture if other == index else F.grid_sample(picture, at[None], align_corners=False)
            total, colour = total + inside, colour + inside * seen
        return torch.where(self._on_strip[index], self._strip[index], colour / total)


class PolePainter:
    """Paints sky and ground of a world: joint diffusion over the views of each, with the exchange between the steps.

    ``denoiser_for`` gives the denoiser under a prompt; ``coherence`` and ``anchor`` may be None as in
    ``JointDiffusion``.
    """

    def __init__(
        self,
        plan: Plan,
        denoiser_for: Callable[[str], Denoiser],
        batches: Batches,
        coherence: Coherence | None,
        anchor: Anchor | None,
        decoder: Decoder,
        encoder: Encoder,
        reporter: Reporter,
    ) -> None:
        self._plan = plan
        self._denoiser_for = denoiser_for
        self._batches = batches
        self._coherence = coherence
        self._anchor = anchor
        self._decoder = decoder
        self._encoder = encoder
        self._reporter = reporter

    def paint(self, strip: np.ndarray, stopped: Callable[[], bool]) -> list[tuple[View, np.ndarray]]:
        """The views and their pictures (S, S, 3) round a strip (H, W, 3), all in [0, 1].

        ``stopped``: whether to end early, with what is foreseen then.
        """
        request = self._plan.request
        sphere = sphere_to_refine(request)
        if sphere is None:  # nothing is there yet, also where the strip is of a picture
            sphere = equirectangular(strip, strip.shape[1] // 2 * 2, request.horizon)
            start = request.steps - max(1, round(STRENGTH * request.steps))
        else:
            start = request.start_step
        steps = request.steps - start
        painted: list[tuple[View, np.ndarray]] = []
        unfinished = False
        for number, cap in enumerate(caps(request)):
            exchange = Exchange(
                cap, strip, request.horizon, sphere, request.steps - 1, self._decoder, self._encoder, request.window,
                self._reporter.check_cancelled,
            )  # fmt: skip
            noise = generator_for(request.seed, "sky" if number == 0 else "ground")
            z = torch.randn(exchange.start.shape, generator=noise).to(exchange.start)
            sampler = make_sampler(self._plan, noise, start)
            z = sampler.noised(exchange.start, z, start)
            for step in self._diffusion(cap, sampler, exchange).run(z):
                done = number * steps + step.index + 1 - start
                self._reporter.step(Progress(Phase.SAMPLING, done, 2 * steps))
                z = step.latents
                if stopped() and done < 2 * steps:
                    z = step.x0
                    unfinished = True
                    break
            painted += exchange.painted(z)
        if unfinished:
            self._reporter.warn("poles: stopped while sky and ground were painted, so they are less than finished")
        return painted

    def _diffusion(self, cap: Cap, sampler: Sampler, exchange: Exchange) -> JointDiffusion:
        request = self._plan.request
        return JointDiffusion(
            cap.panels(request, self._plan.model.facts.latent_factor),
            self._denoiser_for(cap.prompt),
            sampler,
            self._batches,
            request.sync_weights(),
            self._coherence,
            self._anchor,
            foresee_noisy=request.foresee == "noisy",
            shortcuts=Shortcuts(drop_jacobian=request.gradient == "no-unet", reuse_output=request.reuse_noise),
            correct=exchange,
        )


def _blurred(panels: Tensor, deviation: float) -> Tensor:
    """Canvases (B, C, h, w) blurred by a Gaussian of this standard deviation; their edges go on."""
    reach = math.ceil(3 * deviation)
    at = torch.arange(-reach, reach + 1, dtype=panels.dtype, device=panels.device)
    kernel = torch.exp(-0.5 * (at / deviation) ** 2)
    kernel = (kernel / kernel.sum()).expand(panels.shape[1], 1, 1, -1)
    padded = F.pad(panels, (reach,) * 4, mode="replicate")
    across = F.conv2d(padded, kernel, groups=panels.shape[1])
    return F.conv2d(across, kernel.transpose(2, 3), groups=panels.shape[1])


def _whole_cells(inside: Tensor, side: int) -> Tensor:
    """The latents (side, side) of a view all of whose pixels, and their neighbours', are ``inside`` (S, S)."""
    factor = len(inside) // side
    outside = F.max_pool2d((~inside)[None].float(), factor)
    return F.max_pool2d(outside, 3, 1, 1)[0] == 0


def _seen_strip(strip: np.ndarray, horizon: float, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colours (side, side, 3) of the strip in directions, and where (side, side) it is seen."""
    height, width = strip.shape[:2]
    cylinder = Cylinder(width, height, horizon)
    elevation = np.arcsin(directions[..., 2].clip(-1, 1))
    inside = (elevation < cylinder.top) & (elevation > cylinder.bottom)
    column = np.arctan2(directions[..., 1], directions[..., 0]) / (2 * math.pi) % 1.0 * width - 0.5
    row = cylinder.rows(elevation.clip(cylinder.bottom, cylinder.top))
    return bilinear(strip, column, row, wrap_x=True).astype(np.float32), inside
