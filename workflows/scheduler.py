"""Decides which tasks of a phase may start. A pure class without any Temporal code.

The same calls in the same order give the same answers, as replay requires. Tasks are numbered by position, and the ready tasks
with the lowest numbers start first.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence

from app.domain.graph import dependents_of


class PhaseScheduler:
    """Hands out the tasks of one phase. Each task is handed out once, after all of its dependencies.

    Args:
        dependencies: for each task, the positions of its dependencies, all in the same phase.
        max_parallel: how many tasks may be in progress at once.
        stop_at_first_failure: start nothing more once a task has failed.
        unattended: tasks that wait for a person or a timer. They do not count toward `max_parallel`.
        conditional: a task may start once its dependencies have ended in any way, unless `skip` was called for it.
        repeats: as in runs from before this was corrected, hand out a task again that is in progress when its phase is loaded
            again, and that depends on one that has ended.
    """

    def __init__(
        self,
        dependencies: Sequence[Sequence[int]],
        *,
        max_parallel: int,
        stop_at_first_failure: bool = False,
        unattended: Collection[int] = (),
        conditional: bool = False,
        repeats: bool = False,
    ) -> None:
        self._repeats = repeats
        self._conditional = conditional
        self._dependents = dependents_of(dependencies)
        self._missing = [len(needed) for needed in dependencies]
        self._max_parallel = max_parallel
        self._stop_at_first_failure = stop_at_first_failure
        self._unattended = frozenset(unattended)
        # Two heaps, so that full places do not hold up the tasks that need none.
        self._ready: list[int] = []
        self._ready_unattended: list[int] = []
        self._under_way: set[int] = set()
        self._ended: set[int] = set()
        self._places_taken = 0
        self.failed = False
        for task, count in enumerate(self._missing):
            if count == 0:
                self._push(task)

    @property
    def done(self) -> bool:
        """Whether no task is in progress and none will start any more."""
        return not self._under_way and (self.halted or not (self._ready or self._ready_unattended))

    @property
    def halted(self) -> bool:
        """Whether a failure has stopped the phase, so that no more tasks start."""
        return self.failed and self._stop_at_first_failure

    def take(self) -> list[int]:
        """Return the tasks to start now. Each of them is in progress from here on."""
        started: list[int] = []
        while self._ready_unattended and not self.halted:
            started.append(heapq.heappop(self._ready_unattended))
        while self._ready and not self.halted and self._places_taken < self._max_parallel:
            self._places_taken += 1
            started.append(heapq.heappop(self._ready))
        self._under_way.update(started)
        return started

    def finish(self, task: int, *, succeeded: bool) -> list[int]:
        """Record the end of a task. Returns the tasks that can never start now because they depend on it, in ascending order.

        A task that was never handed out may end too, because a person can skip it.
        """
        if task in self._under_way:
            self._under_way.discard(task)
            if task not in self._unattended:
                self._places_taken -= 1
        elif task in self._ended:
            return []
        else:
            self._drop_ready(frozenset({task}))
        self._ended.add(task)
        return self._settle(task, succeeded=succeeded)

    def skip(self, tasks: Collection[int]) -> None:
        """Record that these tasks will not start, because the plan does not need them. Those that have ended stay as they are."""
        ending = [task for task in sorted(tasks) if task not in self._ended and task not in self._under_way]
        self._ended.update(ending)
        for task in ending:
            self._settle(task, succeeded=True)
        self._drop_ready(self._ended)

    def adopt(self, task: int) -> None:
        """Record that a task is already in progress, because another scheduler handed it out."""
        self._drop_ready(frozenset({task}))
        self._under_way.add(task)
        if task not in self._unattended:
            self._places_taken += 1

    def _settle(self, task: int, *, succeeded: bool) -> list[int]:
        if not succeeded:
            self.failed = True
            if not self._conditional:
                return self._skip_dependents(task)
        for other in self._dependents[task]:
            self._missing[other] -= 1
            in_progress = other in self._under_way and not self._repeats
            if self._missing[other] == 0 and other not in self._ended and not in_progress:
                self._push(other)
        return []

    def restore(self, ended: Mapping[int, bool]) -> list[int]:
        """Take over the tasks that ended in an earlier workflow execution: for each one, whether it succeeded.

        Returns the tasks that can never start and are not among `ended`.
        """
        self._ended.update(ended)
        skipped = [other for task in sorted(ended) for other in self._settle(task, succeeded=ended[task])]
        self._drop_ready(self._ended)
        return skipped

    def _drop_ready(self, tasks: Collection[int]) -> None:
        self._ready = [task for task in self._ready if task not in tasks]
        self._ready_unattended = [task for task in self._ready_unattended if task not in tasks]
        heapq.heapify(self._ready)
        heapq.heapify(self._ready_unattended)

    def _push(self, task: int) -> None:
        heapq.heappush(self._ready_unattended if task in self._unattended else self._ready, task)

    def _skip_dependents(self, task: int) -> list[int]:
        skipped: set[int] = set()
        stack = [task]
        while stack:
            for other in self._dependents[stack.pop()]:
                if other not in self._ended:
                    self._ended.add(other)
                    skipped.add(other)
                    stack.append(other)
        return sorted(skipped)
