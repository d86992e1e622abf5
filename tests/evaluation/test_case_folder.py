import numpy as np
import pytest
import torch

from marview.errors import BadInput
from marview.evaluation.case_folder import is_case_folder, list_case_files, write_known_case


def test_writer_and_reader_are_inverse(make_case, tmp_path):
    known = make_case("one")
    write_known_case(known, tmp_path)
    write_known_case(make_case("another"), tmp_path)
    assert is_case_folder(tmp_path)
    assert [each.name for each in list_case_files(tmp_path)] == ["another", "one"]
    again = list_case_files(tmp_path)[1].read()
    assert torch.equal(again.case.hu, known.case.hu)
    assert torch.equal(again.case.measured_sinogram, known.case.measured_sinogram)
    assert again.case.beam == known.case.beam
    assert np.array_equal(again.truth_hu, known.truth_hu)
    assert np.array_equal(again.metal_free_sinogram, known.metal_free_sinogram)


def test_what_a_method_is_given_holds_no_truth(make_case, tmp_path):
    write_known_case(make_case("one"), tmp_path)
    with np.load(tmp_path / "one.npz") as file:
        assert not [name for name in file if "truth" in name or "free" in name]


def test_a_missing_or_broken_file_is_refused(make_case, tmp_path):
    write_known_case(make_case("one"), tmp_path)
    [listed] = list_case_files(tmp_path)
    (tmp_path / "one.truth.npz").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="truth"):
        listed.read()
    (tmp_path / "one.npz").unlink()
    with pytest.raises(BadInput, match=r"one\.npz"):
        listed.read()
