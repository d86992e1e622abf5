"""Laws that every projector obeys."""

import math

import numpy as np
import pytest
import torch

from marview.errors import UsageError
from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam
from marview.projection import Projector

FLAT = FanBeamFlat(views=90, bins=127, source_to_isocentre_mm=400, source_to_detector_mm=800, bin_mm=3.4)
ARC = FanBeamArc(views=90, bins=127, source_to_isocentre_mm=400, bin_rad=math.radians(0.24))
PARALLEL = ParallelBeam(views=90, bins=127, bin_mm=1.7)
BACKWARD = FanBeamFlat(
    views=77, bins=130, source_to_isocentre_mm=300, source_to_detector_mm=500, bin_mm=3.1, first_angle_rad=0.3,
    arc_rad=-2 * math.pi, bin_offset=-1.25,
)  # fmt: skip
SHORT = FanBeamArc(
    views=80, bins=128, source_to_isocentre_mm=400, bin_rad=0.0042, arc_rad=math.radians(235), bin_offset=0.5
)
BEAMS = [FLAT, ARC, PARALLEL, BACKWARD, SHORT]
every_beam = pytest.mark.parametrize("beam", BEAMS, ids=["flat", "arc", "parallel", "backward", "short"])


def projector(beam: Beam, shape: tuple[int, int] = (96, 96)) -> Projector:
    return Projector(beam, shape=shape, pixel_mm=1.5)


def disc(shape: tuple[int, int], pixel_mm: float, centre: tuple[float, float], radius: float) -> torch.Tensor:
    """A disc of 1/cm with its edge pixels in grey, `[y, x]`."""
    fine = 8
    rows, columns = ((np.arange(count * fine) + 0.5) / fine - count / 2 for count in shape)
    inside = np.hypot(columns[None] * pixel_mm - centre[0], rows[:, None] * pixel_mm - centre[1]) < radius
    grey = inside.reshape(shape[0], fine, shape[1], fine).mean(axis=(1, 3))
    return torch.from_numpy(grey.astype(np.float32))


def chords(beam: Beam, centre: tuple[float, float], radius: float) -> np.ndarray:
    """Length in cm of every ray inside a disc, `[view, bin]`."""
    angle = beam.angles_rad[:, None]
    if isinstance(beam, ParallelBeam):
        gamma, signed = 0 * beam.bin_positions[None], beam.bin_positions[None] * beam.bin_mm
    else:
        step = beam.bin_positions[None]
        gamma = (
            step * beam.bin_rad
            if isinstance(beam, FanBeamArc)
            else np.arctan(step * beam.bin_mm / beam.source_to_detector_mm)
        )
        signed = beam.source_to_isocentre_mm * np.sin(gamma)
    normal = angle - gamma
    distance = centre[0] * np.cos(normal) + centre[1] * np.sin(normal) - signed
    return 2 * np.sqrt(np.maximum(radius**2 - distance**2, 0)) / 10


@every_beam
@pytest.mark.parametrize("shape", [(33, 33), (32, 48), (51, 30)])
@pytest.mark.parametrize("count", [1, 3, 64, 65])
def test_adjoint_is_the_transpose(beam: Beam, shape: tuple[int, int], count: int) -> None:
    torch.manual_seed(0)
    geometry = Projector(beam, shape=shape, pixel_mm=3.1)
    image, sinogram = torch.rand(count, *shape), torch.rand(count, beam.views, beam.bins)
    forward = (geometry.forward(image).double() * sinogram).sum()
    assert torch.isclose((image.double() * geometry.adjoint(sinogram)).sum(), forward, rtol=1e-5)
    leaf = torch.zeros_like(sinogram, requires_grad=True)
    (geometry.fbp(leaf) * image).sum().backward()
    backward = (geometry.fbp(sinogram).double() * image).sum()
    assert torch.isclose((leaf.grad.double() * sinogram).sum(), backward, rtol=1e-4, atol=1e-3)


@every_beam
def test_a_disc_has_its_chords(beam: Beam) -> None:
    mu = disc((256, 256), 0.6, (18.0, -9.0), 40.0) * 0.2
    sinogram = Projector(beam, shape=(256, 256), pixel_mm=0.6).forward(mu).numpy()
    expected = 0.2 * chords(beam, (18.0, -9.0), 40.0)
    assert np.linalg.norm(sinogram - expected) < 0.005 * np.linalg.norm(expected)


def test_ten_centimetres_of_two_tenths_are_two() -> None:
    mu = disc((256, 256), 0.6, (0, 0), 50.0) * 0.2
    assert float(Projector(FLAT, shape=(256, 256), pixel_mm=0.6).forward(mu).max()) == pytest.approx(2.0, abs=0.01)


@every_beam
def test_a_smooth_disc_comes_back_within_12_hu(beam: Beam) -> None:
    fine = type(beam)(**{**beam.__dict__, "views": 4 * beam.views})
    y, x = np.mgrid[:128, :128] * 1.1 - 127 / 2 * 1.1
    radius = np.hypot(x - 12, y + 7)
    mu = torch.from_numpy(0.2 / (1 + np.exp((radius - 40) / 3))).float()
    geometry = Projector(fine, shape=(128, 128), pixel_mm=1.1)
    image = geometry.fbp(geometry.forward(mu))
    error_hu = ((image - mu) / 0.192 * 1000).numpy()[radius < 40]
    assert np.sqrt(np.mean(error_hu**2)) < 12
    assert abs(error_hu.mean()) < 3


@every_beam
@pytest.mark.parametrize("filter_name", ["ram-lak", "shepp-logan", "cosine", "hamming", "hann"])
def test_every_filter_keeps_the_mean_inside(beam: Beam, filter_name: str) -> None:
    mu = disc((96, 96), 1.5, (5.0, 8.0), 45.0) * 0.2
    geometry = projector(beam)
    inside = disc((96, 96), 1.5, (5.0, 8.0), 38.0) == 1
    assert float(geometry.fbp(geometry.forward(mu), filter_name)[inside].mean()) == pytest.approx(0.2, rel=5e-3)


@every_beam
def test_gradients_in_double_precision(beam: Beam) -> None:
    torch.manual_seed(1)
    small = type(beam)(**{**beam.__dict__, "views": 5, "bins": 7})
    geometry = Projector(small, shape=(3, 4), pixel_mm=2.0)
    image = torch.rand(2, 3, 4, dtype=torch.float64, requires_grad=True)
    sinogram = torch.rand(2, 5, 7, dtype=torch.float64, requires_grad=True)
    for operator, argument in [(geometry.forward, image), (geometry.adjoint, sinogram), (geometry.fbp, sinogram)]:
        assert torch.autograd.gradcheck(operator, argument)
        assert torch.autograd.gradgradcheck(operator, argument)


@every_beam
def test_linear_and_independent_of_the_batch(beam: Beam) -> None:
    torch.manual_seed(2)
    geometry = projector(beam)
    images = torch.rand(70, 96, 96)
    together = geometry.forward(images)
    largest = float(together.abs().max())
    alone = torch.stack([geometry.forward(image) for image in images[:3]])
    assert float((together[:3] - alone).abs().max()) < 1e-5 * largest
    mixed = geometry.forward(2 * images[0] - 3 * images[69])
    assert float((mixed - 2 * together[0] + 3 * together[69]).abs().max()) < 1e-5 * largest


def test_turning_the_disc_turns_the_sinogram() -> None:
    geometry = Projector(FLAT, shape=(128, 128), pixel_mm=1.0)
    turn = 2 * math.pi * 20 / FLAT.views
    first = geometry.forward(disc((128, 128), 1.0, (20.0, 0.0), 15.0))
    second = geometry.forward(disc((128, 128), 1.0, (20 * math.cos(turn), 20 * math.sin(turn)), 15.0))
    assert float((first.roll(20, 0) - second).norm() / first.norm()) < 0.01


def test_every_parallel_view_contains_the_mass_of_the_image() -> None:
    mu = disc((96, 96), 1.5, (11.0, -6.0), 40.0)
    mass = projector(PARALLEL).forward(mu).sum(1) * PARALLEL.bin_mm / 10
    assert torch.allclose(mass, mu.sum() * 0.15**2, rtol=2e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int16, torch.bool, torch.uint8])
def test_other_types_are_read_as_float32(dtype: torch.dtype) -> None:
    image = (torch.rand(2, 96, 96) * 4).to(dtype)
    assert torch.equal(projector(ARC).forward(image), projector(ARC).forward(image.float()))


def test_strides_do_not_matter() -> None:
    images = torch.rand(96, 192, 6)
    view = images.permute(2, 0, 1)[::2, :, ::2]
    assert torch.equal(projector(ARC).forward(view), projector(ARC).forward(view.contiguous()))


def test_numpy_is_accepted() -> None:
    image = np.random.default_rng(0).random((96, 96))[:, ::-1]
    assert projector(ARC).forward(image).dtype == torch.float64


def test_refusals_give_messages() -> None:
    with pytest.raises(UsageError, match="96 x 96"):
        projector(ARC).forward(torch.zeros(2, 95, 96))
    with pytest.raises(UsageError, match="no filter 'ramp'"):
        projector(ARC).fbp(torch.zeros(90, 127), "ramp")
    with pytest.raises(UsageError, match="must be outside the image"):
        Projector(ARC, shape=(416, 416), pixel_mm=2.0)
    with pytest.raises(UsageError, match="real numbers"):
        projector(ARC).forward(torch.zeros(96, 96, dtype=torch.complex64))
    short = FanBeamArc(views=80, bins=128, source_to_isocentre_mm=400, bin_rad=0.0042, arc_rad=math.pi)
    with pytest.raises(UsageError, match=r"180\.0 degrees"):
        projector(short).fbp(torch.zeros(80, 128))


@every_beam
def test_one_or_two_threads_give_the_same(beam: Beam, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    geometry, image = projector(beam), torch.rand(5, 96, 96)
    results = []
    for count in ("1", "2"):
        monkeypatch.setenv("MARVIEW_THREADS", count)
        sinogram = geometry.forward(image)
        results.append((sinogram, geometry.adjoint(sinogram), geometry.fbp(sinogram)))
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


@every_beam
def test_sinusoid_and_ray_meet_the_projection_of_a_point(beam: Beam) -> None:
    geometry = Projector(beam, shape=(97, 97), pixel_mm=1.0)
    image = torch.zeros(97, 97)
    image[29:32, 59:62] = 1.0  # around x = 12, y = -18
    position = geometry.sinusoid((12.0, -18.0))
    seen = geometry.forward(image).numpy()
    assert np.abs(position - seen.argmax(axis=1)).max() < 2
    for view in range(0, beam.views, 7):
        enter, leave = geometry.ray(view, position[view])
        along = (leave - enter) / np.linalg.norm(leave - enter)
        aside = np.array([12.0, -18.0]) - enter
        assert abs(aside[0] * along[1] - aside[1] * along[0]) < 0.02
        assert np.abs(np.abs([enter, leave]).max(axis=1) - 48.5).max() < 1e-9


def test_a_ray_beside_the_image_has_no_ends() -> None:
    assert np.isnan(Projector(PARALLEL, shape=(10, 10), pixel_mm=1.0).ray(3, 0)).all()


@every_beam
def test_the_trace_is_where_the_mask_projects(beam: Beam) -> None:
    mask = torch.zeros(2, 96, 96, dtype=torch.bool)
    mask[0, 40:44, 50:53] = True
    mask[0, 10:30, 60:90] = torch.rand(20, 30) < 0.7
    mask[0, 0, :5] = mask[0, -1, -1] = True
    trace = projector(beam).trace(mask)
    assert trace.dtype == torch.bool
    sinogram = projector(beam).forward(mask.float())
    assert trace[sinogram > 1e-4].all()  # a ray that only touches a pixel may count or not
    assert not trace[sinogram == 0].any()
    assert trace[0].any()
    assert not trace[1].any()


def test_an_object_wider_than_the_fan_keeps_its_shape_inside() -> None:
    narrow = FanBeamFlat(views=360, bins=120, source_to_isocentre_mm=400, source_to_detector_mm=800, bin_mm=2.0)
    geometry = Projector(narrow, shape=(128, 128), pixel_mm=1.5)
    mu = disc((128, 128), 1.5, (0.0, 0.0), 90.0) * 0.2
    image = geometry.fbp(geometry.forward(mu)).numpy()
    y, x = np.mgrid[:128, :128] - 63.5
    inside = np.hypot(x, y) * 1.5 < 45
    assert np.isfinite(image).all()
    assert 0.15 < image[inside].mean() < 0.35
    assert image[inside].std() < 0.03


def test_a_quarter_offset_moves_nothing() -> None:
    mu = disc((96, 96), 1.5, (20.0, -10.0), 25.0) * 0.2
    shifted = FanBeamFlat(**{**FLAT.__dict__, "views": 360, "bin_offset": 0.25})
    geometry = projector(shifted)
    image = geometry.fbp(geometry.forward(mu))
    weight = image.clamp(min=0)
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    centre = [float((weight * (axis - 47.5) * 1.5).sum() / weight.sum()) for axis in (x, y)]
    assert centre == pytest.approx([20.0, -10.0], abs=0.3)


def test_astra_agrees_on_a_flat_detector() -> None:
    astra = pytest.importorskip("astra", reason="astra-toolbox is not installed")
    mu = disc((256, 256), 0.6, (18.0, -9.0), 40.0) * 0.2
    flat = FanBeamFlat(views=180, bins=257, source_to_isocentre_mm=400, source_to_detector_mm=800, bin_mm=1.3)
    ours = Projector(flat, shape=(256, 256), pixel_mm=0.6).forward(mu).numpy()
    volume = astra.create_vol_geom(256, 256)
    c, s = np.cos(flat.angles_rad), np.sin(flat.angles_rad)
    ends = [400 * s, -400 * c, -400 * s, 400 * c, 1.3 * c, 1.3 * s]  # source, middle of the detector, bin step
    upward = np.array([1, -1] * 3)[:, None]  # ASTRA's y points up
    geometry = astra.create_proj_geom("fanflat_vec", 257, (np.array(ends) * upward / 0.6).T)
    _, theirs = astra.create_sino(mu.numpy(), astra.create_projector("line_fanflat", geometry, volume))
    assert np.linalg.norm(ours - theirs * 0.06) < 0.005 * np.linalg.norm(ours)


def test_scikit_image_agrees_on_the_parallel_beam() -> None:
    from skimage.transform import iradon

    beam = ParallelBeam(views=180, bins=129, bin_mm=1.0)
    geometry = Projector(beam, shape=(129, 129), pixel_mm=1.0)
    y, x = np.mgrid[:129, :129] - 64
    mu = torch.from_numpy(0.2 / (1 + np.exp((np.hypot(x - 12, y + 7) - 40) / 2))).float()
    sinogram = geometry.forward(mu)
    theirs = iradon(sinogram.numpy().T.astype(float) * 10, np.arange(180.0), filter_name="ramp", circle=True)
    ours = geometry.fbp(sinogram).numpy()
    inside = np.hypot(x, y) < 60
    candidates = [theirs, theirs[::-1], theirs[:, ::-1], theirs[::-1, ::-1]]
    assert min(np.linalg.norm((ours - seen)[inside]) for seen in candidates) < 0.02 * np.linalg.norm(ours[inside])
