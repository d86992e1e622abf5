"""The window paints in the mask that the worker reads."""

import threading

import numpy as np

from marview.geometry import processing_beam
from marview.mar import SharedArray, TraceRequest
from marview.worker.tracing import mark_trace


def test_a_mask_may_change_while_its_trace_is_marked() -> None:
    beam = processing_beam(1.0)
    with (
        SharedArray.create((1, 512, 512), np.bool_) as mask,
        SharedArray.create((beam.views, beam.bins), np.bool_) as trace,
    ):
        is_over = threading.Event()

        def paint() -> None:
            while not is_over.is_set():
                mask.array[0, 200:330, 200:330] ^= True

        painter = threading.Thread(target=paint)
        painter.start()
        try:
            request = TraceRequest(mask=mask, spacing_mm=(1.0, 0.7, 0.7), slice_index=0, trace=trace)
            for _ in range(20):
                mark_trace(request)
        finally:
            is_over.set()
            painter.join()
