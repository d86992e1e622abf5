"""Copy the files of a metal-free series unchanged, for `reduce --copy`."""

from pathlib import Path

from marview.dicom import open_series
from marview.export import whole_folder


def copy_series(path: Path, output: Path, series_uid: str = "") -> int:
    """Copy the files of the series at `path` byte for byte into the folder `output` and return the number of files.

    Raises:
        BadInput: the series cannot be read.
        UsageError: the output folder is not empty.
        CannotWrite: the disk is full or read-only.
    """
    loaded = open_series(path, series_uid)
    if loaded.nifti is not None:
        files = {loaded.nifti.name: loaded.nifti.read_bytes}
    else:
        sources = [header.source for header in loaded.sources if header is not None]
        names = [Path(source.member or source.path).name for source in sources]
        is_unique = len(set(names)) == len(names)
        files = {
            name if is_unique else f"{number:05d}-{name}": source.all
            for number, (name, source) in enumerate(zip(names, sources, strict=True), 1)
        }
    with whole_folder(output) as part:
        for name, read in files.items():
            (part / name).write_bytes(read())
    return len(files)
