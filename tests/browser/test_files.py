"""The Files tab: listing, previewing, uploading and downloading files."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Signoff

HOSTILE = """\
# Result

A **bold** claim. [site](https://site.example/) [table](data/table.csv) [bad](javascript:document.title='hacked')

<img src=x onerror="document.title='hacked'"><script>document.title = 'hacked'</script>

![spy](https://spy.example/pixel.png)

<svg onload="document.title='hacked'"><style>body { display: none }</style></svg>
"""
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63f8cfc0f01f00050001ff56c72f0d0000000049454e44ae426082"
)


def _payload(name: str, content: bytes) -> FilePayload:
    return FilePayload(name=name, mimeType="application/octet-stream", buffer=content)


def _upload(signoff: Signoff, project_id: str, path: str, content: bytes) -> None:
    files, data = {"file": ("file", content)}, {"path": path}
    signoff.api.post(f"/api/projects/{project_id}/files/upload", files=files, data=data).raise_for_status()


@pytest.fixture(scope="module")
def project_id(signoff: Signoff) -> str:
    project_id = signoff.create("Files", "")
    many = "name,orders\n" + "".join(f'"Row, {number}",{number}\n' for number in range(1500))
    for path, content in {
        "README.md": HOSTILE.encode(),
        "data/table.csv": many.encode(),
        "data/a.json": b'{"big":12345678901234567890,"list":[1,2]}',
        "data/blob.bin": bytes(range(256)) * 8,
        "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "long.txt": b"".join(b"line %d\n" % number for number in range(200_000)),
    }.items():
        _upload(signoff, project_id, path, content)
    return project_id


def test_markdown_is_harmless(page: Page, project_id: str) -> None:
    page.goto(f"/projects/{project_id}/files")
    page.get_by_role("link", name="README.md").click()
    preview = page.get_by_role("region", name="Preview")
    expect(preview.get_by_role("heading", name="Result")).to_be_visible()
    # Remote images are named, not loaded: a request to another host would fail the test.
    expect(preview).to_contain_text("[spy: https://spy.example/pixel.png]")
    assert (
        preview.evaluate("section => section.querySelectorAll('img, script, svg, style, [onerror], [onload]').length")
        == 0
    )
    assert "hacked" not in page.title()
    assert preview.get_by_role("link", name="site").get_attribute("rel") == "noopener noreferrer"
    assert preview.get_by_text("bad", exact=True).get_attribute("href") is None
    preview.get_by_role("button", name="Source").click()
    expect(preview).to_contain_text("onerror=\"document.title='hacked'\"")
    preview.get_by_role("button", name="Rendered").click()
    preview.get_by_role("link", name="table").click()
    expect(page.get_by_role("heading", name="data/table.csv")).to_be_visible()


def test_each_kind_of_file_has_its_own_preview(page: Page, project_id: str) -> None:
    preview = page.get_by_role("region", name="Preview")
    page.goto(f"/projects/{project_id}/files?path=data/table.csv")
    expect(preview.get_by_role("columnheader")).to_have_text(["name", "orders"])
    expect(preview.get_by_role("cell", name="Row, 7", exact=True)).to_be_visible()
    expect(preview).to_contain_text("Showing the first 1,000 rows.")
    page.get_by_role("link", name="a.json").click()
    expect(preview).to_contain_text('"big": 12345678901234567890,')
    page.get_by_role("link", name="blob.bin").click()
    expect(preview).to_contain_text("Binary file")
    page.get_by_role("link", name="picture.svg").click()
    expect(preview).to_contain_text("<script>alert(1)</script>")
    page.get_by_role("link", name="long.txt").click()
    expect(preview).to_contain_text("Showing the first 1.0 MB of 2.3 MB.")
    expect(preview.get_by_text("line 0", exact=True)).to_be_visible()


def test_files_are_filtered_and_downloaded(page: Page, project_id: str) -> None:
    page.goto(f"/projects/{project_id}/files")
    page.get_by_role("searchbox", name="Filter files").fill("data JSON")
    expect(page.get_by_role("link", name="a.json")).to_be_visible()
    expect(page.get_by_role("link", name="README.md")).to_have_count(0)
    page.get_by_role("link", name="a.json").click()
    with page.expect_download() as download:
        page.get_by_role("region", name="Preview").get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "a.json"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all").click()
    assert download.value.suggested_filename.endswith(".zip")


def test_an_upload_asks_before_it_overwrites(page: Page, signoff: Signoff, tmp_path: Path) -> None:
    project_id = signoff.create("Upload", "")
    page.goto(f"/projects/{project_id}/files")
    expect(page.get_by_role("heading", name="There are no files yet")).to_be_visible()
    button = page.get_by_label("Upload files")
    button.set_input_files([_payload("notes.txt", b"first"), _payload("pixel.png", PIXEL)])
    page.get_by_role("link", name="notes.txt").click()
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("first")
    for answer, content in (("Cancel", "first"), ("Overwrite", "second")):
        button.set_input_files(_payload("notes.txt", b"second"))
        page.get_by_role("dialog", name="Overwrite the file?").get_by_role("button", name=answer).click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(preview.get_by_text(content, exact=True)).to_be_visible()
    page.get_by_role("link", name="pixel.png").click()
    expect(preview.get_by_role("img")).to_have_js_property("naturalWidth", 1)


def test_files_appear_as_tasks_make_them(page: Page, signoff: Signoff) -> None:
    project_id = signoff.planned("Made", "- Write it: `echo made > made.txt` {files=made.txt}")
    page.goto(f"/projects/{project_id}/files")
    expect(page.get_by_role("heading", name="There are no files yet")).to_be_visible()
    signoff.api.post(f"/api/projects/{project_id}/approve", json={}).raise_for_status()
    row = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="made.txt"))
    expect(row).to_be_visible()
    row.get_by_role("link", name="Write it").click()
    expect(page.get_by_role("dialog", name="Write it")).to_be_visible()


def test_the_files_are_accessible(page: Page, project_id: str) -> None:
    page.goto(f"/projects/{project_id}/files?path=data/table.csv")
    expect(page.get_by_role("region", name="Preview").get_by_role("columnheader").first).to_be_visible()
    assert violations_in_both_themes(page) == []


PAGE = """<!doctype html><style>p { color: rgb(1, 2, 3) }</style><p>Written by a task</p>
<script>top.document.title = "hacked"; document.body.textContent = "hacked"</script><img src="https://spy.example/pixel.png">
"""


def test_a_web_page_is_shown_and_can_do_nothing(browser: Browser, signoff: Signoff) -> None:
    project_id = signoff.create("A web page", "")
    _upload(signoff, project_id, "report.html", PAGE.encode())
    # Not the page of the fixture, which would fail: the browser reports what it blocks.
    page = browser.new_page(base_url=signoff.url)
    outside: list[str] = []
    page.on("response", lambda answer: outside.append(answer.url) if not answer.url.startswith(signoff.url) else None)
    page.goto(f"/projects/{project_id}/files?path=report.html")
    frame = page.frame_locator("iframe[title='report.html']")
    expect(frame.get_by_text("Written by a task")).to_have_css("color", "rgb(1, 2, 3)")
    assert "hacked" not in page.title()
    page.get_by_role("region", name="Preview").get_by_role("button", name="Source").click()
    expect(page.get_by_text("Written by a task")).to_be_visible()
    assert outside == []
    page.close()


def test_a_finished_project_opens_with_its_results(page: Page, signoff: Signoff) -> None:
    plan = "- Count: `echo 7 > count.txt` {#count}\n- Report: `echo '# Seven' > report.md` {#report files=report.md}\n"
    project_id = signoff.finished("Results first", plan)
    page.goto(f"/projects/{project_id}")
    results = page.get_by_role("region", name="Results")
    expect(results.get_by_role("heading", name="Seven")).to_be_visible()
    row = results.get_by_role("listitem").filter(has=page.get_by_role("link", name="report.md", exact=True))
    expect(row).to_contain_text("created by Report")
    results.get_by_role("link", name="count.txt", exact=True).click()
    expect(results.get_by_text("7", exact=True)).to_be_visible()
    row.get_by_role("link", name="Report", exact=True).click()
    panel = page.get_by_role("dialog", name="Report")
    expect(panel.get_by_role("link", name="Download report.md")).to_be_visible()
    panel.get_by_role("button", name="Close").click()
    task = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Report"))
    task.get_by_role("link", name="report.md").click()
    expect(page.get_by_role("heading", name="report.md")).to_be_visible()


def test_a_task_lists_the_files_that_it_lacks(page: Page, signoff: Signoff) -> None:
    project_id = signoff.finished("Lacking", "- Report: `true` {#report files=report.md}\n")
    page.goto(f"/projects/{project_id}?task=report")
    panel = page.get_by_role("dialog", name="Report")
    expect(panel.get_by_role("listitem").filter(has_text="report.md")).to_contain_text("was not created")
