"""The training loop: optimiser steps, validation, saved states and preview images."""

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from typing import Literal
from weakref import WeakSet

import torch

from marview.errors import BadInput, MethodFailed, UsageError
from marview.learning.ahead import Ahead
from marview.learning.api import Batch, OwnPairs
from marview.learning.average import averaged
from marview.learning.beginning import Beginning, begin_with
from marview.learning.guard import Seen
from marview.learning.journal import Journal
from marview.learning.measure import title, validate
from marview.learning.plan import Ending, News, Plan
from marview.learning.recipe import Optimiser, changes
from marview.learning.record import read_record
from marview.learning.run_folder import WEIGHTS, check_folder, held
from marview.learning.schedule import learning_rate, optimiser
from marview.learning.state import STATE, Learner, read_state, write_state
from marview.learning.step import NotANumberError, take_step
from marview.learning.stopping import Stopping
from marview.learning.weights import DAMAGED_FACTS, About, about, rounded, save_weights

_SEED_STEP = 1_000_003


class Training:
    """Training run in a folder, either new or resumed.

    Attributes:
        step: number of finished steps.
        learner: network, optimisers and average.
        kept_step: number of steps in the last saved state; None before the first save.
        beginning: initial weights that a new run copied; None if it copied none.
        changes: differences between the current recipe and the recipe of the last saved state.
    """

    def __init__(self, plan: Plan, *, is_resumed: bool = False) -> None:
        """Build the network, and load the state in the folder if there is one.

        Raises:
            UsageError: the folder contains a run although `is_resumed` is False, contains no run to resume, or contains
                a run of another method or network; or the initial weights do not fit.
            BadInput: the state, the record or the initial weights cannot be read.
        """
        self._plan, self._recipe = plan, plan.recipe
        self.step, self._minutes_before, self._began = 0, 0.0, time.monotonic()
        self._warm_from: int | None = None
        self._protocols_before: tuple[str, ...] = ()
        self.changes: tuple[str, ...] = ()
        torch.manual_seed(self._recipe.run.seed)
        network = plan.trainable.build(self._recipe.network)
        self.beginning: Beginning | None = None
        if plan.begins_with is not None and not is_resumed:
            self.beginning = begin_with(network, plan.begins_with, plan.method)
        network.to(plan.machine.device)
        turns = plan.trainable.turns
        unknown = sorted(set(self._how.turn_rates) - set(turns))
        if unknown:
            raise UsageError(
                f"turn_rates in the recipe contains {', '.join(unknown)}, but the turns of {plan.method} are "
                f"{', '.join(turns)}."
            )
        optimisers = {turn: optimiser(plan.trainable.parameters(network, turn), self._how) for turn in turns}
        self.learner = Learner(network, optimisers, averaged(network, self._how.ema) if self._how.ema else None)
        self._tell: Callable[[str], None] = lambda _: None
        self._sums: dict[str, list[float]] = defaultdict(list)
        self._journal: Journal | None = None
        self.kept_step: int | None = None
        self._look_s = 0.0  # seconds that the last validation took, to reserve time for the final one
        self._seen = Seen()
        self._measured: WeakSet[Batch] = WeakSet()  # the same batch is used more than once
        self._take_up(is_resumed=is_resumed)

    def run(
        self,
        max_minutes: float = math.inf,
        hear: Callable[[News], None] = lambda _: None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Ending:
        """Train until all steps are done, the time limit has passed or the user cancels; then save the run.

        Args:
            max_minutes: time limit of this session in minutes, including the final validation.
            hear: called after each step.
            tell: called with a message after each validation.

        Raises:
            MethodFailed: a loss or gradient is NaN; the last good state is kept.
            BadInput: the source cannot create a batch.
            CannotWrite: the disk is full or read-only; the last written state is kept.
        """
        self._began, self._tell = time.monotonic(), tell
        if self._plan.machine.is_first:
            self._journal = Journal(self._plan.folder, self.step, tell)
        try:
            return self._run(max_minutes, hear)
        finally:
            if self._journal is not None:
                self._journal.close()

    def _run(self, max_minutes: float, hear: Callable[[News], None]) -> Ending:
        kept_at = self._began
        reuse, run = self._recipe.data.reuse, self._recipe.run
        if self.step == 0:
            self._look()
        reason: Literal["done", "time", "asked"] = "done"
        made_ahead = Ahead(self._plan.pairs, self.step // reuse, self._recipe.data.ahead_batches)
        with Stopping() as stopping, made_ahead as ahead:
            pairs = self._next(ahead)
            while self.step < run.steps:
                loss = self._learn(pairs)
                self.step += 1
                hear(News(self.step, run.steps, loss, self.minutes))
                if self.step % run.validate_every == 0 and self.step < run.steps:
                    self._look()
                if time.monotonic() - kept_at > 60 * run.checkpoint_minutes:
                    self.keep()
                    kept_at = time.monotonic()
                is_late = time.monotonic() - self._began + self._look_s > 60 * max_minutes
                if self._plan.machine.agree(stopping.is_asked or is_late):
                    reason = "asked" if stopping.is_asked else "time"
                    break
                if self.step % reuse == 0 and self.step < run.steps:
                    pairs = self._next(ahead)
        self.keep()
        if reason != "asked":
            self._look()
        return Ending(reason, self.step, self.minutes)

    @property
    def minutes(self) -> float:
        """Duration of the training so far in minutes, including earlier sessions."""
        return self._minutes_before + (time.monotonic() - self._began) / 60

    def about(self) -> About:
        """Return the metadata of the run's weights."""
        recipe = self._recipe
        return About(
            self._plan.method,
            self._plan.version,
            recipe.network,
            self._protocols,
            self.step,
            self.minutes,
            recipe.run.seed,
            self._seen.limits,
        )

    def keep(self) -> None:
        """Save the weights, and the state from which training resumes.

        Each new file replaces the earlier one only when it is complete.

        Raises:
            CannotWrite: the disk is full or read-only.
            MethodFailed: a weight is NaN.
        """
        if self._plan.machine.is_first:
            facts = self.about().as_metadata() | {"recipe": self._recipe.model_dump_json()} | self._seen.facts
            facts["look_s"] = f"{self._look_s:.2f}"
            if self._warm_from is not None:
                facts["warm_from"] = str(self._warm_from)
            moments = torch.bfloat16 if self._recipe.run.moments == "bfloat16" else None
            state, path = self._plan.folder / STATE, self._plan.folder / WEIGHTS
            weights = rounded(path, self.learner.used.state_dict())  # may raise: before the state is replaced
            write_state(state, self.learner, facts, moments=moments)
            self.kept_step = self.step
            save_weights(path, weights, self.about())
        self._plan.machine.wait()
        self.kept_step = self.step

    @property
    def stays(self) -> str:
        """Describe the last saved state of the run, as a clause for error messages."""
        if self.kept_step is None:
            return "no state has been saved yet"
        return f"the last good state is kept in {held(self._plan.folder)} (step {self.kept_step})"

    @property
    def _protocols(self) -> tuple[str, ...]:
        """Names of the protocols that the network was trained on, including earlier sessions."""
        if isinstance(self._plan.trainable, OwnPairs):
            return ()
        now = self._recipe.data.protocols
        return (*now, *(name for name in dict.fromkeys(self._protocols_before) if name not in now))

    @property
    def _how(self) -> Optimiser:
        return self._recipe.optimiser

    @cached_property
    def _held_out(self) -> list[Batch]:
        return [self._plan.validation(number) for number in range(self._recipe.run.validation_batches)]

    def _next(self, ahead: Ahead) -> Batch:
        """Return the next batch, and record its protocol."""
        pairs = next(ahead)
        if pairs not in self._measured:
            self._measured.add(pairs)
            self._seen.add(pairs)
        return pairs

    def _learn(self, pairs: Batch) -> float:
        """Run one step of each turn; return the sum of all losses."""
        machine, run = self._plan.machine, self._recipe.run
        torch.manual_seed(run.seed * _SEED_STEP + self.step * machine.processes + machine.process)
        try:
            losses = take_step(
                self._plan.trainable,
                self.learner,
                pairs,
                self._recipe.network,
                self._how,
                learning_rate(self._how, self.step, run.steps, self._warm_from),
                precision=lambda: machine.autocast(run.precision),
                join=machine.average_gradients,
            )
        except NotANumberError as wrong:
            raise MethodFailed(
                f"Training of {self._plan.method} stopped at step {self.step + 1}: {wrong} is not finite; "
                f"{self.stays}. Try a smaller learning rate or gradient clipping."
            ) from wrong
        for name, value in losses:
            self._sums[f"training {name}"].append(value)
        return sum(value for _, value in losses)

    def _look(self) -> None:
        """Measure the network on the held-out batches, and write a row of the learning curve and the pictures."""
        if self._journal is None:
            return
        plan, held_out = self._plan, self._held_out
        begun = time.monotonic()
        with plan.machine.autocast(self._recipe.run.precision):
            numbers, pictures = validate(plan.trainable, self.learner.used, held_out, self._recipe.network)
        means = {name: sum(values) / len(values) for name, values in self._sums.items()}
        self._sums.clear()
        rate = learning_rate(self._how, self.step, self._recipe.run.steps, self._warm_from)
        row = {"step": self.step, "minutes": self.minutes, "learning_rate": rate}
        self._journal.note(row | means | numbers)
        self._journal.show(self.step, pictures)
        measured = ", ".join(_measured(name, value) for name, value in numbers.items())
        self._tell(f"Step {self.step} of {self._recipe.run.steps}, {self.minutes:.1f} minutes: {measured}.")
        self._look_s = time.monotonic() - begun

    def _take_up(self, *, is_resumed: bool) -> None:
        folder = self._plan.folder
        check_folder(folder, is_resumed=is_resumed)
        path = held(folder)
        if path is None:
            return
        try:
            tensors, facts = read_state(path, self._plan.machine.device)
        except BadInput as refusal:
            if path.name != STATE or not (folder / WEIGHTS).is_file():
                raise
            go_on = f"Alternatively, remove this file: --resume then continues from {folder / WEIGHTS}."
            raise BadInput(f"{refusal} {go_on}") from refusal
        of = about(facts, str(path))
        if of.method != self._plan.method:
            raise UsageError(
                f"{folder} contains a run of another method, {of.method}, so {self._plan.method} cannot continue it. "
                "Choose another folder."
            )
        if of.network != json.loads(json.dumps(self._recipe.network)):
            raise UsageError(
                f"{folder} contains a run of {of.method} with different network settings. Use the same --size, or "
                "choose another folder."
            )
        try:
            before = json.loads(facts["recipe"]) if "recipe" in facts else read_record(folder).get("recipe", {})
            self.changes, self._seen = changes(before, self._recipe), Seen(facts)
            warm_from = int(facts["warm_from"]) if "warm_from" in facts else None
            self._look_s = float(facts.get("look_s", 0.0))
        except DAMAGED_FACTS as damage:
            raise BadInput(
                f"{path} is damaged: its description of the run cannot be read ({type(damage).__name__}). Use an "
                "intact copy of the run, or start again in another folder."
            ) from damage
        self._protocols_before = of.protocols
        is_exact = self.learner.fill(tensors, of.steps, str(path))
        self.step, self._minutes_before = of.steps, of.minutes
        self.kept_step = self.step
        self._warm_from = warm_from if is_exact else self.step


def _measured(name: str, value: float) -> str:
    """Return a measured value with its title and unit."""
    said, unit = title(name)
    return f"{said} {value:.4g} {unit}".rstrip()
