import time, asyncio
import tests.api.test_call_table as t
from tests.api.conftest import begin_planning
import pytest
async def test_timing(patient):
    for sit in ("pending, planning","completed, planning","pending, planning again"):
        make,_=t.TABLE[sit]
        async def one(call):
            a=time.monotonic(); p=await make(patient); b=time.monotonic(); o=await t.outcome(patient,p,call); c=time.monotonic()
            r=await patient.http.delete(f"/api/projects/{p}"); d=time.monotonic()
            print(sit,call,f"make {b-a:.2f} call {c-b:.2f} delete {d-c:.2f} {r.status_code} {r.text[:100]}", o)
        await asyncio.gather(*(one(c) for c in t.CALLS))
