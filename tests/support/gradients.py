"""What two workers of a training do together, in processes of their own.

They import it by name, and another package may be called ``tests``: so it lies here, beside nothing of that name.
"""

import torch
from torch import nn


def share_gradients(worker, folder):
    """Average a gradient and answer two questions; write down what came of it."""
    parameter = nn.Parameter(torch.zeros(2))
    parameter.grad = torch.full((2,), float(worker.rank))
    worker.average_gradients([parameter])
    answers = [worker.any_says(worker.rank == 1), worker.any_says(False)]
    (folder / str(worker.rank)).write_text(f"{parameter.grad.tolist()} {answers}")
