"""Attempts of a run whose outcomes are being recorded at the same time are reported together."""

from __future__ import annotations

import asyncio

from activities.reporting import Reporting


async def test_a_report_waits_for_those_that_are_being_recorded() -> None:
    reporting, order = Reporting(), list[str]()

    async def report() -> None:
        await reporting.wait("run")
        order.append("reported")

    with reporting.recording("run"):
        with reporting.recording("run"):
            waiting = asyncio.create_task(report())
            await asyncio.sleep(0)  # why: the other task runs up to its wait
        await asyncio.sleep(0)  # why: the other task runs up to its wait
        order.append("recorded")
    await waiting
    assert order == ["recorded", "reported"]


async def test_a_report_does_not_wait_for_other_runs_or_for_nothing() -> None:
    reporting = Reporting()
    await reporting.wait("run")
    with reporting.recording("other"):
        waiting = asyncio.create_task(reporting.wait("run"))
        await asyncio.sleep(0)  # why: the other task runs up to its wait
        assert waiting.done()


async def test_a_report_does_not_wait_for_a_database_that_is_away() -> None:
    reporting = Reporting()
    with reporting.recording("run"):
        await reporting.wait("run")


async def test_a_cancel_ends_the_wait_and_not_the_report() -> None:
    reporting = Reporting()
    with reporting.recording("run"):
        waiting = asyncio.create_task(reporting.wait("run"))
        await asyncio.sleep(0)  # why: the other task runs up to its wait
        waiting.cancel()
        await waiting
    assert not waiting.cancelled()


async def test_an_outcome_that_cannot_be_recorded_is_not_waited_for() -> None:
    reporting = Reporting()
    try:
        with reporting.recording("run"):
            raise ValueError
    except ValueError:
        await reporting.wait("run")
    with reporting.recording("run"):
        waiting = asyncio.create_task(reporting.wait("run"))
        await asyncio.sleep(0)  # why: the other task runs up to its wait
        assert not waiting.done()
    await waiting
