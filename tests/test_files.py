"""A file is whole or refused, whatever happens to it, to its writer, or to the disk."""

import io
import json
import os
import pickle
import random
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fastnet import files

ROOT = Path(__file__).resolve().parent.parent
posix = pytest.mark.skipif(os.name != "posix", reason="signals, modes and limits of POSIX")

HEADER = {
    "layer_sizes": [2, 3, 1],
    "output": "sigmoid",
    "key": 2**127 + 1,
    "rate": 0.1,
    "best": float("inf"),
    "text": 'a "quote", an ümlaut, \ud800 and \x00',
    "none": None,
    "nested": {"": [True, {}]},
}
ARRAYS = {
    "float32": np.array([[1, -0.0], [np.inf, np.nan]], np.float32),
    "float64": np.array([5e-324, np.pi, 1e308]),
    "int64": np.array([[-(2**63)], [2**63 - 1]]),
    "uint8": np.arange(256, dtype=np.uint8),
    "uint64": np.array([2**64 - 1], np.uint64),
    "bool": np.array([True, False]),
    "other_byte_order": np.array([1, 2], ">f8"),
    "number": np.array(7.5),
    "empty": np.zeros(0),
    "empty_rows": np.zeros((3, 0, 2), np.float32),
    "many_axes": np.ones((1,) * 64, np.float32),
    "größe": np.array([1]),
}
SMALL = {"weights": np.arange(6.0).reshape(2, 3), "count": np.array(3)}


def content(header, arrays):
    """What two equal files have in common; bytes, because a NaN does not equal itself."""
    parts = [(name, a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()]
    return json.dumps(header), parts


def assert_refused(path, *fragments):
    """Reading raises one sentence that names the file and holds every fragment."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011, the fragments say more
        files.read(path)
    message = str(caught.value)
    assert [part for part in (str(path), *fragments) if part not in message] == [], message
    assert "\n" not in message.replace(str(path), "")
    assert ". " not in message.replace(str(path), "")


def written(path, arrays=SMALL, header=HEADER):
    files.write(path, header, arrays)
    return path


def npz(path, arrays, compression=zipfile.ZIP_STORED, directory=None):
    """A zip of arrays, or of the bytes given for them."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, array in arrays.items():
            if not isinstance(array, bytes):
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, array)
                array = buffer.getvalue()
            archive.writestr(f"{name}.npy", array)
        if directory:
            directory(archive.filelist)
    return path


def start(code, *arguments):
    """A process of its own that runs this code."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output_of(code, *arguments):
    process = start(code, *arguments)
    output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    return output


# ---------------------------------------------------------------------------------- what comes back


@pytest.mark.parametrize("arrays", [{}, ARRAYS, SMALL], ids=["none", "all", "small"])
def test_what_was_written_is_read(arrays, tmp_path):
    header, read = files.read(written(tmp_path / "file", arrays))
    assert content(header, read) == content(HEADER, arrays)
    assert all(array.flags.writeable for array in read.values())


@pytest.mark.parametrize("name", ["a", "a.npz", "a.b", ".a", "with space", "x" * 255, "größe"])
def test_the_file_has_the_exact_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (name, Path(name), tmp_path / name, os.fsencode(name)):
        written(path)
        assert os.listdir(tmp_path) == [name]
        assert content(*files.read(path)) == content(HEADER, SMALL)


@pytest.mark.parametrize("order", ["F", "every second", "backwards", "list"])
def test_the_order_in_memory_is_no_matter(order, tmp_path):
    array = np.arange(12.0).reshape(3, 4)
    other = {
        "F": np.asfortranarray(array),
        "every second": np.repeat(array, 2, axis=1)[:, ::2],
        "backwards": array[::-1].copy()[::-1],
        "list": array.tolist(),
    }[order]
    expected = written(tmp_path / "expected", {"a": array}).read_bytes()
    assert written(tmp_path / "file", {"a": other}).read_bytes() == expected


def test_numpy_opens_it_too(tmp_path):
    with np.load(written(tmp_path / "file.npz"), allow_pickle=False) as loaded:
        np.testing.assert_array_equal(loaded["weights"], SMALL["weights"])
        assert json.loads(loaded["fastnet"].tobytes())["version"] == 1


def test_a_large_array_survives(tmp_path):
    """Larger than what NumPy writes and reads at once."""
    large = np.random.default_rng(0).random(2**21 + 3)
    _, read = files.read(written(tmp_path / "file", {"large": large}))
    np.testing.assert_array_equal(read["large"], large)


BAD = {
    "header": ([1], SMALL, TypeError, "header is a list"),
    "set in it": ({"a": {1}}, SMALL, TypeError, "not JSON serializable"),
    "objects": ({}, {"a": np.array([{}])}, TypeError, "arrays['a'] has dtype object"),
    "text": ({}, {"a": np.array(["x"])}, TypeError, "arrays['a'] has dtype <U1"),
    "complex": ({}, {"a": np.array([1j])}, TypeError, "arrays['a'] has dtype complex128"),
    "structures": ({}, {"a": np.zeros(1, "i4,f4")}, TypeError, "arrays['a'] has dtype"),
    "empty name": ({}, {"": np.zeros(1)}, ValueError, "arrays has the name ''"),
    "zero byte": ({}, {"a\0b": np.zeros(1)}, ValueError, "arrays has the name"),
    "taken name": ({}, {"sha256": np.zeros(1)}, ValueError, "'sha256'"),
    "header's name": ({}, {"fastnet": np.zeros(1)}, ValueError, "'fastnet'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_and_changes_nothing(name, tmp_path):
    header, arrays, kind, words = BAD[name]
    before = written(tmp_path / "file").read_bytes()
    with pytest.raises(kind) as caught:
        files.write(tmp_path / "file", header, arrays)
    assert words in str(caught.value)
    assert (tmp_path / "file").read_bytes() == before
    assert os.listdir(tmp_path) == ["file"]


# -------------------------------------------------------------------------------- what is no file


def test_every_truncation_is_refused(tmp_path):
    whole = written(tmp_path / "whole").read_bytes()
    path = tmp_path / "file"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert_refused(path, "cut short" if length >= 41 else "not a fastnet file")


def test_every_flipped_byte_is_refused_or_changes_nothing(tmp_path):
    whole = written(tmp_path / "whole").read_bytes()
    expected = content(HEADER, SMALL)
    path, refused = tmp_path / "file", 0
    # Of the bytes that hold the numbers and the header, none may be changed unnoticed.
    parts = [SMALL["weights"].tobytes(), json.dumps(HEADER).encode()]
    covered = {whole.index(part) + i for part in parts for i in range(len(part))}
    for place in range(len(whole)):
        for mask in (1, 0x80, 0xFF):
            changed = bytearray(whole)
            changed[place] ^= mask
            path.write_bytes(changed)
            try:
                assert content(*files.read(path)) == expected
                assert place not in covered
            except ValueError:
                assert_refused(path)
                refused += 1
    assert refused > 2 * len(whole)


def test_changes_that_a_zip_does_not_notice_are_noticed(tmp_path):
    """Each zip is whole, with checksums of its own; only the digest can tell."""
    whole = written(tmp_path / "whole")
    with np.load(whole) as loaded:
        members = dict(loaded)
    assert content(*files.read(npz(tmp_path / "same", members))) == content(HEADER, SMALL)
    changes = {
        "value": {"weights": members["weights"] + 1},
        "dtype": {"weights": members["weights"].view(np.int64)},
        "shape": {"weights": members["weights"].reshape(3, 2)},
        "header": {"fastnet": np.frombuffer(b'{"version": 1, "header": {}}', np.uint8)},
        "digest": {"sha256": members["sha256"][::-1].copy()},
        "digest's length": {"sha256": members["sha256"][:5]},
        "more": {"more": np.zeros(1)},
    }
    for name, change in changes.items():
        assert_refused(npz(tmp_path / name, members | change), "damaged", "checksum")
    for name in ("weights", "sha256"):
        fewer = {key: value for key, value in members.items() if key != name}
        assert_refused(npz(tmp_path / "fewer", fewer), "damaged")
    renamed = {{"weights": "biases"}.get(key, key): value for key, value in members.items()}
    assert_refused(npz(tmp_path / "renamed", renamed), "damaged")


def test_appended_bytes_are_noticed(tmp_path):
    path = written(tmp_path / "file")
    path.write_bytes(path.read_bytes() + b"\n")
    assert_refused(path, "appended")


def test_foreign_files_are_told(tmp_path):
    rng = random.Random(0)
    foreign = {
        "empty": b"",
        "one byte": b"P",
        "text": b"hello\n",
        "zip's start": b"PK\x03\x04" + bytes(100),
        "random": rng.randbytes(10_000),
        "npy": np.lib.format.MAGIC_PREFIX + bytes(1000),
    }
    for name, data in foreign.items():
        (tmp_path / name).write_bytes(data)
        assert_refused(tmp_path / name, "not a fastnet file")
    np.savez(tmp_path / "plain.npz", a=np.zeros(3))
    assert_refused(tmp_path / "plain.npz", "not a fastnet file")
    np.savez_compressed(tmp_path / "ours.npz", fastnet=np.zeros(3))
    assert_refused(tmp_path / "ours.npz", "damaged")
    for length in (60, 600):
        start = b"PK\x03\x04" + rng.randbytes(26) + b"fastnet.npy"
        (tmp_path / "begins").write_bytes(start + rng.randbytes(length) + b"PK\5\6" + bytes(18))
        assert_refused(tmp_path / "begins", "damaged")


@pytest.mark.parametrize("header", [{"version": 2}, {"version": 2**70, "header": 1}])
@pytest.mark.parametrize("kind", ["stored", "compressed later"])
def test_a_newer_version_is_told(header, kind, tmp_path):
    members = {"fastnet": np.frombuffer(json.dumps(header).encode(), np.uint8)}
    path = npz(tmp_path / "file", members)
    if kind == "compressed later":
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("anything", bytes(1000))
    assert_refused(path, f"version {header['version']}", "newer", "expected version 1")


def signed(path, text, arrays):
    """A file with this text for a header, and the right checksum."""
    members = {"fastnet": np.frombuffer(text, np.uint8), **arrays}
    return npz(path, {**members, "sha256": files._digest(members)})


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"version": "1", "header": {}}',
        b'{"version": 0, "header": {}}',
        b'{"version": 1, "header": []}',
        b'{"version": 1}',
        b'{"version": 1, "header": {}',
        b'{"version": 1, "header": ' + b"[" * 100_000,
        b'{"version": ' + b"9" * 5000 + b"}",
        b"\xff",
    ],
    ids=lambda text: text[:40].decode("latin-1"),
)
def test_headers_that_are_none_are_refused(text, tmp_path):
    assert_refused(signed(tmp_path / "file", text, {}), "damaged")


@pytest.mark.parametrize("dtype", ["c16", "U1", "S1", "M8[s]", "i4,f4"])
def test_arrays_that_are_no_numbers_are_refused(dtype, tmp_path):
    text = b'{"version": 1, "header": {}}'
    assert files.read(signed(tmp_path / "good", text, SMALL))[0] == {}
    assert_refused(signed(tmp_path / "file", text, {"a": np.zeros(2, dtype)}), "damaged")


# ----------------------------------------------------------------------------------- hostile files


class Boom:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_nothing_is_unpickled(tmp_path):
    mark = tmp_path / "executed"
    array = np.array([Boom(str(mark))])
    np.savez(tmp_path / "first.npz", fastnet=array)
    assert_refused(tmp_path / "first.npz", "damaged")
    np.savez(tmp_path / "foreign.npz", array)
    assert_refused(tmp_path / "foreign.npz", "not a fastnet file")
    with np.load(written(tmp_path / "whole")) as loaded:
        members = {"fastnet": loaded["fastnet"], "w": array, "sha256": loaded["sha256"]}
    assert_refused(npz(tmp_path / "later.npz", members), "damaged")
    assert_refused(npz(tmp_path / "bytes", {"fastnet": pickle.dumps(array)}), "damaged")
    assert not mark.exists()
    np.load(tmp_path / "later.npz", allow_pickle=True)["w"][0].close()
    assert mark.exists()


def claims(shape, descr="'<f8'", data=b"", pad=0):
    """An npy of this description, whatever its data is."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}{' ' * pad}\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


HOSTILE = {
    "negative shape": {"w": claims((-1, -1), data=bytes(8))},
    "huge shape": {"w": claims((2**48,))},
    "huge shape of no bytes": {"w": claims((0, 2**62, 2**62))},
    "shape beyond int64": {"w": claims((10**30, 0))},
    "text for shape": {"w": claims("'x'")},
    "bytes of no size": {"w": claims((2**60,), "'|S0'")},
    "structure": {"w": claims((2**40,), "[('a', '<f8', (2, 0))]")},
    "object": {"w": claims((1,), "'|O'", data=bytes(8))},
    "no dtype": {"w": claims((1,), "'nonsense'")},
    "long header": {"w": claims((1,), data=bytes(8), pad=500)},
    "nested header": {"w": claims("~[" * 333 + "1" + "]" * 333)},
    "version 3": {"w": b"\x93NUMPY\x03\x00\xff\xff\xff\x7f"},
    "no header": {"w": b""},
}


READ_WITHIN = """
import resource, sys
from fastnet import files
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = used + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sys.argv[2:]:
    try:
        files.read(path)
        print("read")
    except (ValueError, MemoryError) as error:
        print(error or "no memory")
"""


def lying(folder, first):
    """Files whose directory and whose array's header agree on 2^50 bytes that there are not."""

    def both(filelist):
        filelist[-1].file_size = filelist[-1].compress_size = 2**50 + len(array)

    def one(filelist):
        filelist[-1].file_size = 2**50 + len(array)

    array = claims((2**47,))
    for directory in (both, one):
        members = {"fastnet": first, "w": array}
        yield npz(folder / directory.__name__, members, directory=directory)
        yield npz(folder / f"first {directory.__name__}", {"fastnet": array}, directory=directory)


def greedy(path, first):
    """A compressed array whose decompression begins with asking for 4 GiB."""

    def same(filelist):
        filelist[-1].compress_size = filelist[-1].file_size

    npz(path, {"fastnet": first}, zipfile.ZIP_LZMA, same)
    data = bytearray(path.read_bytes())
    place = data.index(b"\x05\x00\x5d") + 3
    data[place : place + 4] = b"\xff" * 4
    path.write_bytes(data)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as on Linux")
def test_a_small_file_cannot_claim_much_memory(tmp_path):
    first = np.frombuffer(b'{"version": 1, "header": {}}', np.uint8)
    paths = []
    for name, members in HOSTILE.items():
        paths.append(npz(tmp_path / name, {"fastnet": first} | members))
        # The description itself can be hostile, too.
        paths.append(npz(tmp_path / f"first {name}", {"fastnet": members["w"]}))
    bombs = {"fastnet": first, "w": np.zeros(2**28, np.uint8)}
    paths.append(npz(tmp_path / "bomb", bombs, zipfile.ZIP_DEFLATED))
    paths.append(npz(tmp_path / "first bomb", {"fastnet": bombs["w"]}, zipfile.ZIP_DEFLATED))
    paths += [*lying(tmp_path, first), greedy(tmp_path / "lzma", first)]
    said = output_of(READ_WITHIN, 2**26, *paths, written(tmp_path / "good")).splitlines()
    assert said[-1] == "read"
    for path, sentence in zip(paths, said[:-1], strict=True):
        assert sentence.startswith(f"{path} is damaged: ")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as on Linux")
def test_a_large_file_may_need_more_memory_than_there_is(tmp_path):
    path = written(tmp_path / "file", {"a": np.zeros(2**22)})
    said = [output_of(READ_WITHIN, megabytes * 2**20, path) for megabytes in (16, 256)]
    assert "memory" in said[0] or "allocate" in said[0], said
    assert said[1] == "read\n"


# ------------------------------------------------------------------------------ processes and disks


WRITE_FOR_EVER = """
import itertools, sys
import numpy as np
from fastnet import files
for i in itertools.count(int(sys.argv[2]), int(sys.argv[3])):
    files.write(sys.argv[1], {"i": i}, {"data": np.full(100_000, i)})
"""


def number_in(path):
    """The number of which all of a file is made."""
    header, arrays = files.read(path)
    assert arrays["data"].shape == (100_000,)
    assert (arrays["data"] == header["i"]).all()
    return header["i"]


# Forks, because a process that must first import what it needs takes a hundred times as long.
KILL_MANY = """
import os, random, signal, sys, time
import numpy as np
from fastnet import files
path, times = sys.argv[1], int(sys.argv[2])
rng, left = random.Random(int(sys.argv[3])), 0
for i in range(times):
    child = os.fork()
    if child == 0:
        while True:
            files.write(path, {"i": i}, {"data": np.full(100_000, i)})
    time.sleep(rng.random() * 0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    header, arrays = files.read(path)
    assert (arrays["data"] == header["i"]).all() and header["i"] <= i, header
    names = os.listdir(os.path.dirname(path))
    assert len(names) <= 2, names
    left += len(names) - 1
print(left)
"""


@posix
def test_killed_writers_leave_a_whole_file(tmp_path):
    path, times = tmp_path / "file", 60
    files.write(path, {"i": 0}, {"data": np.full(100_000, 0)})
    left = int(output_of(KILL_MANY, path, times, 1))
    # Some died in the middle of a write, or nothing was tested; the next to write cleaned up.
    assert left > times // 10
    files.write(path, {}, SMALL)
    assert os.listdir(tmp_path) == ["file"]


def test_two_writers_and_a_reader(tmp_path):
    path = tmp_path / "file"
    files.write(path, {"i": 0}, {"data": np.full(100_000, 0)})
    writers = [start(WRITE_FOR_EVER, path, first, 2) for first in (2, 3)]
    seen = set()
    try:
        end = time.monotonic() + 30
        while len({i % 2 for i in seen if i}) < 2 or len(seen) < 20:
            seen.add(number_in(path))
            assert time.monotonic() < end, seen
            assert all(writer.poll() is None for writer in writers)
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    number_in(path)
    files.write(path, {}, SMALL)
    assert os.listdir(tmp_path) == ["file"]


def leftover(path, pid, run):
    """What a write to `path` would have left of this process and run, had it been killed."""
    with files._replacement(str(path)):
        names = [name for name in os.listdir(path.parent) if name.endswith(".tmp")]
    (name,) = names
    ours = f"-{os.getpid()}-{files.RUN}-"
    assert ours in name
    return path.parent / name.replace(ours, f"-{pid}-{run}-")


@posix
def test_only_what_dead_processes_left_of_this_very_file_is_removed(tmp_path):
    path = tmp_path / "file"
    dead = start("")
    dead.communicate()
    stays = {
        "of another file": leftover(tmp_path / "other", dead.pid, "0"),
        "of a running process": leftover(path, os.getppid(), "0"),
        "of another thread": leftover(path, os.getpid(), files.RUN),
    }
    goes = {
        "of a dead process": leftover(path, dead.pid, "0"),
        "of an earlier process of this number": leftover(path, os.getpid(), "0"),
    }
    for name in [*stays.values(), *goes.values()]:
        name.write_bytes(b"half")
    (tmp_path / "other").unlink()
    written(path)
    assert {name: file.exists() for name, file in stays.items()} == dict.fromkeys(stays, True)
    assert {name: file.exists() for name, file in goes.items()} == dict.fromkeys(goes, False)


FULL_DISK = """
import errno, os, resource, sys
import numpy as np
from fastnet import files
path, size = sys.argv[1], int(sys.argv[2])
before = open(path, "rb").read()
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
failed = 0
for limit in [*range(0, 700, 7), *range(700, size, size // 100), size - 1, size]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        files.write(path, {}, {"a": np.ones(5000), "b": np.ones(5000)})
        assert limit == size, limit
    except OSError as error:
        assert error.errno == errno.EFBIG and limit < size, (error, limit)
        assert open(path, "rb").read() == before
        failed += 1
    assert os.listdir(os.path.dirname(path)) == ["file"]
assert failed > 100 and open(path, "rb").read() != before
"""


@posix
def test_a_full_disk_leaves_the_old_file(tmp_path):
    size = written(tmp_path / "size", {"a": np.ones(5000), "b": np.ones(5000)}, {}).stat().st_size
    folder = tmp_path / "folder"
    folder.mkdir()
    output_of(FULL_DISK, written(folder / "file"), size)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_an_interrupt_leaves_the_old_file(kind, place, tmp_path, monkeypatch):
    before = written(tmp_path / "file").read_bytes()

    def interrupt(*arguments):
        raise kind

    monkeypatch.setattr(os, place, interrupt)
    with pytest.raises(kind):
        written(tmp_path / "file", ARRAYS)
    assert (tmp_path / "file").read_bytes() == before
    assert os.listdir(tmp_path) == ["file"]


@posix
def test_contents_reach_the_disk_before_the_name_does(tmp_path, monkeypatch):
    """What a machine that loses its power would show, in the order of the system's calls."""
    calls = []
    fsync, replace = os.fsync, os.replace

    def seen_fsync(descriptor):
        file = os.readlink(f"/proc/self/fd/{descriptor}") if sys.platform == "linux" else ""
        calls.append(("fsync", os.fstat(descriptor).st_size, file == str(tmp_path)))
        fsync(descriptor)

    def seen_replace(*names):
        calls.append(("replace",))
        replace(*names)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(os, "replace", seen_replace)
    size = written(tmp_path / "file").stat().st_size
    assert [call[0] for call in calls] == ["fsync", "replace", "fsync"]
    assert calls[0][1] == size
    assert calls[2][2] == (sys.platform == "linux")


# ---------------------------------------------------------------------------- names and permissions


@posix
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o000])
def test_modes(umask, tmp_path):
    old = os.umask(umask)
    try:
        path = written(tmp_path / "file")
        (tmp_path / "usual").write_bytes(b"")
        assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode
        for mode in (0o600, 0o640, 0o606):
            path.chmod(mode)
            # What is private is so from the start.
            with files._replacement(str(path)) as file:
                assert os.fstat(file.fileno()).st_mode & 0o7777 == mode
            written(path)
            assert path.stat().st_mode & 0o7777 == mode
    finally:
        os.umask(old)


@posix
def test_a_link_stays_a_link(tmp_path):
    real = tmp_path / "disk" / "real"
    real.parent.mkdir()
    link = tmp_path / "link"
    link.symlink_to(Path("disk") / "real")
    for arrays in ({}, SMALL):  # at first it points to nothing
        written(link, arrays)
        assert link.is_symlink()
        assert content(*files.read(real)) == content(HEADER, arrays)
    assert sorted(os.listdir(tmp_path)) == ["disk", "link"]
    assert os.listdir(real.parent) == ["real"]


def test_what_the_system_refuses_is_its_own_error(tmp_path):
    for missing in (tmp_path / "missing", tmp_path / "missing" / "file"):
        with pytest.raises(FileNotFoundError) as caught:
            files.read(missing)
        assert caught.value.filename == str(missing)
    with pytest.raises(FileNotFoundError, match="missing"):
        written(tmp_path / "missing" / "file")
    (tmp_path / "folder").mkdir()
    for use in (files.read, written):
        with pytest.raises(OSError, match="folder"):
            use(tmp_path / "folder")
    (tmp_path / "plain").write_text("")
    with pytest.raises(OSError, match="plain"):
        written(tmp_path / "plain" / "file")
    for path in (3, None, ["x"]):
        for use in (files.read, written):
            with pytest.raises(TypeError):
                use(path)
    assert sorted(os.listdir(tmp_path)) == ["folder", "plain"]


@posix
def test_what_is_no_regular_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"Not a regular file.*pipe"):
        written(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
    assert os.listdir(tmp_path) == ["pipe"]


def unprivileged():
    return os.name == "posix" and os.getuid() != 0


@pytest.mark.skipif(not unprivileged(), reason="no permission binds root")
def test_a_read_only_file_is_not_replaced(tmp_path):
    path = written(tmp_path / "file", {})
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        written(path)
    assert content(*files.read(path)) == content(HEADER, {})
