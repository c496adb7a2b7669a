"""What holds for every kind of file, of whichever row."""

from __future__ import annotations

from pathlib import Path

import pytest

from frames.row_files import in_archive, source_of
from nrgan.frames.formats import FORMATS

NOTHING = [b"", b"no such file", bytes(5000), b"\xda\xce\xbe\x0a" * 2000, b"ZISRAWFILE" * 500]
FILES = sorted(name for name, row in FORMATS.items() if not row.folder)


@pytest.mark.parametrize("data", NOTHING, ids=range(len(NOTHING)))
@pytest.mark.parametrize("name", FILES)
def test_what_is_no_such_file_is_refused(name: str, data: bytes, tmp_path: Path) -> None:
    row = FORMATS[name]
    path = tmp_path / f"a{row.suffixes[0]}"
    path.write_bytes(data)
    for source in (source_of(path), in_archive(path)):
        with pytest.raises(Exception, match=r"."):
            row.open(source).named().read(0)
