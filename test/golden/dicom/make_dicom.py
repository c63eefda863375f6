"""Makes the DICOM files of this folder and ../dicom.safetensors, the Hounsfield units that others read in them.

    /usr/bin/python3 test/golden/dicom/make_dicom.py

Debian packages: python3-pydicom python3-gdcm python3-numpy libgdcm-tools dcmtk. pydicom writes the images, dcmtk and
gdcm compress them, and pydicom (for the JPEGs through gdcm) reads all of them back and rescales.
"""

import json
import pathlib
import struct
import subprocess
import tempfile

import gdcm
import numpy
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.pixel_data_handlers.util import apply_modality_lut
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROWS, COLUMNS = 40, 48
FOLDER = pathlib.Path(__file__).parent
LOSSY = {"jpeg_baseline", "jpeg_extended_8", "jpeg_ls_81", "jpeg_2000_91"}
UNREADABLE = {"big_endian", "jpeg_extended_12"}
DCMTK = subprocess.run(["dcmconv", "--version"], capture_output=True, text=True).stdout.split()[2]


def picture(seed, lowest, highest):
    """A disk with a gradient and noise on a flat ground, in stored values."""
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:ROWS, 0:COLUMNS]
    inside = (y - 19.5) ** 2 / 18**2 + (x - 23.5) ** 2 / 22**2 < 1
    slope = (x / COLUMNS + y / ROWS) / 2 * 0.8 + random.normal(0, 0.02, (ROWS, COLUMNS)) + 0.1
    values = numpy.where(inside, lowest + slope * (highest - lowest), lowest)
    return numpy.clip(numpy.rint(values), lowest, highest).astype(int)


def write(file, values, bits=16, stored=None, signed=False, rescale=("1", "-1024"), **tags):
    stored = stored or bits
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(str(file), {}, file_meta=meta, preamble=b"\0" * 128)
    ds.is_little_endian, ds.is_implicit_VR = True, False
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Modality, ds.PatientID = "CT", "made by make_dicom.py"
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [-12, -10, 30], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.InstanceNumber = [0.5, 0.5], 1
    ds.WindowCenter, ds.WindowWidth = [40, 600], [80, 2800]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = ROWS, COLUMNS
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, stored, stored - 1, int(signed)
    if rescale is not None:
        ds.RescaleSlope, ds.RescaleIntercept = rescale
    for name, value in tags.items():
        setattr(ds, name, value)
    dtype = {(8, False): "<u1", (16, False): "<u2", (16, True): "<i2"}[bits, signed]
    ds.PixelData = values.astype(dtype).tobytes()
    ds["PixelData"].VR = "OW" if bits == 16 else "OB"
    ds.save_as(file, write_like_original=False)


def run(*command):
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def main():
    hu, computed, source_of = {}, {}, {}
    for old in FOLDER.glob("*.dcm"):
        old.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        sources = {
            "unsigned16": dict(values=picture(1, 0, 4095)),
            "unsigned16_full": dict(values=picture(2, 0, 65535), rescale=("0.5", "-8192.25")),
            "signed16": dict(values=picture(3, -1024, 3071), signed=True, rescale=("1", "0")),
            "signed16_full": dict(values=picture(4, -32768, 32767), signed=True, rescale=("0.1", "0")),
            "unsigned12": dict(values=picture(5, 0, 4095), stored=12),
            "signed12": dict(values=picture(6, -1024, 2047), stored=12, signed=True, rescale=("1", "0")),
            "unsigned8": dict(values=picture(7, 0, 255), bits=8, rescale=("10", "-1000")),
            "monochrome1": dict(values=picture(8, 0, 4095), PhotometricInterpretation="MONOCHROME1"),
            "padded": dict(
                values=numpy.where(picture(9, 0, 4000) == 0, -2000, picture(9, 0, 4000)),
                signed=True, PixelPaddingValue=-2000,
            ),
            "no_rescale": dict(values=picture(10, -1024, 3071), signed=True, rescale=None),
        }
        for name, source in sources.items():
            write(scratch / f"{name}.dcm", **source)

        def make(name, source, *command):
            """A file made from a source by a tool: the command's IN and OUT are the two files."""
            target = FOLDER / f"{name}.dcm"
            files = {"IN": scratch / f"{source}.dcm", "OUT": target}
            run(*[files.get(part, part) for part in command])
            computed[name] = " ".join(command)
            source_of[name] = source

        for name in sources:
            make(name, name, "dcmconv", "+te", "IN", "OUT")
        make("implicit", "signed16", "dcmconv", "+ti", "IN", "OUT")
        make("bare_implicit", "signed16", "dcmconv", "-F", "+ti", "IN", "OUT")
        make("deflated", "signed16", "dcmconv", "+td", "IN", "OUT")
        make("big_endian", "signed16", "dcmconv", "+tb", "IN", "OUT")
        make("jpeg_baseline", "unsigned8", "dcmcjpeg", "+eb", "+q", "95", "IN", "OUT")
        make("jpeg_extended_8", "unsigned8", "dcmcjpeg", "+ee", "+q", "95", "IN", "OUT")
        make("jpeg_extended_12", "unsigned12", "dcmcjpeg", "+ee", "+q", "95", "IN", "OUT")
        for selection in range(1, 8):
            make(f"jpeg_lossless_sv{selection}", "unsigned16", "dcmcjpeg", "+el", "+sv", str(selection), "IN", "OUT")
        make("jpeg_lossless_sv7_full", "signed16_full", "dcmcjpeg", "+el", "+sv", "7", "IN", "OUT")
        make("jpeg_lossless_57_full", "unsigned16_full", "dcmcjpeg", "+el", "IN", "OUT")
        make("jpeg_lossless_70_signed", "signed16", "dcmcjpeg", "+e1", "IN", "OUT")
        make("jpeg_lossless_70_signed12", "signed12", "gdcmconv", "--jpeg", "IN", "OUT")
        make("jpeg_lossless_70_8", "unsigned8", "dcmcjpeg", "+e1", "IN", "OUT")
        make("jpeg_ls_80", "unsigned16", "dcmcjpls", "+el", "IN", "OUT")
        make("jpeg_ls_80_signed_gdcm", "signed16", "gdcmconv", "--jpegls", "IN", "OUT")
        make("jpeg_ls_80_8", "unsigned8", "dcmcjpls", "+el", "IN", "OUT")
        make("jpeg_ls_81", "unsigned16", "dcmcjpls", "+en", "+md", "4", "IN", "OUT")
        make("jpeg_2000_90", "unsigned16", "gdcmconv", "--j2k", "IN", "OUT")
        make("jpeg_2000_90_signed", "signed16", "gdcmconv", "--j2k", "IN", "OUT")
        make("jpeg_2000_90_signed12", "signed12", "gdcmconv", "--j2k", "IN", "OUT")
        make("jpeg_2000_90_8", "unsigned8", "gdcmconv", "--j2k", "IN", "OUT")
        make("jpeg_2000_91", "unsigned16", "gdcmconv", "--j2k", "--lossy", "--irreversible", "-r", "8", "IN", "OUT")
        make("rle", "signed16", "dcmcrle", "IN", "OUT")
        make("rle_gdcm", "unsigned12", "gdcmconv", "--rle", "IN", "OUT")
        make("rle_8", "unsigned8", "dcmcrle", "IN", "OUT")
        # three fragments and an offset table that is filled or empty
        make("fragments_offsets", "unsigned16_full", "dcmcjpeg", "+e1", "+fs", "1", "+ot", "IN", "OUT")
        make("fragments_no_offsets", "unsigned16_full", "dcmcrle", "+fs", "1", "-ot", "IN", "OUT")

        for name in computed:
            if name in UNREADABLE:
                continue
            ds = pydicom.dcmread(FOLDER / f"{name}.dcm", force=True)
            if not hasattr(ds.file_meta, "TransferSyntaxUID"):
                ds.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
            hu[name] = apply_modality_lut(ds.pixel_array, ds).astype("<f4")

    # a lossless file has the values of the picture it was made from, which are stored once
    same = {name: source for name, source in source_of.items() if name in hu and (hu[name] == hu[source]).all()}
    for name in computed:
        size = (FOLDER / f"{name}.dcm").stat().st_size
        print(f"{name:28}{size:6} bytes  {computed[name]:40} {same.get(name, '')}")
    lossless = [name for name in source_of if name not in LOSSY and name not in UNREADABLE]
    assert set(lossless) == set(same), set(lossless) ^ set(same)

    header, data = {}, b""
    for name, values in hu.items():
        if same.get(name, name) != name:
            continue
        piece = values.tobytes()
        header[name] = dict(dtype="F32", shape=list(values.shape), data_offsets=[len(data), len(data) + len(piece)])
        data += piece
    reference = f"pydicom {pydicom.__version__}, gdcm {gdcm.Version.GetVersion()}, dcmtk {DCMTK}"
    header["__metadata__"] = dict(reference=reference, made_by=json.dumps(computed), same=json.dumps(same))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER.parent / "dicom.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


main()
