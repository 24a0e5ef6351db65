"""The sky above a world's strip and the ground below it, painted by the model in perspective views.

Views do not share a grid of latents with the strip or with each other, so no noise goes from one to another: at every
step what each foresees (Eq. 10) is decoded, warped, and encoded again (as SyncTweedies has it, Kim et al., NeurIPS
2024). Where a view sees the strip, it foresees the strip; where several see the same, they foresee the same.
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
from .panorama.sphere import Cylinder
from .panorama.views import View, bilinear, look, views_over_pole
from .reporter import Reporter
from .request.request import Request
from .request.validation import Plan
from .runtime.memory import Batches
from .start import sphere_to_refine, to_tensor

OWN_SHARE = 1e-4  # what a view counts at its very edge, where no other may see anything


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

    ``strip``: (H, W, 3) in [0, 1]. Latents are canvases (1, C, h, w * views), as ``Cap.panels`` lays them.
    """

    def __init__(
        self,
        cap: Cap,
        strip: np.ndarray,
        horizon: float,
        decoder: Decoder,
        encoder: Encoder,
        window: int,
        check_cancelled: Callable[[], None],
    ) -> None:
        device = decoder.device
        self._cap = cap
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

    @torch.no_grad()
    def __call__(self, x0: Tensor, _: int) -> Tensor:
        """The x0 predictions, moved to where the views agree. What encoding itself changes is left out."""
        panels = x0.chunk(len(self._cap.views), dim=3)
        pictures = [self.decode(panel) for panel in panels]
        moved = []
        for index, (panel, picture) in enumerate(zip(panels, pictures, strict=True)):
            change = self._encode(self._agreed(index, pictures)) - self._encode(picture)
            moved.append(panel + change.to(panel.dtype))
        return torch.cat(moved, dim=3)

    def clean_start(self, sphere: np.ndarray) -> Tensor:
        """Clean latents of what the views see of an equirectangular picture (H, 2 H, 3) in [0, 1]."""
        seen = (to_tensor(look(sphere, view, self._cap.side)) for view in self._cap.views)
        return torch.cat([self._encode(picture.to(self._decoder.device)) for picture in seen], dim=3)

    def painted(self, latents: Tensor) -> list[tuple[View, np.ndarray]]:
        """The views and their finished pictures (side, side, 3) in [0, 1]."""
        panels = latents.chunk(len(self._cap.views), dim=3)
        return [
            (view, self.decode(panel)[0].permute(1, 2, 0).float().cpu().numpy())
            for view, panel in zip(self._cap.views, panels, strict=True)
        ]

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

    def _agreed(self, index: int, pictures: Sequence[Tensor]) -> Tensor:
        """What a view should see: the strip, and elsewhere the mean of all views, each by its weight there."""
        directions = self._directions[index]
        total, colour = 0.0, 0.0
        for other, (basis, picture) in enumerate(zip(self._bases, pictures, strict=True)):
            place = directions @ basis.T
            at = place[..., :2] / (self._cap.views[other].reach * place[..., 2:].clamp_min(1e-6))
            inside = ((1 - at**2).clamp_min(0).prod(-1) ** 2) * (place[..., 2] > 0)
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
        steps = request.steps - request.start_step
        painted: list[tuple[View, np.ndarray]] = []
        for number, cap in enumerate(caps(request)):
            exchange = Exchange(
                cap, strip, request.horizon, self._decoder, self._encoder, request.window,
                self._reporter.check_cancelled,
            )  # fmt: skip
            noise = generator_for(request.seed, "sky" if number == 0 else "ground")
            z = torch.randn(self._shape(cap), generator=noise).to(self._decoder.device)
            sampler = make_sampler(self._plan, noise)
            if sphere is not None:
                z = sampler.noised(exchange.clean_start(sphere), z, sampler.first)
            for step in self._diffusion(cap, sampler, exchange).run(z):
                done = number * steps + step.index + 1 - request.start_step
                self._reporter.step(Progress(Phase.SAMPLING, done, 2 * steps))
                z = step.latents
                if stopped():
                    z = step.x0
                    break
            painted += exchange.painted(z)
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

    def _shape(self, cap: Cap) -> tuple[int, int, int, int]:
        """That of a cap's latents."""
        facts = self._plan.model.facts
        panels = cap.panels(self._plan.request, facts.latent_factor)
        return 1, facts.latent_channels, panels.height, panels.width


def _seen_strip(strip: np.ndarray, horizon: float, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colours (side, side, 3) of the strip in directions, and where (side, side) it is seen."""
    height, width = strip.shape[:2]
    cylinder = Cylinder(width, height, horizon)
    elevation = np.arcsin(directions[..., 2].clip(-1, 1))
    inside = (elevation < cylinder.top) & (elevation > cylinder.bottom)
    column = np.arctan2(directions[..., 1], directions[..., 0]) / (2 * math.pi) % 1.0 * width - 0.5
    row = cylinder.rows(elevation.clip(cylinder.bottom, cylinder.top))
    return bilinear(strip, column, row, wrap_x=True).astype(np.float32), inside
