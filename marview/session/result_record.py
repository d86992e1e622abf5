"""Write and read autosaved results losslessly."""

import dataclasses
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from marview.errors import BadInput
from marview.mar.messages import SliceDone
from marview.session.plane_store import PlaneStore
from marview.session.result import KeptMask, Result
from marview.text import tr

_FIELDS = (
    "method",
    "title",
    "version",
    "parameters",
    "margin_mm",
    "mask_text",
    "mask_words",
    "slices",
    "series",
    "series_title",
    "weights_sha256",
    "made",
    "device",
    "restores_cut_off",
    "seconds",
    "notes",
    "report",
)
_LEVEL = 1
"""Compression level. Higher levels gain little: noise hardly compresses, and zeros use almost no space at any level."""


def write_result(result: Result, path: Path) -> None:
    """Write a finished result, without its intermediate images.

    Raises:
        BadInput: the correction of a slice cannot be read from its temporary file.
        OSError: the file cannot be written.
    """
    planes = result.settled_correction()
    masks = {z: np.packbits(plane) for z in result.mask.slices if (plane := result.mask[z]).any()}
    done = [result.done[z] for z in sorted(result.done)]
    head = {name: getattr(result, name) for name in _FIELDS}
    head |= {
        "shape": result.mask.shape,
        "done": [dataclasses.asdict(one) for one in done],
        "masks": list(masks),
    }
    with path.open("wb") as target:
        target.write(json.dumps(head).encode() + b"\n")
        for one in done:
            _write_block(target, planes[one.slice_index].tobytes())
        for bits in masks.values():
            _write_block(target, bits.tobytes())


def read_result(path: Path, store: PlaneStore) -> Result:
    """Read a file written by `write_result`, and put its corrections into `store`.

    Raises:
        BadInput: the file is damaged.
    """
    try:
        with path.open("rb") as source:
            head: dict[str, Any] = json.loads(source.readline())
            depth, rows, columns = head["shape"]
            done = [SliceDone(**one) for one in head["done"]]
            planes = [_floats(_read_block(source), rows, columns) for _ in done]
            mask = np.zeros((depth, rows, columns), bool)  # slices without metal take no memory
            for z in head["masks"]:
                bits = np.frombuffer(_read_block(source), np.uint8)
                mask[z] = np.unpackbits(bits, count=rows * columns).view(np.bool_).reshape(rows, columns)
        numbers = [head["seconds"], head["margin_mm"]]
        numbers += [number for one in done for number in (one.seconds, one.trace_fraction)]
        if not np.isfinite(np.array(numbers, np.float64)).all():
            raise ValueError("a number is not finite")
        known = {name: head[name] for name in _FIELDS} | {"slices": tuple(head["slices"])}
        result = Result(**known, mask=KeptMask(mask, sorted({*known["slices"], *head["masks"]})), store=store)
        for one, plane in zip(done, planes, strict=True):
            result.take(one, store.keep(plane))
    except (OSError, ValueError, TypeError, KeyError, IndexError, zlib.error, MemoryError, RecursionError) as error:
        raise BadInput(tr("A saved result cannot be restored: {} is damaged.").format(path.name)) from error
    return result


def _floats(block: bytes, rows: int, columns: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.frombuffer(block, np.float32).reshape(rows, columns)


def _write_block(target: BinaryIO, data: bytes) -> None:
    packed = zlib.compress(data, _LEVEL)
    target.write(len(packed).to_bytes(8, "little") + hashlib.sha256(packed).digest() + packed)


def _read_block(source: BinaryIO) -> bytes:
    size, digest = int.from_bytes(source.read(8), "little"), source.read(32)
    packed = source.read(size)
    if len(packed) != size or hashlib.sha256(packed).digest() != digest:
        raise ValueError("a block does not match its checksum")
    return zlib.decompress(packed)
