"""Reads a whole model's weights, fills PyTorch's own modules with them, and writes the logits of features: python beside_torch.py FOLDER."""
import json
import struct
import sys

import numpy
import torch

folder = sys.argv[1]


def read(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    kinds = {"F32": numpy.float32, "F16": numpy.float16}

    def tensor(entry):
        begin, end = entry["data_offsets"]
        flat = numpy.frombuffer(data[8 + length + begin : 8 + length + end], dtype=kinds[entry["dtype"]])
        return torch.from_numpy(flat.copy()).float().reshape(entry["shape"])

    return {name: tensor(entry) for name, entry in header.items() if name != "__metadata__"}


def part(state, prefix):
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


def filled(module, state):
    module.load_state_dict(state)
    return module


with torch.no_grad():
    state, x = read(f"{folder}/model.safetensors"), read(f"{folder}/features.safetensors")["x"]
    features, decoder = x.shape[2], part(state, "label_decoder.")
    gru = torch.nn.GRU(features, features // 2, batch_first=True, bidirectional=True)
    y = torch.relu(x + filled(gru, part(state, "slice_dependency."))(x)[0])
    units = decoder["init.weight"].shape[0]
    lstm = part(decoder, "lstm.")
    lstm["weight_ih_l0"] = torch.zeros(4 * units, 1)
    h = filled(torch.nn.Linear(features, units), part(decoder, "init."))(y.reshape(-1, features))
    nothing = torch.zeros(h.shape[0], 5, 1)
    states, _ = filled(torch.nn.LSTM(1, units, batch_first=True), lstm)(nothing, (h[None], torch.zeros_like(h)[None]))
    logits = filled(torch.nn.Linear(units, 1), part(decoder, "out."))(states)
    print(json.dumps(logits.flatten().tolist()))
