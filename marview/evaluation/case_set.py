"""List the cases at a path: SynDeepLesion folders, case files, or clean slices with simulated metal."""

from pathlib import Path

from marview.errors import BadInput, UsageError
from marview.evaluation.case import ListedCase
from marview.evaluation.case_folder import is_case_folder, list_case_files, protocol_of_case_files
from marview.evaluation.simulated import list_simulated
from marview.evaluation.syndeeplesion import is_syndeeplesion, list_syndeeplesion, protocol_of_syndeeplesion
from marview.physics import USUAL_PROTOCOL, Protocol, Scanner, metal
from marview.physics import protocol as named_protocol
from marview.slices.clean import list_clean
from marview.slices.shapes import read_shapes, shapes_of_sizes


def find_protocol(path: Path) -> Protocol:
    """Detect the protocol of the cases at a path.

    The default protocol is returned for clean slices, and if no protocol matches.
    """
    found = None
    if path.is_dir() and is_syndeeplesion(path):
        found = protocol_of_syndeeplesion(path)
    elif path.is_dir() and is_case_folder(path):
        found = protocol_of_case_files(path)
    return found or named_protocol(USUAL_PROTOCOL)


def list_cases(
    path: Path,
    protocol: Protocol,
    *,
    masks: Path | None = None,
    material: str = "ti",
    scanner: Scanner | None = None,
    seed: int = 0,
) -> list[ListedCase]:
    """List the cases at a path; the type of case is detected from the files.

    Args:
        path: folder with `**/gt.h5` (SynDeepLesion layout), folder of case files (`*.npz`), or clean
            slices (a TIFF stack, a folder of TIFF stacks, a DICOM series, a NIfTI file or an array).
            Metal from `masks` is added to clean slices. An `index.csv` next to a stack (columns file,
            page, patient) assigns the slices to patients.
        protocol: protocol of the scan; reading a file of another protocol raises `BadInput` (the public
            files use `syndeeplesion-640`).
        masks: file of metal masks (`read_shapes`), from which ten shapes with the published sizes are
            created.
        material: material of the metal in clean slices.
        scanner: simulated scanner for clean slices; the public simulators' scanner by default.
        seed: seed of the metal positions and the noise in clean slices.

    Raises:
        BadInput: the path contains neither cases nor clean slices.
        UsageError: `masks` is missing for clean slices, the material is unknown, or a scanner is given
            for cases that are already simulated.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist.")
    if scanner is not None and path.is_dir() and (is_syndeeplesion(path) or is_case_folder(path)):
        raise UsageError(
            f"The scans of the cases in {path} are already simulated. Choose a scanner only for clean slices."
        )
    if path.is_dir() and is_syndeeplesion(path):
        return list_syndeeplesion(path, protocol)
    if path.is_dir() and is_case_folder(path):
        return list_case_files(path, protocol)
    stacks = sorted(path.glob("*.tif")) if path.is_dir() else []
    slices = [each for stack in stacks or [path] for each in list_clean(stack)]
    if masks is None:
        raise UsageError(f"{path} contains clean slices. Add --masks FILE with the metal shapes.")
    metal(material)  # refuses an unknown metal before the first slice
    shapes = shapes_of_sizes(read_shapes(masks), max(protocol.shape))
    return list_simulated(slices, shapes, protocol, material=material, scanner=scanner, seed=seed)
