"""What the layers in a checkpoint's model.json compute; their weights have PyTorch's names and layouts, and a backbone's images are channels first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Weights:
    """The weights below a layer's name, and whether backbones, which are nearly all of the work, compute in bfloat16."""

    state: Mapping[str, Tensor]
    amp: bool = False
    prefix: str = ""

    def __getitem__(self, name: str) -> Tensor:
        if self.prefix + name not in self.state:
            raise ValueError(f"weights: expected {self.prefix}{name}, found none")
        return self.state[self.prefix + name]

    def of(self, layer: str) -> Weights:
        return replace(self, prefix=f"{self.prefix}{layer}.")


ACTIVATIONS: Dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "relu6": F.relu6,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": F.elu,
}
# options of which not every value of tfjs is computed here
SUPPORTED: Dict[str, Sequence[Any]] = {
    "activation": list(ACTIVATIONS),
    "axis": [-1, 3],
    "data_format": ["channels_last"],
    "depth_multiplier": [1],
}


def call(entry: Config, weights: Weights, *inputs: Tensor) -> Tensor:
    """The output of a layer, by its entry in model.json."""
    kind, config = entry["class_name"], entry["config"]
    for option, expected in [("class_name", LAYERS), *SUPPORTED.items()]:
        received = entry.get(option, config.get(option))
        if received is not None and received not in expected:
            raise ValueError(f"layer {config['name']}: {option}: expected one of {', '.join(map(str, expected))}, received {received!r}")
    return LAYERS[kind](config, weights, *inputs)


def graph(c: Config, w: Weights, x: Tensor) -> Tensor:
    """A model of layers that are called once each, from one input to one output."""
    values: Dict[str, Tensor] = {}
    sources = {layer["name"]: [source for node in layer["inbound_nodes"] for source, *_ in node] for layer in c["layers"]}
    left = Counter(name for names in sources.values() for name in names)
    for layer in c["layers"]:
        name, nodes = layer["name"], layer["inbound_nodes"]
        if layer["class_name"] == "InputLayer":
            values[name] = x
            continue
        if len(nodes) != 1:
            raise ValueError(f"layer {name}: expected one call of it, received {len(nodes)}")
        inputs = [values[source] for source in sources[name]]
        left.subtract(sources[name])
        values = {source: value for source, value in values.items() if left[source] > 0}  # frees what nothing needs any more
        values[name] = call(layer, w.of(name), *inputs)
    return values[c["output_layers"][0][0]]


def per_slice(c: Config, w: Weights, x: Tensor) -> Tensor:
    mask = c.get("mask_value")
    if mask is not None and bool((x.flatten(2) == mask).all(2).any()):
        raise ValueError(f"images: a slice holds only the mask value {mask}; padding is not supported")
    slices = x.flatten(0, 1)
    with torch.autocast(x.device.type, torch.bfloat16, enabled=w.amp):
        y = call(c["layer"], w, slices.permute(0, 3, 1, 2) if slices.dim() == 4 else slices)
    return y.float().unflatten(0, x.shape[:2])


def per_label(c: Config, w: Weights, x: Tensor) -> Tensor:
    y = call(c["layer"], w, x.transpose(1, 2).flatten(0, 1))
    return y.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)


def conv2d(c: Config, w: Weights, x: Tensor) -> Tensor:
    """Each channel by itself where the weights are those of a depthwise convolution."""
    weight, strides, padding = w["weight"], c["strides"], c["padding"]
    if padding == "same" and strides != [1, 1]:
        # tfjs favours bottom and right where padding is uneven
        sides: List[int] = []
        for size, kernel, stride in zip(reversed(x.shape), reversed(weight.shape), reversed(strides)):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [total // 2, total - total // 2]
        x, padding = F.pad(x, sides), "valid"
    bias = w["bias"] if c["use_bias"] else None
    y = F.conv2d(x, weight, bias, strides, padding, c["dilation_rate"], groups=x.shape[1] // weight.shape[1])
    return ACTIVATIONS[c["activation"]](y)


def batch_norm(c: Config, w: Weights, x: Tensor) -> Tensor:
    """By the stored statistics, also in training, so that a patient's gradient does not depend on the batch."""
    weight, bias = (w[name] if c[option] else None for option, name in [("scale", "weight"), ("center", "bias")])
    return F.batch_norm(x, w["running_mean"], w["running_var"], weight, bias, eps=c["epsilon"])


def pooling(pool: Callable[..., Tensor]) -> Callable[[Config, Weights, Tensor], Tensor]:
    def layer(c: Config, w: Weights, x: Tensor) -> Tensor:
        if c["padding"] != "valid":
            raise ValueError(f"layer {c['name']}: padding: expected 'valid', received {c['padding']!r}")
        return pool(x, c["pool_size"], c["strides"])

    return layer


def relu(c: Config, w: Weights, x: Tensor) -> Tensor:
    y = torch.relu(x)
    return y if c["max_value"] is None else y.clamp_max(c["max_value"])


def normalize(c: Config, w: Weights, x: Tensor) -> Tensor:
    mean, std = (x.new_tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return (x - mean) / std


def flatten(c: Config, w: Weights, x: Tensor) -> Tensor:
    return (x.permute(0, 2, 3, 1) if x.dim() == 4 else x).flatten(1)


def linear(w: Weights, x: Tensor, name: str = "") -> Tensor:
    return F.linear(x, w[f"{name}weight"], w[f"{name}bias"])


def dense(c: Config, w: Weights, x: Tensor) -> Tensor:
    y = F.linear(x, w["weight"], w["bias"] if c["use_bias"] else None)
    return ACTIVATIONS[c["activation"]](y)


def label_linear(c: Config, w: Weights, x: Tensor) -> Tensor:
    """A row of weights for each label, on that label's own features [..., labels, f]."""
    return (x * w["weight"]).sum(-1) + w["bias"]


def recurrence(cell: str, c: Config, w: Weights, x: Tensor, h0: Optional[Tensor] = None, layer: int = 0) -> Tensor:
    """A layer of nn.GRU or nn.LSTM on [n, steps, inputs], both directions from `h0` [n, units] or from zero; without `x` as without its weights."""
    ends = ["", "_reverse"] if c["bidirectional"] else [""]
    h = x.new_zeros(len(x), c["units"]) if h0 is None else h0
    h = h.expand(len(ends), -1, -1).contiguous()
    weights: List[Tensor] = []
    for end in ends:
        hh, *biases = (w[f"{name}_l{layer}{end}"] for name in ["weight_hh", "bias_ih", "bias_hh"])
        # the label decoder's inputs are zero, and have no weights
        ih = w[f"weight_ih_l{layer}{end}"] if h0 is None else hh.new_zeros(len(hh), x.shape[2])
        weights += [ih, hh, *biases]
    rest = (weights, True, 1, 0.0, True, len(ends) == 2, True)
    if cell == "lstm":
        return torch.lstm(x, (h, torch.zeros_like(h)), *rest)[0]
    return torch.gru(x, h, *rest)[0]


def slice_gru(c: Config, w: Weights, x: Tensor) -> Tensor:
    for layer in range(c["num_layers"]):
        y = recurrence("gru", c, w, x, layer=layer)
        if c["merge_mode"] == "sum":
            y = y.unflatten(-1, (-1, c["units"])).sum(-2)
        x = x + y if c.get("residual") and layer > 0 else y
    return x


def slice_conv1d(c: Config, w: Weights, x: Tensor) -> Tensor:
    y = F.conv1d(x.transpose(1, 2), w["weight"], w["bias"], padding="same")
    return ACTIVATIONS[c["activation"]](y.transpose(1, 2))


def slice_differences(c: Config, w: Weights, x: Tensor) -> Tensor:
    before, after = torch.cat([x[:, :1], x[:, :-1]], 1), torch.cat([x[:, 1:], x[:, -1:]], 1)
    return torch.cat([x, x - before, x - after], -1)


def slice_pooling(c: Config, w: Weights, x: Tensor) -> Tensor:
    if c["mode"] == "max":
        return x.max(1).values
    hidden = torch.tanh(linear(w, x, "attention_V.0." if c["gated"] else "attention.0."))
    if c["gated"]:
        hidden = hidden * torch.sigmoid(linear(w, x, "attention_U.0."))
    ratings = F.linear(hidden, w["attention_w.weight" if c["gated"] else "attention.2.weight"])
    return (torch.softmax(ratings, 1) * x).sum(1)


def residual_neck(c: Config, w: Weights, x: Tensor, y: Tensor) -> Tensor:
    if c["mode"] == "add":
        joined = x + (y if x.shape == y.shape else linear(w, y))
    else:
        joined = torch.cat([x, y], -1)
    return ACTIVATIONS[c["activation"]](joined)


def label_decoder(c: Config, w: Weights, x: Tensor) -> Tensor:
    h0 = linear(w, x.flatten(0, -2), "init.")
    hidden = recurrence(c["cell"], c, w.of(c["cell"]), h0.new_zeros(len(h0), c["labels"], 1), h0)
    y = hidden if c["return_features"] else linear(w, hidden, "out.").squeeze(-1)
    return y.unflatten(0, x.shape[:-1])


LAYERS: Dict[str, Callable[..., Tensor]] = {
    "Activation": lambda c, w, x: ACTIVATIONS[c["activation"]](x),
    "Add": lambda c, w, *x: sum(x),
    "AveragePooling2D": pooling(F.avg_pool2d),
    "BatchNormalization": batch_norm,
    "Concatenate": lambda c, w, *x: torch.cat(x, 1 if x[0].dim() == 4 else -1),
    "Conv2D": conv2d,
    "Dense": dense,
    "DepthwiseConv2D": conv2d,
    "Flatten": flatten,
    "FusedBatchNorm": batch_norm,
    "FusedConv2D": conv2d,
    "GlobalAveragePooling2D": lambda c, w, x: x.mean((2, 3)),
    "GrayToRgb": lambda c, w, x: x.expand(-1, 3, -1, -1),
    "ImageNetNormalization": normalize,
    "LabelLinear": label_linear,
    "LabelRNNDecoder": label_decoder,
    "MaxPooling2D": pooling(F.max_pool2d),
    "Model": graph,
    "PerLabel": per_label,
    "PerSlice": per_slice,
    "ReLU": relu,
    "ResidualNeck": residual_neck,
    "SliceConv1D": slice_conv1d,
    "SliceDependencyGRU": slice_gru,
    "SliceDifferences": slice_differences,
    "SlicePooling": slice_pooling,
    "ZeroPadding2D": lambda c, w, x: F.pad(x, [*c["padding"][1], *c["padding"][0]]),
}
