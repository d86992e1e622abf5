import io
import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path

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
    requests = [[str(path), header.source.size, "", 0], [str(tmp_path / "nowhere"), 10, "", 0]]
    answers = io.BytesIO()
    decoder.serve(io.BytesIO(b"".join(json.dumps(one).encode() + b"\n" for one in requests)), answers)
    first, rest = answers.getvalue().split(b"\n", 1)
    assert json.loads(first) == {"rows": 8, "columns": 6, "remarks": 0}
    assert "nowhere" in json.loads(rest[96:])["refusal"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_child_reads_the_right_one_of_two_members_with_one_name(series, tmp_path):
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for header in series.slices:
            target.write(header.source.path, "IMG.dcm")
    twins = dicom.scan(archive).series[0].slices
    with decoder.Decoder() as child:
        for twin, header in zip(twins, series.slices, strict=True):
            np.testing.assert_array_equal(child.decode(twin)[0], child.decode(header)[0])


def test_a_crashing_codec_loses_only_its_slice(series, monkeypatch):
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
    headers = dict(enumerate(dicom.check(series).stack.slices * 1000))
    assert not decoder.is_worthwhile(headers)
    (wavelet,) = (shared_data / "awkward_dicom" / "transfer_syntaxes").glob("*4.90.dcm")
    header = dicom.scan(wavelet).series[0].slices[0]
    assert decoder.is_worthwhile(dict.fromkeys(range(60), header))
    assert not decoder.is_worthwhile(dict.fromkeys(range(20), header))


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_a_decoder_ends_when_its_parent_is_killed(series):
    path = dicom.check(series).stack.slices[0].source.path
    code = (
        "import os, signal; from pathlib import Path\n"
        "from marview.dicom import decoder; from marview.dicom.header import read_header\n"
        "from marview.dicom.source import Source\n"
        "child = decoder.Decoder()\n"
        f"path = Path({str(path)!r})\n"
        "child.decode(read_header(Source(path, path.stat().st_size)))\n"
        "print(child._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    child = int(done.stdout)
    end = time.monotonic() + 60
    while is_running(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_where_no_thread_starts_slices_are_decoded_here(series, monkeypatch):
    here = dicom.read(series)

    def refuse(self, *_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(sys.modules["marview.dicom.read"], "is_worthwhile", lambda _: True)
    monkeypatch.setattr(decoder.ThreadPoolExecutor, "submit", refuse)
    np.testing.assert_array_equal(dicom.read(series).volume.hu, here.volume.hu)


def test_where_no_process_starts_slices_are_decoded_here(series, monkeypatch):
    here = dicom.read(series)

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(sys.modules["marview.dicom.read"], "is_worthwhile", lambda _: True)
    monkeypatch.setattr(decoder.subprocess, "Popen", refuse)
    np.testing.assert_array_equal(dicom.read(series).volume.hu, here.volume.hu)
