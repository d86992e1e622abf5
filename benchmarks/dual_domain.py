"""Compare SE-Net's sinogram and IE-Net's image of DuDoNet with LI, NMAR and the FBP ceiling.

    python -m benchmarks.dual_domain [--slices 10 30 50 70] [--shapes 0 2 4 6 8] [--weights FILE ...] [--pictures DIR]

The cases are validation slices with shapes of metal from large to small, by default in `syndeeplesion-640`. Each
weights file gives two rows, one without its image network and one with it. The table has the PSNR and SSIM of each row,
the number of cases in which the row is worse than NMAR, and the closed fraction of the gap in mean squared error
between NMAR and the ceiling. An image network can exceed the ceiling, because the ceiling is the FBP of the metal-free
sinogram, including its noise. `--pictures` writes for each case the truth, LI, NMAR and the last row side by side, with
their errors below. The benchmark runs in this process on one thread, takes three seconds per case, and reads
../shared/data.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.prior_bounds import DATA, HERE, FileJob
from marview.evaluation.case import KnownCase
from marview.evaluation.case_set import list_cases
from marview.evaluation.tables import markdown_table
from marview.metrics import primary
from marview.physics import protocol
from marview.physics.attenuation import mu_to_hu
from marview.worker.loading import load_method

Images = dict[str, torch.Tensor]
"""Images by title, HU, `[slice, y, x]`."""

_CEILING = "FBP ceiling"
_SHOWN_HU = (-160.0, 240.0)
_WRONG_HU = 150.0


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    arguments = _arguments()
    found: dict[int, dict[str, list[tuple[float, ...]]]] = defaultdict(lambda: defaultdict(list))
    for title, shape, known in _cases(arguments):
        images = _images(known, arguments.weights)
        for name, hu in images.items():
            score = primary(hu[0].numpy(), known.truth_hu[0], known.metal[0])
            found[shape][name].append((score.psnr_db, score.ssim, 10 ** (-score.psnr_db / 10)))
        if arguments.pictures:
            _draw(arguments.pictures / f"{title}.png", known, images)
    names = list(next(iter(found.values())))
    groups = [{name: np.array(rows) for name, rows in found[shape].items()} for shape in arguments.shapes]
    together = {name: np.concatenate([group[name] for group in groups]) for name in names}
    lines = []
    for name in names:
        decibels, similarity, error = together[name].T
        worse = int(np.sum(error > together["NMAR"][:, 2]))
        shares = [_closed(group, name) for group in [together, *groups]]
        lines.append([name, f"{decibels.mean():.2f}", f"{similarity.mean():.4f}", str(worse), *shares])
    headings = ["row", "PSNR dB", "SSIM", "worse than NMAR", "all", *(f"shape {each}" for each in arguments.shapes)]
    print(f"{len(together['NMAR'])} cases")
    print(markdown_table(headings, lines))


def _closed(group: dict[str, np.ndarray], name: str) -> str:
    mean = {each: group[each][:, 2].mean() for each in ("NMAR", _CEILING, name)}
    return f"{(mean['NMAR'] - mean[name]) / (mean['NMAR'] - mean[_CEILING]):+.1%}"


def _cases(arguments: argparse.Namespace) -> Iterator[tuple[str, int, KnownCase]]:
    """Yield title, shape and case for each slice and shape."""
    masks = DATA / "metal_masks" / "blobs_256.npz"
    listed = list_cases(DATA / "metal_free" / "validation.tif", protocol(arguments.protocol), masks=masks)
    for number in arguments.slices:
        known = listed[number].read()
        for shape in arguments.shapes:
            yield f"{number:02d}_{shape}", shape, known.slice(shape)


@torch.inference_mode()
def _images(known: KnownCase, weights: list[Path]) -> Images:
    """Return the image of each row."""
    case = known.case
    nmar, method = (load_method(HERE / "plugins" / name) for name in ("nmar", "dudonet"))
    assert known.metal_free_sinogram is not None
    images = {
        "LI": mu_to_hu(case.li_mu),
        "NMAR": nmar.method.run(case, nmar.parameters({}), FileJob()).hu,
        _CEILING: mu_to_hu(case.projector.fbp(torch.from_numpy(known.metal_free_sinogram))),
    }
    for path in weights:
        result = method.method.run(case, method.parameters({}), FileJob(path))
        assert result.prior_hu is not None
        title = f"{path.parent.name}/{path.stem}"
        images |= {f"{title}, sinogram alone": result.prior_hu, title: result.hu}
    return images


def _draw(path: Path, known: KnownCase, images: Images) -> None:
    """Draw truth, LI, NMAR and the last row in the soft tissue window, with their errors below."""
    truth, last = known.truth_hu[0], list(images)[-1]
    shown = [truth, *(images[name][0].numpy() for name in ("LI", "NMAR", last))]
    low, high = _SHOWN_HU
    above = np.concatenate([(each - low) / (high - low) for each in shown], axis=1)
    below = np.concatenate([(each - truth) / (2 * _WRONG_HU) + 0.5 for each in shown], axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((255 * np.concatenate([above, below]).clip(0, 1)).astype(np.uint8)).save(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", nargs="+", type=int, default=[10, 30, 50, 70])
    parser.add_argument("--shapes", nargs="+", type=int, default=[0, 2, 4, 6, 8])
    parser.add_argument("--protocol", default="syndeeplesion-640")
    parser.add_argument("--weights", nargs="+", type=Path, default=[])
    parser.add_argument("--pictures", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
