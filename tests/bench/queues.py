#!/usr/bin/env python3
"""Jobs a second of lipsweep, and of what else hands out jobs, on this machine: jobs that do nothing.

    tests/bench/queues.py FOLDER [--build DIR] [--seconds S] [lipsweep] [optuna] [dask] [slurm]

Debian's python3-optuna, python3-distributed, slurmctld, slurmd, slurm-client and munge; what is not installed is left
out. Everything runs on this machine's processors, with two workers where there are workers. FOLDER is created."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def lipsweep(folder, build, seconds):
    """Two workers of the load generator, each with one job at a time: a lease and a result with all it carries a job."""
    sys.path.insert(0, str(CHECKOUT / "tests/bench"))
    import load
    shutil.rmtree(folder / "keys", ignore_errors=True)
    (folder / "two.join").unlink(missing_ok=True)
    coordinator = load.prepare(folder, build, "two", jobs=20000)
    process = load.generator(coordinator, "two", "--workers", 2, "--seconds", seconds, "--busy", "--settle", 1)
    result = json.loads(load.wait_for(process, "{"))
    coordinator.stop()
    return result["results"] / result["seconds"]


def optuna(folder, _build, seconds):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    (folder / "optuna.db").unlink(missing_ok=True)
    study = optuna.create_study(storage=f"sqlite:///{folder}/optuna.db", sampler=optuna.samplers.RandomSampler())

    def trial(trial):
        return sum(trial.suggest_float(name, 0.01, 1) for name in ("lambda", "k", "sigma"))

    began = time.monotonic()
    study.optimize(trial, timeout=seconds)
    return len(study.trials) / (time.monotonic() - began)


def dask(_folder, _build, seconds):
    from distributed import Client, LocalCluster
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather(client.map(abs, range(100), pure=False))
        count, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            client.gather(client.map(abs, range(500), pure=False))
            count += 500
        return count / (time.monotonic() - began)


SLURM = """ClusterName=bench
SlurmctldHost={host}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName={host} CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def slurm(folder, _build, seconds):
    """An array of jobs that run true; how many were completed when the time was over. Needs root."""
    place = folder / "slurm"
    shutil.rmtree(place, ignore_errors=True)
    (place / "state").mkdir(parents=True)
    (place / "spool").mkdir()
    host = os.uname().nodename.split(".")[0]
    (place / "slurm.conf").write_text(SLURM.format(host=host, folder=place, cpus=os.cpu_count()))
    (place / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nIgnoreSystemd=yes\n")
    environment = dict(os.environ, SLURM_CONF=str(place / "slurm.conf"))
    subprocess.run(["install", "-d", "-o", "munge", "-g", "munge", "/run/munge"], check=True)
    started = [subprocess.Popen(["runuser", "-u", "munge", "--", "/usr/sbin/munged", "--foreground"]),
               subprocess.Popen(["slurmctld", "-D", "-c"], env=environment, stderr=subprocess.DEVNULL),
               subprocess.Popen(["slurmd", "-D", "-N", host], env=environment, stderr=subprocess.DEVNULL)]
    try:
        def ask(*words):
            return subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=30).stdout

        until = time.monotonic() + 30
        while "idle" not in (said := ask("sinfo", "-h", "-o", "%T")):
            assert time.monotonic() < until, said
            time.sleep(0.5)
        (place / "job.sh").write_text("#!/bin/sh\ntrue\n")
        ask("sbatch", "--array=1-1000", "--output=/dev/null", str(place / "job.sh"))
        began = time.monotonic()
        time.sleep(seconds)
        left = sum(1 for line in ask("squeue", "-h", "-r").splitlines() if line.strip())
        return (1000 - left) / (time.monotonic() - began)
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(20)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    measures = {"lipsweep": lipsweep, "optuna": optuna, "dask": dask, "slurm": slurm}
    parser.add_argument("what", nargs="*", default=list(measures))
    parser.add_argument("--build", type=pathlib.Path, default=CHECKOUT / "build")
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(exist_ok=True)
    for name in options.what:
        try:
            rate = measures[name](folder, options.build.resolve(), options.seconds)
            print(f"{name}: {rate:.1f} jobs/s (load {os.getloadavg()[0]:.1f})", flush=True)
        except (ImportError, FileNotFoundError, AssertionError) as missing:
            print(f"{name}: not measured: {missing}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
