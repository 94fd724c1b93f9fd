"""Each kind of damage to a backup is one sentence, and none of them eats the memory."""

import bz2
import gzip
import lzma
import os
import resource
import shutil
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from psgflask.core.paths import DATABASE
from psgflask.ops import backup_archive
from psgflask.ops.backup_archive import MANIFEST, BackupRefused
from psgflask.ops.backup_contents import SETTINGS_FILE
from tests import tars
from tests.tars import member, tar

HELD = tars.files({"CONTACT_POST": "London"}, picture=b"a picture", other=bytes(5000))
WHOLE = tars.backup(HELD)
OURS = [member(name, data) for name, data in HELD.items()]
LAST = member(MANIFEST, tars.manifest(HELD))
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data),
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data),
}
MEGABYTE = 1_000_000


def written(tmp_path: Path, data: bytes) -> Path:
    (tmp_path / "backup").write_bytes(data)
    return tmp_path / "backup"


def read(tmp_path: Path, data: bytes) -> backup_archive.Manifest:
    (tmp_path / "into").mkdir(exist_ok=True)
    return backup_archive.read(written(tmp_path, data), tmp_path / "into")


@pytest.mark.parametrize("pack", [bytes, *PACKED.values()], ids=["plain", *PACKED])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_a_backup_is_read_plain_or_packed(
    tmp_path: Path, pack: Callable[[bytes], bytes], form: int
) -> None:
    found = read(tmp_path, pack(tar([*OURS, LAST], form)))
    assert found.files.keys() == HELD.keys()
    for name, data in HELD.items():
        assert (tmp_path / "into" / name).read_bytes() == data


def test_a_long_name_and_one_with_accents_are_read(tmp_path: Path) -> None:
    held = {**HELD, f"media/{'ñ' * 100}/{'x' * 120}": b"1"}
    assert read(tmp_path, tars.backup(held)).files.keys() == held.keys()


def test_what_several_programs_packed_one_behind_the_other_is_read(tmp_path: Path) -> None:
    half = len(WHOLE) // 2
    for pack in PACKED.values():
        (tmp_path / "into").mkdir()
        packed = pack(WHOLE[:half]) + pack(WHOLE[half:])
        assert read(tmp_path, packed).files.keys() == HELD.keys()
        shutil.rmtree(tmp_path / "into")


def header(size: int, kind: bytes = tarfile.REGTYPE, name: str = DATABASE) -> bytes:
    """Return a header that claims a size, whatever follows."""
    about = tarfile.TarInfo(name)
    about.size, about.type = size, kind
    return about.tobuf(tarfile.GNU_FORMAT)


def negative(name: str) -> bytes:
    """Return a header with a negative size, which base 256 allows."""
    raw = bytearray(header(0, name=name))
    raw[124:136] = struct.pack(">q", -1).rjust(12, b"\xff")
    raw[148:156] = b" " * 8
    raw[148:156] = f"{sum(raw):06o}\0 ".encode()
    return bytes(raw)


def pax(records: bytes) -> bytes:
    return tar([member("PaxHeader", records, tarfile.XHDTYPE)])[
        : 512 + -(-len(records) // 512) * 512
    ]


def record(key: str, value: str) -> bytes:
    text = f" {key}={value}\n".encode()
    size = len(text) + len(str(len(text) + 3))
    return str(size).encode() + text


def deep(name: str, character: bytes) -> bytes:
    held = {**HELD, SETTINGS_FILE: character * 40_000} if name == SETTINGS_FILE else HELD
    content = tars.manifest(held) if name == SETTINGS_FILE else character * 40_000
    return tar([*(member(n, data) for n, data in held.items()), member(MANIFEST, content)])


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def flipped(data: bytes) -> bytes:
    half = len(data) // 2
    return data[:half] + bytes([data[half] ^ 1]) + data[half + 1 :]


def holding(*extra: tars.Member) -> bytes:
    """Return a backup that lists what is extra as well, as whoever made it on purpose would."""
    listed = {**HELD, **{about.name: data for about, data in extra}}
    return tar([*OURS, *extra, member(MANIFEST, tars.manifest(listed))])


UNPUT, NONE, CUT = "is not what was put in", "is no backup of this site", "damaged or was cut off"
ROWS = {"made_at": "today\n\x1b[2J", "revision": "../..", "rows": [1], "files": [1], "format": 7}
DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", NONE),
    "a text": (b"Dear PSG, " * 500, NONE),
    "zeros": (bytes(10_240), NONE),
    "a cut header": (WHOLE[:300], NONE),
    "cut in a file": (WHOLE[: WHOLE.index(b"media/ab/other") + 1000], CUT),
    "cut between files": (WHOLE[:1024], NONE),
    "cut in the manifest": (WHOLE[: WHOLE.index(b"made_at")], CUT),
    "a sum that is wrong": (WHOLE[:20] + b"x" + WHOLE[21:], NONE),
    "a flipped byte": (WHOLE.replace(b"a picture", b"b picture"), "altered or damaged"),
    **{f"cut {name}": (cut(pack(WHOLE), 0.6), CUT) for name, pack in PACKED.items()},
    **{f"almost whole {name}": (pack(WHOLE)[:-1], CUT) for name, pack in PACKED.items()},
    **{f"{name} with a flipped bit": (flipped(pack(WHOLE)), ".") for name, pack in PACKED.items()},
    **{f"{name} of nothing": (pack(b""), NONE) for name, pack in PACKED.items()},
    **{f"{name}, the head alone": (pack(WHOLE)[:12], CUT) for name, pack in PACKED.items()},
    "more behind the end of a gzip": (gzip.compress(WHOLE) + b"more", CUT),
    "more behind the end": (WHOLE + b"more", "Behind its end"),
    "no manifest": (tar(OURS), NONE),
    "the manifest first": (tar([LAST, *OURS]), UNPUT),
    "two manifests": (tar([*OURS, LAST, LAST]), UNPUT),
    "no database": (tar([*OURS[1:], LAST]), "is missing"),
    "no settings, and none listed": (
        tars.backup({n: d for n, d in HELD.items() if n != SETTINGS_FILE}),
        "is missing",
    ),
    "a file twice": (tar([*OURS, OURS[2], LAST]), UNPUT),
    "a file too many": (tar([*OURS, member("media/ab/more"), LAST]), UNPUT),
    "a deep manifest": (deep(MANIFEST, b"["), NONE),
    "a deep manifest of objects": (deep(MANIFEST, b'{"a":'), NONE),
    "a manifest of an endless number": (
        tar([*OURS, member(MANIFEST, b'{"format":' + b"9" * 50_000 + b"}")]),
        NONE,
    ),
    "a manifest of an infinite size": (
        tars.backup(HELD, files={DATABASE: [float("inf"), ""]}),
        NONE,
    ),
    "a manifest that is a list": (tar([*OURS, member(MANIFEST, b"[]")]), NONE),
    "a manifest in no encoding": (tar([*OURS, member(MANIFEST, b"\xff\xfe\xff")]), NONE),
    "an endless manifest": (tar([*OURS, member(MANIFEST, b" " * 3 * MEGABYTE)]), NONE),
    "endless settings": (tars.backup({**HELD, SETTINGS_FILE: b" " * MEGABYTE}), "settings"),
    **{
        f"odd {name} in the manifest": (tars.backup(HELD, **{name: odd}), ".")
        for name, odd in ROWS.items()
        if name != "rows"
    },
    "a size of 8 TB": (header(8 * 10**12) + bytes(1024), "not free"),
    "a negative size": (negative(DATABASE) + bytes(1024), UNPUT),
    "a long name of 5 GB": (header(5 * 10**9, tarfile.GNUTYPE_LONGNAME) + bytes(1024), UNPUT),
    "an extended header of 5 GB": (header(5 * 10**9, tarfile.XHDTYPE) + bytes(1024), NONE),
    "an extended header and nothing": (pax(record("path", "media/ab/x")), "."),
    "a size in an extended header": (pax(record("size", "-5")) + WHOLE, "."),
    "holes (GNU)": (header(0, tarfile.GNUTYPE_SPARSE) + bytes(1024), UNPUT),
    "holes (pax)": (
        pax(record("GNU.sparse.map", "0,1") + record("GNU.sparse.size", "9")) + WHOLE,
        UNPUT,
    ),
    **{
        f"a {what}": (holding(member("media/ab/odd", b"", kind, link)), UNPUT)
        for what, kind, link in (
            ("symbolic link", tarfile.SYMTYPE, "/etc/passwd"),
            ("link to itself", tarfile.LNKTYPE, "media/ab/odd"),
            ("link to the database", tarfile.LNKTYPE, DATABASE),
            ("folder", tarfile.DIRTYPE, ""),
            ("device", tarfile.CHRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("contiguous file", tarfile.CONTTYPE, ""),
        )
    },
    "the database as a link to itself": (
        tar([member(DATABASE, b"", tarfile.LNKTYPE, DATABASE), *OURS[1:], LAST]),
        UNPUT,
    ),
    "the manifest as a link to itself": (
        tar([*OURS, member(MANIFEST, b"", tarfile.LNKTYPE, MANIFEST)]),
        UNPUT,
    ),
    **{
        f"the name {name!r}": (holding(member(name, b"1")), UNPUT)
        for name in (
            *("../out", "media/../../out", "/out", "media/ab/../../../out", "media", "media/"),
            *("media//x", "media/./x", "./media/x", "media/.incoming/x", "media/ab/x\\y", "x.py"),
            *("config.py", "Media/x", "media/a\nb", "media/a\x1b[2Jb", "media/" + "x" * 256, "."),
            *("psg.sqlite-journal", "media/ab/picture/below", "clock.json", "media/a\udc80"),
        )
    },
}


@pytest.mark.parametrize("what", DAMAGED)
def test_r11_each_kind_of_damage_is_one_sentence(tmp_path: Path, what: str) -> None:
    data, told = DAMAGED[what]
    with pytest.raises(BackupRefused, match=told) as refused:
        read(tmp_path, data)
    assert "\n" not in refused.value.message
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 400
    outside = [x for x in tmp_path.rglob("*") if x.is_file() and "into" not in x.parts]
    assert outside == [tmp_path / "backup"]


def test_a_backup_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="Cannot read"):
        backup_archive.read(tmp_path)


def test_a_backup_of_endless_files_is_refused_before_their_names_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_archive, "MAX_FILES", 100)
    with pytest.raises(BackupRefused, match="more than 100 files"):
        read(tmp_path, tar(member(f"media/ab/{number}") for number in range(200)))


def xz_of_a_huge_dictionary(data: bytes) -> bytes:
    """Pack with a dictionary of 1.5 GB, which whoever unpacks must have too."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**20}]
    packed = bytearray(lzma.compress(data, filters=filters))
    place = packed.index(b"\x21\x01", 12)  # the filter and the size of its properties
    packed[place + 2] = 40  # 4 GB
    block = packed[12 : 12 + (packed[12] + 1) * 4 - 4]
    end = 12 + len(block)
    packed[end : end + 4] = struct.pack("<I", zlib.crc32(bytes(packed[12:end])))
    return bytes(packed)


BOMBS: dict[str, Callable[[], bytes]] = {
    "a gzip of 250 MB of zeros": lambda: gzip.compress(bytes(10 * MEGABYTE)) * 25,
    "a bzip2 of 250 MB of zeros": lambda: bz2.compress(bytes(10 * MEGABYTE)) * 25,
    "an xz of 250 MB of zeros": lambda: lzma.compress(bytes(10 * MEGABYTE), preset=0) * 25,
    "an xz that wants 4 GB": lambda: xz_of_a_huge_dictionary(WHOLE),
    "an extended header of 1 GB": lambda: gzip.compress(
        header(1000 * MEGABYTE, tarfile.XHDTYPE) + bytes(200 * MEGABYTE)
    ),
    "a long name of 1 GB": lambda: gzip.compress(
        header(1000 * MEGABYTE, tarfile.GNUTYPE_LONGNAME) + bytes(200 * MEGABYTE)
    ),
    "a manifest of 200 MB": lambda: gzip.compress(
        header(200 * MEGABYTE, name=MANIFEST) + b"[" * 200 * MEGABYTE
    ),
    "holes without end": lambda: gzip.compress(
        header(0, tarfile.GNUTYPE_SPARSE) + (b"\x01" * 512) * 200_000
    ),
}


@pytest.mark.parametrize("what", BOMBS)
def test_s15_no_backup_eats_the_memory(tmp_path: Path, what: str) -> None:
    backup = written(tmp_path, BOMBS[what]())
    child = os.fork()
    if child == 0:
        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (in_use + 150 * MEGABYTE,) * 2)
        try:
            backup_archive.read(backup)
        except BackupRefused:
            os._exit(0)
        except BaseException:
            os._exit(2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
