"""asv's pages without a network: every remote file is served from the published folder."""

import re
from importlib.resources import files

import pytest

from convbench.asv.offline import VENDOR, localize, make_offline


@pytest.fixture
def page() -> str:
    """Asv's own page, of the version that is installed."""
    return (files("asv") / "www" / "index.html").read_text(encoding="utf-8")


def loaded(page: str) -> list[str]:
    tags = re.findall(r"<(?:script|link)\b[^>]*>", page)
    found = [re.search(r'\b(?:src|href)="([^"]*)"', tag) for tag in tags]
    return [match[1] for match in found if match]


def test_no_script_or_style_is_remote_any_more(page, tmp_path) -> None:
    assert any(url.startswith("https://") for url in loaded(page))
    index = tmp_path / "index.html"
    index.write_text(page, encoding="utf-8")
    make_offline(tmp_path)
    urls = loaded(index.read_text(encoding="utf-8"))
    assert not [url for url in urls if "//" in url]
    vendored = [url for url in urls if url.startswith("vendor/")]
    assert len(vendored) == 10
    assert all((tmp_path / url).is_file() for url in vendored)


def test_each_vendored_file_has_its_licence_beside_it() -> None:
    for folder in VENDOR.iterdir():
        texts = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
        assert re.search("MIT license|The MIT License|Permission is hereby granted", texts)


def test_a_file_that_is_not_vendored_is_named() -> None:
    with pytest.raises(ValueError, match=r"loads novel\.min\.js, which .* does not hold"):
        localize('<script src="https://cdn.example/novel.min.js"></script>')


def test_a_page_laid_out_otherwise_is_refused() -> None:
    with pytest.raises(ValueError, match="loads no remote script"):
        localize("<html></html>")
