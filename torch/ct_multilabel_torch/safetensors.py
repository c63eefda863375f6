"""Reads and writes safetensors files: a header in JSON, then the tensors' bytes one after the other."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Mapping, Union

import torch
from torch import Tensor

DTYPES: dict[str, torch.dtype] = {
    **{"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16},
    **{"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool},
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def read_safetensors(file: Union[str, Path]) -> dict[str, Tensor]:
    """Tensors by name; floating-point ones of any width become float32."""
    data = bytearray(Path(file).read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    if not 8 < start <= len(data):
        raise ValueError(f"{file}: expected a safetensors file, found {len(data)} bytes with a header of {start - 8}")
    state: dict[str, Tensor] = {}
    for name, entry in json.loads(data[8:start]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        try:
            values = torch.frombuffer(data[start + begin : start + end], dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
        except (KeyError, RuntimeError, ValueError) as error:
            expected = f"one of {', '.join(DTYPES)} within {len(data) - start} bytes"
            raise ValueError(f"{file}: {name}: expected {expected}, received {entry}") from error
        state[name] = values.float() if values.is_floating_point() else values
    return state


def write_safetensors(file: Union[str, Path], state: Mapping[str, Tensor]) -> None:
    """Writes tensors in their own type. The file appears whole: it is written beside its place and then renamed."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    parts: list[bytes] = []
    end = 0
    for name, tensor in state.items():
        parts.append(tensor.detach().cpu().contiguous().numpy().tobytes())
        begin, end = end, end + len(parts[-1])
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    temporary = Path(f"{file}.{os.getpid()}.tmp")
    temporary.write_bytes(b"".join([len(head).to_bytes(8, "little"), head, *parts]))
    temporary.replace(file)
