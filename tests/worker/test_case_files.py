from pathlib import Path

import numpy as np
import pytest
import torch

from marview.errors import BadInput
from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.mar import CaseDone, CasesRequest, MarWorker
from marview.methods.api import MarCase, MarResult
from marview.worker.case_files import beam_from_json, load_case, load_neighbours, save_case, save_neighbours
from marview.worker.neighbours import Neighbours

BEAMS: list[Beam] = [
    ParallelBeam(views=60, bins=50, bin_mm=2.0),
    FanBeamArc(views=90, bins=60, source_to_isocentre_mm=200.0, bin_rad=0.01),
    FanBeamFlat(
        views=90, bins=60, source_to_isocentre_mm=200.0, source_to_detector_mm=400.0, bin_mm=4.0, bin_offset=0.25
    ),
]


def _case(beam: Beam, slices: int = 2, *, is_measured: bool = True) -> MarCase:
    hu = torch.full((slices, 32, 32), -1000.0)
    hu[:, 6:26, 8:24] = 40
    metal = torch.zeros(hu.shape, dtype=torch.bool)
    metal[:, 15:17, 18:20] = True
    hu[metal] = 4000
    case = MarCase(hu=hu, metal=metal, pixel_mm=2.0, beam=beam, slice_indices=list(range(slices)))
    if not is_measured:
        return case
    return MarCase(hu, metal, 2.0, beam, case.slice_indices, case.sinogram + 0.01, case.trace)


@pytest.mark.parametrize("beam", BEAMS)
@pytest.mark.parametrize("is_measured", [True, False])
def test_a_case_survives_a_round_trip(tmp_path: Path, beam: Beam, is_measured: bool) -> None:
    case = _case(beam, is_measured=is_measured)
    save_case(case, tmp_path / "folder" / "case.npz")
    back = load_case(tmp_path / "folder" / "case.npz")
    assert (back.beam, back.pixel_mm, back.slice_indices) == (beam, 2.0, [0, 1])
    assert torch.equal(back.hu, case.hu)
    assert torch.equal(back.metal, case.metal)
    assert torch.equal(back.sinogram, case.sinogram)
    assert torch.equal(back.trace, case.trace)
    assert (back.measured_trace is None) is not is_measured
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["case.npz"]


def test_a_file_that_is_not_a_case_gives_a_message(tmp_path: Path) -> None:
    save_case(_case(BEAMS[0]), tmp_path / "good.npz")
    whole = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", x=1)
    np.savez(tmp_path / "pickle.npz", hu=np.array([{}], dtype=object))
    for name in ("cut", "text", "other", "pickle", "absent"):
        with pytest.raises(BadInput, match=f"{name}.npz is not a case file"):
            load_case(tmp_path / f"{name}.npz")
    with pytest.raises(KeyError):
        beam_from_json({"kind": "ConeBeam"})


def test_neighbours_come_back_as_they_were(tmp_path: Path) -> None:
    neighbours = Neighbours(torch.rand(3, 8, 9), torch.rand(2, 8, 9) > 0.5)
    save_neighbours(neighbours, tmp_path / "neighbours.npz")
    for count in (1, 5):
        given, wanted = load_neighbours(tmp_path / "neighbours.npz")(count), neighbours(count)
        assert all(torch.equal(one, other) for one, other in zip(given, wanted, strict=True))
    save_case(_case(BEAMS[0]), tmp_path / "case.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "neighbours.npz").read_bytes()[:300])
    for name in ("case", "cut", "absent"):
        with pytest.raises(BadInput, match=rf"{name}\.npz does not contain the neighbouring slices"):
            load_neighbours(tmp_path / f"{name}.npz")


def test_a_worker_runs_cases_of_several_geometries_and_sizes(tmp_path: Path) -> None:
    cases = [_case(BEAMS[0]), _case(BEAMS[0], 3), _case(BEAMS[2], 1), _case(BEAMS[0], 1, is_measured=False)]
    inputs = [tmp_path / f"{k}.npz" for k in range(len(cases))]
    results = [tmp_path / "results" / f"{k}.npz" for k in range(len(cases))]
    for case, path in zip(cases, inputs, strict=True):
        save_case(case, path)
    heard: list[object] = []
    with MarWorker() as worker:
        request = CasesRequest(
            method="linear_interpolation",
            cases=tuple(map(str, inputs)),
            results=tuple(map(str, results)),
            keep_sinogram=True,
        )
        report = worker.cases(request, heard.append).wait(120).check()
        assert len(report["seconds_per_slice"]) == 4
        assert report["notes"] == report["single_notes"] == []
        assert [message.index for message in heard if isinstance(message, CaseDone)] == [0, 1, 2, 3]
        for case, path in zip(cases, results, strict=True):
            with np.load(path) as result:
                expected = MarResult.from_sinogram(case, case.li_sinogram)
                np.testing.assert_allclose(result["hu"], expected.hu.numpy(), atol=0.2)
                np.testing.assert_allclose(result["corrected_sinogram"], case.li_sinogram.numpy(), atol=1e-4)

        inputs[1].write_text("damaged")
        outcome = worker.cases(request, heard.append).wait(120)
        assert outcome.state == "failed"
        assert outcome.exit_code == 3
        assert "1.npz is not a case file" in outcome.sentence
