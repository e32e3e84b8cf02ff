"""The app's sealer. It signs new events in each record, in order and soon after they arrive, or at once if an answer waits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack

from app.database.database import Database
from app.domain.errors import Unavailable
from app.domain.seals import Head, Seal
from app.domain.signing import KeyRing
from app.sealing.advance import Place, Step, advance, bury
from app.sealing.heads import HeadsLog
from app.sealing.keys import Keys
from app.storage import seals
from app.storage.live_log import LOOK_BACK

logger = logging.getLogger(__name__)
# How long events wait to be sealed together with others: a seal costs two disk writes.
GATHER_SECONDS = 0.25
# How many projects are sealed at once. Whoever waits for one of them waits for all.
TOGETHER = 16
# How often all projects are checked for events that were missed while the database was unavailable.
SWEEP_SECONDS = 10.0


class Sealer:
    """Seals events that are not sealed yet.

    Args:
        database: the app's database.
        keys: the key that signs, and the keys that are trusted.
        heads: the file in which every seal is published.
        signals_by_hand: whether signals sent directly through Temporal may decide.
    """

    def __init__(self, database: Database, keys: Keys, heads: HeadsLog, *, signals_by_hand: bool = False) -> None:
        self.keys = keys
        self._database = database
        self._heads = heads
        self._signals_by_hand = signals_by_hand
        self._publishing = asyncio.Lock()
        self._projects: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._refused: dict[str, str] = {}
        self._urgent: set[asyncio.Task[Seal | None]] = set()
        self._position = 0
        self._started = False
        self._caught_up = False

    @property
    def ring(self) -> KeyRing:
        """The keys whose seals are valid."""
        return self.keys.ring

    @property
    def damage(self) -> str | None:
        """What is wrong with the file of heads, or None."""
        return self._heads.damage

    @property
    def heads(self) -> dict[str, Head]:
        """The newest published head of each project."""
        return self._heads.heads

    def refusal(self, project_id: str) -> str | None:
        """Return why no more of a project can be sealed, or None if nothing prevents it."""
        return self._refused.get(project_id)

    async def start(self) -> None:
        """Read what was published. At the very first start, record the state of every project."""
        await asyncio.to_thread(self._heads.refresh)
        if not self._heads.began:
            sealed = await self._database.read(seals.exist)
            places = [] if sealed else await self._database.read(seals.heads)
            await asyncio.to_thread(self._heads.begin, places)
        self._position = await self._database.read(seals.newest_position)
        self._started = True

    async def seal_periodically(self) -> None:
        """Seal new events until cancelled."""
        swept = 0.0
        with self._database.feed.subscribe() as changes:
            while True:
                try:
                    if not self._started:
                        await self.start()
                    if not self._caught_up:
                        await self._catch_up()
                        self._caught_up = True
                    if time.monotonic() - swept > SWEEP_SECONDS:
                        swept = time.monotonic()
                        await self._seal_all(await self._database.read(seals.unsealed_projects))
                    await self._seal_all(await self._touched())
                    await self._bury_all()
                except Unavailable:
                    await asyncio.sleep(GATHER_SECONDS)
                except Exception:
                    logger.exception("sealing failed")
                await asyncio.sleep(GATHER_SECONDS)
                await changes.wait(SWEEP_SECONDS)

    async def _catch_up(self) -> None:
        """Publish seals that were committed but not published, because an app was killed in between."""
        newest = await self._database.read(seals.newest_of_all)
        stones = await self._database.read(seals.tombstones_of_all)
        for project_id, seal in newest.items():
            head = self.heads.get(project_id)
            if seal is not None and (head is None or head.number < seal.number):
                await self.seal(project_id)
        for project_id, stone in stones.items():
            head = self.heads.get(project_id)
            known = head is not None and head.deleted
            if stone is not None and stone.deleted and not known and stone.is_signed_by(self.ring):
                await self._publish([stone])

    async def seal(self, project_id: str) -> Seal | None:
        """Seal everything new in a project, and return its newest seal, or None if it has none.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._projects[project_id]:
            newest: Seal | None = None
            more = True
            while more:
                step = await self._advance(project_id)
                await self._publish(step.seals)
                self._note(project_id, step.refused)
                newest = step.seals[-1] if step.seals else newest
                more = step.more
        return newest or await self._database.read(lambda conn: seals.newest(conn, project_id))

    async def _advance(self, project_id: str) -> Step:
        """Take one step. The caller holds the project's lock, and publishes the seals."""
        place = Place(self._heads.heads.get(project_id), self._heads.before.get(project_id))
        return await self._database.transact(
            lambda conn: advance(
                conn, project_id, place, self.keys.signer, self.ring, signals_by_hand=self._signals_by_hand
            )
        )

    async def seal_within(self, project_id: str, seconds: float) -> Seal | None:
        """Do the same as `seal`, but never raise an error and never wait longer than `seconds`.

        Returns:
            The newest seal, which covers everything recorded before this call. None if that is not sealed in time; the log then
            has the reason, and sealing continues in the background.
        """
        sealing = asyncio.create_task(self.seal(project_id), name=f"seal {project_id}")
        self._urgent.add(sealing)
        sealing.add_done_callback(self._done)
        await asyncio.wait({sealing}, timeout=seconds)
        if not sealing.done():
            logger.warning("the record of project %s was not sealed within %g s", project_id, seconds)
            return None
        error = sealing.exception()
        if error is not None:
            logger.warning("the record of project %s could not be sealed: %s", project_id, error)
            return None
        return None if self.refusal(project_id) is not None else sealing.result()

    def _done(self, sealing: asyncio.Task[Seal | None]) -> None:
        self._urgent.discard(sealing)
        # Retrieve the error, so that asyncio does not report it. Whoever waits for it has read it, or has left.
        if not sealing.cancelled():
            sealing.exception()

    async def _publish(self, made: list[Seal]) -> None:
        if not made:
            return
        for seal in made:
            if seal.contradicts is not None:
                logger.error("the record of project %s contradicts what was published before", seal.project_id)
        # Flush the database first: a published head must never be ahead of what is on the disk.
        await self._database.flush()
        async with self._publishing:
            await asyncio.to_thread(self._heads.append, made)

    def _note(self, project_id: str, refused: str | None) -> None:
        if refused is None:
            self._refused.pop(project_id, None)
        elif self._refused.get(project_id) != refused:
            self._refused[project_id] = refused
            logger.error("the record of project %s cannot be sealed: %s", project_id, refused)

    async def _touched(self) -> list[str]:
        """Return the projects with events that no published seal covers.

        Most of the events in the look-back range are already sealed. Another seal for them would be a wasted write.
        """

        def read(conn: seals.Connection) -> tuple[dict[str, int], int]:
            return seals.touched_since(conn, self._position, look_back=LOOK_BACK)

        touched, self._position = await self._database.read(read)
        return [project_id for project_id, seq in touched.items() if seq > self._sealed_up_to(project_id)]

    def _sealed_up_to(self, project_id: str) -> int:
        head = self.heads.get(project_id)
        return head.seq if head is not None else 0

    async def _seal_all(self, project_ids: Iterable[str]) -> None:
        waiting = list(project_ids)
        for first in range(0, len(waiting), TOGETHER):
            await self._seal_together(waiting[first : first + TOGETHER])

    async def _seal_together(self, project_ids: Sequence[str]) -> None:
        """Seal new events of several projects. Their steps share commits, and their seals one publication.

        Raises:
            Unavailable: the database does not answer.
        """
        async with AsyncExitStack() as held:
            # In order, so that nobody waits in a circle.
            for project_id in sorted(project_ids):
                await held.enter_async_context(self._projects[project_id])
            results = await asyncio.gather(*map(self._advance, project_ids), return_exceptions=True)
            steps = {
                project_id: result
                for project_id, result in zip(project_ids, results, strict=True)
                if not isinstance(result, BaseException)
            }
            await self._publish([seal for step in steps.values() for seal in step.seals])
            for project_id, step in steps.items():
                self._note(project_id, step.refused)
        for failed in results:
            if isinstance(failed, BaseException):
                raise failed
        for project_id, step in steps.items():
            if step.more:
                await self.seal(project_id)

    async def _bury_all(self) -> None:
        for row in await self._database.read(seals.unsealed_tombstones):
            async with self._projects[row.project_id]:
                place = Place(self._heads.heads.get(row.project_id), None)
                seal = await self._database.transact(
                    lambda conn, row=row, place=place: bury(conn, row.project_id, place, self.keys.signer, self.ring)
                )
                await self._publish([seal] if seal is not None else [])
