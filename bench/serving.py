"""A running `facet serve` that is measured."""

import contextlib
import pathlib
import subprocess
import tempfile


@contextlib.contextmanager
def serving(facet, models, *arguments):
    """The process and its address; data of its own, which go with it."""
    with tempfile.TemporaryDirectory() as data:
        process = subprocess.Popen(
            [facet, "serve", "--data", data, "--models", models, "--port", "0", "-s", "log.level=error", *arguments],
            stdout=subprocess.PIPE, text=True)
        try:
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()
            process.wait()


def memory_mib(pid, field="VmRSS"):
    """0 of a process that is no more."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    return 0.0
