import logging
import threading
import time

import pytest

from marview.errors import BadInput
from marview.session.background import Background, Latest
from marview.threads import NoThread


@pytest.fixture
def background(mail):
    made = Background(mail.post)
    yield made
    made.close()


def test_the_answer_comes_where_calls_are_made(background, mail) -> None:
    heard = []
    background.run(threading.get_ident, heard.append, pytest.fail)
    mail.wait_until(lambda: heard)
    assert heard != [threading.get_ident()]


def test_a_refusal_is_its_sentence(background, mail) -> None:
    def refuse():
        raise BadInput("x.dcm is empty; copy it again.")

    heard = []
    background.run(refuse, pytest.fail, heard.append)
    mail.wait_until(lambda: heard)
    assert heard == ["x.dcm is empty; copy it again."]


def test_a_bug_gives_a_message_too_and_goes_to_the_log(background, mail, caplog) -> None:
    heard = []
    with caplog.at_level(logging.ERROR):
        background.run(lambda: 1 / 0, pytest.fail, heard.append)
        mail.wait_until(lambda: heard)
    assert "ZeroDivisionError" in heard[0]
    assert "Traceback" in caplog.text


def test_nothing_is_answered_after_the_end(mail) -> None:
    background = Background(mail.post)
    gate = threading.Event()
    background.run(gate.wait, pytest.fail, pytest.fail)
    threading.Timer(0.05, gate.set).start()
    background.close()
    background.run(pytest.fail, pytest.fail, pytest.fail)
    with pytest.raises(AssertionError):
        mail.wait_until(lambda: False, timeout_s=0.1)


def test_only_the_latest_request_is_answered(background, mail) -> None:
    latest, gate, heard = background.latest(), threading.Event(), []
    latest.run(lambda _is_stale: gate.wait(20), pytest.fail, pytest.fail, lambda: heard.append("dropped"))
    latest.run(lambda is_stale: is_stale(), heard.append, pytest.fail)
    assert latest.is_busy
    gate.set()
    mail.wait_until(lambda: len(heard) == 2)
    assert sorted(map(str, heard)) == ["False", "dropped"]
    assert not latest.is_busy


def test_a_dropped_request_knows_that_it_is_outdated(background, mail) -> None:
    latest, seen, heard = background.latest(), [], []

    def work(is_stale):
        while not is_stale():
            time.sleep(0.001)
        seen.append(is_stale())
        raise BadInput("nobody hears this")

    latest.run(work, pytest.fail, pytest.fail, lambda: heard.append("dropped"))
    latest.drop()
    mail.wait_until(lambda: heard)
    assert seen == [True]


def test_a_request_without_a_thread_fails_at_once(mail, monkeypatch) -> None:
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    latest, heard = Latest.on_own_thread(mail.post, "trace"), []
    latest.run(lambda _is_stale: 1, pytest.fail, heard.append)
    assert "cannot start another thread" in heard[0]
    assert not latest.is_busy


@pytest.mark.parametrize("left", [0, 1])
def test_work_is_done_on_one_thread_or_refused_where_no_more_can_start(
    monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    start, threads = threading.Thread.start, [left]

    def scarce(thread: threading.Thread) -> None:
        threads[0] -= 1
        if threads[0] < 0:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    if not left:
        with pytest.raises(NoThread, match="cannot start another thread"):
            Background(lambda call: call())
        return
    done: list[int] = []
    background = Background(lambda call: call())
    gate = threading.Event()
    background.run(lambda: gate.wait(60), lambda _: done.append(0), pytest.fail)
    background.run(lambda: 1, done.append, pytest.fail)
    gate.set()
    until = time.monotonic() + 60
    while len(done) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    background.close()
    assert done == [0, 1]
