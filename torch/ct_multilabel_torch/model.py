"""The whole model, from a checkpoint's model.json and the weights by PyTorch's names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence, Union

from torch import Tensor, nn

from .layers import Config, Weights, call
from .safetensors import read_safetensors


class CtBrainModel(nn.Module):
    """Images [batch, slices, height, width, channels] to logits [batch, slices, labels], or [batch, labels] of patients."""

    def __init__(self, topology: Config, labels: Sequence[str], state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.topology, self.labels = topology, list(labels)
        self.amp = False  # whether the backbone computes in bfloat16
        kinds = {layer["class_name"]: layer["config"] for layer in topology["config"]["layers"]}
        self.of_patients = "SlicePooling" in kinds
        self.input_shape = kinds["InputLayer"]["batch_input_shape"][2:]
        for name, value in state.items():
            place: nn.Module = self
            *parts, last = name.split(".")
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
        state = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        return call(self.topology, Weights(state, self.amp), images)


def read_checkpoint(model_json: Union[str, Path]) -> Dict[str, Any]:
    """A checkpoint's model.json: layers and shapes of weights, and under `manifest` labels, preprocessing, thresholds, options."""
    checkpoint = json.loads(Path(model_json).read_text("utf-8"))
    manifest = checkpoint.get("userDefinedMetadata", {}).get("ctMultilabel")
    if not isinstance(manifest, dict):
        raise ValueError(f"{model_json}: expected a checkpoint's model.json with labels and preprocessing, found none")
    return {**checkpoint, "manifest": manifest}


def load_model(model_json: Union[str, Path], weights: Union[str, Path]) -> CtBrainModel:
    """The model of a checkpoint, with the weights that `ct-multilabel export --format safetensors` writes; strict."""
    checkpoint, state = read_checkpoint(model_json), read_safetensors(weights)
    specs = [spec for group in checkpoint["weightsManifest"] for spec in group["weights"] if spec.get("group") != "optimizer"]
    # axes are in another order there
    shapes = [sorted(map(sorted, found)) for found in ([spec["shape"] for spec in specs], [value.shape for value in state.values()])]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{weights}: expected the {len(specs)} weights of {model_json}, received {len(state)} of other shapes")
    return CtBrainModel(checkpoint["modelTopology"], checkpoint["manifest"]["labels"], state)
