"""Every column of every table is checked by the audit, or there is a reason why not."""

from __future__ import annotations

from app.domain.coverage import CHECKED, UNCHECKED, UNCHECKED_TABLES
from app.storage.tables import metadata


def test_every_column_is_on_one_of_the_two_lists() -> None:
    for table in metadata.sorted_tables:
        if table.name in UNCHECKED_TABLES:
            assert table.name not in CHECKED
            continue
        checked, unchecked = set(CHECKED.get(table.name, {})), set(UNCHECKED.get(table.name, {}))
        assert not checked & unchecked, table.name
        columns = {column.name for column in table.columns}
        assert checked | unchecked == columns, f"{table.name}: {columns ^ (checked | unchecked)}"


def test_the_lists_name_no_table_that_is_gone() -> None:
    assert {*CHECKED, *UNCHECKED, *UNCHECKED_TABLES} == {table.name for table in metadata.sorted_tables}
