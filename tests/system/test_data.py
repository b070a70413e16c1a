"""lipsweep data: fetch from a server on loopback that is truncated, corrupted, slow or honest; import, list, verify."""

import gzip
import http.server
import io
import json
import os
import pathlib
import random
import signal
import tarfile
import threading

import pytest

from processes import wait_until

STL_IMAGE = 3 * 96 * 96
STL_FILES = {"train_X.bin": 3 * STL_IMAGE, "train_y.bin": 3, "test_X.bin": 2 * STL_IMAGE, "test_y.bin": 2}


def stl_bytes():
    """The smallest sound STL-10: three training and two test images of noise."""
    noise = random.Random(5)
    return {name: noise.randbytes(size) if "_X" in name else bytes(1 + i for i in range(size))
            for name, size in STL_FILES.items()}


def tar_gz(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


STL_ARCHIVE = tar_gz([("stl10_binary/class_names.txt", b"airplane\n"), ("stl10_binary/unlabeled_X.bin", b"none")] +
                     [(f"stl10_binary/{name}", content) for name, content in stl_bytes().items()])


class Server:
    """A publisher: `files` by name. `answer(handler, content, begin)` writes the body of one request from
    byte `begin` on; `ranges` False: it cannot continue a file."""

    def __init__(self):
        self.files, self.requests, self.ranges = {}, [], True
        self.answer = lambda handler, content, begin: handler.wfile.write(content[begin:])
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.serve(self)

            def log_message(self, *_arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server.server_port}/data"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, handler):
        asked = handler.headers.get("Range")
        self.requests.append((handler.path, asked))
        content = self.files.get(handler.path.rsplit("/", 1)[1])
        if content is None:
            handler.send_error(404)
            return
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        if begin >= len(content):
            handler.send_error(416)
            return
        handler.send_response(206 if begin else 200)
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content) - begin))
        handler.end_headers()
        try:
            self.answer(handler, content, begin)
        except ConnectionError:
            pass

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server():
    server = Server()
    server.files["stl10_binary.tar.gz"] = STL_ARCHIVE
    yield server
    server.close()


@pytest.fixture
def fetch(run_program, server):
    def fetch(name, *options, code=0):
        return run_program("lipsweep", "data", "fetch", name, "--from", server.url, *options, code=code)
    return fetch


@pytest.fixture
def store(place):
    return place / "data" / "lipsweep"


def half_then_cut(handler, content, begin):
    """The first answer ends in its middle, later ones are whole."""
    if begin == 0:
        handler.wfile.write(content[:len(content) // 2])
        handler.close_connection = True
    else:
        handler.wfile.write(content[begin:])


def expect_stl(store):
    for name, content in stl_bytes().items():
        assert (store / "stl10" / name).read_bytes() == content
    assert not (store / ".incoming").exists()


def rows(run_program, *arguments, code=0):
    result = run_program("lipsweep", "data", *arguments, "--format", "json", code=code)
    return {row["name"]: row for row in json.loads(result.stdout)}, result.stderr


def write_stl(folder):
    folder.mkdir(parents=True)
    for name, content in stl_bytes().items():
        (folder / name).write_bytes(content)


def test_nothing_is_here_at_first(run_program, store):
    found, _ = rows(run_program, "list")
    assert [row["state"] for row in found.values()] == ["not here", "not here", "not here", "built in"]
    assert found["glyphs"]["train_images"] == 20000 and found["glyphs"]["official"] is True
    people = run_program("lipsweep", "data", "list", code=0).stdout
    assert f"lipsweep data fetch NAME brings what is not here into {store}" in people
    run_program("lipsweep", "data", "verify", code=0)
    run_program("lipsweep", "data", "verify", "stl10", code=1)
    assert not store.exists()  # looking makes nothing


def test_fetch_brings_only_the_files_of_the_set(fetch, run_program, server, store):
    result = fetch("stl10")
    expect_stl(store)
    assert sorted(os.listdir(store / "stl10")) == sorted(STL_FILES)
    assert "3 training and 2 test images" in result.stdout
    assert "the official one has 5000 and 8000" in result.stderr
    row = rows(run_program, "list")[0]["stl10"]
    assert (row["state"], row["official"], row["train_images"], row["test_images"]) == ("here", None, 3, 2)
    assert row["bytes"] == sum(STL_FILES.values()) and row["folder"] == str(store / "stl10")
    assert "is there already" in fetch("stl10").stdout
    assert server.requests == [("/data/stl10_binary.tar.gz", None)]


def test_a_truncated_answer_is_continued(fetch, server, store):
    server.answer = half_then_cut
    result = fetch("stl10")
    expect_stl(store)
    half = len(STL_ARCHIVE) // 2
    assert [asked for _, asked in server.requests] == [None, f"bytes={half}-"]
    assert "ended early" in result.stderr and f"from byte {half}" in result.stderr


def test_a_server_that_cannot_continue_starts_again(fetch, server, store):
    calls = []

    def once_cut(handler, content, _begin):
        calls.append(1)
        half_then_cut(handler, content, 0 if len(calls) == 1 else 1) if len(calls) == 1 else handler.wfile.write(content)

    server.answer, server.ranges = once_cut, False
    fetch("stl10")
    expect_stl(store)
    assert len(calls) >= 2


def test_a_server_that_always_cuts_is_given_up(fetch, server, store):
    def nothing(handler, _content, _begin):
        handler.close_connection = True

    server.answer = nothing
    result = fetch("stl10", code=1)
    assert "ended early" in result.stderr and len(server.requests) == 1
    assert not store.exists() or os.listdir(store) == []


def test_a_corrupted_file_is_refused(fetch, server, store):
    server.files["train-images-idx3-ubyte.gz"] = gzip.compress(b"other images")
    result = fetch("mnist", code=1)
    assert "train-images-idx3-ubyte.gz: SHA-256 is " in result.stderr
    assert "expected 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609" in result.stderr
    assert not list(store.rglob("*ubyte*"))


def test_a_corrupted_archive_is_refused(fetch, server, store):
    damaged = bytearray(STL_ARCHIVE)
    damaged[len(damaged) // 2] ^= 0xff
    server.files["stl10_binary.tar.gz"] = bytes(damaged)
    result = fetch("stl10", code=1)
    assert "stl10_binary.tar.gz" in result.stderr and "damaged" in result.stderr
    assert not list(store.rglob("*.part")) and not (store / "stl10").exists()
    server.files["stl10_binary.tar.gz"] = STL_ARCHIVE
    fetch("stl10")
    expect_stl(store)


def test_an_archive_cannot_write_elsewhere(fetch, server, store, place):
    stl = stl_bytes()
    names = [f"../../../{name}" for name in stl] + ["/tmp/evil", "../evil"]
    server.files["stl10_binary.tar.gz"] = tar_gz(list(zip(names, [*stl.values(), b"x", b"x"])))
    fetch("stl10")
    expect_stl(store)
    assert not list(place.rglob("evil")) and len(list(place.rglob("train_X.bin"))) == 1


@pytest.mark.parametrize("files, words", [
    ([("a/train_X.bin", b"")], "has no train_y.bin in it"),
    ([("a/train_X.bin", b"1"), ("b/train_X.bin", b"2")], "holds train_X.bin twice"),
    ([(name, content[:-1]) for name, content in stl_bytes().items()], "whole number of images"),
])
def test_an_archive_with_other_things_in_it_is_refused(fetch, server, store, files, words):
    server.files["stl10_binary.tar.gz"] = tar_gz(files)
    assert words in fetch("stl10", code=1).stderr
    assert not (store / "stl10").exists()


def test_a_stalled_answer_is_continued(fetch, server, store):
    def stall_once(handler, content, begin):
        handler.wfile.write(content[begin:begin + 1000] if begin == 0 else content[begin:])
        handler.wfile.flush()
        if begin == 0:
            server.released.wait()

    server.answer = stall_once
    result = fetch("stl10", "--timeout", "3")
    expect_stl(store)
    assert "nothing came for 3 s" in result.stderr
    asked = [asked for _, asked in server.requests]
    assert asked[0] is None and "bytes=1000-" in asked  # on a slow machine not at the first try


def test_a_silent_server_is_given_up(fetch, server):
    server.answer = lambda handler, content, begin: server.released.wait()
    result = fetch("stl10", "--timeout", "1", code=3)
    assert "nothing came for 1 s" in result.stderr and "lipsweep data import DIR" in result.stderr


def test_an_interrupted_fetch_goes_on(fetch, start_program, server, store):
    def drip(handler, content, begin):
        if begin > 0:
            handler.wfile.write(content[begin:])
            return
        handler.wfile.write(content[:5000])
        handler.wfile.flush()
        server.released.wait()

    server.answer = drip
    part = store / ".incoming" / "stl10_binary.tar.gz.part"
    program = start_program("lipsweep", "data", "fetch", "stl10", "--from", server.url)
    wait_until(lambda: part.exists() and server.requests)
    assert "another lipsweep is bringing data" in fetch("stl10", code=4).stderr
    program.signal(signal.SIGINT)
    assert program.wait() == 130
    size = part.stat().st_size
    fetch("stl10")
    expect_stl(store)
    assert server.requests[-1][1] == (f"bytes={size}-" if size else None)


def test_what_a_server_lacks(fetch, server, run_program):
    del server.files["stl10_binary.tar.gz"]
    assert "404" in fetch("stl10", code=3).stderr
    assert "known: mnist, cifar10, stl10" in fetch("imagenet", code=2).stderr
    assert "drawn by the program" in fetch("glyphs", code=2).stderr
    assert "did you mean 'fetch'" in run_program("lipsweep", "data", "fetsh", "mnist", code=2).stderr
    assert "fetch NAME" in run_program("lipsweep", "data", "fetch", code=2).stderr


def test_import_copies_what_is_sound(run_program, place, store):
    write_stl(place / "mine" / "stl10")
    result = run_program("lipsweep", "data", "import", place / "mine", code=0)
    assert f"stl10: 3 training and 2 test images in {store}/stl10" in result.stdout
    expect_stl(store)
    assert "is there already" in run_program("lipsweep", "data", "import", place / "mine", code=0).stdout
    (place / "mine" / "stl10" / "test_y.bin").write_bytes(b"\2\2")
    refused = run_program("lipsweep", "data", "import", place / "mine", code=4)
    assert "--replace puts it aside" in refused.stderr
    expect_stl(store)
    result = run_program("lipsweep", "data", "import", place / "mine", "--replace", code=0)
    assert f"what was there is now {store}/stl10.old" in result.stdout
    assert (store / "stl10" / "test_y.bin").read_bytes() == b"\2\2"
    assert (store / "stl10.old" / "test_y.bin").read_bytes() == b"\1\2"
    (place / "mine" / "stl10" / "test_y.bin").write_bytes(b"\2\0")
    damaged = run_program("lipsweep", "data", "import", place / "mine", code=1)
    assert "test_y.bin: label 1 is 0, expected 1 to 10" in damaged.stderr
    assert "no files of a data set" in run_program("lipsweep", "data", "import", place / "run", code=4).stderr


def test_verify_reads_everything(run_program, store):
    write_stl(store / "stl10")
    good, _ = rows(run_program, "verify")
    pixels = bytearray((store / "stl10" / "train_X.bin").read_bytes())
    pixels[1234] ^= 1
    (store / "stl10" / "train_X.bin").write_bytes(pixels)
    changed, _ = rows(run_program, "verify")
    assert changed["stl10"]["digest"] != good["stl10"]["digest"]
    (store / "stl10" / "train_X.bin").write_bytes(pixels[:-1])
    bad, words = rows(run_program, "verify", code=1)
    assert bad["stl10"]["state"] == "damaged"
    assert "train_X.bin: 82943 bytes are no whole number of images" in words
    rows(run_program, "list")  # damage is no failure of a list
    (store / "stl10" / "train_X.bin").unlink()
    assert "is incomplete" in rows(run_program, "verify", "stl10", code=1)[1]


def test_damaged_data_is_replaced_by_a_fetch(fetch, store):
    write_stl(store / "stl10")
    (store / "stl10" / "train_y.bin").write_bytes(b"\1\2")
    result = fetch("stl10")
    assert "what is here is damaged" in result.stderr and "stl10.old" in result.stdout
    expect_stl(store)


def test_the_official_mnist_is_known(fetch, run_program, server, store):
    data = pathlib.Path(os.environ.get("LIPSWEEP_DATA", "/nonexistent")) / "mnist"
    if not data.is_dir():
        pytest.skip("LIPSWEEP_DATA does not say where the real MNIST is")
    server.files |= {path.name: path.read_bytes() for path in data.iterdir()}
    server.answer = half_then_cut
    assert "60000 training and 10000 test images" in fetch("mnist").stdout
    assert rows(run_program, "verify", "mnist")[0]["mnist"]["official"] is True
    assert len(server.requests) == 8
    assert not (store / ".incoming").exists()


JOB = """dataset: {name: stl10, resize: 32, augment: {crop_padding: 4, flip: true}}
model: mnist-cnn
loss: {lambda: 0.1, k: 0.1, sigma: 0.1}
train: {epochs: 1, batch: 2}
"""


def test_a_missing_set_says_how_to_get_it(run_program, place, store):
    (place / "job.yaml").write_text(JOB)
    missing = run_program("lipsweep-worker", "train", "job.yaml", "-o", "out")
    assert missing.returncode != 0 and "'lipsweep data fetch stl10' brings it" in missing.stderr
    write_stl(store / "stl10")
    trained = run_program("lipsweep-worker", "train", "job.yaml", "-o", "out", code=0)
    assert "the official one has 5000 and 8000" in trained.stderr
    assert "2 steps" in trained.stdout


def test_a_set_of_ones_own_trains_by_its_path(run_program, place):
    write_stl(place / "mine")
    job = JOB.replace("name: stl10", f"path: {place}/mine, format: stl, classes: 3, class_names: [a, b, c]")
    (place / "job.yaml").write_text(job)
    run_program("lipsweep-worker", "train", "job.yaml", "-o", "out", code=0)
    (place / "job.yaml").write_text(job.replace("classes: 3", "classes: 2").replace("b, c", "b"))
    refused = run_program("lipsweep-worker", "train", "job.yaml", "-o", "out2")
    assert refused.returncode != 0 and "train_y.bin: label 2 is 3, expected 1 to 2" in refused.stderr


OWN_SWEEP = """name: own
dataset: {{path: {folder}, format: stl, classes: 3, resize: 32, augment: {{crop_padding: 4}}}}
model: mnist-cnn
train: {{epochs: 1, batch: 2}}
grid: {{dataset.augment.flip: [false, true]}}
"""


def test_a_sweep_over_a_set_of_ones_own(run_program, place):
    write_stl(place / "mine")
    (place / "own.yaml").write_text(OWN_SWEEP.format(folder=place / "mine"))
    run_program("lipsweep", "run", "own.yaml", "--db", "own.db", code=0)
    result = run_program("lipsweep", "jobs", "own", "--db", "own.db", "--format", "json", code=0)
    jobs = json.loads(result.stdout)
    assert [(job["dataset"], job["resize"], job["crop_padding"], job["flip"]) for job in jobs] == [
        ("mine", 32, 4, "false"), ("mine", 32, 4, "true")]
    result = run_program("lipsweep", "results", "own", "--db", "own.db", "--format", "json", code=0)
    points = json.loads(result.stdout)
    assert sorted(point["flip"] for point in points) == ["false", "true"]  # not two seeds of one point
    (place / "own.yaml").write_text(OWN_SWEEP.format(folder="nowhere"))
    missing = run_program("lipsweep", "run", "own.yaml", code=4)
    assert "data set nowhere not found" in missing.stderr and "data/lipsweep/nowhere" in missing.stderr
