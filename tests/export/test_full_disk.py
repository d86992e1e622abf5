"""If the disk fills while a file is written, nothing of the file remains, whichever library writes it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from marview.dicom import open_series
from marview.dicom.cannot_write import CannotWrite
from marview.dicom.make import Labels, write_ct_series
from marview.dicom.measurement_report import ImageValues, ReportedMeasure, write_measurement_report
from marview.errors import BadInput
from marview.export import save_picture, whole_file, write_csv, write_json, write_mask, write_nifti, write_npz
from marview.export.movie import write_movie
from marview.geometry import Grid

resource = pytest.importorskip("resource", reason="sizes of files are limited so on POSIX")

GRID = Grid.from_spacing((3, 64, 64), (2.0, 1.0, 1.0))
NOISE = np.random.default_rng(5).integers(0, 256, (64, 64, 3)).astype(np.uint8)
MASK = np.random.default_rng(5).random(GRID.shape) > 0.5
LENGTH = ReportedMeasure("L", "POLYLINE", np.eye(2, 3) * 9, (), (ImageValues("Original", length_mm=9.0),))


def mask(path: Path, series) -> None:
    write_mask(path, MASK, series, origin="a test", is_automatic=False)


def picture(path: Path, _series) -> None:
    with whole_file(path) as part:
        save_picture(Image.fromarray(NOISE), part, "TIFF" if path.suffix == ".tif" else "PNG")


WRITERS: dict[str, Callable] = {
    "picture.png": picture,
    "picture.tif": picture,
    "movie.gif": lambda path, _: write_movie(path, [NOISE, NOISE[::-1]], 100),
    "volume.nii": lambda path, series: write_nifti(path, series.volume.hu, GRID),
    "volume.nii.gz": lambda path, series: write_nifti(path, MASK * NOISE[..., 0], GRID),
    "arrays.npz": lambda path, _: write_npz(path, {"a": NOISE}),
    "table.csv": lambda path, _: write_csv(path, [{"a": "x" * 9999}]),
    "record.json": lambda path, _: write_json(path, ["x" * 9999]),
    "mask.nii": mask,
    "mask.nrrd": mask,
    "mask.dcm": mask,
    "measures.dcm": lambda path, series: write_measurement_report(path, [LENGTH] * 20, series),
}


@pytest.fixture
def series(tmp_path: Path):
    hu = np.zeros(GRID.shape, np.int16)
    write_ct_series(hu, GRID, tmp_path / "series", Labels("A", "B", "C", "D"), seed="full")
    return open_series(tmp_path / "series")


@pytest.fixture
def fill_the_disk() -> Iterator[Callable[[], None]]:
    """Refuse bytes of files beyond the first 900."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (900, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_is_left_of_a_file_that_cannot_be_written_whole(series, tmp_path, fill_the_disk, name) -> None:
    target = tmp_path / "out" / name
    WRITERS[name](target, series)
    before = target.read_bytes()
    assert len(before) > 900
    fill_the_disk()
    with pytest.raises(CannotWrite, match=r"cannot be written: file too large\."):
        WRITERS[name](target, series)
    assert [path.name for path in target.parent.iterdir()] == [name]
    assert target.read_bytes() == before


@pytest.mark.parametrize("ending", ["broken pipe", "missing frames", "unreadable"])
def test_a_movie_that_ffmpeg_does_not_finish_is_refused(tmp_path, monkeypatch, ending) -> None:
    def write_frames(path: str, *_: object, **__: object) -> Iterator[None]:
        Path(path).write_bytes(b"a part")
        while True:
            yield
            if ending == "broken pipe":
                raise OSError("[Errno 32] Broken pipe\n\nFFMPEG COMMAND:\n/usr/bin/ffmpeg")

    def count(_path: str) -> tuple[int, float]:
        if ending == "unreadable":
            raise RuntimeError("no such stream")
        return 1, 0.1

    library = SimpleNamespace(write_frames=write_frames, count_frames_and_secs=count)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", library)
    with pytest.raises(BadInput, match=r"movie\.mp4 cannot be written as MP4: ffmpeg stopped early") as refusal:
        write_movie(tmp_path / "movie.mp4", [NOISE] * 3, 100)
    assert "COMMAND" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []
