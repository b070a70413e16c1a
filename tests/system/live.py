"""A database that is written for as long as a test reads it: a sweep's own jobs, and beside them trainings without end."""

import signal

import recorded
from coordinator import endpoint_in
from processes import wait_until


class Live:
    def __init__(self, place, run_program, start_program, sweep, name):
        """Returns with the first results of the sweep `name` there; it is in place/NAME.db."""
        self.run_program, self.database, self.endpoint = run_program, place / f"{name}.db", endpoint_in(place)
        self.coordinator = start_program("lipsweep-coordinator", "--db", self.database, "--listen", self.endpoint)
        wait_until(lambda: "listening" in self.coordinator.stderr())
        endless = sweep.replace(f"name: {name}", "name: endless").replace("epochs: 2", "epochs: 1000000")
        assert endless.count("endless") == endless.count("1000000") == 1
        for text in sweep, endless:
            (place / "sweep.yaml").write_text(text, encoding="utf-8")
            self.client("submit", place / "sweep.yaml")
        # two sweeps share two slots: a job of each at a time
        start_program("lipsweep-worker", "--connect", self.endpoint, "--slots", 2, "--spool", place / "spool")
        wait_until(lambda: self.count("results") and self.count("epoch_metric WHERE job IN (SELECT id FROM job WHERE "
                                                                "epochs = 1000000)"))

    def client(self, *words):
        self.run_program("lipsweep", *words, "--connect", self.endpoint, code=0)

    def count(self, what):
        rows = recorded.query(self.database, f"SELECT count(*) AS n FROM {what}")
        return rows[0]["n"] if rows else 0

    def finish(self, jobs):
        """Waits for the sweep's end, removes the other one, and nobody writes any more."""
        assert recorded.job_count(self.database, "leased")
        wait_until(lambda: recorded.job_count(self.database, "done") == jobs, timeout=300)
        self.client("cancel", "endless")
        self.client("delete", "endless", "--yes")
        self.coordinator.signal(signal.SIGTERM)
        self.coordinator.wait(code=0)
        recorded.assert_all_done_once(self.database, jobs)
