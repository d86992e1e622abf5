import numpy as np
import pytest

from marview.errors import BadInput, UsageError
from marview.evaluation.case_folder import write_known_case
from marview.evaluation.case_set import find_protocol, list_cases
from marview.evaluation.syndeeplesion import write_syndeeplesion
from marview.physics import MISMATCHED, USUAL_PROTOCOL, protocol

PROTOCOL = protocol("adn-256")


def test_a_folder_is_read_as_what_it_holds(make_case, tmp_path):
    write_syndeeplesion(make_case("public"), tmp_path / "public_layout")
    write_known_case(make_case("ours"), tmp_path / "ours")
    assert [each.name for each in list_cases(tmp_path / "public_layout", PROTOCOL)] == ["public"]
    assert [each.name for each in list_cases(tmp_path / "ours", PROTOCOL)] == ["ours"]
    for folder in ("public_layout", "ours"):
        with pytest.raises(UsageError, match="already simulated"):
            list_cases(tmp_path / folder, PROTOCOL, scanner=MISMATCHED)


def test_the_protocol_of_cases_is_found_and_clean_slices_have_the_usual_one(make_case, tmp_path):
    write_syndeeplesion(make_case("public", scan=PROTOCOL), tmp_path / "public_layout")
    write_known_case(make_case("ours", scan=PROTOCOL), tmp_path / "ours")
    np.save(tmp_path / "clean.npy", np.zeros((3, 256, 256), np.float32))
    assert find_protocol(tmp_path / "public_layout") is PROTOCOL
    assert find_protocol(tmp_path / "ours") is PROTOCOL
    assert find_protocol(tmp_path / "clean.npy").name == USUAL_PROTOCOL


def test_clean_slices_need_masks(tmp_path):
    np.save(tmp_path / "clean.npy", np.zeros((3, 256, 256), np.float32))
    np.save(tmp_path / "masks.npy", np.ones((2, 40, 40), bool))
    with pytest.raises(UsageError, match="--masks"):
        list_cases(tmp_path / "clean.npy", PROTOCOL)
    with pytest.raises(UsageError, match="no metal 'bone'"):
        list_cases(tmp_path / "clean.npy", PROTOCOL, masks=tmp_path / "masks.npy", material="bone")
    listed = list_cases(tmp_path / "clean.npy", PROTOCOL, masks=tmp_path / "masks.npy")
    assert [each.name for each in listed] == ["clean_000", "clean_001", "clean_002"]


def test_nothing_is_refused(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        list_cases(tmp_path / "missing", PROTOCOL)


@pytest.mark.data
def test_the_projects_own_slices_become_cases(shared_data):
    masks = shared_data / "metal_masks" / "blobs_256.npz"
    listed = list_cases(shared_data / "metal_free" / "validation.tif", PROTOCOL, masks=masks)
    assert len(listed) == 80
    known = listed[0].read()
    assert known.metal.shape == (10, 256, 256)
    trace = known.case.projector.trace(known.case.metal)
    assert float((trace & known.case.measured_trace).sum() / (trace | known.case.measured_trace).sum()) > 0.95
