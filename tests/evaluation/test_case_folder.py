import numpy as np
import pytest
import torch

from marview.errors import BadInput
from marview.evaluation.case_folder import is_case_folder, list_case_files, protocol_of_case_files, write_known_case
from marview.physics import protocol


def test_writer_and_reader_are_inverse(make_case, small, tmp_path):
    known = make_case("one")
    write_known_case(known, tmp_path)
    write_known_case(make_case("another"), tmp_path)
    assert is_case_folder(tmp_path)
    assert [each.name for each in list_case_files(tmp_path, small)] == ["another", "one"]
    again = list_case_files(tmp_path, small)[1].read()
    assert torch.equal(again.case.hu, known.case.hu)
    assert torch.equal(again.case.measured_sinogram, known.case.measured_sinogram)
    assert again.case.beam == known.case.beam
    assert np.array_equal(again.truth_hu, known.truth_hu)
    assert np.array_equal(again.metal_free_sinogram, known.metal_free_sinogram)


def test_the_input_of_a_method_contains_no_truth(make_case, tmp_path):
    write_known_case(make_case("one"), tmp_path)
    with np.load(tmp_path / "one.npz") as file:
        assert not [name for name in file if "truth" in name or "free" in name]


def test_a_missing_or_broken_file_is_refused(make_case, small, tmp_path):
    write_known_case(make_case("one"), tmp_path)
    [listed] = list_case_files(tmp_path, small)
    (tmp_path / "one.truth.npz").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="truth"):
        listed.read()
    (tmp_path / "one.npz").unlink()
    with pytest.raises(BadInput, match=r"one\.npz is missing"):
        listed.read()


def test_a_case_without_its_truth_is_listed_and_refused_by_name(make_case, small, tmp_path):
    for name in ("one", "two"):
        write_known_case(make_case(name), tmp_path)
    (tmp_path / "two.truth.npz").unlink()
    one, two = list_case_files(tmp_path, small)
    assert one.read().name == "one"
    with pytest.raises(BadInput, match=r"Case two: .*two\.truth\.npz is missing"):
        two.read()


def test_a_case_of_another_scan_is_refused_with_the_protocol_to_name(make_case, small, tmp_path):
    adn = protocol("adn-256")
    write_known_case(make_case("ours", scan=adn), tmp_path)
    assert protocol_of_case_files(tmp_path) is adn
    assert list_case_files(tmp_path, adn)[0].read().name == "ours"
    with pytest.raises(BadInput, match=r"Case ours .*beam geometry .* differs from small\. Use --protocol adn-256"):
        list_case_files(tmp_path, small)[0].read()


def test_a_case_of_no_named_protocol_is_refused_by_all_of_them(make_case, tmp_path):
    write_known_case(make_case("made"), tmp_path)
    assert protocol_of_case_files(tmp_path) is None
    with pytest.raises(BadInput, match="No named protocol"):
        list_case_files(tmp_path, protocol("adn-256"))[0].read()
