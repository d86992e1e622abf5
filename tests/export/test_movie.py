"""Movies contain all frames with their durations, and refusals give advice."""

import importlib.util

import numpy as np
import pytest
from PIL import Image

from marview.dicom.cannot_write import CannotWrite
from marview.errors import BadInput, UsageError
from marview.export.movie import write_movie


def frames(count: int = 4) -> list[np.ndarray]:
    made = []
    for number in range(count):
        frame = np.zeros((20, 30, 3), np.uint8)
        frame[:, number * 5 : number * 5 + 5] = (255, 128, 0)
        made.append(frame)
    return made


def test_a_gif_shows_every_frame_for_its_time(tmp_path) -> None:
    file = write_movie(tmp_path / "a.gif", frames(), 100)
    with Image.open(file) as movie:
        assert movie.n_frames == 4
        for number in range(4):
            movie.seek(number)
            assert movie.info["duration"] == 100
            shown = np.asarray(movie.convert("RGB")).astype(int)
            np.testing.assert_allclose(shown, frames()[number], atol=12)


def test_other_endings_and_no_frames_are_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"\.gif or \.mp4"):
        write_movie(tmp_path / "a.avi", frames(), 100)
    with pytest.raises(UsageError, match="at least one"):
        write_movie(tmp_path / "a.gif", [], 100)
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        write_movie(tmp_path / "file" / "a.gif", frames(), 100)


@pytest.mark.skipif(importlib.util.find_spec("imageio_ffmpeg") is not None, reason="MP4 can be written here")
def test_mp4_without_its_library_says_what_to_install(tmp_path) -> None:
    with pytest.raises(BadInput, match="imageio-ffmpeg"):
        write_movie(tmp_path / "a.mp4", frames(), 100)
    assert not list(tmp_path.iterdir())
