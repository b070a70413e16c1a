"""Other machines, as far as one machine can stand for them: a worker with a home, a spool and a cache of its own."""

import processes


class Machine:
    """What a worker that starts there sees: none of the test's own folders."""

    def __init__(self, place, name, start_program, launcher=()):
        """`launcher`: the words that put a program there."""
        self.launcher = launcher
        self.folder = place / name
        self.start_program = start_program
        self.folder.mkdir(mode=0o700)
        folders = {"HOME": "home", "XDG_RUNTIME_DIR": "run", "XDG_DATA_HOME": "data", "XDG_STATE_HOME": "state",
                   "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache"}
        for folder in folders.values():
            (self.folder / folder).mkdir(mode=0o700)
        self.environment = {name: str(self.folder / folder) for name, folder in folders.items()}
        self.cache = self.folder / "cache/lipsweep/data"
        self.spool = self.folder / "state/lipsweep/spool"
        self.worker = None

    def start(self, *options, env=None):
        self.worker = self.start_program("lipsweep-worker", *options, env=self.environment | (env or {}),
                                         launcher=self.launcher)
        return self.worker

    def runners(self):
        return [pid for pid in processes.descendants(self.worker.pid) if "train" in processes.command(pid)]
