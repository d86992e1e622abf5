"""Progress reports of a method, for learning and correction, reach the window."""

from types import SimpleNamespace

import pytest
import torch

from marview.errors import BadInput
from marview.mar.messages import Progress, WeightsRead
from marview.worker.job import Outputs, WorkerJob


@pytest.fixture
def job():
    sent: list[Progress] = []
    loaded = SimpleNamespace(manifest=SimpleNamespace(id="written_for_a_test", outputs=("result",)))
    made = WorkerJob(SimpleNamespace(send=sent.append), loaded, torch.device("cpu"), None)
    made.sent = sent
    return made


def test_a_case_s_progress_is_its_share_of_the_run_s(job) -> None:
    job.at(0.5, 0.25)
    for fraction in (0.0, 0.4, 7.0):
        job.progress(fraction, f"at {fraction}")
    assert [each.fraction for each in job.sent] == pytest.approx([0.5, 0.6, 0.75])
    assert not any(each.is_learning for each in job.sent)


def test_slices_beside_a_slice_come_from_the_scan(job) -> None:
    assert len(job.beside(7, 1)) == 0
    job.find_beside = lambda index, reach: torch.full((2 * reach + 1, 4, 4), float(index))
    assert job.beside(7, 2).unique().tolist() == [7.0]


def test_learning_has_a_progress_of_its_own(job) -> None:
    job.at(0.0, 0.025)
    job.learning(0.5, "step 1 of 2")
    assert job.sent == [Progress(0.5, "step 1 of 2", is_learning=True)]


def test_the_same_words_are_not_said_more_often_than_a_person_can_see(job) -> None:
    for _ in range(50):
        job.progress(0.1, "still at it")
    assert len(job.sent) < 10


def test_of_the_weights_a_method_has_those_it_reads_are_reported(job) -> None:
    """A method that learns from the scan may read none of them."""
    named = [SimpleNamespace(file=f"{name}.safetensors", sha256=name * 64) for name in "AB"]
    job._loaded.manifest.weights = named
    job._loaded.weights = lambda file, device: {}
    assert job.weights_read == []
    for _ in range(2):
        job.weights("B.safetensors")
    assert job.weights_read == [{"file": "B.safetensors", "sha256": "b" * 64}]
    assert job.sent == [WeightsRead("B.safetensors", "b" * 64)]


def test_a_full_disk_of_the_pictures_is_named(tmp_path, monkeypatch) -> None:
    def fill_the_disk(*_: object, **__: object) -> None:
        raise OSError("410240 requested and 32704 written")

    monkeypatch.setattr("numpy.save", fill_the_disk)
    outputs = Outputs(SimpleNamespace(send=lambda _: None), str(tmp_path))
    with pytest.raises(BadInput, match=r"not enough disk space for the images of the run in .*\. Free some space"):
        outputs.show("prior", 3, torch.zeros(4, 4))
