"""The whole model, from the record that a checkpoint's model.json has of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backbones import BACKBONES
from .safetensors import read_safetensors

Record = Mapping[str, Any]


def _variant(slice_dependency: str, label_decoder: str, order: str = "slice-then-label", **more: str) -> Record:
    return {"sliceDependency": slice_dependency, "labelDecoder": label_decoder, "order": order, **more}


VARIANTS: Dict[str, Record] = {
    "VGG16": _variant("none", "linear"),
    "VGG16 + LRNN": _variant("none", "lrnn"),
    "VGG16 + SDL(GRU)": _variant("gru", "linear"),
    "VGG16 + SDL(1Dconv)": _variant("conv1d", "linear"),
    "VGG16 + SDL(GRU) + LRNN": _variant("gru", "lrnn"),
    "VGG16 + SDL(1Dconv) + LRNN": _variant("conv1d", "lrnn"),
    "VGG16 + LRNN + SDL(GRU)": _variant("gru", "lrnn", "label-then-slice"),
    "recommended": _variant("gru", "lrnn", neck="add"),
}
DEFAULTS: Record = {
    "inputShape": [224, 224, 1],
    "backbone": "vgg16",
    "normalize": False,
    "sliceDependency": "gru",
    "labelDecoder": "lrnn",
    "order": "slice-then-label",
    "labelFeatures": "shared",
    "neck": "add",
    "sliceDifferences": False,
    "sliceClassifier": False,
    "output": "slices",
    "pooling": "max",
    "maskValue": None,
}
PARTS: Dict[str, Sequence[str]] = {
    "gru": ["units", "numLayers", "bidirectional", "mergeMode", "residual"],
    "conv1d": ["filters", "kernelSize", "activation"],
    "lrnn": ["units", "cell", "bidirectional"],
    "attention": ["units", "gated"],
    "none": [],
    "linear": [],
    "max": [],
}
ACTIVATIONS: Dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": F.elu,
}


def _part(what: str, value: Union[str, Record], types: Sequence[str]) -> Record:
    """A part's options with its type, which is the first that takes all of them where it is left out."""
    asked = {"type": value} if isinstance(value, str) else dict(value)
    options = set(asked) - {"type"}
    kind = asked.get("type") or next((one for one in types if options <= set(PARTS[one])), None)
    if kind not in types or not options <= set(PARTS[kind]):
        raise ValueError(f"{what}: expected one of {', '.join(types)} and its options, received {value!r}")
    return {**asked, "type": kind}


class Recurrent(nn.Module):
    """Weights under the names of nn.GRU and nn.LSTM; without `inputs` the inputs are zero and have no weights."""

    def __init__(self, cell: str, inputs: Optional[int], units: int, bidirectional: bool, layers: int = 1, merge: str = "concat") -> None:
        super().__init__()
        self.cell, self.units, self.layers, self.merge = cell, units, layers, merge
        self.ends = ["", "_reverse"] if bidirectional else [""]
        self.width = units * (len(self.ends) if merge == "concat" else 1)
        rows = units * (4 if cell == "lstm" else 3)
        for layer in range(layers):
            for end in self.ends:
                shapes: List[Tuple[str, Tuple[int, ...]]] = [("weight_hh", (rows, units)), ("bias_ih", (rows,)), ("bias_hh", (rows,))]
                if inputs is not None:
                    shapes.append(("weight_ih", (rows, inputs if layer == 0 else self.width)))
                for name, shape in shapes:
                    values = torch.empty(shape).uniform_(-(units**-0.5), units**-0.5)
                    self.register_parameter(f"{name}_l{layer}{end}", nn.Parameter(values))

    def forward(self, x: Tensor, h0: Optional[Tensor] = None, layer: int = 0) -> Tensor:
        """One layer on [n, steps, inputs], both directions from `h0` [n, units] or from zero."""
        h = (x.new_zeros(x.shape[0], self.units) if h0 is None else h0).expand(len(self.ends), -1, -1).contiguous()
        weights: List[Tensor] = []
        for end in self.ends:
            hh = getattr(self, f"weight_hh_l{layer}{end}")
            ih = getattr(self, f"weight_ih_l{layer}{end}", None)
            ih = hh.new_zeros(hh.shape[0], x.shape[2]) if ih is None else ih
            weights += [ih, hh, getattr(self, f"bias_ih_l{layer}{end}"), getattr(self, f"bias_hh_l{layer}{end}")]
        rest = (weights, True, 1, 0.0, self.training, len(self.ends) == 2, True)
        if self.cell == "lstm":
            return torch.lstm(x, (h, torch.zeros_like(h)), *rest)[0]
        y = torch.gru(x, h, *rest)[0]
        return y if self.merge == "concat" else y.unflatten(-1, (len(self.ends), self.units)).sum(-2)


class SliceGRU(Recurrent):
    def __init__(self, width: int, inputs: int, options: Record) -> None:
        bidirectional, merge = options.get("bidirectional", True), options.get("mergeMode", "concat")
        split = bidirectional and merge == "concat"
        units = options.get("units", -(-width // 2) if split else width)
        super().__init__("gru", inputs, units, bidirectional, options.get("numLayers", 1), merge)
        self.residual = options.get("residual", False)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        for layer in range(self.layers):
            y = super().forward(x, layer=layer)
            x = x + y if self.residual and layer > 0 else y
        return x


class SliceConv1d(nn.Conv1d):
    def __init__(self, width: int, inputs: int, options: Record) -> None:
        super().__init__(inputs, options.get("filters", width), options.get("kernelSize", 5))
        self.width = self.out_channels
        self.activation = ACTIVATIONS[options.get("activation", "linear")]

    def forward(self, x: Tensor) -> Tensor:
        total = self.kernel_size[0] - 1
        padded = F.pad(x.transpose(1, 2), (total // 2, total - total // 2))
        return self.activation(super().forward(padded).transpose(1, 2))


class LabelDecoder(nn.Module):
    def __init__(self, features: int, labels: int, options: Record, return_features: bool) -> None:
        super().__init__()
        self.labels, self.cell, units = labels, options.get("cell", "lstm"), options.get("units", 128)
        self.init = nn.Linear(features, units)
        recurrent = Recurrent(self.cell, None, units, options.get("bidirectional", False))
        self.add_module(self.cell, recurrent)
        self.width = recurrent.width
        self.out = None if return_features else nn.Linear(recurrent.width, 1)

    def forward(self, x: Tensor) -> Tensor:
        h0 = self.init(x.flatten(0, -2))
        hidden = getattr(self, self.cell)(x.new_zeros(h0.shape[0], self.labels, 1), h0)
        y = hidden if self.out is None else self.out(hidden).squeeze(-1)
        return y.unflatten(0, x.shape[:-1])


class LabelLinear(nn.Linear):
    """A row of weights for each label, on that label's own features [..., labels, f]."""

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.weight).sum(-1) + self.bias


class AttentionPooling(nn.Module):
    def __init__(self, features: int, options: Record) -> None:
        super().__init__()
        units, self.gated = options.get("units", 128), options.get("gated", False)
        if self.gated:
            self.attention_V = nn.Sequential(nn.Linear(features, units), nn.Tanh())
            self.attention_U = nn.Sequential(nn.Linear(features, units), nn.Sigmoid())
            self.attention_w = nn.Linear(units, 1, bias=False)
        else:
            self.attention = nn.Sequential(nn.Linear(features, units), nn.Tanh(), nn.Linear(units, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        ratings = self.attention_w(self.attention_V(x) * self.attention_U(x)) if self.gated else self.attention(x)
        return (torch.softmax(ratings, 1) * x).sum(1)


class CtBrainModel(nn.Module):
    """Images [batch, slices, height, width, channels] to logits [batch, slices, labels], or [batch, labels] of patients."""

    def __init__(self, options: Record, labels: Sequence[str]) -> None:
        super().__init__()
        self.labels, self.of_patients = list(labels), options["output"] == "patient"
        self.amp = False  # whether the backbone, which is nearly all of the work, computes in bfloat16
        self.input_shape, self.mask_value = list(options["inputShape"]), options["maskValue"]
        self.neck_mode, self.shared = options["neck"], options["labelFeatures"] == "shared"
        self.differences, self.label_first = options["sliceDifferences"], options["order"] == "label-then-slice"
        decoder = _part("labelDecoder", options["labelDecoder"], ["lrnn", "linear"])
        slices = _part("sliceDependency", options["sliceDependency"], ["gru", "conv1d", "none"])
        pooling = _part("pooling", options["pooling"], ["max", "attention"])
        count = len(labels)

        channels = 3 if self.input_shape[2] == 1 else self.input_shape[2]
        self.normalize = bool(options["normalize"])
        for name, values in [("mean", [0.485, 0.456, 0.406]), ("std", [0.229, 0.224, 0.225])]:
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        self.backbone = BACKBONES[options["backbone"]](channels)
        features = width = int(self.backbone.width)
        self.slice_classifier = nn.Linear(features, count) if options["sliceClassifier"] else None

        self.label_decoder: Optional[LabelDecoder] = None
        if self.label_first:
            self.label_decoder = LabelDecoder(width, count, decoder, True)
            width = self.label_decoder.width * (1 if self.shared else count)
        self.slice_dependency: Union[SliceGRU, SliceConv1d, None] = None
        self.neck: Optional[nn.Linear] = None
        if slices["type"] != "none":
            inputs = 3 * width if self.differences else width
            kind = SliceGRU if slices["type"] == "gru" else SliceConv1d
            self.slice_dependency = kind(width, inputs, slices)
            out = self.slice_dependency.width
            if self.neck_mode == "add" and out != width:
                self.neck = nn.Linear(out, width)
            width = {"add": width, "concat": width + out, "none": out}[self.neck_mode]
        attention = self.of_patients and pooling["type"] == "attention"
        self.slice_pooling = AttentionPooling(width, pooling) if attention else None
        self.classifier: Optional[nn.Linear] = None
        if self.label_first:
            self.classifier = LabelLinear(width, count) if self.shared else nn.Linear(width, count)
        elif decoder["type"] == "lrnn":
            self.label_decoder = LabelDecoder(width, count, decoder, False)
        else:
            self.classifier = nn.Linear(width, count)

    def forward(self, images: Tensor) -> Tensor:
        if images.dim() != 5 or list(images.shape[2:]) != self.input_shape or 0 in images.shape:
            raise ValueError(f"images: expected [batch, slices, {self.input_shape}], received {list(images.shape)}")
        if self.mask_value is not None and bool((images.flatten(2) == self.mask_value).all(2).any()):
            raise ValueError(f"images: a slice holds only the mask value {self.mask_value}; padding is not supported")
        x = images.flatten(0, 1).permute(0, 3, 1, 2)
        x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
        x = (x - self.mean) / self.std if self.normalize else x
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.amp):
            features = self.backbone(x)
        features = features.float().unflatten(0, images.shape[:2])
        x = features
        if self.label_first and self.label_decoder is not None:
            x = self.label_decoder(x)
            x = x if self.shared else x.flatten(2)
        x = self._with_neck(x)
        x = x if self.slice_pooling is None else self.slice_pooling(x)
        head = self.classifier if self.classifier is not None else self.label_decoder
        logits = head(x)
        if self.slice_classifier is not None:
            logits = logits + self.slice_classifier(features)
        return logits.max(1).values if self.of_patients and self.slice_pooling is None else logits

    def _with_neck(self, x: Tensor) -> Tensor:
        if self.slice_dependency is None:
            return x
        per_label = x.dim() == 4
        folded = x.transpose(1, 2).flatten(0, 1) if per_label else x
        if self.differences:
            before = torch.cat([folded[:, :1], folded[:, :-1]], 1)
            after = torch.cat([folded[:, 1:], folded[:, -1:]], 1)
            folded = torch.cat([folded, folded - before, folded - after], -1)
        y = self.slice_dependency(folded)
        y = y.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2) if per_label else y
        if self.neck_mode == "none":
            return y
        if self.neck_mode == "concat":
            return torch.relu(torch.cat([x, y], -1))
        return torch.relu(x + (y if self.neck is None else self.neck(y)))

    def weights(self) -> Dict[str, Tensor]:
        """The weights by the names that ct-multilabel's loadTorchWeights takes."""
        return {name: value for name, value in self.state_dict().items() if not name.endswith("num_batches_tracked")}


def build_model(record: Record, labels: Sequence[str]) -> CtBrainModel:
    """The model of a checkpoint's record: what `buildCtBrainModel` was called with. A custom backbone has no counterpart here."""
    variant = record.get("variant")
    if variant is not None and variant not in VARIANTS:
        raise ValueError(f"model: variant: expected one of {', '.join(VARIANTS)}, received {variant!r}")
    unknown = set(record) - set(DEFAULTS) - {"variant", "labels", "seed"}
    if unknown:
        raise ValueError(f"model: expected options of buildCtBrainModel, received {', '.join(sorted(unknown))}")
    given = {name: value for name, value in record.items() if value is not None}
    options = {**DEFAULTS, **(VARIANTS[variant] if variant else {}), **given}
    if options["backbone"] not in BACKBONES:
        raise ValueError(f"model: backbone: expected one of {', '.join(BACKBONES)}, received {options['backbone']!r}")
    return CtBrainModel(options, labels)


def read_manifest(model_json: Union[str, Path]) -> Dict[str, Any]:
    """What a checkpoint's model.json says of the model beside its weights: labels, preprocessing, thresholds, model."""
    manifest = json.loads(Path(model_json).read_text("utf-8")).get("userDefinedMetadata", {}).get("ctMultilabel")
    if not isinstance(manifest, dict) or not manifest.get("model"):
        raise ValueError(f"{model_json}: expected a checkpoint's model.json that says what its model was built from")
    return manifest


def load_model(model_json: Union[str, Path], weights: Union[str, Path]) -> CtBrainModel:
    """The model of a checkpoint, with the weights that `ct-multilabel export --format safetensors` writes; strict."""
    manifest = read_manifest(model_json)
    model = build_model(manifest["model"], manifest["labels"])
    model.load_state_dict(read_safetensors(weights), strict=True)
    return model.eval()
