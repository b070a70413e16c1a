"""The two sides of a comparison: bench_step and torch_peer.py, each in several configurations.

A configuration runs one process or several side by side, which begin each phase together; their rates add up.
"""
import dataclasses
import itertools
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PHASES = ("train_lipschitz", "train_standard", "evaluate")
# The C library keeps freed memory instead of giving it back: PyTorch allocates in every step.
KEEP_FREED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8000000000", "MALLOC_TOP_PAD_": "500000000"}
# Both sides and the BLAS below them.
LEVELS = {"avx2": {"LIPSWEEP_KERNEL_LEVEL": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
                   "ATEN_CPU_CAPABILITY": "avx2"}}


@dataclasses.dataclass(frozen=True)
class Configuration:
    side: str  # lipsweep or pytorch
    processes: int
    threads: int
    layout: str = "contiguous"
    keeps_freed: bool = False

    def command(self, build):
        if self.side == "lipsweep":
            return [str(build / "tests/bench/bench_step"), "--threads", str(self.threads)]
        return [sys.executable, str(HERE / "torch_peer.py"), "--threads", str(self.threads), "--layout", self.layout]

    def environment(self, level):
        limits = {"OMP_NUM_THREADS": str(self.threads), "OPENBLAS_NUM_THREADS": str(self.threads)}
        return {**os.environ, **limits, **LEVELS.get(level, {}), **(KEEP_FREED if self.keeps_freed else {})}

    def __str__(self):
        text = f"{self.processes} x {self.threads}"
        if self.side == "pytorch":
            text += f", {self.layout}" + (", freed memory kept" if self.keeps_freed else "")
        return text


def shapes(cores, machine):
    """(processes, threads): one thread, or all that use every core."""
    return sorted({(1, cores), (cores, 1)}) if machine else [(1, 1)]


def ours(cores, machine):
    return [Configuration("lipsweep", p, t) for p, t in shapes(cores, machine)]


def peers(cores, machine):
    return [Configuration("pytorch", p, t, layout, keeps) for (p, t), layout, keeps in
            itertools.product(shapes(cores, machine), ("contiguous", "channels_last"), (False, True))]


def say(child, text):
    child.stdin.write(text)
    child.stdin.flush()


def run(configuration, model, options):
    """Images a second of each phase over all processes; and what one of them says of itself."""
    command = [*configuration.command(options.build), model, "--together", "--seconds", str(options.seconds)]
    if options.batch:
        command += ["--batch", str(options.batch)]
    children = [subprocess.Popen(command, env=configuration.environment(options.level), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True) for _ in range(configuration.processes)]
    try:
        for _ in PHASES:
            if any(child.stdout.readline() != "ready\n" for child in children):
                raise SystemExit(f"compare.py: a process of '{configuration}' ended early: {' '.join(command)}")
            for child in children:
                say(child, "go\n")
        results = [json.loads(child.communicate()[0]) for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    return {phase: sum(result[phase] for result in results) for phase in PHASES}, results[0]
