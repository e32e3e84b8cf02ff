"""Single phases of plan versions, checked against the digest of the whole plan.

To check a plan of thousands of tasks takes a second, and a run asks for it with each of its phases. The result depends on the
stored content alone, so content that was checked before is only compared.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Mapping
from typing import Any, cast

from app.domain.parameters import Parameter
from app.domain.plan import PhaseDraft, PlanDraft
from app.storage import plans
from app.storage.plan_versions import PlanRow
from signoff.schemas.json_value import JsonObject

_MAX_CHECKED = 1_000
# Hashes of contents that match their digests.
_checked: set[bytes] = set()


def verified_phase(row: PlanRow, position: int) -> tuple[PhaseDraft, Mapping[str, Parameter]]:
    """Return the draft of a phase of a stored version, and the parameters of that version.

    Raises:
        Conflict: `plan_altered`: the stored text differs from what was approved.
    """
    stored: Any = (row.digest, row.draft, row.settings)
    content = hashlib.sha256(marshal.dumps(stored, 0)).digest()
    if content not in _checked or row.draft is None:
        draft = plans.verified_draft(row)
        if len(_checked) >= _MAX_CHECKED:
            _checked.clear()
        _checked.add(content)
        return draft.phases[position], draft.parameters
    phases = cast("list[JsonObject]", row.draft["phases"])
    only = PlanDraft.model_validate({**row.draft, "phases": [phases[position]]})
    return only.phases[0], only.parameters
