"""What the layers in a checkpoint's model.json compute, on weights of PyTorch's names and layouts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Config = Mapping[str, Any]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "relu6": F.relu6,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": F.elu,
}
# layers without weights, by the names of their classes
PLAIN: dict[str, Callable[..., Tensor]] = {
    "Activation": lambda c, x: x,
    "Add": lambda c, *inputs: sum(inputs),
    "AveragePooling2D": lambda c, x: F.avg_pool2d(x, c["pool_size"], c["strides"]),
    "Concatenate": lambda c, *inputs: torch.cat(inputs, 1 if inputs[0].dim() == 4 else -1),
    "Flatten": lambda c, x: (x.permute(0, 2, 3, 1) if x.dim() == 4 else x).flatten(1),
    "GlobalAveragePooling2D": lambda c, x: x.mean((2, 3)),
    "GrayToRgb": lambda c, x: x.expand(-1, 3, -1, -1),
    "MaxPooling2D": lambda c, x: F.max_pool2d(x, c["pool_size"], c["strides"]),
    "ReLU": lambda c, x: torch.relu(x) if c["max_value"] is None else torch.relu(x).clamp_max(c["max_value"]),
    "ZeroPadding2D": lambda c, x: F.pad(x, [*c["padding"][1], *c["padding"][0]]),
}
# options of which not every value of tfjs is computed here
SUPPORTED: dict[str, Sequence[Any]] = {
    "activation": list(ACTIVATIONS),
    "axis": [-1, 3],
    "data_format": ["channels_last"],
    "depth_multiplier": [1],
}


@dataclass(frozen=True)
class Layers:
    """Layers whose weights have names with a common prefix: a method for each class of layer, by the class's name.

    It takes the layer's configuration and inputs; the activation comes after it. Within a backbone images are channels first.
    """

    weights: Mapping[str, Tensor]
    amp: bool  # whether backbones compute in bfloat16
    prefix: str = ""

    def __getitem__(self, name: str) -> Tensor:
        if self.prefix + name not in self.weights:
            raise ValueError(f"weights: expected {self.prefix}{name}, found none")
        return self.weights[self.prefix + name]

    def call(self, layer: Config, *inputs: Tensor) -> Tensor:
        """The output of a layer, by its entry in model.json."""
        kind, c = layer["class_name"], layer["config"]
        supported = {**SUPPORTED, "class_name": sorted([*PLAIN, *(name for name in vars(Layers) if name[0].isupper())])}
        if "pool_size" in c:
            supported["padding"] = ["valid"]
        for option, expected in supported.items():
            received = {**c, "class_name": kind}.get(option, expected[0])
            if received not in expected:
                raise ValueError(f"layer {c['name']}: {option}: expected one of {', '.join(map(str, expected))}, received {received!r}")
        y = PLAIN[kind](c, *inputs) if kind in PLAIN else getattr(self, kind)(c, *inputs)
        return ACTIVATIONS[c.get("activation", "linear")](y)

    def linear(self, x: Tensor, name: str = "", bias: bool = True) -> Tensor:
        return F.linear(x, self[f"{name}weight"], self[f"{name}bias"] if bias else None)

    def Model(self, c: Config, x: Tensor) -> Tensor:
        """A graph of layers that are called once each, from one input to one output."""
        values = {c["input_layers"][0][0]: x}
        sources = {layer["name"]: [source for call in layer["inbound_nodes"] for source, *_ in call] for layer in c["layers"]}
        last_use = {source: name for name, names in sources.items() for source in names}
        for layer in c["layers"]:
            name, calls = layer["name"], len(layer["inbound_nodes"])
            if calls > 1:
                raise ValueError(f"layer {name}: expected one call of it, found {calls}")
            if calls == 1:
                inputs = [values[source] for source in sources[name]]
                values = {source: value for source, value in values.items() if last_use.get(source) != name}
                values[name] = replace(self, prefix=f"{self.prefix}{name}.").call(layer, *inputs)
        return values[c["output_layers"][0][0]]

    def PerSlice(self, c: Config, x: Tensor) -> Tensor:
        mask = c.get("mask_value")
        if mask is not None and bool((x.flatten(2) == mask).all(2).any()):
            raise ValueError(f"images: a slice holds only the mask value {mask}; padding is not supported")
        slices = x.flatten(0, 1)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.amp):
            y = self.call(c["layer"], slices.permute(0, 3, 1, 2) if slices.dim() == 4 else slices)
        return y.float().unflatten(0, x.shape[:2])

    def PerLabel(self, c: Config, x: Tensor) -> Tensor:
        y = self.call(c["layer"], x.transpose(1, 2).flatten(0, 1))
        return y.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)

    def FusedConv2D(self, c: Config, x: Tensor) -> Tensor:
        weight, strides, padding = self["weight"], c["strides"], c["padding"]
        if padding == "same" and strides != [1, 1]:
            # tfjs favours bottom and right where padding is uneven
            sides: list[int] = []
            for size, kernel, stride in zip(reversed(x.shape), reversed(weight.shape), reversed(strides)):
                total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
                sides += [total // 2, total - total // 2]
            x, padding = F.pad(x, sides), "valid"
        bias = self["bias"] if c["use_bias"] else None
        groups = x.shape[1] // weight.shape[1]  # 1, or as many as channels for depthwise weights
        return F.conv2d(x, weight, bias, strides, padding, c["dilation_rate"], groups)

    def FusedBatchNorm(self, c: Config, x: Tensor) -> Tensor:
        """By the stored statistics, also in training, so that a patient's gradient does not depend on the batch."""
        weight, bias = (self[name] if c[option] else None for option, name in [("scale", "weight"), ("center", "bias")])
        return F.batch_norm(x, self["running_mean"], self["running_var"], weight, bias, eps=c["epsilon"])

    Conv2D = DepthwiseConv2D = FusedConv2D
    BatchNormalization = FusedBatchNorm

    def ImageNetNormalization(self, c: Config, x: Tensor) -> Tensor:
        mean, std = (x.new_tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        return (x - mean) / std

    def Dense(self, c: Config, x: Tensor) -> Tensor:
        return self.linear(x, bias=c["use_bias"])

    def LabelLinear(self, c: Config, x: Tensor) -> Tensor:
        """A row of weights for each label, on that label's own features [..., labels, f]."""
        return (x * self["weight"]).sum(-1) + self["bias"]

    def SliceConv1D(self, c: Config, x: Tensor) -> Tensor:
        return F.conv1d(x.transpose(1, 2), self["weight"], self["bias"], padding="same").transpose(1, 2)

    def SliceDifferences(self, c: Config, x: Tensor) -> Tensor:
        before, after = torch.cat([x[:, :1], x[:, :-1]], 1), torch.cat([x[:, 1:], x[:, -1:]], 1)
        return torch.cat([x, x - before, x - after], -1)

    def SlicePooling(self, c: Config, x: Tensor) -> Tensor:
        if c["mode"] == "max":
            return x.max(1).values
        hidden = torch.tanh(self.linear(x, "attention_V.0." if c["gated"] else "attention.0."))
        if c["gated"]:
            hidden = hidden * torch.sigmoid(self.linear(x, "attention_U.0."))
        ratings = self.linear(hidden, "attention_w." if c["gated"] else "attention.2.", bias=False)
        return (torch.softmax(ratings, 1) * x).sum(1)

    def ResidualNeck(self, c: Config, x: Tensor, y: Tensor) -> Tensor:
        if c["mode"] == "concat":
            return torch.cat([x, y], -1)
        return x + (y if x.shape == y.shape else self.linear(y))

    def SliceDependencyGRU(self, c: Config, x: Tensor) -> Tensor:
        for layer in range(c["num_layers"]):
            y = self.recurrence("gru", c, x, layer=layer)
            if c["merge_mode"] == "sum":
                y = y.unflatten(-1, (-1, c["units"])).sum(-2)
            x = x + y if c.get("residual") and layer > 0 else y
        return x

    def LabelRNNDecoder(self, c: Config, x: Tensor) -> Tensor:
        h0 = self.linear(x.flatten(0, -2), "init.")
        hidden = self.recurrence(c["cell"], c, h0.new_zeros(len(h0), c["labels"], 1), h0, f"{c['cell']}.")
        y = hidden if c["return_features"] else self.linear(hidden, "out.").squeeze(-1)
        return y.unflatten(0, x.shape[:-1])

    def recurrence(self, cell: str, c: Config, x: Tensor, h0: Optional[Tensor] = None, name: str = "", layer: int = 0) -> Tensor:
        """A layer of nn.GRU or nn.LSTM on [n, steps, inputs]; from `h0` [n, units] both directions go without inputs, which are zero."""
        ends = ["", "_reverse"] if c["bidirectional"] else [""]
        weights: list[Tensor] = []
        for end in ends:
            hh, *biases = (self[f"{name}{part}_l{layer}{end}"] for part in ["weight_hh", "bias_ih", "bias_hh"])
            ih = self[f"{name}weight_ih_l{layer}{end}"] if h0 is None else hh.new_zeros(len(hh), 1)
            weights += [ih, hh, *biases]
        h = (x.new_zeros(len(x), c["units"]) if h0 is None else h0).expand(len(ends), -1, -1).contiguous()
        rest = (weights, True, 1, 0.0, True, len(ends) == 2, True)
        return torch.lstm(x, (h, torch.zeros_like(h)), *rest)[0] if cell == "lstm" else torch.gru(x, h, *rest)[0]
