"""Slow, plain readings of Blended Latent Diffusion's extrapolation and of DiffCollage, to compare the engine with.

One strip, one window at a time, DDIM written out. They use diffusers' own parts and nothing of the package under test.
"""

import copy
import math
from pathlib import Path

import torch
from torch import Tensor

from .reference import Parts


class _Strip:
    """A strip of one row: where its windows start, and DDIM by its formula, after diffusers' own timesteps."""

    def __init__(self, folder: Path, prompt: str, width: int, window: int, stride: int, steps: int, *, wrap: bool):
        from diffusers import DDIMScheduler

        self.parts = Parts(folder, torch.float64)
        self.width, self.window = width, window
        count = math.ceil(width / stride)
        self.lefts = [k * width // count for k in range(count)] if wrap else list(range(0, width - window + 1, stride))
        self.wrap = wrap
        self.embedded, self.empty = self.parts.embed(prompt), self.parts.embed("")
        scheduler = DDIMScheduler.from_config(self.parts.scheduler_config, clip_sample=False, thresholding=False)
        scheduler.set_timesteps(steps)
        self.times = scheduler.timesteps.tolist()
        ahead = scheduler.config.num_train_timesteps // steps
        bars = scheduler.alphas_cumprod.double()
        self.bars = [float(bars[t]) for t in self.times]  # alpha_t of the paper at every step
        last = float(scheduler.final_alpha_cumprod)
        self.next_bars = [float(bars[t - ahead]) if t >= ahead else last for t in self.times]

    def columns(self, left: int, size: int) -> list[int]:
        return [(left + k) % self.width for k in range(size)]

    def epsilon(self, x: Tensor, i: int) -> Tensor:
        with torch.no_grad():
            output = self.parts.predict(x, torch.tensor(self.times[i]), self.embedded, self.empty, 7.5)
        if self.parts.prediction_type == "epsilon":
            return output
        return self.bars[i] ** 0.5 * output + (1 - self.bars[i]) ** 0.5 * x

    def step(self, x: Tensor, epsilon: Tensor, i: int) -> Tensor:
        clean = (x - (1 - self.bars[i]) ** 0.5 * epsilon) / self.bars[i] ** 0.5
        return self.next_bars[i] ** 0.5 * clean + (1 - self.next_bars[i]) ** 0.5 * epsilon


def diffcollage(folder, prompt, noise, *, window, stride, steps, wrap=False) -> list[Tensor]:
    """Latents after every step; ε of the windows less ε of what neighbours share."""
    strip = _Strip(folder, prompt, noise.shape[3], window, stride, steps, wrap=wrap)
    z, after = noise.double(), []
    following = [*strip.lefts[1:], *([strip.lefts[0] + strip.width] if wrap else [])]
    for i in range(steps):
        total = torch.zeros_like(z)
        for left in strip.lefts:
            columns = strip.columns(left, window)
            total[..., columns] += strip.epsilon(z[..., columns], i)
        for left, right in zip(strip.lefts, following, strict=False):
            if overlap := left + window - right:
                columns = strip.columns(right, overlap)
                total[..., columns] -= strip.epsilon(z[..., columns], i)
        z = strip.step(z, total, i)
        after.append(z)
    return after


def blended(folder, prompt, noise, blending_noise, *, window, stride, steps, order, wrap=False) -> Tensor:
    """The grown canvas. ``order`` are the windows in their turn, ``blending_noise`` gives noise of a shape."""
    strip = _Strip(folder, prompt, noise.shape[3], window, stride, steps, wrap=wrap)
    canvas: dict[int, Tensor] = {}  # a clean column for each that is known
    for index in order:
        columns = strip.columns(strip.lefts[index], window)
        x = noise[..., columns].double()
        for i in range(steps):
            fresh = blending_noise(x.shape).double()
            for k, column in enumerate(columns):
                if column in canvas:
                    a, s = strip.bars[i] ** 0.5, (1 - strip.bars[i]) ** 0.5
                    x[..., k] = a * canvas[column] + s * fresh[..., k]
            x = strip.step(x, strip.epsilon(x, i), i)
        for k, column in enumerate(columns):
            canvas.setdefault(column, x[..., k])
    return torch.stack([canvas[column] for column in range(strip.width)], dim=-1)


def reconstructed(parts: Parts, z: Tensor, there: Tensor, known_columns: list[int], *, steps: int) -> Tensor:
    """A window decoded with background reconstruction: 75 steps of Adam on the decoder's weights in BLD's code."""
    vae = copy.deepcopy(parts.vae)
    vae.decoder.requires_grad_(True)
    scaled = z / vae.config.scaling_factor
    new = parts.vae.decode(scaled).sample.detach()
    known = torch.zeros_like(new)
    known[..., known_columns] = 1
    optimizer = torch.optim.Adam(vae.decoder.parameters(), lr=1e-4)
    for _ in range(steps):
        optimizer.zero_grad()
        decoded = vae.decode(scaled).sample
        loss = ((decoded - new) * (1 - known)).pow(2).mean() + 100 * ((decoded - there) * known).pow(2).mean()
        loss.backward()
        optimizer.step()
    return torch.where(known.bool(), there, vae.decode(scaled).sample.detach())
