"""Write movies: animated GIF with Pillow, or MP4 if imageio-ffmpeg is installed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from marview.dicom.atomic import check_file, whole_file
from marview.dicom.encode import MAKER
from marview.errors import BadInput, UsageError

SUFFIXES = (".gif", ".mp4")
COLOURS = 128

Frame = NDArray[np.uint8]
"""RGB picture, uint8, `[y, x, 3]`."""


def write_movie(path: Path | str, frames: Sequence[Frame], frame_ms: int) -> Path:
    """Write frames of equal size as a movie; a GIF loops endlessly.

    Args:
        path: output file, NAME.gif or NAME.mp4.
        frames: RGB images, uint8, `[y, x, 3]`.
        frame_ms: duration of each frame in ms.

    Returns:
        The output file.

    Raises:
        UsageError: the file has another extension, or there is no frame.
        BadInput: imageio-ffmpeg, which writes MP4, is not installed.
        CannotWrite: the disk is full or read-only.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path.name} does not end in .gif or .mp4. Choose one of these extensions.")
    if not frames:
        raise UsageError("A movie needs at least one frame.")
    check_file(path)
    if path.suffix.lower() == ".mp4":
        return _write_mp4(path, frames, frame_ms)
    with whole_file(path) as part:
        first, *rest = (Image.fromarray(frame).quantize(COLOURS) for frame in frames)
        first.save(
            part,
            format="GIF",
            save_all=True,
            append_images=rest,
            duration=frame_ms,
            loop=0,
            optimize=False,
            comment=MAKER,
        )
    return path


def _write_mp4(path: Path, frames: Sequence[Frame], frame_ms: int) -> Path:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise BadInput(
            "MP4 needs the package imageio-ffmpeg. Install it (pip install imageio-ffmpeg), or choose a name that ends "
            "in .gif."
        ) from None
    height, width = (size - size % 2 for size in frames[0].shape[:2])  # H.264 requires even sizes
    facts = ["-metadata", f"comment={MAKER}"]
    with whole_file(path) as part:
        try:
            writer: Any = imageio_ffmpeg.write_frames(
                str(part),
                (width, height),
                fps=1000 / frame_ms,
                macro_block_size=2,
                ffmpeg_log_level="quiet",
                output_params=facts,
            )
            writer.send(None)
            for frame in frames:
                writer.send(np.ascontiguousarray(frame[:height, :width]))
            writer.close()
            written, _ = imageio_ffmpeg.count_frames_and_secs(str(part))
        except (OSError, RuntimeError):
            written = 0
        if written < len(frames):  # ffmpeg reports a full disk only on standard error
            raise BadInput(
                f"{path.name} cannot be written as MP4: ffmpeg stopped early; the disk may be full. Choose another "
                f"folder, or a name that ends in .gif."
            )
    return path
