"""A training that is interrupted: a coordinator, a worker and a sweep of one job, each part of which can die and come back."""

import itertools
import random
import signal

import processes
import recorded
from processes import descendants, wait_until


class Site:
    """A coordinator, a worker and a sweep; each part can die and come back."""

    def __init__(self, place, name, programs, sweep, steps, worker_options=(), lease_ms=2000):
        """`steps` of its one training. `worker_options`: one list after another, a new one with each start."""
        self.start_program, self.run_program, self.steps, self.lease_ms = programs.start, programs.run, steps, lease_ms
        self.worker_options = itertools.cycle(worker_options or [()])
        self.folder = place / name
        self.folder.mkdir(mode=0o700)
        self.database, self.spool = self.folder / "s.db", self.folder / "spool"
        self.endpoint = f"ipc://{self.folder}/c"
        (self.folder / "s.yaml").write_text(sweep)
        self.start_coordinator()
        self.run_program("lipsweep", "submit", self.folder / "s.yaml", "--connect", self.endpoint, "--yes", code=0)
        self.start_worker()

    def start_coordinator(self):
        self.coordinator = self.start_program("lipsweep-coordinator", "--db", self.database, "--listen", self.endpoint,
                                              "--lease-ms", self.lease_ms, "--heartbeat-ms", 200)
        wait_until(lambda: "listening" in self.coordinator.stderr())

    def start_worker(self):
        self.worker = self.start_program("lipsweep-worker", "--connect", self.endpoint, "--slots", 1,
                                         "--spool", self.spool, *next(self.worker_options))

    def runners(self):
        return [pid for pid in descendants(self.worker.pid) if "train" in processes.command(pid)]

    def checkpoints(self):
        return sorted(self.spool.glob("checkpoints/*/*.checkpoint"))

    def step(self):
        """The newest checkpoint's; all of them when the job is done."""
        if recorded.job_count(self.database, "done"):
            return self.steps
        return max((int(path.stem) for path in self.checkpoints()), default=0)

    def kill_runner(self):
        for pid in self.runners():
            processes.kill(pid)

    def kill_worker_for_good(self):
        """Its runners die of it, a moment later."""
        runners = self.runners()
        self.worker.kill()
        wait_until(lambda: not any(map(processes.alive, runners)))

    def kill_worker(self):
        self.kill_worker_for_good()
        self.start_worker()

    def kill_coordinator(self):
        self.coordinator.kill()
        self.start_coordinator()

    def stop_worker(self):
        self.worker.signal(signal.SIGTERM)
        self.worker.wait(code=0)
        self.start_worker()

    def finish(self, timeout=300):
        wait_until(lambda: recorded.job_count(self.database, "done"), timeout=timeout)
        recorded.assert_all_done_once(self.database, 1)
        # Nobody needs them any more; the weights are kept.
        wait_until(lambda: not list(self.spool.glob("checkpoints/*")))
        measured, = recorded.measurements(self.database).values()
        assert [path.stem for path in self.folder.glob("s.db.d/weights/*")] == [measured["weights"]]
        return measured

    def logs(self):
        """Of each attempt, in order: a slow machine may have lost one lease more. One that was lost before it began has
        none."""
        runs = [self.run_program("lipsweep", "logs", "j1", "--attempt", number, "--db", self.database)
                for number in range(1, len(self.outcomes()) + 1)]
        for run, outcome in zip(runs, self.outcomes()):
            assert run.returncode == 0 or (outcome == "lost" and "has no log" in run.stderr), run
        return [run.stdout for run in runs]

    def outcomes(self):
        return [row["outcome"] for row in recorded.query(self.database, "SELECT outcome FROM attempt ORDER BY number")]

    def disturb(self, blows, seed):
        """Deals the blows in a random order at random steps of the first half, none before the training has got on since
        the last one; the step of the last one."""
        generator = random.Random(seed)
        generator.shuffle(blows)
        moment, before = 0, 0
        for drawn, blow in zip(sorted(generator.randrange(1, self.steps // 2) for _ in blows), blows):
            moment = max(drawn, before + 1)
            wait_until(lambda: self.step() >= moment, what=lambda: f"step {moment}: it is at {self.step()}")
            before = self.step()
            assert before < self.steps, f"it was over before {blow.__name__} at step {moment}: seed {seed}"
            blow()
        return moment

    def stop(self):
        self.worker.kill()
        self.coordinator.kill()
