"""Logits, loss and gradients of models that ct-multilabel wrote: a folder for each in the folder that is given."""

import sys
from pathlib import Path

import torch

from ct_multilabel_torch import asymmetric_loss, load_model, read_safetensors, write_safetensors

torch.set_num_threads(1)
for folder in sorted(Path(sys.argv[1]).iterdir()):
    model = load_model(folder / "model.json", folder / "weights.safetensors")
    stack = read_safetensors(folder / "stack.safetensors")
    logits = model(stack["images"])
    total, count = asymmetric_loss(stack["labels"], logits)
    loss = total / count
    loss.backward()
    grads = {f"grad.{name}": parameter.grad for name, parameter in model.named_parameters()}
    write_safetensors(folder / "out.safetensors", {"logits": logits.float(), "loss": loss.float(), **{k: g.float() for k, g in grads.items()}})
