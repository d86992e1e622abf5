"""Run the steps of a training, or act in the middle of one."""

import os
import signal

from marview.learning.loop import Training


def trained(training: Training, **more) -> list[float]:
    losses: list[float] = []
    training.run(hear=lambda news: losses.append(news.loss), **more)
    return losses


class After:
    """Call of a function once, during the losses of a step."""

    def __init__(self, step: int, act) -> None:
        self.left, self.act = step, act

    def __call__(self, losses):
        self.left -= 1
        return self.act(losses) if self.left == 0 else losses


def press_ctrl_c(losses):
    os.kill(os.getpid(), signal.SIGINT)
    return losses
