"""What can go wrong in a benchmark.

BenchError
├── UnknownBenchError      there is no benchmark of that name
├── NoProfileError         it has no profile to show
├── NoInputError           what it works on is not there
├── PartFailedError        a process that it needs did not come up
└── MissingPeerError       what it is measured with or against is not installed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MEND = (
    "pip install 'roadworthy[bench]' installs it (opendbc declares Python below 3.13; on a newer one: "
    "pip install --no-deps --ignore-requires-python opendbc)"
)


class BenchError(Exception):
    """Root of everything that a benchmark reports."""


class UnknownBenchError(BenchError):
    """There is no benchmark of that name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(f"there is no benchmark {name!r}; there are: {', '.join(known)}")


class NoProfileError(BenchError):
    """A benchmark has no profile to show."""

    def __init__(self, bench: str) -> None:
        self.bench = bench
        super().__init__(f"the benchmark {bench} has no profile; leave --profile out")


class NoInputError(BenchError):
    """What a benchmark works on is not there."""

    def __init__(self, bench: str, folder: Path) -> None:
        self.bench, self.folder = bench, folder
        super().__init__(f"the benchmark {bench} finds no recorded drive in {folder}; run it from a clone")


class PartFailedError(BenchError):
    """A process that a benchmark needs did not come up, or failed."""

    def __init__(self, bench: str, what: str, said: str) -> None:
        self.bench, self.what = bench, what
        super().__init__(f"the benchmark {bench} waited in vain for {what}; its processes said:\n{said}")


class MissingPeerError(BenchError):
    """What a benchmark measures with or against is not installed."""

    def __init__(self, bench: str, package: str) -> None:
        self.bench, self.package = bench, package
        super().__init__(f"the benchmark {bench} needs {package}, which is not installed; {_MEND}")
