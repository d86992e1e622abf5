"""Train a small U-Net to segment metal, bone and muscle in clean images, and measure its overlap.

    python -m benchmarks.segmenter --output DIR [--protocol adn-256] [--steps 1000]

`benchmarks.tasks --segmenter DIR` measures corrected images with it. Each training image is a random mixture of a clean
slice and its simulated scan without metal; metal is drawn into it without artifacts. Every fourth known patient of the
training stacks is held out, and the overlap on the slices of these patients is printed. The labels come from the slice
itself, in HU, smoothed with a Gaussian of one pixel, inside the largest body:

- metal: at least half of the pixel is drawn metal;
- bone: above 200 HU, with holes of at most 40 pixels; dense contrast agent counts as bone;
- muscle: 0 to 150 HU outside bone, which includes organs of similar density.

Parts of bone and muscle with at most 10 pixels are left out. The weights are saved in DIR, and a second run reads them.
One thread is enough: 1,000 steps took 6 minutes of CPU time. The data are read from ../shared/data.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy.ndimage import gaussian_filter
from skimage.morphology import remove_small_holes, remove_small_objects
from torch import Tensor
from torch.nn.functional import cross_entropy

from benchmarks.clock import Clock
from marview.errors import BadInput
from marview.evaluation.tables import markdown_table
from marview.export import whole_file
from marview.learning.metal import draw_metal
from marview.learning.networks import UNet
from marview.learning.networks.start import channels_last
from marview.learning.patches import crops
from marview.learning.recipe import Metal
from marview.learning.schedule import half_cosine
from marview.metrics.tissue import TISSUES, overlap
from marview.physics import Protocol, protocol, simulate
from marview.physics.attenuation import mu_to_hu
from marview.slices.clean import CleanSlice, fit, list_clean
from marview.slices.shapes import tissue_of

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "metal_free"
STACKS = ("train.tif", "train_2.tif")
HELD_OUT_EVERY = 4
REST, METAL, BONE, MUSCLE = range(4)
BONE_HU, MUSCLE_HU = 200.0, (0.0, 150.0)
HOLE_PX, PART_PX = 40, 10
METAL_HU, METAL_BLUR_PX = (2000.0, 8000.0), (0.0, 0.7)
SCALES_HU = ((-1000.0, 3000.0, 1000.0), (-1000.0, 8000.0, 2000.0), (-200.0, 300.0, 200.0))
"""Lowest and highest HU of each input channel, and the HU that become 1."""

WEIGHTS = (1.0, 4.0, 1.0, 1.0)
"""Weights of the classes in the loss; metal is rare."""

WIDTH, CROP_PX, BATCH, STEPS, RATE, SEED = 12, 128, 8, 1000, 2e-3, 0

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Example:
    """A clean slice with drawn metal.

    Attributes:
        truth: the slice without metal, HU `[y, x]`.
        scan: its simulated scan without metal.
        share: metal fraction of each pixel, 0 to 1.
        labels: class of each pixel, int64.
    """

    truth: Image
    scan: Image
    share: Image
    labels: NDArray[np.int64]

    def image(self, scanned: float, metal_hu: float, blur_px: float) -> Image:
        """Return the slice, its scan or a mixture of both, with its metal; float32 HU `[y, x]`.

        Args:
            scanned: share of the scan in the mixture, 0 to 1.
            metal_hu: HU of the metal.
            blur_px: standard deviation of the Gaussian that blurs the edge of the metal.
        """
        hu = (1 - scanned) * self.truth + scanned * self.scan
        share = gaussian_filter(self.share, blur_px)
        return np.asarray(hu + share * (metal_hu - hu), np.float32)

    def clean(self, *, is_scanned: bool) -> Image:
        """Return the slice with sharp metal, or its scan with metal that is blurred as in a scan; HU `[y, x]`."""
        return self.image(1, 4000.0, 0.5) if is_scanned else self.image(0, 4000.0, 0)


def main() -> None:
    """Train the network if DIR lacks it, and print its overlap on held-out clean slices."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--protocol", default="adn-256")
    parser.add_argument("--steps", type=int, default=STEPS)
    asked = parser.parse_args()
    scan = protocol(asked.protocol)
    training, held_out = divided([each for name in STACKS for each in list_clean(DATA / name)])
    path = weights_file(asked.output, scan)
    if path.is_file():
        network = read(path)
    else:
        network = train(examples(training, scan, Clock()), asked.steps, Clock())
        save(path, network)
    print(f"{len(held_out)} held-out clean slices of {scan.name} with drawn metal\n")
    found = examples(held_out, scan, Clock())
    rows = {
        title: [overlaps(network, each.clean(is_scanned=is_scanned), each.labels) for each in found]
        for title, is_scanned in (("the slice", False), ("its scan without artifacts", True))
    }
    print(table(rows))


def weights_file(folder: Path, scan: Protocol) -> Path:
    """Return the file of the network for the grid of a protocol."""
    return folder / f"segmenter-{scan.name}.safetensors"


def save(path: Path, network: UNet) -> None:
    """Write a trained network."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        save_file({name: each.contiguous() for name, each in network.state_dict().items()}, part)


def read(path: Path) -> UNet:
    """Read a trained network.

    Raises:
        BadInput: there is no such file.
    """
    if not path.is_file():
        raise BadInput(f"{path} does not exist. Train the network with python -m benchmarks.segmenter.")
    network = UNet(len(SCALES_HU), 1 + len(TISSUES), WIDTH)
    network.load_state_dict(load_file(path))
    return network.eval()


def labels_of(hu: Image, share: Image) -> NDArray[np.int64]:
    """Return the class of each pixel of a clean slice, int64 `[y, x]`.

    Args:
        hu: slice without metal, HU `[y, x]`.
        share: metal fraction of each pixel, 0 to 1.
    """
    even, body = gaussian_filter(hu, 1.0), tissue_of(hu)
    bone = remove_small_holes(even > BONE_HU, max_size=HOLE_PX)
    muscle = (even > MUSCLE_HU[0]) & (even < MUSCLE_HU[1]) & ~bone
    labels = np.full(hu.shape, REST, np.int64)
    for number, tissue in ((BONE, bone), (MUSCLE, muscle)):
        labels[remove_small_objects(tissue & body, max_size=PART_PX)] = number
    labels[share >= 0.5] = METAL
    return labels


def overlaps(network: UNet, hu: Image, labels: NDArray[np.int64]) -> list[float]:
    """Return the intersection over union of metal, bone and muscle, in the order of `TISSUES`; NaN if both are empty.

    Args:
        network: trained network.
        hu: image to segment, HU `[y, x]`.
        labels: class of each pixel, from `labels_of`.
    """
    with torch.inference_mode():
        found = network(_seen(hu[None]))[0].argmax(dim=0).numpy()
    return [overlap(found == each, labels == each) for each in (METAL, BONE, MUSCLE)]


def table(found: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """Return a table of mean overlaps; `found` contains the overlaps of every slice by row."""
    rows = []
    for title, each in found.items():
        ious = np.nanmean(each, axis=0)
        rows.append([title, *(f"{iou:.3f}" for iou in (*ious, ious.mean()))])
    return markdown_table(["image", *(f"{each} IoU" for each in TISSUES), "mIoU"], rows)


def examples(slices: Sequence[CleanSlice], scan: Protocol, clock: Clock) -> list[Example]:
    """Draw metal into clean slices and scan them without it; slices without room for metal are left out."""
    made = []
    for number, each in enumerate(slices):
        hu = fit(each.read(), scan.shape).copy()
        clock.tell(number / len(slices), "clean slices")
        try:
            pieces = draw_metal(hu, Metal(), np.random.default_rng([SEED, number]))
        except BadInput:
            continue
        made.append(example_of(hu, np.sum(list(pieces.values()), axis=0).clip(0, 1), scan, number))
    return made


def example_of(hu: Image, share: Image, scan: Protocol, seed: int) -> Example:
    """Simulate the scan of a slice without its metal, and label the slice; `seed` determines the noise."""
    scanned = mu_to_hu(simulate(hu[None], {}, scan, seed=seed).metal_free_image)[0].numpy()
    return Example(hu, scanned, share, labels_of(hu, share))


def train(found: Sequence[Example], steps: int, clock: Clock) -> UNet:
    """Train a network on random crops of examples."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    network = UNet(len(SCALES_HU), 1 + len(TISSUES), WIDTH)
    channels_last(network)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = RATE * half_cosine(step / steps)
        batch = [found[int(each)] for each in rng.integers(len(found), size=BATCH)]
        images = np.stack(
            [each.image(rng.random(), rng.uniform(*METAL_HU), rng.uniform(*METAL_BLUR_PX)) for each in batch]
        )
        labels = torch.from_numpy(np.stack([each.labels for each in batch]))
        part = crops(torch.cat([_seen(images), labels[:, None]], dim=1), CROP_PX)
        optimiser.zero_grad()
        loss = cross_entropy(network(part[:, :-1]), part[:, -1].long(), torch.tensor(WEIGHTS))
        torch.autograd.backward(loss)
        optimiser.step()
        clock.tell((step + 1) / steps, f"training, loss {float(loss.detach()):.3f}")
    return network.eval()


def _seen(hu: Image) -> Tensor:
    """Return images in HU on the scales of the network, `[slice, scale, y, x]`."""
    image = torch.from_numpy(np.ascontiguousarray(hu, np.float32))
    return torch.stack([image.clamp(low, high) / unit for low, high, unit in SCALES_HU], dim=1)


def divided(slices: Sequence[CleanSlice]) -> tuple[list[CleanSlice], list[CleanSlice]]:
    """Divide slices into training and held-out patients; slices of unknown patients are used for training."""
    patients = [each for each in dict.fromkeys(each.patient for each in slices) if each]
    held_out = set(patients[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY])
    return [each for each in slices if each.patient not in held_out], [
        each for each in slices if each.patient in held_out
    ]


if __name__ == "__main__":
    main()
