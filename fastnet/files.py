"""One file of a JSON header and named arrays, never half written and never half read.

It is an .npz that `numpy.load` opens, too. The first array, "fastnet", is the header and the
version as JSON; the last, "sha256", is the digest of all before it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import platform
import re
import secrets
import stat
import zipfile
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np

VERSION = 1
HEADER, DIGEST = "fastnet", "sha256"

# A zip begins with these four bytes, 26 others and the name of its first member; one without
# a comment ends with 22 bytes that begin with the other four.
ZIP_START, ZIP_START_SIZE = b"PK\x03\x04", 30
ZIP_END, ZIP_END_SIZE = b"PK\x05\x06", 22
FIRST_MEMBER = f"{HEADER}.npy".encode()

# Of the text that describes an array: longer than any, too short to exhaust Python's parser.
HEADER_SIZE = 400

# Tells this process from an earlier one of the same number, as in a container started again.
RUN = secrets.token_hex(4)


class _NewerVersionError(Exception):
    pass


def write(
    path: str | os.PathLike[str], header: dict[str, object], arrays: Mapping[str, np.ndarray]
) -> None:
    """Put a header and arrays into the file `path`, at once and durably.

    Other processes see the old file or the new one. If the call fails, or the process or the
    machine dies, the old file stays.

    Parameters
    ----------
    path : str or os.PathLike
        The exact name. What a link points to is replaced, not the link. A new file has the
        mode that `open` would give it; the mode of an old one is kept.
    header : dict
        What `json` takes, NaN and infinities included; tuples come back as lists.
    arrays : mapping of str to ndarray
        Of real numbers, of any shape; the names are Python identifiers.

    Raises
    ------
    ValueError, TypeError
        Where a name or a value is not as described.
    OSError
        From the system: no such folder, no permission, no space.
    """
    path = os.fsdecode(path)
    members = _members(header, arrays)
    with _replacement(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in members.items():
            # ZipInfo has a constant date: equal contents are equal files.
            member = zipfile.ZipInfo(f"{name}.npy")
            with archive.open(member, "w", force_zip64=True) as out:
                np.lib.format.write_array(out, array, allow_pickle=False)


def read(path: str | os.PathLike[str]) -> tuple[dict, dict[str, np.ndarray]]:
    """The header and the arrays of a file that `write` made.

    Nothing in the file is executed, and no more memory is taken than in proportion to its size.

    Raises
    ------
    ValueError
        Where it is not such a file, is cut short or damaged, or has a newer version.
    OSError
        From the system: no such file, no permission.
    """
    path = os.fsdecode(path)
    with open(path, "rb") as file:
        start = file.read(ZIP_START_SIZE)
        if start[:4] != ZIP_START or file.read(len(FIRST_MEMBER)) != FIRST_MEMBER:
            raise ValueError(f"{path} is not a fastnet file")
        size = file.seek(0, os.SEEK_END)
        file.seek(size - ZIP_END_SIZE)
        if file.read(4) != ZIP_END:
            raise ValueError(f"{path} is cut short, or something was appended to it")
        try:
            return _content(file, size)
        except _NewerVersionError as error:
            raise ValueError(
                f"{path} has version {error}, written by a newer fastnet, "
                f"expected version {VERSION}"
            ) from None
        except (OSError, MemoryError):
            raise
        # The file can be anything, and so can what the parsers say of it.
        except Exception as error:
            raise ValueError(
                f"{path} is damaged: its contents do not fit together or not their checksum"
            ) from error


def _members(header: dict[str, object], arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All arrays of the file, C-contiguous, in order."""
    if not isinstance(header, dict):
        raise TypeError(f"header is a {type(header).__name__}, expected a dict")
    text = json.dumps({"version": VERSION, "header": header})
    members = {HEADER: np.frombuffer(text.encode(), np.uint8)}
    for name, value in arrays.items():
        if not name.isidentifier() or name in (HEADER, DIGEST):
            raise ValueError(
                f"arrays has the name {name!r}, expected an identifier other than "
                f"{HEADER!r} and {DIGEST!r}"
            )
        array = np.asarray(value, order="C")
        if array.dtype.kind not in "fiub":
            raise TypeError(f"arrays[{name!r}] has dtype {array.dtype}, expected real numbers")
        members[name] = array
    members[DIGEST] = _digest(members)
    return members


def _digest(members: Mapping[str, np.ndarray]) -> np.ndarray:
    """The SHA-256 of names, dtypes, shapes and bytes, as 32 numbers."""
    sha256 = hashlib.sha256()
    for name, array in members.items():
        sha256.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        sha256.update(array.reshape(-1).view(np.uint8).data)
    return np.frombuffer(sha256.digest(), np.uint8)


def _content(file: BinaryIO, size: int) -> tuple[dict, dict[str, np.ndarray]]:
    """The header and the arrays; any exception where they are not as written."""
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        # Else a small file could claim much: outside of it, or the same bytes again and again.
        inside = all(0 <= entry.header_offset < size for entry in entries)
        if not inside or sum(entry.compress_size for entry in entries) > size:
            raise ValueError("arrays that do not fit into the file")
        description = json.loads(_array(archive, entries[0]).tobytes())
        if description["version"] > VERSION:
            raise _NewerVersionError(description["version"])
        arrays = {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in entries}
    digest = arrays.pop(DIGEST)
    if not np.array_equal(digest, _digest(arrays)):
        raise ValueError("another checksum")
    del arrays[HEADER]
    header = description["header"]
    if description["version"] != VERSION or not isinstance(header, dict):
        raise ValueError("a header that is not a dict, or a version that never was")
    return header, arrays


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise ValueError("a compressed array")
    with archive.open(entry) as member:
        # The header is looked at first, because the array is allocated as it says.
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError("another version of npy")
        shape, _, dtype = np.lib.format.read_array_header_1_0(member, max_header_size=HEADER_SIZE)
        if dtype.kind not in "fiub":
            raise ValueError("not an array of real numbers")
        if math.prod(shape) * dtype.itemsize != entry.file_size - member.tell():
            raise ValueError("another size in the array's header")
        member.seek(0)
        return np.lib.format.read_array(member, allow_pickle=False)


@contextlib.contextmanager
def _replacement(path: str) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` if the block ends well."""
    if os.path.islink(path):
        path = os.path.realpath(path)
    mode = _mode(path)
    folder, name = os.path.split(path)
    folder = folder or os.curdir
    owner = hashlib.sha256(os.fsencode(f"{platform.node()}/{name}")).hexdigest()[:16]
    _remove_leftovers(folder, owner)
    unique = f"{os.getpid()}-{RUN}-{secrets.token_hex(4)}"
    temporary = os.path.join(folder, f".fastnet-{owner}-{unique}.tmp")
    try:
        with open(temporary, "xb") as file:
            if mode is not None:
                # Before the contents: they may be private.
                os.chmod(temporary, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise
    _sync_folder(folder)


def _mode(path: str) -> int | None:
    """The mode of the file that is to be replaced, if there is one."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file", path)
    # To replace a file, a permission for its folder is enough; `open` asks for more.
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return stat.S_IMODE(mode)


def _remove_leftovers(folder: str, owner: str) -> None:
    """Remove what killed processes of this machine left of their writes to the same file."""
    if os.name == "nt":  # there os.kill has no harmless signal
        return
    pattern = re.compile(rf"\.fastnet-{owner}-(\d{{1,9}})-(\w+)-\w+\.tmp")
    with contextlib.suppress(PermissionError):
        for name in os.listdir(folder):
            left = pattern.fullmatch(name)
            if left and not _is_running(int(left[1]), left[2]):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(folder, name))


def _is_running(pid: int, run: str) -> bool:
    if pid == os.getpid():
        return run == RUN
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _sync_folder(folder: str) -> None:
    # Not every system can, and the new file is in its place whether it can or not.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
