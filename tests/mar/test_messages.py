import numpy as np
import pytest

from marview.mar.messages import Finished, Output, Progress, ReduceRequest, SliceDone, decode, encode
from marview.mar.shared import SharedArray


@pytest.mark.parametrize(
    "message",
    [Progress(0.5, "é\n"), Output("prior", 3, "/tmp/x.npy"), SliceDone(1, 2, 0.25, 1.5), Finished({"a": [1]})],
)
def test_a_message_survives_a_round_trip(message) -> None:
    line = encode(message)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert decode(line) == message


def test_a_request_carries_its_arrays_one_for_output() -> None:
    arrays = [SharedArray.create((2, 3, 3), kind) for kind in ("int16", "bool", "float32")]
    arrays[0].array[:] = 5
    request = ReduceRequest(
        method="m",
        hu=arrays[0],
        mask=arrays[1],
        correction=arrays[2],
        spacing_mm=(1.0, 2.0, 2.0),
        slices=(1, np.int64(0)),
    )
    there = decode(encode(request))
    assert isinstance(there, ReduceRequest)
    assert there.slices == (1, 0)
    assert there.spacing_mm == (1.0, 2.0, 2.0)
    there.correction.array[:] = 2
    assert arrays[2].array.sum() == 36
    assert not there.hu.array.flags.writeable
    for array in arrays:
        array.close()


@pytest.mark.parametrize(
    "line", ["", "hello", "[]", "{}", '{"kind": "Exit"}', '{"kind": "Progress"}', '{"kind": "Ready", "x": 1}']
)
def test_an_invalid_message_is_refused(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own sentences
        decode(line)
