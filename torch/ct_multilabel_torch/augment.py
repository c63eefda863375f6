"""Augmentation as ct-multilabel has it: one draw per patient's stack, from the same ranges, with the same pixels for the same draw."""

from __future__ import annotations

import math
import random
from typing import Any, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

# the published recipe's, by the names of AugmentationRanges
RANGES: Mapping[str, Any] = {
    **{"horizontalFlip": 0.5, "verticalFlip": 0.5, "rotation": 180, "scale": [0.8, 1.4]},
    **{"brightness": 0.2, "contrast": 0.2, "fill": 0},
}


def draw_augmentation(ranges: Mapping[str, Any], seed: str) -> dict[str, Any]:
    """What is done to a stack: a function of ranges and seed alone."""
    unknown = set(ranges) - set(RANGES)
    if unknown:
        raise ValueError(f"augmentation: expected {', '.join(RANGES)}, received {', '.join(sorted(unknown))}")
    asked, drawn = {**RANGES, **ranges}, random.Random(seed)
    draw: dict[str, Any] = {name: drawn.random() < asked[name] for name in ["horizontalFlip", "verticalFlip"]}
    draw["angle"] = drawn.uniform(-asked["rotation"], asked["rotation"])
    draw["scale"] = drawn.uniform(*asked["scale"])
    for name in ["brightness", "contrast"]:
        draw[name] = drawn.uniform(1 - asked[name], 1 + asked[name])
    return {**draw, "fill": asked["fill"]}


def apply_augmentation(images: Tensor, draw: Mapping[str, Any]) -> Tensor:
    """Flips, turns, magnifies and lights images [n, h, w, c] of values in 0..1."""
    height, width = images.shape[1:3]
    cos, sin = (f(math.radians(draw["angle"])) / draw["scale"] for f in (math.cos, math.sin))
    y, x = torch.meshgrid(*(torch.arange(n, device=images.device) - (n - 1) / 2 for n in (height, width)), indexing="ij")
    # where each pixel is read, as shares of the half size from the centre
    across = (cos * x + sin * y) * (-1 if draw["horizontalFlip"] else 1) / max((width - 1) / 2, 0.5)
    down = (cos * y - sin * x) * (-1 if draw["verticalFlip"] else 1) / max((height - 1) / 2, 0.5)
    grid = torch.stack([across, down], -1).expand(len(images), -1, -1, -1)
    moved = F.grid_sample(images.permute(0, 3, 1, 2) - draw["fill"], grid, padding_mode="zeros", align_corners=True) + draw["fill"]
    bright = (moved * draw["brightness"]).clamp(0, 1)
    grey = bright
    if bright.shape[1] == 3:
        grey = (bright * bright.new_tensor([0.2989, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    lit = draw["contrast"] * bright + (1 - draw["contrast"]) * grey.mean((1, 2, 3), keepdim=True)
    return lit.clamp(0, 1).permute(0, 2, 3, 1)
