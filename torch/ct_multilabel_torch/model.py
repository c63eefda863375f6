"""The whole model, from a checkpoint's model.json and its weights by PyTorch's names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Mapping, Union

from torch import Tensor, nn

from .layers import Config, Layers
from .safetensors import read_safetensors


class CtBrainModel(nn.Module):
    """Images [batch, slices, height, width, channels] to logits [batch, slices, labels], or [batch, labels] of patients.

    `topology` is the model's in tfjs's format, `manifest` what else its checkpoint says: labels, preprocessing, thresholds.
    """

    def __init__(self, topology: Config, manifest: Config, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.topology, self.manifest = topology, manifest
        self.amp = False  # whether the backbone, which is nearly all of the work, computes in bfloat16
        layers = {layer["class_name"]: layer["config"] for layer in topology["config"]["layers"]}
        self.of_patients = "SlicePooling" in layers
        self.input_shape = layers["InputLayer"]["batch_input_shape"][2:]
        for name, value in weights.items():
            *parts, last = name.split(".")
            place: nn.Module = self
            for part in parts:
                if not hasattr(place, part):
                    place.add_module(part, nn.Module())
                place = place.get_submodule(part)
            if last.startswith("running_"):
                place.register_buffer(last, value)
            else:
                place.register_parameter(last, nn.Parameter(value))

    def forward(self, images: Tensor) -> Tensor:
        if images.dim() != 5 or list(images.shape[2:]) != self.input_shape or 0 in images.shape:
            raise ValueError(f"images: expected [batch, slices, {self.input_shape}], received {list(images.shape)}")
        weights = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        return Layers(weights, self.amp).call(self.topology, images)


def load_model(model_json: Union[str, Path], weights: Union[str, Path]) -> CtBrainModel:
    """The model of a checkpoint, with the weights that `ct-multilabel export --format safetensors` writes; strict."""
    checkpoint, state = json.loads(Path(model_json).read_text("utf-8")), read_safetensors(weights)
    manifest = checkpoint.get("userDefinedMetadata", {}).get("ctMultilabel")
    if not isinstance(manifest, dict):
        raise ValueError(f"{model_json}: expected a checkpoint's model.json with labels and preprocessing, found none")
    specs = [spec for group in checkpoint["weightsManifest"] for spec in group["weights"] if spec.get("group") != "optimizer"]
    # tfjs has the axes in another order
    if sorted(sorted(spec["shape"]) for spec in specs) != sorted(sorted(value.shape) for value in state.values()):
        raise ValueError(f"{weights}: expected the {len(specs)} weights of {model_json}, received {len(state)} of other shapes")
    return CtBrainModel(checkpoint["modelTopology"], manifest, state)
