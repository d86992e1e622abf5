import logging
import os
import subprocess
import sys
import threading

from marview.dicom.stderr import heard_on_stderr


def test_output_of_compiled_code_goes_to_the_log(capfd, caplog) -> None:
    with caplog.at_level(logging.WARNING), heard_on_stderr() as heard:
        os.write(2, b"thread panicked")
    assert heard.text == "thread panicked"
    assert capfd.readouterr().err == ""
    assert "thread panicked" in caplog.text
    os.write(2, b"heard again")
    assert capfd.readouterr().err == "heard again"


def test_many_threads_at_once_leave_it_as_it_was(capfd, caplog) -> None:
    def talk() -> None:
        for _ in range(50):
            with heard_on_stderr() as heard:
                os.write(2, b".")
            assert heard.text == "."

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"end")
    assert capfd.readouterr().err == "end"
    with heard_on_stderr():
        pass
    assert sum(record.getMessage().count(".") for record in caplog.records) == 200


def test_the_file_that_receives_the_output_is_closed_at_the_end() -> None:
    code = "from marview.dicom.stderr import heard_on_stderr\nwith heard_on_stderr(): pass"
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert "ResourceWarning" not in done.stderr
