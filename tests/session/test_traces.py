from marview.session.tools import Tool


def stroke(session, *places) -> None:
    session.painting.press(places[0])
    for place in places[1:]:
        session.painting.move(place)
    session.painting.release()


def test_nothing_is_traced_before_a_tool_is_selected(opened, mail, worker) -> None:
    opened.view.go_to(3)
    assert worker.traced == []
    opened.tools.take(Tool.BRUSH)
    mail.wait_until(lambda: opened.traces.is_surveyed)
    assert worker.traced[0] == 3  # the slice in view comes first
    assert sorted(worker.traced) == [2, 3, 4]  # slices without metal are known
    assert opened.traces.current.slice_index == 3
    assert opened.traces.current.coverage.largest_gap == 24
    assert sorted(opened.traces.coverage) == list(range(7))
    assert opened.traces.worst[1].fraction > 0


def test_however_fast_the_brush_one_request_is_under_way_and_the_last_state_is_shown(opened, mail, worker) -> None:
    opened.view.go_to(0)
    opened.tools.update(tool=Tool.BRUSH, radius_mm=1.0)
    mail.wait_until(lambda: opened.traces.is_surveyed)
    worker.traced.clear()
    worker.trace_gate.clear()
    opened.painting.press((40.0, 10.0))
    for x in range(11, 60):
        opened.painting.move((40.0, float(x)))
    assert worker.traced == [0]
    worker.trace_gate.set()
    mail.wait_until(lambda: opened.traces.current.coverage.largest_gap == 4 * 52)
    assert len(worker.traced) <= 2
    opened.painting.release()
    opened.undo()
    mail.wait_until(lambda: opened.traces.current.coverage.largest_gap == 0)


def test_nothing_is_traced_after_closing(opened, worker) -> None:
    opened.view.go_to(3)
    opened.traces.close()
    opened.traces.switch_on()
    assert worker.traced == []
    assert not opened.traces.refusal


def test_another_slice_drops_what_is_late(opened, mail, worker) -> None:
    opened.view.go_to(3)
    worker.trace_gate.clear()
    opened.tools.take(Tool.BRUSH)
    opened.view.go_to(0)
    assert opened.traces.current is None
    worker.trace_gate.set()
    mail.wait_until(lambda: opened.traces.is_surveyed)
    assert opened.traces.current.slice_index == 0
    assert not opened.traces.current.trace.any()


def test_the_rest_of_the_volume_waits_for_the_end_of_the_stroke(opened, mail, worker) -> None:
    opened.view.go_to(3)
    opened.tools.update(tool=Tool.BRUSH, radius_mm=4.0, is_sphere=True)
    mail.wait_until(lambda: opened.traces.is_surveyed)
    worker.traced.clear()
    opened.painting.press((50.0, 20.0))
    mail.wait_until(lambda: opened.traces.current.coverage.largest_gap > 24)
    assert set(worker.traced) == {3}
    opened.painting.release()
    mail.wait_until(lambda: opened.traces.is_surveyed)
    assert {1, 2, 3, 4, 5} <= set(worker.traced)


def test_a_failing_worker_is_retried_then_reported(opened, mail, worker, monkeypatch) -> None:
    from marview.mar import Outcome, Run

    def fail(request):
        worker.traced.append(request.slice_index)
        run = Run(request, "", lambda message: None, lambda run: None)
        run.end(Outcome("crashed", "The worker crashed."))
        return run

    monkeypatch.setattr(worker, "trace", fail)
    opened.view.go_to(3)
    opened.tools.take(Tool.BRUSH)
    mail.wait_until(lambda: opened.traces.refusal)
    assert opened.traces.refusal == "The worker crashed."
    assert worker.traced == [3, 3, 3]
    assert 3 not in opened.traces.coverage
    opened.painting.press((50.0, 20.0))
    assert worker.traced == [3, 3, 3]
    monkeypatch.undo()
    opened.painting.release()  # the mask has changed: it is tried again
    mail.wait_until(lambda: opened.traces.is_surveyed)
    assert not opened.traces.refusal
    assert opened.traces.current.coverage.largest_gap == 4 * (6 + 9)
