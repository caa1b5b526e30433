"""Files that sources lay on the centre's desk: which are due, and what becomes of each once it was read.

Delivered files hold names or sequences, so none stays: one that was taken is deleted, one that cannot be used goes to
``refused/DATE/``, for its owner only, with a finding that says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from lianfang.services.installation import Installation

if TYPE_CHECKING:
    from pathlib import Path

#: Check's name of a finding about a file that could not be used.
REFUSED = "refused_file"
#: Endings of a file of sequences, which the step of genomes takes and no mapping.
SEQUENCES = tuple(f"{ending}{packed}" for ending in (".fasta", ".fa", ".fna") for packed in ("", ".gz"))


def folders(inst: Installation, as_of: date) -> Iterator[tuple[Path, date]]:
    """Folders of the inbox up to the day, with theirs."""
    for folder in sorted(inst.inbox.glob("????-??-??")):
        try:
            day = date.fromisoformat(folder.name)
        except ValueError:
            continue
        if day <= as_of and folder.is_dir():
            yield folder, day


def sequences(folder: Path) -> list[Path]:
    """Files of sequences in a day's folder, in order; hidden ones are still being written."""
    found = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    return sorted(path for path in found if path.name.lower().endswith(SEQUENCES))


def leave(folder: Path) -> None:
    """Take an emptied folder away."""
    if not any(folder.iterdir()):
        folder.rmdir()


def clear(inst: Installation, path: Path, as_of: date, error: str) -> None:
    """Take a delivered file off the desk, now that what it says is stored, or known to be unusable (``error``)."""
    import shutil

    from lianfang.guard.files import make_folder
    from lianfang.records import QualityFinding
    from lianfang.store import put

    if not error:
        path.unlink(missing_ok=True)
        return
    about = f"{path.parent.name}/{path.name}"
    finding = QualityFinding(
        as_of=as_of,
        check=REFUSED,
        subject_of=about,
        severity="error",
        message_zh=f"文件 {about} 无法使用，已移至 refused 文件夹：{error}",
        message_en=f"The file {about} cannot be used and was moved to the folder refused: {error}",
    )
    with inst.store.begin() as connection:
        put(connection, finding)
    if path.is_symlink():
        path.unlink()
        return
    target = inst.home / "refused" / path.parent.name
    make_folder(inst.home / "refused")
    make_folder(target)
    path.chmod(0o600)
    shutil.move(path, target / path.name)
