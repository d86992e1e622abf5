import shutil
import subprocess

import numpy as np
import pytest

from marview import dicom
from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid

LABELS = Labels("DEMO^HIP", "DEMO-HIP", "marview demo", "Hip with metal", body_part="PELVIS", kvp=120)


@pytest.mark.parametrize("highest", [3071, 12000])
def test_a_written_series_reads_back_unchanged(tmp_path, highest):
    hu = np.random.default_rng(0).integers(-1024, highest + 1, (4, 8, 6)).astype(np.int16)
    hu[0, 0, :2] = -1024, highest
    grid = Grid.from_spacing((4, 8, 6), (2.5, 0.7, 0.8))
    files = write_ct_series(hu, grid, tmp_path / "made", LABELS)
    loaded = dicom.open_series(tmp_path / "made")
    np.testing.assert_array_equal(loaded.volume.hu, hu)
    np.testing.assert_allclose(loaded.volume.grid.affine, grid.affine, atol=1e-6)
    assert loaded.report.findings == ()
    assert loaded.sources[0].patient_name == "DEMO^HIP"
    assert loaded.sources[0].bits_stored == (12 if highest == 3071 else 16)
    assert [path.parent for path in files] == [tmp_path / "made"] * 4


def test_an_oblique_grid_keeps_its_geometry(tmp_path):
    angle = np.radians(10)
    affine = np.eye(4)
    affine[:3, 2] = 0.8 * np.array([1, 0, 0])
    affine[:3, 1] = 0.7 * np.array([0, np.cos(angle), -np.sin(angle)])
    affine[:3, 0] = 2.0 * np.array([0, np.sin(angle), np.cos(angle)])
    affine[:3, 3] = -50, 20, 300
    write_ct_series(np.zeros((3, 8, 6)), Grid((3, 8, 6), affine), tmp_path / "made", LABELS)
    np.testing.assert_allclose(dicom.open_series(tmp_path / "made").volume.grid.affine, affine, atol=1e-5)


def test_one_seed_gives_the_same_uids_and_one_study_for_two_series(tmp_path):
    hu, grid = np.zeros((2, 8, 6)), Grid.from_spacing((2, 8, 6), (1, 1, 1))
    for name, seed in (("a", "hip/metal"), ("b", "hip/metal"), ("c", "hip/truth")):
        write_ct_series(hu, grid, tmp_path / name, LABELS, seed=seed, study_seed="hip")
    a, b, c = (dicom.scan(tmp_path / name).series[0] for name in "abc")
    assert [header.sop_uid for header in a.slices] == [header.sop_uid for header in b.slices]
    assert a.uid == b.uid != c.uid
    assert a.slices[0].study_uid == c.slices[0].study_uid
    assert a.slices[0].frame_of_reference_uid == c.slices[0].frame_of_reference_uid


def test_mismatched_inputs_are_refused(tmp_path):
    grid = Grid.from_spacing((2, 8, 6), (1, 1, 1))
    with pytest.raises(ValueError, match="on a grid"):
        write_ct_series(np.zeros((3, 8, 6)), grid, tmp_path / "made", LABELS)
    with pytest.raises(ValueError, match="contain NaN"):
        write_ct_series(np.full((2, 8, 6), np.nan), grid, tmp_path / "made", LABELS)
    with pytest.raises(ValueError, match="do not fit"):
        write_ct_series(np.full((2, 8, 6), 1e6), grid, tmp_path / "made", LABELS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("body_part", ["PELVIS", ""])
def test_dciodvfy_has_nothing_to_say(tmp_path, body_part):
    labels = Labels("DEMO^HIP", "DEMO", "Demo", "Metal", body_part=body_part)
    grid = Grid.from_spacing((2, 8, 6), (1, 1, 1))
    for path in write_ct_series(np.zeros((2, 8, 6)), grid, tmp_path / "made", labels):
        done = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True)
        assert (done.stderr + done.stdout).split() == ["CTImage"]
