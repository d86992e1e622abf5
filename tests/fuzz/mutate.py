"""Damage files like disks, networks and attackers do; a number always gives the same damage."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

Mutation = Callable[[bytearray, np.random.Generator], None]

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
WORDS = (
    b"nan",
    b"inf",
    b"-1",
    b"1e400",
    b"99999999999999999999",
    b"0",
    b"",
    b"\\",
    b"{[" * 2000,
    b"\xff\xfe",
    b"../..",
)
HEAD = 600
"""Number of first bytes, with the headers, that get half of all damage."""


def mutant(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a damaged copy; packed files are damaged before or after packing."""
    if data[:2] == b"\x1f\x8b" and rng.random() < 0.7:
        return gzip.compress(_damaged(gzip.decompress(data), rng), 1, mtime=0)
    if data[:2] == b"PK" and rng.random() < 0.6:
        return _zip_with_damaged_member(data, rng)
    return _damaged(data, rng)


def _damaged(data: bytes, rng: np.random.Generator) -> bytes:
    work = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        if len(work) > 8:
            mutations = (_flip, _fill, _cut, _number, _number, _swap, _repeat, _drop, _word, _flip_text)
            mutations[int(rng.integers(len(mutations)))](work, rng)
    return bytes(work)


def _zip_with_damaged_member(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the zip with one damaged member, with a correct or the old checksum."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        names = old.namelist()
        chosen = names[int(rng.integers(len(names)))]
        for name in names:
            content = old.read(name)
            new.writestr(name, _damaged(content, rng) if name == chosen else content, old.getinfo(name).compress_type)
    work = stream.getvalue()
    return work if rng.random() < 0.7 else _damaged(work, rng)


def _place(work: bytearray, rng: np.random.Generator, room: int = 1) -> int:
    end = min(len(work), HEAD) if rng.random() < 0.5 else len(work)
    return int(rng.integers(max(1, end - room)))


def _flip(work: bytearray, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(1, 9))):
        work[_place(work, rng)] ^= 1 << int(rng.integers(8))


def _fill(work: bytearray, rng: np.random.Generator) -> None:
    at, length = _place(work, rng), int(rng.integers(1, 65))
    kind = int(rng.integers(3))
    fill = (bytes(length), b"\xff" * length, rng.bytes(length))[kind]
    work[at : at + length] = fill[: len(work[at : at + length])]


def _cut(work: bytearray, rng: np.random.Generator) -> None:
    del work[int(rng.integers(1, len(work))) :]


def _number(work: bytearray, rng: np.random.Generator) -> None:
    """Replace a length, count or offset of 1 to 8 bytes, in either byte order, by an extreme value."""
    size = int(rng.choice([1, 2, 4, 4, 8]))
    at = _place(work, rng, size) & ~1
    value = EXTREMES[int(rng.integers(len(EXTREMES)))] & ((1 << 8 * size) - 1)
    work[at : at + size] = value.to_bytes(size, "little" if rng.random() < 0.7 else "big")


def _stretch(work: bytearray, rng: np.random.Generator) -> tuple[int, int]:
    at = _place(work, rng)
    return at, int(rng.integers(1, max(2, min(512, len(work) - at))))


def _swap(work: bytearray, rng: np.random.Generator) -> None:
    (a, length), (b, _) = _stretch(work, rng), _stretch(work, rng)
    first, second = bytes(work[a : a + length]), bytes(work[b : b + length])
    work[a : a + len(second)], work[b : b + len(first)] = second, first


def _repeat(work: bytearray, rng: np.random.Generator) -> None:
    at, length = _stretch(work, rng)
    work[at:at] = bytes(work[at : at + length]) * int(rng.choice([1, 2, 50]))


def _drop(work: bytearray, rng: np.random.Generator) -> None:
    at, length = _stretch(work, rng)
    del work[at : at + length]


def _word(work: bytearray, rng: np.random.Generator) -> None:
    at = _place(work, rng)
    word = WORDS[int(rng.integers(len(WORDS)))]
    work[at : at + (len(word) if rng.random() < 0.5 else 0)] = word


def _flip_text(work: bytearray, rng: np.random.Generator) -> None:
    """Change a digit or sign, so that numbers in text change and stay numbers."""
    digits = [at for at, value in enumerate(work[:4096]) if value in b"0123456789.-"]
    if digits:
        work[digits[int(rng.integers(len(digits)))]] = b"0123456789.-eE, "[int(rng.integers(16))]


def deflated(data: bytes) -> bytes:
    """Pack bytes as in the deflated transfer syntax."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()
