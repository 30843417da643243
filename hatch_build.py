"""Build hook: a wheel carries the front-end libraries, fetched and checked when it is built."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FetchAssets(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's generic is not needed here
    """Fetches the assets before a wheel is packed; an editable install leaves that to `make setup`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Runs scripts/fetch_assets.py."""
        del build_data
        if version == "editable" or self.target_name != "wheel":
            return
        path = Path(self.root) / "scripts" / "fetch_assets.py"
        spec = importlib.util.spec_from_file_location("fetch_assets", path)
        if spec is None or spec.loader is None:
            raise RuntimeError(f"{path} is missing")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        try:
            module.fetch()
        except module.AssetError as error:  # a car has no npm, and needs no console
            self.app.display_warning(f"built without the console's libraries, for an agent only: {error}")
