"""That the hashes of pages tell what differs, and blank what is random and nothing else."""

import json
import random
from pathlib import Path

import pytest
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from tests.page_hashes.__main__ import compare
from tests.page_hashes.record import Record, differences


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return written(tmp_path / "before.json", {"page /": "a", "page /news/": "b"})


def written(file: Path, hashes: dict[str, str]) -> Path:
    file.write_text(json.dumps(hashes), "utf-8")
    return file


def test_the_same_hashes_are_equal(
    tmp_path: Path, before: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after = written(tmp_path / "after.json", {"page /news/": "b", "page /": "a"})
    assert compare(before, after) == 0
    assert capsys.readouterr().out == "2 equal, 0 not\n"


def test_what_differs_or_is_in_one_alone_is_named(
    tmp_path: Path, before: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after = written(tmp_path / "after.json", {"page /": "other", "page /new": "c"})
    assert compare(before, after) == 1
    assert capsys.readouterr().out.splitlines() == [
        "differs  page /",
        "new      page /new",
        "missing  page /news/",
        "0 equal, 3 not",
    ]


def test_what_is_drawn_at_random_makes_no_difference() -> None:
    first, second = recorded(1), recorded(2)
    assert list(differences(first, second)) == []


def recorded(seed: int) -> dict[str, str]:
    """Return the hashes of what differs between two sites by its random parts alone."""
    chance, record = random.Random(seed), Record()
    csrf = URLSafeTimedSerializer("x", salt="wtf-csrf-token")
    for number in range(200):
        token = csrf.dumps(chance.randbytes(20).hex())
        letters = "".join(chance.choices("abcXYZ019-_", k=43))
        nonce = URLSafeSerializer("x").dumps([letters[:22], 1796040000])
        link, boundary = f"/accounts/join/{letters}", f"{'=' * 15}{chance.randrange(10**19):019}=="
        for name, seen in (
            ("form", f'<input name="csrf_token" value="{token}"><input value="{nonce}">'),
            ("cookie", f"200 OK\nSet-Cookie: form={token}; HttpOnly; Path=/"),
            ("mail", f"Message-ID: <{chance.randbytes(16).hex()}@a.example>\n\n{link} {boundary}"),
        ):
            record.note("page", f"{name} {number}", seen.encode())
    return record.hashes


@pytest.mark.parametrize(
    "seen",
    [
        b"Set-Cookie: form=1; Path=/",
        b"ETag: 0123456789abcdef01234567-identity",
        b"/members/join/sent/WyJQU0cgMTA0Mi05IiwiaG91c2Vob2xkIiwic3RhbmRpbmcgb3JkZXIiXQ.Jfbhjvv8"
        b"f5d4q7sBSiQe6BALzcA",
        b"Message-ID: <0>",
    ],
)
def test_what_readers_see_is_not_blanked(seen: bytes) -> None:
    record = Record()
    record.note("page", "/", seen)
    record.note("page", "/", seen.replace(b"=/", b"=/es").replace(b"0", b"1").replace(b"J", b"K"))
    assert len(set(record.hashes.values())) == 2
    assert list(record.hashes) == ["page /", "page / #2"]


def test_folders_of_this_machine_are_blanked_from_names_and_texts(tmp_path: Path) -> None:
    record = Record()
    record.paths[str(tmp_path)] = "[folder]"
    record.note("command", f"flask backup {tmp_path}/a", f"Saved in {tmp_path}/a (1.3 MB)".encode())
    assert list(record.hashes) == ["command flask backup [folder]/a"]
    other = Record()
    other.note("command", "flask backup [folder]/a", b"Saved in [folder]/a (22.0 MB)")
    assert other.hashes == record.hashes
