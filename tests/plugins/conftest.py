"""Methods written for tests, and a worker that has them."""

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from marview.mar import Listing, MarWorker, Message, Outcome, ReduceRequest, Run, SharedArray, read_manifest
from marview.volume.correction import CorrectionPlanes

MANIFEST = """
id = "{id}"
title = "Written for a test"
version = "0.1"
api = 1
entry = "method:Method"
device = "{device}"
outputs = ["prior", "result"]
"""

METHOD = """
import os, signal, sys, time
import torch
from pydantic import BaseModel, Field
from marview.methods.api import MarResult

class Parameters(BaseModel):
    strength_hu: float = Field(10.0, ge=0, title="Strength")

class Method:
    Parameters = Parameters

    def run(self, case, parameters, job):
{body}
"""


@dataclass
class Bench:
    """A worker, a volume of six small slices with metal in slices 1 to 4, and the received messages."""

    folder: Path
    worker: MarWorker
    hu: SharedArray
    mask: SharedArray
    listings: dict[str, Listing] = field(default_factory=dict)
    heard: list[Message] = field(default_factory=list)
    requests: list[ReduceRequest] = field(default_factory=list)

    def write(self, name: str, body: str, *, device: str = "any", manifest: str = "") -> str:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "plugin.toml").write_text(MANIFEST.format(id=name, device=device) + manifest)
        (folder / "method.py").write_text(METHOD.format(body=textwrap.indent(textwrap.dedent(body), " " * 8)))
        self.listings[name] = Listing(name, folder, "installed", read_manifest(folder))
        return name

    def start(self, method: str, **choices: Any) -> Run:
        self.heard.clear()
        request = ReduceRequest(
            method=method,
            hu=self.hu,
            mask=self.mask,
            spacing_mm=(2.0, 1.0, 1.0),
            correction=SharedArray.create((len(choices.get("slices", range(6))), 48, 48), np.float32),
            **({"keep_outputs": False} | choices),
        )
        self.requests.append(request)
        return self.worker.reduce(request, self.heard.append)

    @property
    def correction(self) -> NDArray[np.float32]:
        """Return the correction of the last run, float32 HU `[z, y, x]`."""
        request = self.requests[-1]
        planes = CorrectionPlanes.of(request.correction.array, request.wanted, 6)
        return np.stack([planes[z] for z in range(6)])

    def reduce(self, method: str, **choices: Any) -> Outcome:
        return self.start(method, **choices).wait(300)


@pytest.fixture(scope="session")
def make_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def make(**options: Any) -> Bench:
        hu = np.full((6, 48, 48), -1000, np.int16)
        hu[:, 8:40, 8:40] = 40
        mask = np.zeros(hu.shape, bool)
        mask[1:5, 22:26, 22:26] = True
        hu[mask] = 3000
        arrays = [SharedArray.create(hu.shape, kind) for kind in ("int16", "bool")]
        arrays[0].array[:], arrays[1].array[:] = hu, mask
        folder = tmp_path_factory.mktemp("methods")
        listings: dict[str, Listing] = {}
        worker = MarWorker(listings=lambda: list(listings.values()), patience_s=0.5, **options)
        benches.append(Bench(folder, worker, *arrays, listings))
        return benches[-1]

    yield make
    for bench in benches:
        bench.worker.close()
        for array in (bench.hu, bench.mask, *(request.correction for request in bench.requests)):
            array.close()


@pytest.fixture(scope="session")
def shared_bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


@pytest.fixture
def bench(shared_bench: Bench) -> Iterator[Bench]:
    before = shared_bench.hu.array.copy(), shared_bench.mask.array.copy()
    yield shared_bench
    np.testing.assert_array_equal(shared_bench.hu.array, before[0])
    np.testing.assert_array_equal(shared_bench.mask.array, before[1])
