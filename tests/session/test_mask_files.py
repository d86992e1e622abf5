import numpy as np
import pytest

from marview.dicom.mask_file import read_mask
from marview.session.messages import Severity


@pytest.fixture
def messages(opened):
    messages = []
    opened.messages.said.connect(messages.append)
    return messages


@pytest.mark.parametrize("name", ["m.nii.gz", "m.nrrd", "m.dcm"])
def test_a_mask_goes_out_and_comes_back_and_can_be_undone(opened, mail, messages, tmp_path, name) -> None:
    found = opened.metal.shared.array.copy()
    opened.mask_files.write(tmp_path / name, opened.loaded)
    mail.wait_until(lambda: messages)
    assert messages[-1].sentence == f"The metal mask was written to {name}."
    np.testing.assert_array_equal(read_mask(tmp_path / name, opened.loaded).mask, found)
    opened.metal.set_threshold(500)
    mail.wait_until(lambda: not opened.metal.is_busy)
    other = opened.metal.shared.array.copy()
    opened.mask_files.read(tmp_path / name, opened.loaded)
    mail.wait_until(lambda: opened.metal.recipe.text == f"mask file {name}")
    np.testing.assert_array_equal(opened.metal.shared.array, found)
    assert opened.metal.counts.tolist() == found.sum(axis=(1, 2)).tolist()
    opened.metal.set_margin(2.0)
    mail.wait_until(lambda: not opened.metal.is_busy)
    assert opened.metal.counts.sum() > found.sum()
    opened.metal.undo()
    np.testing.assert_array_equal(opened.metal.shared.array, found)
    opened.metal.undo()
    np.testing.assert_array_equal(opened.metal.shared.array, other)
    assert opened.metal.recipe.text == "above 500 HU"


def test_resampling_is_reported(opened, mail, messages, tmp_path) -> None:
    from marview.export import write_nifti
    from marview.geometry import Grid

    grid = opened.loaded.volume.grid
    fine = np.repeat(opened.metal.shared.array, 2, axis=0)
    affine = grid.affine.copy()
    affine[:3, 0] /= 2
    affine[:3, 3] -= affine[:3, 0] / 2
    write_nifti(tmp_path / "fine.nii", fine, Grid(fine.shape, affine))
    opened.mask_files.read(tmp_path / "fine.nii", opened.loaded)
    mail.wait_until(lambda: messages and not opened.metal.is_busy)
    assert messages[-1].severity is Severity.WARNING
    assert "resampled" in messages[-1].sentence
    assert any("resampled" in note for note in opened.metal.notes)


def test_a_file_that_is_not_a_mask_gives_a_message_and_changes_nothing(opened, mail, messages, tmp_path) -> None:
    before = opened.metal.shared.array.copy()
    (tmp_path / "words.nii").write_text("no")
    opened.mask_files.read(tmp_path / "words.nii", opened.loaded)
    mail.wait_until(lambda: messages)
    assert messages[-1].severity is Severity.ERROR
    assert "words.nii" in messages[-1].sentence
    np.testing.assert_array_equal(opened.metal.shared.array, before)


def test_no_metal_is_not_a_file(opened, mail, messages, tmp_path) -> None:
    opened.metal.edit(np.zeros_like)
    mail.wait_until(lambda: not opened.metal.is_busy)
    opened.mask_files.write(tmp_path / "m.nii", opened.loaded)
    assert "no mask to write" in messages[-1].sentence
    assert not list(tmp_path.glob("*.nii"))


def test_nothing_is_exported_onto_the_source_or_into_its_folder(opened, mail, messages) -> None:
    source = opened.loaded.sources[0].source.path
    before = {path.name: path.read_bytes() for path in source.parent.iterdir()}
    for target in (source, source.with_name("mask.nii.gz")):
        messages.clear()
        opened.mask_files.write(target, opened.loaded)
        mail.wait_until(lambda: messages)
        assert messages[-1].severity is Severity.ERROR
    assert {path.name: path.read_bytes() for path in source.parent.iterdir()} == before
