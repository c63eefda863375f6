"""The backbones, with torchvision's parameter names: images [n, channels, h, w] to features [n, f]."""

from __future__ import annotations

from collections import OrderedDict
from typing import Callable, Dict, List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution without a bias, padded by half its size."""
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, groups=groups, bias=False)


class Fire(nn.Module):
    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


class Features(nn.Module):
    """Layers one after the other, under the name `features`, and the mean over space."""

    def __init__(self, layers: nn.Sequential, width: int) -> None:
        super().__init__()
        self.features = layers
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x).mean((2, 3))


def squeezenet1_1(channels: int) -> nn.Module:
    layers: List[nn.Module] = [nn.Conv2d(channels, 64, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)]
    fires = [(64, 16, 64), (128, 16, 64), None, (128, 32, 128), (256, 32, 128), None]
    fires += [(256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256)]
    layers += [Fire(*fire) if fire else nn.MaxPool2d(3, 2, ceil_mode=True) for fire in fires]
    return Features(nn.Sequential(*layers), 512)


def vgg16(channels: int) -> nn.Module:
    layers: List[nn.Module] = []
    inputs = channels
    for filters in [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]:
        layers += [nn.Conv2d(inputs, filters, 3, padding=1), nn.ReLU()] if filters else [nn.MaxPool2d(2)]
        inputs = filters or inputs
    return Features(nn.Sequential(*layers), 512)


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, filters, 3, stride), nn.BatchNorm2d(filters)
        self.conv2, self.bn2 = conv(filters, filters, 3), nn.BatchNorm2d(filters)
        shortcut = stride != 1 or inputs != filters
        self.downsample = nn.Sequential(conv(inputs, filters, 1, stride), nn.BatchNorm2d(filters)) if shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.downsample(x) if self.downsample is not None else x))


class ResNet18(nn.Module):
    width = 512

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(channels, 64, 7, 2), nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))


class DenseLayer(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), conv(inputs, 128, 1)
        self.norm2, self.conv2 = nn.BatchNorm2d(128), conv(128, 32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))], 1)


def densenet121(channels: int) -> nn.Module:
    layers: "OrderedDict[str, nn.Module]" = OrderedDict(
        conv0=conv(channels, 64, 7, 2), norm0=nn.BatchNorm2d(64), relu0=nn.ReLU(), pool0=nn.MaxPool2d(3, 2, 1)
    )
    width = 64
    for block, count in enumerate([6, 12, 24, 16], 1):
        named = OrderedDict((f"denselayer{i + 1}", DenseLayer(width + 32 * i)) for i in range(count))
        layers[f"denseblock{block}"] = nn.Sequential(named)
        width += 32 * count
        if block < 4:
            half = OrderedDict(norm=nn.BatchNorm2d(width), relu=nn.ReLU(), conv=conv(width, width // 2, 1), pool=nn.AvgPool2d(2))
            layers[f"transition{block}"] = nn.Sequential(half)
            width //= 2
    layers["norm5"], layers["relu5"] = nn.BatchNorm2d(width), nn.ReLU()
    return Features(nn.Sequential(layers), width)


def normalized(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(conv(inputs, outputs, size, stride, groups), nn.BatchNorm2d(outputs), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, expansion: int, filters: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        layers: List[nn.Module] = [] if expansion == 1 else [normalized(inputs, wide, 1)]
        layers += [normalized(wide, wide, 3, stride, wide), conv(wide, filters, 1), nn.BatchNorm2d(filters)]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == filters

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.shortcut else self.conv(x)


def mobilenet_v2(channels: int) -> nn.Module:
    layers: List[nn.Module] = [normalized(channels, 32, 3, 2)]
    stages: List[Tuple[int, int, int, int]] = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)]
    stages += [(6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    inputs = 32
    for expansion, filters, blocks, stride in stages:
        for block in range(blocks):
            layers.append(InvertedResidual(inputs, expansion, filters, stride if block == 0 else 1))
            inputs = filters
    return Features(nn.Sequential(*layers, normalized(320, 1280, 1)), 1280)


class SameConv2d(nn.Conv2d):
    """tfjs's padding 'same', which favours bottom and right where it is uneven."""

    def forward(self, x: Tensor) -> Tensor:
        sides: List[int] = []
        for size, kernel, stride in zip(reversed(x.shape[2:]), reversed(self.kernel_size), reversed(self.stride)):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [total // 2, total - total // 2]
        return super().forward(F.pad(x, sides))


class SmallCnn(nn.Module):
    width = 64

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.windows = nn.Conv2d(channels, 8, 1)
        inputs = 8
        self.names: List[str] = []
        for name, filters, size, stride in [("0", 12, 3, 2), ("1", 24, 3, 2), ("2", 32, 3, 1), ("3", 32, 3, 1), ("_features", 64, 1, 1)]:
            self.add_module(f"conv{name}", SameConv2d(inputs, filters, size, stride, bias=False))
            self.add_module(f"norm{name}", nn.BatchNorm2d(filters))
            self.names.append(name)
            inputs = filters
        self.norm = nn.BatchNorm1d(64)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.windows(x))
        for name in self.names:
            x = F.relu(getattr(self, f"norm{name}")(getattr(self, f"conv{name}")(x)))
        return self.norm(x.mean((2, 3)))


BACKBONES: Dict[str, Callable[[int], nn.Module]] = {
    "densenet121": densenet121,
    "mobilenet_v2": mobilenet_v2,
    "resnet18": ResNet18,
    "smallCnn": SmallCnn,
    "squeezenet1_1": squeezenet1_1,
    "vgg16": vgg16,
}
