"""From frames of stored samples to rows for the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from diagnostics.features.columns import SIGNALS
from diagnostics.features.rows import Rows

if TYPE_CHECKING:
    from diagnostics.fleet import Fleet

VEHICLE, TIME = "vehicle_id", "time"


def merged(frame: pl.DataFrame) -> pl.DataFrame:
    """Those of our signals that the frame has, by vehicle and time; samples of one moment are one row."""
    present = [path for path in SIGNALS if path in frame.columns]
    chosen = frame.select(VEHICLE, TIME, *(pl.col(path).cast(pl.Float64) for path in present))
    chosen = chosen.filter(pl.any_horizontal(pl.lit(value=False), *(pl.col(path).is_not_null() for path in present)))
    doubled = chosen.select(VEHICLE, TIME).is_duplicated()
    if doubled.any():
        last = [pl.col(path).drop_nulls().last() for path in present]
        chosen = chosen.group_by(VEHICLE, TIME, maintain_order=True).agg(last)
    return chosen.sort(VEHICLE, TIME)


def rows_of(frame: pl.DataFrame, fleet: Fleet) -> Rows:
    """Rows of a frame that :func:`merged` made, sorted by the vehicles' rows in the fleet."""
    vehicle = np.zeros(frame.height, dtype=np.int64)
    if frame.height:
        names = frame[VEHICLE].unique(maintain_order=True).to_list()
        numbers = dict(zip(names, fleet.rows_of(names).tolist(), strict=True))
        vehicle = frame[VEHICLE].replace_strict(numbers, return_dtype=pl.Int64).to_numpy()
    order = np.argsort(vehicle, kind="stable")
    present = tuple(path for path in SIGNALS if path in frame.columns)
    values = frame.select(present).fill_null(np.nan).to_numpy().astype(np.float64).reshape(frame.height, len(present))
    time_ms = frame[TIME].dt.timestamp("ms").to_numpy()
    return Rows(vehicle=vehicle[order].astype(np.int64), time_ms=time_ms[order], values=values[order], signals=present)
