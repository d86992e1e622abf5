import numpy as np
import torch

from marview.projection import fill_linear


def test_every_view_is_numpys_interpolation() -> None:
    random = np.random.default_rng(1)
    sinogram = random.normal(size=(3, 40, 57)).astype(np.float32)
    trace = random.random((3, 40, 57)) < 0.4
    trace[..., :3] = True
    trace[..., -2:] |= random.random((3, 40, 2)) < 0.5
    bins = np.arange(57)
    expected = sinogram.copy()
    for slice_index, view in np.ndindex(3, 40):
        keep = ~trace[slice_index, view]
        expected[slice_index, view] = np.interp(bins, bins[keep], sinogram[slice_index, view, keep])
    np.testing.assert_allclose(fill_linear(sinogram, trace).numpy(), expected, atol=1e-6)


def test_a_view_of_metal_takes_from_its_neighbours() -> None:
    sinogram = torch.arange(5.0)[:, None].expand(5, 6) * torch.ones(2, 5, 6)
    trace = torch.zeros(2, 5, 6, dtype=torch.bool)
    trace[0, 2] = True
    trace[1, 3:] = True
    filled = fill_linear(sinogram + 100.0 * trace, trace)
    assert torch.allclose(filled[0], sinogram[0])
    assert torch.allclose(filled[1, 3:], torch.full((2, 6), 2.0))


def test_where_all_is_metal_nothing_changes() -> None:
    sinogram = torch.rand(1, 4, 5)
    assert torch.equal(fill_linear(sinogram, torch.ones(1, 4, 5, dtype=torch.bool)), sinogram)


def test_gradient_flows_through_the_neighbours() -> None:
    sinogram = torch.rand(2, 4, 9, dtype=torch.float64, requires_grad=True)
    trace = torch.rand(2, 4, 9) < 0.5
    trace[1, 2] = True
    assert torch.autograd.gradcheck(lambda values: fill_linear(values, trace), sinogram)
