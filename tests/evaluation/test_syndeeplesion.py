import dataclasses
import shutil

import h5py
import numpy as np
import pytest
import torch

from marview.errors import BadInput
from marview.evaluation.syndeeplesion import (
    is_syndeeplesion,
    list_syndeeplesion,
    protocol_of_syndeeplesion,
    write_syndeeplesion,
)
from marview.physics import protocol as named_protocol


@pytest.fixture
def protocol(small):
    return small


@pytest.fixture
def folder(make_case, tmp_path):
    write_syndeeplesion(make_case("s1"), tmp_path)
    return tmp_path


def _overlap(first, second):
    return float((first & second).sum() / (first | second).sum())


def test_writer_and_reader_are_inverse(make_case, folder, protocol):
    known = make_case("s1")
    [listed] = list_syndeeplesion(folder, protocol)
    again = listed.read()
    assert listed.name == again.name == "s1"
    assert torch.equal(again.case.metal, known.case.metal)
    assert torch.equal(again.case.measured_trace, known.case.measured_trace)
    assert torch.equal(again.case.measured_sinogram, known.case.measured_sinogram)
    assert torch.allclose(again.case.hu, known.case.hu, atol=0.01)
    np.testing.assert_allclose(again.truth_hu, known.truth_hu, atol=0.01)
    np.testing.assert_array_equal(again.metal_free_sinogram, known.metal_free_sinogram)
    assert again.case.beam == known.case.beam


def test_files_are_laid_out_as_the_public_ones(make_case, folder):
    known = make_case("s1")
    with h5py.File(folder / "s1" / "gt.h5") as file:
        assert set(file) == {"image", "poly_CT", "poly_sinogram"}
        image = np.asarray(file["image"])
    np.testing.assert_allclose(image[40, 20], (known.truth_hu[0, 20, 40] / 1000 + 1) * 0.192, rtol=1e-5)  # [x, y], 1/cm
    with h5py.File(folder / "s1" / "1.h5") as file:
        assert set(file) == {"ma_CT", "LI_CT", "ma_sinogram", "LI_sinogram", "metal_trace"}
        assert file["metal_trace"].dtype == np.uint8
        assert file["ma_sinogram"].shape == (96, 97)
    stored = np.load(folder / "testmask.npy")
    assert stored.shape == (64, 64, 2)
    assert np.array_equal(stored[:, :, 1].T > 0, known.metal[1])


def test_the_trace_of_the_mask_read_back_is_the_stored_trace(folder, protocol):
    case = list_syndeeplesion(folder, protocol)[0].read().case
    assert _overlap(case.projector.trace(case.metal), case.measured_trace) > 0.95


@pytest.mark.parametrize("spoil", [lambda m: m[::-1], lambda m: m[:, ::-1], lambda m: m.swapaxes(0, 1)])
def test_the_trace_of_a_mirrored_or_transposed_mask_is_not(folder, protocol, spoil):
    np.save(folder / "testmask.npy", spoil(np.load(folder / "testmask.npy")))
    case = list_syndeeplesion(folder, protocol)[0].read().case
    assert _overlap(case.projector.trace(case.metal), case.measured_trace) < 0.5


def test_masks_of_512_pixels_are_resized_as_the_public_readers_do(folder, protocol):
    fine = np.repeat(np.repeat(np.load(folder / "testmask.npy"), 2, axis=0), 2, axis=1)
    before = list_syndeeplesion(folder, protocol)[0].read().case.metal
    np.save(folder / "testmask.npy", fine)
    after = list_syndeeplesion(folder, protocol)[0].read().case.metal
    assert _overlap(after, before) > 0.9


def test_each_slice_keeps_its_own_masks_where_they_differ(make_case, folder, protocol):
    other = make_case("s2", radii_px=(3, 5))
    write_syndeeplesion(other, folder)
    first, second = (listed.read() for listed in list_syndeeplesion(folder, protocol))
    assert np.array_equal(second.metal, other.metal)
    assert np.array_equal(first.metal, make_case("s1").metal)


def test_the_layout_is_recognised_by_its_truths(folder, tmp_path_factory):
    assert is_syndeeplesion(folder)
    assert not is_syndeeplesion(tmp_path_factory.mktemp("nothing"))


def _rewrite(path, name, values):
    with h5py.File(path, "r+") as file:
        del file[name]
        if values is not None:
            file[name] = values


def test_files_of_a_scan_with_other_pixels_are_refused(folder, protocol):
    [listed] = list_syndeeplesion(folder, dataclasses.replace(protocol, name="finer", pixel_mm=protocol.pixel_mm / 2))
    with pytest.raises(BadInput, match=r"times the projection .* with finer.*--protocol"):
        listed.read()


@pytest.mark.parametrize("name", ["syndeeplesion-640", "dudonet-640"])
def test_the_named_protocol_of_files_is_found(make_case, tmp_path, name):
    write_syndeeplesion(make_case("s1", radii_px=(4,), scan=named_protocol(name)), tmp_path)
    assert protocol_of_syndeeplesion(tmp_path).name == name
    shutil.copytree(tmp_path / "s1", tmp_path / "s0")
    _rewrite(tmp_path / "s0" / "gt.h5", "image", np.full((416, 416), np.nan))
    assert protocol_of_syndeeplesion(tmp_path).name == name  # a slice that identifies no protocol is skipped


def test_a_listed_slice_knows_its_files(folder, protocol):
    [listed] = list_syndeeplesion(folder, protocol)
    assert [path.relative_to(folder).as_posix() for path in listed.files] == [
        "s1/0.h5",
        "s1/1.h5",
        "s1/gt.h5",
        "testmask.npy",
    ]


def test_files_of_a_scan_without_a_name_are_of_no_named_protocol(folder):
    assert protocol_of_syndeeplesion(folder) is None


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "testmask.npy").unlink(), "testmask.npy"),
        (lambda f: np.save(f / "testmask.npy", np.zeros((64, 64))), "not masks"),
        (lambda f: np.save(f / "testmask.npy", np.zeros((64, 64, 2), np.uint8)), "empty"),
        (lambda f: np.save(f / "testmask.npy", np.ones((64, 64, 2), np.uint8)), "more than half of the body"),
        (lambda f: np.save(f / "testmask.npy", np.ones((64, 64, 1), np.uint8)), "only 1 shapes"),
        (lambda f: [(f / "s1" / f"{k}.h5").unlink() for k in (0, 1)], "no file 0.h5"),
        (lambda f: (f / "s1" / "gt.h5").unlink(), r"gt.h5 is missing"),
        (lambda f: (f / "s1" / "0.h5").write_bytes(b"no HDF5"), "cannot be read as HDF5"),
        (lambda f: _rewrite(f / "s1" / "0.h5", "ma_CT", None), "does not contain all of"),
        (lambda f: _rewrite(f / "s1" / "1.h5", "ma_sinogram", np.zeros((96, 90))), r"ma_sinogram is \(96, 90\)"),
        (lambda f: _rewrite(f / "s1" / "gt.h5", "image", np.full((64, 64), np.nan)), "non-finite"),
    ],
)
def test_bad_files_are_refused_with_one_sentence(folder, protocol, spoil, sentence):
    spoil(folder)
    [listed] = list_syndeeplesion(folder, protocol)
    with pytest.raises(BadInput, match=sentence):
        listed.read()
