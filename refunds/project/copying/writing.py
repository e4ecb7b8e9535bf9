"""Write the whole copy into a folder next to its place, then move it into its place."""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from .errors import CannotCopy


def stage(target: Path, label: str) -> Path:
    """Return the folder into which the copy is written before it is moved."""
    return target / f".{label}-copying"


def refuse_leftovers(target: Path, label: str) -> None:
    """Raise CannotCopy if a killed copy has left folders. The message names each folder to remove."""
    folder = stage(target, label)
    if not folder.exists():
        return
    # The killed copy moved each part that is no longer in the folder to its place.
    moved = [
        target / part for part in _parts(target, label) if not (folder / part).exists() and (target / part).exists()
    ]
    raise CannotCopy(
        f"an earlier copy was interrupted: remove {' and '.join(map(str, [folder, *moved]))}, then copy again"
    )


def write(target: Path, label: str, files: Mapping[PurePosixPath, bytes]) -> None:
    """Write the files and move them into their places. If that fails, remove them and raise CannotCopy."""
    folder = stage(target, label)
    parts = _parts(target, label)
    used = [part for part in parts if any(path.is_relative_to(part) for path in files)]
    moved: list[Path] = []
    try:
        # Make all parts before any file. If a killed copy lacks a part, `refuse_leftovers` knows that it was moved.
        for part in used:
            (folder / part).mkdir(parents=True)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        for part in used:
            if (target / part).exists():
                raise FileExistsError(f"{target / part} exists now")
            (folder / part).rename(target / part)
            moved.append(target / part)
    except BaseException as error:
        for made in (*moved, folder):
            shutil.rmtree(made, ignore_errors=True)
        if isinstance(error, OSError):
            raise CannotCopy(f"cannot write the copy: {error}. Nothing was left behind") from error
        raise
    shutil.rmtree(folder)


def _parts(target: Path, label: str) -> list[PurePosixPath]:
    """Return the folders to move, each in one step."""
    inner = PurePosixPath("tests", label)
    return [PurePosixPath(label), inner if (target / "tests" / "__init__.py").exists() else inner.parent]
