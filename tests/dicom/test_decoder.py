import io
import json
import sys

import numpy as np
import pytest

from marview import dicom
from marview.dicom import decoder
from marview.errors import BadInput


@pytest.fixture
def series(slices, save):
    return dicom.scan(save(slices)).series[0]


def test_children_read_what_this_process_reads(series, monkeypatch):
    here = dicom.read(series)
    monkeypatch.setattr(sys.modules["marview.dicom.read"], "is_worthwhile", lambda _: True)
    seen = []
    apart = dicom.read(series, on_slice=seen.append)
    np.testing.assert_array_equal(apart.volume.hu, here.volume.hu)
    assert seen[0] == 2
    assert sorted(seen) == [0, 1, 2, 3, 4]


def test_a_child_answers_and_refuses(series, tmp_path):
    header = dicom.check(series).stack.slices[0]
    path = header.source.path
    requests = [[str(path), header.source.size, ""], [str(tmp_path / "nowhere"), 10, ""]]
    answers = io.BytesIO()
    decoder.serve(io.BytesIO(b"".join(json.dumps(one).encode() + b"\n" for one in requests)), answers)
    first, rest = answers.getvalue().split(b"\n", 1)
    assert json.loads(first) == {"rows": 8, "columns": 6, "remarks": 0}
    assert "nowhere" in json.loads(rest[96:])["refusal"]


def test_a_codec_that_crashes_costs_its_slice_and_nothing_else(series, monkeypatch):
    headers = [header for header in dicom.check(series).stack.slices if header]
    with decoder.Decoder() as child:
        child.decode(headers[0])
        child._process.kill()
        with pytest.raises(BadInput, match=r"000\.dcm.*crashed|001\.dcm.*crashed"):
            child.decode(headers[1])
        hu, _ = child.decode(headers[1])
    assert hu.shape == (8, 6)


def test_stopping_ends_the_children(series):
    headers = dict(enumerate(dicom.check(series).stack.slices))
    results = decoder.decode_apart(headers)
    next(results)
    results.close()


def test_only_slow_series_are_worth_processes(series, shared_data):
    headers = dict(enumerate(dicom.check(series).stack.slices * 100))
    assert not decoder.is_worthwhile(headers)
    (wavelet,) = (shared_data / "awkward_dicom" / "transfer_syntaxes").glob("*4.90.dcm")
    header = dicom.scan(wavelet).series[0].slices[0]
    assert decoder.is_worthwhile(dict.fromkeys(range(60), header))
    assert not decoder.is_worthwhile(dict.fromkeys(range(20), header))
