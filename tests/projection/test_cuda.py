"""The GPU kernels without a GPU: they compile for every card, and run as C++ they agree with the CPU."""

import ctypes
import importlib.util
import itertools
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.projection import cpu, cuda, tensors

FLAT = FanBeamFlat(
    views=24, bins=45, source_to_isocentre_mm=100, source_to_detector_mm=180, bin_mm=2.1, bin_offset=-1.25,
    arc_rad=-2 * math.pi,
)  # fmt: skip
ARC = FanBeamArc(views=23, bins=41, source_to_isocentre_mm=90, bin_rad=0.015, first_angle_rad=0.1)
PARALLEL = ParallelBeam(views=20, bins=40, bin_mm=1.3)
every_beam = pytest.mark.parametrize("beam", [FLAT, ARC, PARALLEL], ids=["flat", "arc", "parallel"])
SHAPE, PIXEL_MM = (29, 34), 1.2

HOST = """
struct Three { int x, y, z; };
extern "C" { Three blockIdx, blockDim, threadIdx; }
#include <cmath>
#include <algorithm>
#include <cstddef>
using std::max; using std::min;
#define __global__
#define __device__
#define __restrict__
#define __forceinline__ inline
#define __align__(n) __attribute__((aligned(n)))
"""


class Three(ctypes.Structure):
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_int), ("z", ctypes.c_int))


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> cuda.Launch:
    """Runs the kernels thread by thread on the CPU."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler to run the kernels with")
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "kernels.cpp").write_text(HOST + cuda.source())
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "kernels.cpp", "-o", "kernels.so"], cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "kernels.so"))
    where = {name: Three.in_dll(library, name) for name in ("blockIdx", "blockDim", "threadIdx")}

    def plain(argument: Any) -> Any:
        if isinstance(argument, torch.Tensor):
            return ctypes.c_void_p(argument.data_ptr())
        return ctypes.c_float(float(argument)) if argument.dtype.kind == "f" else ctypes.c_int(int(argument))

    def run(name: str, grid: tuple[int, int, int], block: tuple[int, int, int], arguments: list[Any]) -> None:
        kernel = library[name]
        given = [plain(argument) for argument in arguments]
        _set(where["blockDim"], block)
        for index in itertools.product(*map(range, grid)):
            _set(where["blockIdx"], index)
            for thread in itertools.product(*map(range, block)):
                _set(where["threadIdx"], thread)
                kernel(*given)

    return run


def _set(target: Three, values: tuple[int, ...]) -> None:
    target.x, target.y, target.z = values


@every_beam
def test_the_kernels_agree_with_the_cpu(beam: Beam, launch: cuda.Launch) -> None:
    _agree(cuda.Operators(beam, SHAPE, PIXEL_MM, launch), beam, 2e-5)


@every_beam
def test_torchs_own_operations_agree_with_the_cpu(beam: Beam) -> None:
    _agree(tensors.Operators(beam, SHAPE, PIXEL_MM), beam, 2e-5)


def _agree(operators: Any, beam: Beam, tolerance: float) -> None:
    torch.manual_seed(0)
    reference = cpu.Operators(beam, SHAPE, PIXEL_MM)
    image, sinogram = torch.rand(6, *SHAPE), torch.rand(6, beam.views, beam.bins)
    for name, given, extra in (
        ("forward", image, ()),
        ("adjoint", sinogram, ()),
        ("fbp", sinogram, ("hann",)),
        ("fbp_adjoint", image, ("hann",)),
    ):
        ours, expected = getattr(operators, name)(given, *extra), getattr(reference, name)(given, *extra)
        assert float((ours - expected).abs().max()) < tolerance * float(expected.abs().max()), name


def _nvrtc() -> ctypes.CDLL:
    found = importlib.util.find_spec("nvidia")
    folders = [Path(place) for place in (found.submodule_search_locations or [])] if found else []
    files = sorted(file for folder in folders for file in folder.glob("*/lib/libnvrtc.so.*"))
    if not files:
        pytest.skip("NVRTC is not installed (pip install nvidia-cuda-nvrtc-cu12)")
    return ctypes.CDLL(str(files[-1]))


@pytest.mark.parametrize("half", [False, True], ids=["32 bits", "16 bits"])
@pytest.mark.parametrize("architecture", [75, 80, 86, 89, 90, 100, 120])
def test_the_kernels_compile_for_every_card(architecture: int, half: bool) -> None:
    nvrtc, program = _nvrtc(), ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), cuda.source().encode(), b"kernels.cu", 0, None, None)
    options = [f"--gpu-architecture=sm_{architecture}".encode(), b"--std=c++11", *([b"-DHALF_STORAGE"] if half else [])]
    state = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    assert state == 0, log.value.decode()
    assert nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)) == 0
    assert size.value > 1000
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
