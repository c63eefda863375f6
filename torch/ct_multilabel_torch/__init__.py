"""The models of ct-multilabel in PyTorch: same weights, same logits, same loss. Research use only."""

from .loss import asymmetric_loss
from .model import CtBrainModel, load_model
from .safetensors import read_safetensors, write_safetensors

__all__ = ["CtBrainModel", "asymmetric_loss", "load_model", "read_safetensors", "write_safetensors"]
