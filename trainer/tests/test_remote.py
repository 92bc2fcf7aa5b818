"""Manifests whose images are elsewhere."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from trainer import addresses
from trainer.addresses import AddressError
from trainer.errors import DataError, TemporaryError
from trainer.remote import Access
from trainer.sources import open_source
from trainer.storage import locked

if TYPE_CHECKING:
    from pathlib import Path

    from http_server import Server

pytestmark = pytest.mark.usefixtures("no_waits")


def test_images_of_a_local_manifest(server: Server, tmp_path: Path) -> None:
    (tmp_path / "near.png").write_bytes(b"near")
    far, again = server.add("/far.png", b"far"), server.url("/far.png")
    sha256 = hashlib.sha256(b"near").hexdigest()
    text = f"path,url,label,sha256\n,{far},cat,\nnear.png,,dog,{sha256}\n,{again},cat,\n"
    assert loaded(tmp_path, text) == [b"far", b"near", b"far"]
    assert len(server.requests) == 1


def test_images_of_a_manifest_at_a_url(server: Server, tmp_path: Path) -> None:
    server.add("/pets/1%20a.png", b"one")
    url = server.add("/pets/m.jsonl", b'{"path": "1 a.png", "label": "cat"}')
    source = open_source(url, Access(tmp_path, allow_private=True))
    assert [(item.label, item.load()) for item in source.items] == [("cat", b"one")]


def test_private_addresses_need_permission(server: Server, tmp_path: Path) -> None:
    far = server.add("/far.png", b"far")
    with pytest.raises(DataError, match=r"m\.csv line 2: .*--allow-private"):
        loaded(tmp_path, f"url,label\n{far},cat", allow_private=False)
    with pytest.raises(AddressError, match="--allow-private"):
        open_source(server.add("/m.csv", b""), Access(tmp_path))
    assert not server.requests


def test_public_manifest_never_leads_to_a_private_address(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: str(address) == "127.0.0.1")
    secret = server.url("/secret", host="127.0.0.2")
    url = server.add("/m.csv", f"url,label\n{secret},cat".encode())
    source = open_source(url, Access(tmp_path, allow_private=True))
    with pytest.raises(DataError, match=r"127\.0\.0\.2 is no public address"):
        list(source.items)
    moved = server.add("/moved.csv", lambda handler: handler.send(302, b"", Location=secret))
    with pytest.raises(AddressError):
        open_source(moved, Access(tmp_path, allow_private=True))
    assert "/secret" not in [path for path, _ in server.requests]


def test_missing_images_are_counted_and_the_first_is_named(server: Server, tmp_path: Path) -> None:
    urls = [server.add("/1", b"one"), server.url("/2?token=secret"), server.url("/3")]
    text = "url,label\n" + "".join(f"{url},cat\n" for url in urls)
    with pytest.raises(DataError, match=r"m\.csv line 3: .*/2: .*404.*2 of 3 images") as caught:
        loaded(tmp_path, text)
    assert "secret" not in str(caught.value)


def test_failing_server_ends_it_at_once(server: Server, tmp_path: Path) -> None:
    url = server.add("/1", 500)
    with pytest.raises(TemporaryError, match=r"m\.csv line 2: .*500"):
        loaded(tmp_path, f"url,label\n{url},cat")


def test_missing_local_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"m\.csv line 2: there is no a\.png; 2 of 2"):
        loaded(tmp_path, "path,label\na.png,cat\nb.png,dog")


def test_local_paths_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for path in ("a", "x" * 300, "x/" * 2000):
        with pytest.raises(DataError, match=r"m\.csv line 2: there is no .*; 1 of 1"):
            loaded(tmp_path, f"path,label\n{path},cat")


def test_file_names_of_downloads_are_short(tmp_path: Path) -> None:
    path = Access(tmp_path).path("https://h.test/" + "\N{GRINNING FACE}é" * 99 + ".zip")
    assert len(os.fsencode(path.name)) < 100
    assert path.suffix == ".zip"


def test_local_image_with_another_hash(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    with pytest.raises(DataError, match=r"m\.csv line 2: a\.png has another sha256"):
        loaded(tmp_path, f"path,label,sha256\na.png,cat,{'0' * 64}")


def test_link_out_of_the_manifests_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "in/a.png").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match="leads out of the manifest's folder"):
        loaded(tmp_path / "in", "path,label\na.png,cat")


def test_two_trainers_do_not_write_the_same_downloads(server: Server, tmp_path: Path) -> None:
    (tmp_path / "downloads").mkdir()
    url = server.add("/1", b"one")
    with (
        locked(tmp_path / "downloads/.lock"),
        pytest.raises(TemporaryError, match="another trainer is writing"),
    ):
        loaded(tmp_path, f"url,label\n{url},cat")


def loaded(folder: Path, text: str, *, allow_private: bool = True) -> list[bytes]:
    (folder / "m.csv").write_text(text)
    access = Access(folder / "downloads", allow_private)
    return [item.load() for item in open_source(str(folder / "m.csv"), access).items]
