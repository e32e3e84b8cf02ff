"""The scheduler of a phase, compared with a model that examines everything again at each step."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.effort import lines_executed
from tests.unit.test_graph import Graph, acyclic_graphs, below
from workflows.scheduler import PhaseScheduler


@dataclass
class Phase:
    """The input of a scheduler, and what happens then: `failing` tasks fail, and `order` chooses which task ends next."""

    graph: Graph
    max_parallel: int
    stop_at_first_failure: bool
    unattended: frozenset[int]
    failing: frozenset[int]
    order: list[int] = field(repr=False)

    def scheduler(self) -> PhaseScheduler:
        return PhaseScheduler(
            self.graph,
            max_parallel=self.max_parallel,
            stop_at_first_failure=self.stop_at_first_failure,
            unattended=self.unattended,
        )


@st.composite
def phases(draw: st.DrawFn) -> Phase:
    graph = draw(acyclic_graphs(most=12))
    some = st.frozensets(st.integers(0, max(len(graph) - 1, 0)), max_size=3) if graph else st.just(frozenset[int]())
    return Phase(
        graph=graph,
        max_parallel=draw(st.integers(1, 4)),
        stop_at_first_failure=draw(st.booleans()),
        unattended=draw(some),
        failing=draw(some),
        order=draw(st.lists(st.integers(0, 100), min_size=len(graph), max_size=len(graph))),
    )


@dataclass
class World:
    """The slow, obvious scheduler."""

    phase: Phase
    under_way: set[int] = field(default_factory=set[int])
    ended: dict[int, bool] = field(default_factory=dict[int, bool])
    skipped: set[int] = field(default_factory=set[int])

    def startable(self) -> list[int]:
        """Return what may start now, in order: first tasks that need no place, then the lowest numbers while there is room."""
        if self.phase.stop_at_first_failure and False in self.ended.values():
            return []
        ready = [
            task
            for task, needed in enumerate(self.phase.graph)
            if task not in self.under_way | self.ended.keys() and all(self.ended.get(other) for other in needed)
        ]
        free = [task for task in ready if task in self.phase.unattended]
        room = self.phase.max_parallel - len(self.under_way - self.phase.unattended)
        return free + [task for task in ready if task not in self.phase.unattended][:room]

    def start(self, tasks: list[int]) -> None:
        self.under_way.update(tasks)

    def finish(self, task: int) -> list[int]:
        """End a task, and return the tasks that can never start because of it."""
        self.under_way.discard(task)
        self.ended[task] = task not in self.phase.failing
        if self.ended[task]:
            return []
        lost = [t for t, needed in enumerate(below(self.phase.graph)) if task in needed and t not in self.skipped]
        self.skipped.update(lost)
        return lost

    def done(self) -> bool:
        return not self.under_way and not self.startable()


def live(phase: Phase, scheduler: PhaseScheduler, world: World, steps: int | None = None) -> list[list[int]]:
    """Run both, to the end or for some steps, and compare them at each step. Returns which tasks started when."""
    started: list[list[int]] = []
    for pick in phase.order[:steps]:
        assert scheduler.done == world.done()
        expected = world.startable()
        assert scheduler.take() == expected
        world.start(expected)
        started.append(expected)
        assert len(world.under_way - phase.unattended) <= phase.max_parallel
        if not world.under_way:
            break
        assert not scheduler.done
        task = sorted(world.under_way)[pick % len(world.under_way)]
        assert scheduler.finish(task, succeeded=task not in phase.failing) == world.finish(task)
        assert scheduler.failed == (False in world.ended.values())
    return started


@given(phases())
def test_tasks_start_once_in_order_after_their_dependencies_and_within_the_limit(phase: Phase) -> None:
    scheduler, world = phase.scheduler(), World(phase)
    started = [task for batch in live(phase, scheduler, world) for task in batch]
    assert scheduler.done
    assert scheduler.take() == []
    assert len(set(started)) == len(started)
    assert set(started) == set(world.ended)
    reached = {task for task, needed in enumerate(below(phase.graph)) if not needed & phase.failing}
    if not phase.failing:
        assert set(started) == set(range(len(phase.graph)))
    if not phase.stop_at_first_failure:
        assert set(started) == reached
        assert world.skipped == set(range(len(phase.graph))) - reached


@given(phases())
def test_same_calls_give_the_same_answers(phase: Phase) -> None:
    assert live(phase, phase.scheduler(), World(phase)) == live(phase, phase.scheduler(), World(phase))


@given(phases(), st.data())
def test_restored_scheduler_goes_on_as_if_it_had_lived_through_it(phase: Phase, data: st.DataObject) -> None:
    """Tasks in progress at the change start again. Everything else is as in a scheduler that never stopped."""
    world = World(phase)
    live(phase, phase.scheduler(), world, steps=data.draw(st.integers(0, len(phase.graph))))
    world.under_way.clear()
    known = data.draw(st.sets(st.sampled_from(sorted(world.skipped)))) if world.skipped else set[int]()
    restored = phase.scheduler()
    missing = restored.restore(world.ended | dict.fromkeys(known, False))
    assert sorted(missing) == sorted(world.skipped - known)
    assert len(set(missing)) == len(missing)
    assert restored.failed == (False in world.ended.values())
    live(phase, restored, world)


def test_restoring_nothing_changes_nothing() -> None:
    scheduler = PhaseScheduler([[], [0]], max_parallel=1)
    assert scheduler.restore({}) == []
    assert scheduler.take() == [0]


def test_one_who_waits_for_a_person_takes_no_place() -> None:
    scheduler = PhaseScheduler([[], [], []], max_parallel=1, unattended=[0, 2])
    assert scheduler.take() == [0, 2, 1]
    assert scheduler.take() == []
    scheduler.finish(0, succeeded=True)
    assert not scheduler.done
    scheduler.finish(1, succeeded=True)
    scheduler.finish(2, succeeded=True)
    assert scheduler.done


def test_a_task_skipped_by_two_failures_is_reported_once() -> None:
    scheduler = PhaseScheduler([[], [], [0, 1], [2]], max_parallel=2)
    assert scheduler.take() == [0, 1]
    assert scheduler.finish(1, succeeded=False) == [2, 3]
    assert scheduler.finish(0, succeeded=False) == []
    assert scheduler.done


def test_a_dependency_named_twice_counts_once() -> None:
    scheduler = PhaseScheduler([[], [], [0, 0, 1]], max_parallel=2)
    assert scheduler.take() == [0, 1]
    scheduler.finish(0, succeeded=True)
    assert scheduler.take() == []
    scheduler.finish(1, succeeded=True)
    assert scheduler.take() == [2]


def wide(size: int) -> Graph:
    return [[] for _ in range(size)]


def chain(size: int) -> Graph:
    return [[task - 1] if task else [] for task in range(size)]


def layers(size: int) -> Graph:
    return [list(range(task // 10 * 10 - 10, task // 10 * 10)) if task >= 10 else [] for task in range(size)]


@pytest.mark.parametrize("shape", [wide, chain, layers])
def test_ten_thousand_tasks_take_an_effort_that_grows_with_them_and_no_faster(shape: object) -> None:
    assert callable(shape)

    def run(graph: Graph) -> None:
        scheduler = PhaseScheduler(graph, max_parallel=50)
        under_way = scheduler.take()
        ended = 0
        for task in under_way:
            scheduler.finish(task, succeeded=True)
            under_way += scheduler.take()
            ended += 1
        assert ended == len(graph)
        assert scheduler.done
        again = PhaseScheduler(graph, max_parallel=50)
        again.restore(dict.fromkeys(range(ended), True))
        assert again.done

    def effort(size: int) -> int:
        graph = shape(size)
        return lines_executed(lambda: run(graph), "workflows/scheduler.py", "app/domain/graph.py")

    assert effort(10_000) < 15 * effort(1_000)


@pytest.mark.parametrize("conditional", [False, True])
def test_a_task_that_is_in_progress_is_not_handed_out_again_after_an_edit(*, conditional: bool) -> None:
    scheduler = PhaseScheduler([[], [0], [1]], max_parallel=5, conditional=conditional)
    scheduler.adopt(1)
    assert scheduler.restore({0: True}) == []
    assert scheduler.take() == []
    assert scheduler.finish(1, succeeded=True) == []
    assert scheduler.take() == [2]
