import subprocess
import sys

from marview.session.session import Session
from marview.session.settings import Settings
from marview.volume.window import HuWindow


def test_the_session_knows_no_toolkit_and_no_torch() -> None:
    code = (
        "import sys, marview.session.session; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'PySide6', 'pyqtgraph', 'torch', 'numba'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_window_is_the_files_own_then_the_one_last_used_for_the_body_part(opened, mail, fakes, tmp_path) -> None:
    assert opened.view.display.window == HuWindow(400, 40)
    opened.set_preset(2)
    assert opened.view.display.window == HuWindow(1500, -600)
    assert opened.settings.windows == {"chest": (1500, -600)}
    opened.open(fakes.write_series(tmp_path / "other", "Other", 9))
    mail.wait_until(lambda: opened.loaded.series.description == "Other")
    assert opened.view.display.window == HuWindow(1500, -600)
    opened.set_preset(0)
    assert opened.view.display.window == HuWindow(400, 40)


def test_opening_is_remembered(opened, small_series) -> None:
    assert opened.settings.recent == [str(small_series)]


def test_closing_ends_the_worker_and_saves(mail, worker, tmp_path) -> None:
    session = Session(mail.post, Settings(file=tmp_path / "s.json"), make_worker=lambda: worker, listings=list)
    session.settings.method = "fake"
    session._worker()
    session.close()
    assert worker.is_closed
    assert Settings.load(tmp_path / "s.json").method == "fake"


def test_without_a_method_there_gives_a_message(mail, small_series, worker) -> None:
    session = Session(mail.post, Settings(), make_worker=lambda: worker, listings=list)
    sentences = []
    session.messages.said.connect(lambda message: sentences.append(message.sentence))
    session.open(small_series)
    mail.wait_until(lambda: session.metal.is_present)
    session.reduce()
    session.close()
    assert "No method is installed" in sentences[-1]
