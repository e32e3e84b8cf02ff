"""The log of an attempt: its limit, its secrets, and what a task may have planted in its place."""

import os
from pathlib import Path

import pytest

from activities.actions.attempt_log import CUT_LINE, MAX_LOG_BYTES, TAIL_BYTES, AttemptLog
from activities.actions.masking import Masker
from app.domain.actions import TaskFailed


def written(workspace: Path, pieces: list[bytes], secrets: list[str]) -> tuple[bytes, str]:
    log = AttemptLog(workspace, "task", 1, Masker(secrets))
    for piece in pieces:
        log.write(piece)
    tail = log.tail()
    log.close()
    content = log.path.read_bytes()
    assert log.size == len(content)
    return content, tail


def test_what_is_written_lands_in_the_attempts_file(tmp_path: Path) -> None:
    content, tail = written(tmp_path, [b"one\n", b"two\n"], [])
    assert content == (tmp_path / ".signoff/attempts/task/1/log").read_bytes() == b"one\ntwo\n"
    assert tail == "one\ntwo"


def test_a_secret_is_masked_wherever_it_is_split(tmp_path: Path) -> None:
    text = b"a s3cr3t b s3cr3t"
    for cut in range(len(text)):
        for second in range(cut, len(text)):
            pieces = [text[:cut], text[cut:second], text[second:]]
            assert written(tmp_path, pieces, ["s3cr3t"]) == (b"a *** b ***", "a *** b ***")


def test_of_secrets_that_begin_alike_the_longer_wins(tmp_path: Path) -> None:
    for cut in range(12):
        text = b"x abcdef abcd"
        assert written(tmp_path, [text[:cut], text[cut:]], ["abc", "abcdef"])[0] == b"x *** ***d"


def test_what_only_begins_like_a_secret_is_kept(tmp_path: Path) -> None:
    content, tail = written(tmp_path, [b"s3c", b"ond s3cr"], ["s3cr3t"])
    assert content == b"s3cond s3cr"
    assert tail == "s3cond s3cr"


def test_only_what_may_be_a_secret_is_held_back(tmp_path: Path) -> None:
    log = AttemptLog(tmp_path, "task", 1, Masker(["s3cr3t"]))
    log.write(b"progress 10 %\ns3")
    assert log.path.read_bytes() == b"progress 10 %\n"
    log.close()


def test_the_file_is_cut_and_the_tail_goes_on(tmp_path: Path) -> None:
    block = b"x" * 1023 + b"\n"
    content, tail = written(tmp_path, [block] * (MAX_LOG_BYTES // 1024 + 100) + [b"the end\n"], [])
    assert content[:MAX_LOG_BYTES] == block * (MAX_LOG_BYTES // 1024)
    assert content[MAX_LOG_BYTES:] == CUT_LINE
    assert tail.endswith("the end")
    assert len(tail) == TAIL_BYTES - 1


def test_a_tail_cut_through_a_character_is_still_text(tmp_path: Path) -> None:
    _, tail = written(tmp_path, ["é".encode() * 100_000, b"x"], [])
    assert set(tail) == {"é", "x"}


def test_no_text_at_all_is_made_readable(tmp_path: Path) -> None:
    assert written(tmp_path, [b"a\0b\xff\xfec\r\n"], [])[1] == "a\ufffdb\ufffd\ufffdc"


def test_outputs_are_masked_at_any_depth(tmp_path: Path) -> None:
    log = AttemptLog(tmp_path, "task", 1, Masker(["s3cr3t"]))
    assert log.mask({"a": ["x s3cr3t", 1, None], "s3cr3t": {"b": True}}) == {
        "a": ["x ***", 1, None],
        "***": {"b": True},
    }
    log.close()


def test_a_link_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    workspace, outside = tmp_path / "workspace", tmp_path / "outside"
    workspace.mkdir()
    outside.mkdir()
    (workspace / ".signoff").symlink_to(outside)
    with pytest.raises(TaskFailed, match="cannot store its files") as caught:
        AttemptLog(workspace, "task", 1)
    assert caught.value.kind == "unsafe_workspace"
    assert not list(outside.iterdir())


@pytest.mark.parametrize("plant", ["link", "fifo", "hard link"])
def test_what_was_planted_as_the_file_is_replaced(tmp_path: Path, plant: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    place = tmp_path / "workspace/.signoff/attempts/task/1/log"
    place.parent.mkdir(parents=True)
    {
        "link": lambda: place.symlink_to(victim),
        "fifo": lambda: os.mkfifo(place),
        "hard link": lambda: place.hardlink_to(victim),
    }[plant]()
    assert written(tmp_path / "workspace", [b"text"], [])[0] == b"text"
    assert victim.read_text() == "precious"


def test_the_folder_hides_itself_from_git(tmp_path: Path) -> None:
    AttemptLog(tmp_path, "task_1", 1).close()
    assert (tmp_path / ".signoff" / ".gitignore").read_text() == "*\n"
