"""Reads DICOM files as pydicom does, for beside_pydicom.test.ts: length and bytes on stdin, JSON and pixels on stdout."""

import io
import json
import struct
import sys
import warnings

import numpy
import pydicom
from pydicom.pixel_data_handlers.util import apply_modality_lut

warnings.simplefilter("ignore")
NUMBERS = {
    "rows": "Rows",
    "columns": "Columns",
    "instanceNumber": "InstanceNumber",
    "imagePosition": "ImagePositionPatient",
    "imageOrientation": "ImageOrientationPatient",
    "pixelSpacing": "PixelSpacing",
    "sliceThickness": "SliceThickness",
    "gantryTilt": "GantryDetectorTilt",
}


def number(value):
    if value is None or isinstance(value, (str, bytes)) or value == "":
        return None
    return [float(one) for one in value] if hasattr(value, "__len__") else float(value)


def read(data):
    found = {}
    try:
        ds = pydicom.dcmread(io.BytesIO(data), force=True)
    except Exception as error:
        return {"error": repr(error)}, b""
    for name, keyword in NUMBERS.items():
        try:
            found[name] = number(ds.get(keyword))
        except Exception:
            pass
    try:
        hu = numpy.asarray(apply_modality_lut(ds.pixel_array, ds))
        return found, hu.astype("<f4").tobytes()
    except Exception as error:
        return {**found, "error": repr(error)}, b""


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(4):
        text, pixels = read(source.read(struct.unpack("<I", head)[0]))
        text = json.dumps(text, allow_nan=True).replace("NaN", "null").replace("Infinity", "null").encode()
        sink.write(struct.pack("<II", len(text), len(pixels)) + text + pixels)
        sink.flush()


main()
