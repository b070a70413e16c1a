"""A small disk of its own (a tmpfs), to be filled up. Needs root."""

import os
import subprocess

import pytest


class Disk:
    def __init__(self, folder, mib):
        self.folder, self.filler = folder, folder / "filler"
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", folder], capture_output=True,
                              text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted: {done.stderr}")

    def free_mib(self):
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize / (1 << 20)

    def fill(self, left_mib=0):
        """What is free now is taken, up to so much."""
        piece = bytes(1 << 16)
        with open(self.filler, "ab", buffering=0) as file:
            while self.free_mib() > left_mib:
                try:
                    file.write(piece)
                except OSError:
                    return

    def free(self):
        self.filler.unlink()

    def close(self):
        subprocess.run(["umount", "-l", self.folder], check=False)


def disk_in(place, mib, request):
    disk = Disk(place, mib)
    request.addfinalizer(disk.close)
    return disk
