import logging
import os
import threading

from marview.dicom.stderr import stderr_to_log


def test_what_compiled_code_prints_goes_to_the_log(capfd, caplog) -> None:
    with caplog.at_level(logging.WARNING), stderr_to_log():
        os.write(2, b"thread panicked")
    assert capfd.readouterr().err == ""
    assert "thread panicked" in caplog.text
    os.write(2, b"heard again")
    assert capfd.readouterr().err == "heard again"


def test_many_threads_at_once_leave_it_as_it_was(capfd, caplog) -> None:
    def talk() -> None:
        for _ in range(50):
            with stderr_to_log():
                os.write(2, b".")

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"end")
    assert capfd.readouterr().err == "end"
    with stderr_to_log():
        pass
    assert sum(record.getMessage().count(".") for record in caplog.records) == 200
