"""Reads and writes safetensors files: a header in JSON, then the tensors' bytes one after the other."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Dict, Mapping, Optional, Union

import numpy as np
import torch

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}


def read_safetensors(file: Union[str, Path]) -> Dict[str, torch.Tensor]:
    """Tensors by name; floating-point ones of any width become float32."""
    data = Path(file).read_bytes()
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or 8 + length > len(data):
        raise ValueError(f"{file}: expected a safetensors file, found {len(data)} bytes with a header of {length}")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    state = {}
    for name, entry in header.items():
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        if dtype not in DTYPES:
            raise ValueError(f"{file}: {name}: expected one of {', '.join(DTYPES)}, received {dtype}")
        code = np.dtype(DTYPES[dtype])
        if end - begin != code.itemsize * int(np.prod(shape, dtype=np.int64)) or not 0 <= begin <= end <= len(data) - 8 - length:
            raise ValueError(f"{file}: {name}: expected the bytes of {dtype} {shape}, received {begin} to {end} of {len(data) - 8 - length}")
        values = np.frombuffer(data[8 + length + begin : 8 + length + end], code).reshape(shape)
        state[name] = torch.from_numpy(values.astype(np.float32 if code.kind == "f" else code))
    return state


def write_safetensors(file: Union[str, Path], state: Mapping[str, torch.Tensor], metadata: Optional[Mapping[str, str]] = None) -> None:
    """Writes tensors in their own type. The file appears whole: it is written beside its place and then renamed."""
    header: Dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    parts = []
    offset = 0
    for name, tensor in state.items():
        values = np.ascontiguousarray(tensor.detach().cpu().numpy())
        part = values.tobytes()
        header[name] = {"dtype": NAMES[values.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + len(part)]}
        parts.append(part)
        offset += len(part)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    temporary = Path(f"{file}.{os.getpid()}.tmp")
    temporary.write_bytes(b"".join([len(head).to_bytes(8, "little"), head, *parts]))
    temporary.replace(file)
