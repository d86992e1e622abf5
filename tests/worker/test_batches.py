import gc

import pytest
import torch

from marview.errors import MethodFailed, UsageError
from marview.mar import Manifest
from marview.worker import batches as batches_module
from marview.worker.batches import LARGEST, Batches
from marview.worker.devices import choose_device, list_devices, memory_mb

CPU = torch.device("cpu")


def _manifest(**fields: object) -> Manifest:
    return Manifest.model_validate(
        {"id": "m", "title": "M", "version": "1", "api": 1, "entry": "method:M", "memory_mb": 1} | fields
    )


def _with_free(monkeypatch: pytest.MonkeyPatch, free_mb: int) -> None:
    monkeypatch.setattr(batches_module, "memory_mb", lambda device: (free_mb, 10**6))


def test_the_slice_in_view_comes_alone_and_all_come_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_free(monkeypatch, 10**6)
    items = list(range(100))
    split = list(Batches(_manifest(), CPU).split(items, is_first_alone=True))
    assert [len(batch) for batch in split][:3] == [1, 4, LARGEST["cpu"]]
    assert [item for batch in split for item in batch] == items


def test_batches_fit_the_memory_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_free(monkeypatch, 100)
    batches = Batches(_manifest(memory_mb=12), CPU)
    assert batches.largest == 5
    assert max(len(batch) for batch in batches.split(list(range(30)), is_first_alone=True)) == 5
    _with_free(monkeypatch, 10)
    with pytest.raises(MethodFailed, match="needs 12 MB per slice, but only 10 MB are free"):
        Batches(_manifest(memory_mb=12), CPU)


@pytest.fixture
def small_heap() -> None:
    """Exempts what earlier tests left from garbage collection, which would take 0.3 s for each batch."""
    gc.collect()
    gc.freeze()


@pytest.mark.usefixtures("small_heap")
@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("not enough memory")]
)
def test_a_batch_that_is_too_large_is_halved(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    _with_free(monkeypatch, 10**6)
    batches = Batches(_manifest(), CPU)
    done: list[int] = []

    def work(batch: list[int]) -> None:
        if len(batch) > 3:
            raise error
        done.extend(batch)

    batches.run(list(range(16)), work)
    assert done == list(range(16))
    assert batches.largest <= 4

    def never(batch: list[int]) -> None:
        raise error

    with pytest.raises(MethodFailed, match="ran out of memory"):
        batches.run([1, 2], never)


def test_other_errors_are_not_mistaken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_free(monkeypatch, 10**6)

    def work(batch: list[int]) -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        Batches(_manifest(), CPU).run([1, 2], work)


def test_devices_are_listed_with_their_memory() -> None:
    cpu = list_devices()[0]
    assert cpu["name"] == "cpu"
    free, total = memory_mb(CPU)
    assert 0 < free <= total


@pytest.mark.parametrize(
    ("asked", "needs", "has_cuda", "gets"),
    [
        ("auto", "any", False, "cpu"),
        ("auto", "any", True, "cuda"),
        ("auto", "cpu", True, "cpu"),
        ("cpu", "any", True, "cpu"),
        ("cuda", "any", True, "cuda"),
        ("cuda", "any", False, None),
        ("auto", "cuda", False, None),
        ("cpu", "cuda", True, None),
        ("cuda", "cpu", True, None),
    ],
)
def test_a_device_is_given_or_refused_never_swapped(
    monkeypatch: pytest.MonkeyPatch, asked: str, needs: str, has_cuda: bool, gets: str | None
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    if gets is None:
        with pytest.raises(UsageError):
            choose_device(asked, _manifest(device=needs))
    else:
        assert choose_device(asked, _manifest(device=needs)).type == gets


@pytest.mark.parametrize(
    ("device", "edge", "most"),
    [("cuda", 512, 32), ("cuda", 1024, 8), ("cuda", 2048, 2), ("cuda", 8192, 1), ("cpu", 512, 8), ("cpu", 2048, 1)],
)
def test_large_slices_come_in_small_batches(monkeypatch: pytest.MonkeyPatch, device: str, edge: int, most: int) -> None:
    _with_free(monkeypatch, 10**6)
    batches = Batches(_manifest(), torch.device(device))
    batches.limit(edge**2)
    assert batches.largest == most
