"""What every stage of the training shares: workers, learning rate, averaged weights, checkpoints, a log.

A stage can be stopped at any time and goes on from its last checkpoint. Random numbers depend on the stage's seed, the
worker and the step, so that a resumed run sees what an unbroken one would have seen.
"""

from __future__ import annotations

import json
import os
import socket
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

CONFIG = Path(__file__).with_name("config.toml")
WARM_UP = 200  # steps
FALLING_SHARE = 0.35  # of the steps, over which the learning rate falls to FLOOR of itself
FLOOR = 0.05
CHECKPOINT_SECONDS = 180.0


def read_config(path: Path = CONFIG) -> dict[str, Any]:
    """The configuration, a table for each stage."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Worker:
    """One of ``count`` processes that train the same weights, each on pictures of its own."""

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every worker the mean of all workers' gradients."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.count
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def any_says(self, yes: bool) -> bool:
        """Whether a worker says yes; all get the same answer."""
        if self.count == 1:
            return yes
        flag = torch.tensor(float(yes))
        dist.all_reduce(flag)
        return bool(flag)

    def autocast(self) -> AbstractContextManager[None]:
        """bfloat16 where it is safe; weights and gradients stay float32."""
        return torch.autocast(self.device.type, torch.bfloat16)


def start_workers(stage: Callable[..., None], count: int, device: str, *arguments: Any) -> None:
    """Run ``stage(worker, *arguments)`` in ``count`` processes (1: in this one), each on one thread of a CPU."""
    if count == 1:
        _work(0, 1, device, stage, arguments)
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            os.environ["MASTER_PORT"] = str(free.getsockname()[1])
        os.environ["MASTER_ADDR"] = "127.0.0.1"
        torch.multiprocessing.spawn(_work, (count, device, stage, arguments), nprocs=count)


def _work(rank: int, count: int, device: str, stage: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    if device == "cpu":
        torch.set_num_threads(1)
    if count > 1:
        dist.init_process_group("gloo", rank=rank, world_size=count)
    stage(Worker(rank, count, torch.device(device)), *arguments)
    if count > 1:
        dist.destroy_process_group()


def learning_rate(step: int, steps: int, highest: float) -> float:
    """Warm-up, a plateau, and a straight fall over the last ``FALLING_SHARE`` of the steps."""
    left = (steps - step) / (FALLING_SHARE * steps)
    return highest * min((step + 1) / WARM_UP, 1.0) * max(min(left, 1.0), FLOOR)


class Averaged:
    """An exponential moving average of a network's weights, with a short memory in the first steps."""

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        self._decay = decay
        self.state = {name: value.detach().clone().float() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take the weights after ``step`` into the average."""
        decay = min(self._decay, (step + 1) / (step + 10))
        for name, value in network.state_dict().items():
            self.state[name].lerp_(value.float(), 1 - decay)


class Loop:
    """The steps of one stage: ``for step in loop`` trains, checkpoints, and ends where the configuration says.

    ``settings["minutes"]``, where there is such, ends it earlier, to go on another time.

    ``networks`` and ``optimizers`` are what a checkpoint holds, by name; ``averaged`` names the networks of which an
    average is kept. In the body, call ``update`` once for each optimizer.
    """

    def __init__(
        self,
        worker: Worker,
        folder: Path,
        settings: Mapping[str, Any],
        networks: Mapping[str, nn.Module],
        optimizers: Mapping[str, torch.optim.Optimizer],
        averaged: Iterable[str],
    ) -> None:
        self._worker = worker
        self._folder = folder
        self._settings = settings
        self._networks = networks
        self._optimizers = optimizers
        self.averages = {name: Averaged(networks[name]) for name in averaged}
        self._highest = {name: optimizer.param_groups[0]["lr"] for name, optimizer in optimizers.items()}
        self._sums: dict[str, float] = {}
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    def __iter__(self) -> Iterator[int]:
        saved = started = time.monotonic()
        first = self.step
        limit = 60.0 * self._settings.get("minutes", float("inf"))
        while self.step < self._settings["steps"]:
            if limit < float("inf") and self._worker.any_says(time.monotonic() - started >= limit):
                break
            for name, optimizer in self._optimizers.items():
                rate = learning_rate(self.step, self._settings["steps"], self._highest[name])
                for group in optimizer.param_groups:
                    group["lr"] = rate
            torch.manual_seed(int(self.random().integers(2**62)))
            yield self.step
            for name, average in self.averages.items():
                average.update(self._networks[name], self.step)
            self.step += 1
            if self.step % 50 == 0:
                self._log((time.monotonic() - started) / (self.step - first))
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self._save()
                saved = time.monotonic()
        self._save()

    def random(self) -> np.random.Generator:
        """Random numbers of this step and worker."""
        return np.random.default_rng([self._settings["seed"], self.step, self._worker.rank])

    def update(self, name: str, loss: Tensor, **figures: Tensor | float) -> None:
        """One step of an optimizer against a loss; figures are for the log."""
        optimizer = self._optimizers[name]
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._worker.average_gradients(parameters)
        norm = nn.utils.clip_grad_norm_(parameters, 1.0)
        if torch.isfinite(norm):
            optimizer.step()
        for key, value in {name: loss, **figures}.items():
            self._sums[key] = self._sums.get(key, 0.0) + float(torch.as_tensor(value).detach())

    def _log(self, seconds: float) -> None:
        if self._worker.leads:
            means = {key: round(value / 50, 5) for key, value in self._sums.items()}
            line = json.dumps({"step": self.step, **means, "seconds_per_step": round(seconds, 3)})
            print(line, flush=True)
            with (self._folder / "log.jsonl").open("a") as log:
                log.write(line + "\n")
        self._sums = {}

    @property
    def _path(self) -> Path:
        return self._folder / "checkpoint.pt"

    def _save(self) -> None:
        if not self._worker.leads:
            return
        unfinished = self._path.with_suffix(".tmp")
        torch.save(
            {
                "step": self.step,
                "networks": {name: network.state_dict() for name, network in self._networks.items()},
                "optimizers": {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()},
                "averages": {name: average.state for name, average in self.averages.items()},
            },
            unfinished,
        )
        os.replace(unfinished, self._path)

    def _resume(self) -> None:
        if not self._path.exists():
            return
        kept = torch.load(self._path, self._worker.device, weights_only=True)
        self.step = kept["step"]
        for name, network in self._networks.items():
            network.load_state_dict(kept["networks"][name])
        for name, optimizer in self._optimizers.items():
            if name in kept["optimizers"]:  # not in a checkpoint made from a shipped model
                optimizer.load_state_dict(kept["optimizers"][name])
        for name, average in self.averages.items():
            average.state = kept["averages"][name]


def averaged_weights(folder: Path, name: str) -> dict[str, Tensor]:
    """The averaged weights of a network in a stage's last checkpoint."""
    return torch.load(folder / "checkpoint.pt", "cpu", weights_only=True)["averages"][name]
