"""Settings: typed, unknown keys refused with the nearest."""

from pathlib import Path

import msgspec
import pytest

from vehicle.errors import SettingsError
from vehicle.settings import build, read_toml, refuse_unknown, variables


class Inner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    port: int = 1883


class Outer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    data_dir: Path = Path("x")
    broker: Inner = Inner()


def test_values_are_converted() -> None:
    """Texts of variables become numbers and paths."""
    got = build(Outer, {"data_dir": "/a/b", "broker": {"port": "99"}}, source="test")
    assert got == Outer(data_dir=Path("/a/b"), broker=Inner(port=99))


def test_unknown_key_names_the_nearest() -> None:
    """A misspelt key is answered with its name, its table and the right one."""
    with pytest.raises(SettingsError, match=r"'prot' in \[broker\]; did you mean 'port'"):
        build(Outer, {"broker": {"prot": 1}}, source="roadworthy.toml")


def test_wrong_type_names_the_place() -> None:
    """A value that does not fit is named with its place."""
    with pytest.raises(SettingsError, match=r"broker\.port"):
        build(Outer, {"broker": {"port": "many"}}, source="roadworthy.toml")


def test_what_is_no_toml() -> None:
    """A broken file is named with the line."""
    with pytest.raises(SettingsError, match=r"roadworthy\.toml is not TOML"):
        read_toml("a = [", source="roadworthy.toml")


def test_unknown_table() -> None:
    """A misspelt table is answered with the right one."""
    with pytest.raises(SettingsError, match="did you mean 'broker'"):
        refuse_unknown(["brokr"], ["broker", "api"], source="roadworthy.toml")


def test_variables() -> None:
    """Variables go to their section; others are left alone; an unknown one of ours is refused."""
    taken = {"prefix": "R_", "sections": {"broker": Inner}, "top": ["data_dir"]}
    assert variables({"R_DATA_DIR": "d", "R_BROKER_PORT": "7", "HOME": "h"}, **taken) == (
        {"data_dir": "d"},
        {"broker": {"port": "7"}},
    )
    with pytest.raises(SettingsError, match="did you mean 'R_BROKER_PORT'"):
        variables({"R_BROKER_PROT": "7"}, **taken)
