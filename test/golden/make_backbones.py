"""Features of MobileNetV2 and DenseNet121 by PyTorch: python make_backbones.py, in this folder.

The networks are made of torch.nn's modules by torchvision's names and in its order, so that their state dicts have torchvision's
keys and shapes; the weights are a function of those names, as README.md says.
"""
import json
import struct
from collections import OrderedDict

import numpy
import torch
from torch import nn


def block(inputs, outputs, kernel, stride=1, groups=1):
    """torchvision's Conv2dNormActivation."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        layers = [block(inputs, hidden, 1)] if expansion != 1 else []
        layers += [block(hidden, hidden, 3, stride, hidden), nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        layers, width = [block(3, 32, 3, 2)], 32
        for t, c, n, s in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
            for i in range(n):
                layers.append(InvertedResidual(width, c, s if i == 0 else 1, t))
                width = c
        self.features = nn.Sequential(*layers, block(width, 1280, 1))

    def forward(self, x):
        return self.features(x).mean((2, 3))


class DenseLayer(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 128, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(128), nn.Conv2d(128, 32, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(torch.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(torch.relu(self.norm2(y)))], 1)


class DenseNet121(nn.Module):
    def __init__(self):
        super().__init__()
        layers = OrderedDict(
            conv0=nn.Conv2d(3, 64, 7, 2, 3, bias=False), norm0=nn.BatchNorm2d(64), relu0=nn.ReLU(), pool0=nn.MaxPool2d(3, 2, 1)
        )
        width = 64
        for b, count in enumerate([6, 12, 24, 16]):
            dense = OrderedDict((f"denselayer{i + 1}", DenseLayer(width + 32 * i)) for i in range(count))
            layers[f"denseblock{b + 1}"] = nn.Sequential(dense)
            width += 32 * count
            if b < 3:
                halves = dict(norm=nn.BatchNorm2d(width), relu=nn.ReLU(), conv=nn.Conv2d(width, width // 2, 1, bias=False), pool=nn.AvgPool2d(2, 2))
                layers[f"transition{b + 1}"] = nn.Sequential(OrderedDict(halves))
                width //= 2
        layers["norm5"] = nn.BatchNorm2d(width)
        self.features = nn.Sequential(layers)

    def forward(self, x):
        return torch.relu(self.features(x)).mean((2, 3))


def uniform(name, count):
    """mulberry32 seeded by FNV-1a of the name, in [-1, 1)."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    u = lambda value: numpy.uint32(value)
    with numpy.errstate(over="ignore"):
        state = u(seed) + numpy.arange(1, count + 1, dtype=numpy.uint32) * u(0x6D2B79F5)
        t = (state ^ (state >> u(15))) * (u(1) | state)
        t = (t + (t ^ (t >> u(7))) * (u(61) | t)) ^ t
        return 2 * ((t ^ (t >> u(14))) / 4294967296.0) - 1


def weight(name, shape):
    value = uniform(name, int(numpy.prod(shape))).reshape(shape)
    if len(shape) == 4:
        return value * numpy.sqrt(6 / numpy.prod(shape[1:]))
    if name.endswith("running_var"):
        return 1 + 0.5 * abs(value)
    return 1 + 0.1 * value if name.endswith(".weight") else 0.1 * value


def write(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        raw = numpy.ascontiguousarray(tensor, numpy.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


for name, network in [("mobilenet_v2", MobileNetV2()), ("densenet121", DenseNet121())]:
    shapes = {key: list(value.shape) for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    network.load_state_dict({key: torch.tensor(weight(key, shape), dtype=torch.float32) for key, shape in shapes.items()}, strict=False)
    x = (0.5 * uniform("input", 2 * 39 * 48 * 3) + 0.5).reshape(2, 39, 48, 3)
    with torch.no_grad():
        features = network.eval().double()(torch.tensor(x).permute(0, 3, 1, 2)).numpy()
    print(name, sum(p.numel() for p in network.parameters()), abs(features).max(), features.std())
    reference = f"PyTorch {torch.__version__}, torch.nn by torchvision's names, by make_backbones.py"
    write(f"backbone_{name}.safetensors", {"x": x, "features": features}, {"reference": reference, "parameters": json.dumps(shapes)})
