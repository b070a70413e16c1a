"""The file of events: a JSON object a line, of what is stored, in the order of the table."""

import datetime
import json
import re
import signal

import recorded
from processes import wait_until
from programs import CHECKOUT
from test_worker_life import SWEEP, Machine


def test_events(place, programs):
    endpoint, file, database = f"ipc://{place}/run/c", place / "events", place / "s.db"

    def begin():
        coordinator = programs.start("lipsweep-coordinator", "--db", database, "--listen", endpoint, "--events", file)
        wait_until(lambda: "listening" in coordinator.stderr())
        return coordinator

    coordinator = begin()
    (place / "s.yaml").write_text(SWEEP.replace("EPOCHS", "1").replace("SEEDS", "2"))
    programs.run("lipsweep", "submit", "s.yaml", "--connect", endpoint, "--yes", code=0)
    programs.run("lipsweep", "pause", "j2", "--connect", endpoint, code=0)
    machine = Machine(place, 'a "quoted" name', programs.start)
    worker = machine.start("--connect", endpoint, "--slots", 1)
    wait_until(lambda: recorded.job_count(database, "done") == 1)
    programs.run("lipsweep", "cancel", "j2", "--connect", endpoint, code=0)
    worker.signal(signal.SIGTERM)
    worker.wait(code=0)
    coordinator.signal(signal.SIGTERM)
    coordinator.wait(code=0)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert (lines[0]["kind"], lines[-1]["kind"]) == ("coordinator_started", "coordinator_stopped")
    rows = recorded.query(database, "SELECT * FROM event ORDER BY id")
    assert len(rows) == len(lines) - 2 >= 6
    for row, line in zip(rows, lines[1:-1]):
        assert {name: line.get(name) for name in ("kind", "sweep", "job", "attempt", "worker")} == {
            name: row[name] for name in ("kind", "sweep", "job", "attempt", "worker")}
        assert line.get("text", "") == (row["text"] or "")
        at = datetime.datetime.fromisoformat(line["at"].replace("Z", "+00:00"))
        assert round(at.timestamp() * 1000) == row["at"]
    # all kinds are documented
    page = (CHECKOUT / "docs/machines.md").read_text(encoding="utf-8").split("## Events")[1].split("\n## ")[0]
    told = set(re.findall(r"\w+", " ".join(re.findall(r"^\| ([a-z_, ]+) \|", page, re.MULTILINE))))
    assert {line["kind"] for line in lines} <= told
    # the next coordinator goes on in the file; cut short, it is begun anew
    coordinator = begin()
    wait_until(lambda: len(file.read_text().splitlines()) == len(lines) + 1)
    file.write_text("")
    programs.run("lipsweep", "retry", "j2", "--connect", endpoint, code=0)
    assert {json.loads(line)["kind"] for line in wait_until(file.read_text).splitlines()} == {"retried"}


def test_a_file_that_cannot_be_written(place, programs):
    done = programs.run("lipsweep-coordinator", "--db", place / "s.db", "--listen", f"ipc://{place}/run/c",
                        "--events", place / "nowhere/events", code=1)
    assert "nowhere/events" in done.stderr
    coordinator = programs.start("lipsweep-coordinator", "--db", place / "s.db", "--listen", f"ipc://{place}/run/c",
                                 "--events", "/dev/full")
    wait_until(lambda: "events are missing" in coordinator.stderr())
    wait_until(lambda: "listening" in coordinator.stderr())
    assert coordinator.running()
