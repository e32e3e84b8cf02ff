"""The files of the web page, as browsers receive them."""

from __future__ import annotations

import gzip
import re

import pytest

from tests.conftest import Stack


@pytest.mark.parametrize("path", ["/", "/new", "/projects/proj_x", "/projects/proj_x/graph"])
async def test_the_page_stands_at_each_of_its_addresses(signoff: Stack, path: str) -> None:
    answer = await signoff.http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "//" not in re.sub(r"<!--.*?-->", "", answer.text), "something comes from elsewhere"
    assert (await signoff.http.head(path)).status_code == 200


async def test_what_the_page_loads_is_small_and_may_be_kept(signoff: Stack) -> None:
    page = (await signoff.http.get("/")).text
    names = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)
    assert any(name.endswith(".js") for name in names)
    assert any(name.endswith(".css") for name in names)
    size = len(page)
    for name in names:
        async with signoff.http.stream("GET", name, headers={"Accept-Encoding": "gzip"}) as answer:
            sent = b"".join([chunk async for chunk in answer.aiter_raw()])
        is_zipped = answer.headers.get("content-encoding") == "gzip"
        assert is_zipped or len(sent) < 512
        assert answer.headers["vary"] == "Accept-Encoding"
        assert "immutable" in answer.headers["cache-control"]
        plain = await signoff.http.get(name, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert (gzip.decompress(sent) if is_zipped else sent) == plain.content
        again = await signoff.http.get(name, headers={"If-None-Match": plain.headers["etag"]})
        assert again.status_code == 304
        assert again.content == b""
        size += len(sent)
    assert size < 300_000


@pytest.mark.parametrize("path", ["/assets/nothing.js", "/assets/..%2findex.html", "/assets/%2e%2e/serving.py"])
async def test_nothing_else_is_served(signoff: Stack, path: str) -> None:
    answer = await signoff.http.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
