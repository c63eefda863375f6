"""The asymmetric loss of https://arxiv.org/abs/2009.14119, as ct-multilabel has it."""

from __future__ import annotations

import torch
import torch.nn.functional as F

IGNORED_LABEL = -1


def asymmetric_loss(
    labels: torch.Tensor, logits: torch.Tensor, gamma_neg: float = 4, gamma_pos: float = 1, clip: float = 0.05
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss summed over the labelled entries (0 or 1, not -1), and how many there are.

    ``-[y (1-p)^gamma_pos log p + (1-y) q^gamma_neg log(1-q)]`` with ``p = sigmoid(logits)``, ``q = max(p - clip, 0)``.
    """
    if labels.shape != logits.shape:
        raise ValueError(f"asymmetric_loss: labels: expected {list(logits.shape)}, received {list(labels.shape)}")
    kept = labels != IGNORED_LABEL
    x = logits.float()
    p, s = torch.sigmoid(x), torch.sigmoid(-x).clamp_min(1e-38)
    positive = s**gamma_pos * F.softplus(-x)
    if clip == 0:
        negative = p.clamp_min(1e-38) ** gamma_neg * F.softplus(x)
    else:
        beyond = p > clip
        q = torch.where(beyond, p - clip, torch.full_like(p, 0.25))  # what is not taken must have a gradient, too
        log = torch.where(q < 0.5, torch.log1p(-q.clamp_max(0.5)), torch.log(s + clip))  # each where it is exact
        negative = torch.where(beyond, -(q**gamma_neg) * log, torch.zeros_like(x))
    y = labels.float()
    losses = torch.where(kept, y * positive + (1 - y) * negative, torch.zeros_like(x))
    return losses.sum(), kept.sum()
