"""Charts of the report, as SVG; colours that can be told apart in grey and by the colour-blind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diagnostics.errors import NoSolverError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scorecard.result import Figure, Score

INK, SECOND, GREY = "#1b6ca8", "#c8553d", "#9aa5b1"
WIDE = (8.0, 4.2)


def draw_all(score: Score, robust: Mapping[str, Score], folder: Path) -> list[str]:
    """Draws every chart into ``folder``; their names.

    Raises:
        NoSolverError: matplotlib is not installed.
    """
    plot = _plotter()
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "components.svg": _components(plot, score),
        "peers.svg": _peers(plot, score),
        "trade-off.svg": _trade_off(plot, score),
        "reliability.svg": _reliability(plot, score),
        "robustness.svg": _robustness(plot, score, robust),
    }
    for name, figure in drawn.items():
        figure.savefig(folder / name, metadata={"Date": None})
        plot.close(figure)
    return list(drawn)


def _plotter() -> Any:
    try:
        import matplotlib as mpl  # noqa: PLC0415  not needed by the service
        import matplotlib.pyplot as plt  # noqa: PLC0415
    except ModuleNotFoundError:
        raise NoSolverError("matplotlib", "roadworthy[score]") from None
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "roadworthy", "font.size": 9, "axes.spines.top": False})
    mpl.rcParams.update({"axes.spines.right": False, "figure.constrained_layout.use": True})
    return plt


def _bars(figures: Sequence[Figure]) -> tuple[list[float], list[list[float]]]:
    values = [figure.value or 0.0 for figure in figures]
    low = [max(0.0, value - (figure.low or value)) for value, figure in zip(values, figures, strict=True)]
    high = [max(0.0, (figure.high or value) - value) for value, figure in zip(values, figures, strict=True)]
    return values, [low, high]


def _components(plot: Any, score: Score) -> Any:
    """Share of failures that were said before they came, and how long before, by component."""
    rows = {name: row for name, row in sorted(score.components.items()) if row.found.value is not None}
    figure, (left, right) = plot.subplots(1, 2, figsize=(9.0, 0.24 * len(rows) + 1.4), sharey=True)
    colours = [{"A": INK, "B": SECOND}.get(row.observability, GREY) for row in rows.values()]
    names = [f"{name} ({row.observability}, {row.failures})" for name, row in rows.items()]
    for axis, column, label in ((left, "found", "found before failure"), (right, "lead_days", "median lead, days")):
        values, error = _bars([getattr(row, column) for row in rows.values()])
        axis.barh(names, values, xerr=error, color=colours, error_kw={"lw": 0.8})
        axis.set_xlabel(label)
    left.set_xlim(0.0, 1.0)
    return figure


def _peers(plot: Any, score: Score) -> Any:
    """Cost against schedule and repair after failure, ours and the rivals'."""
    cards = {"this service": score.figures, **score.peers}
    found = {name: card["cost_vs_schedule"] for name, card in cards.items() if card.get("cost_vs_schedule")}
    figure, axis = plot.subplots(figsize=(8.0, 0.35 * len(found) + 1.2))
    values = [100.0 * (one.value or 0.0) for one in found.values()]
    axis.barh(list(found), values, color=[INK, *[GREY] * (len(found) - 1)])
    axis.axvline(0.0, color="black", lw=0.8)
    axis.invert_yaxis()
    axis.set_xlabel("cost a vehicle-year against schedule and repair after failure, %")
    return figure


def _trade_off(plot: Any, score: Score) -> Any:
    """Recall against false alarms as limits of tests are scaled, and as parts that wear are advised earlier."""
    figure, axis = plot.subplots(figsize=WIDE)
    for rows, colour, name in (
        (score.trade_off, INK, "limits of tests, times"), (score.wear_trade_off, SECOND, "wear advised earlier, times"),
    ):  # fmt: skip
        points = [(step, recall, false) for step, recall, false in rows if recall is not None]
        axis.plot([row[2] for row in points], [row[1] for row in points], "o-", color=colour, label=name)
        for step, recall, false in points:
            axis.annotate(f"{step:g}", (false, recall), textcoords="offset points", xytext=(5, -9), color=colour)
    axis.legend()
    axis.set_xlabel("false alarms a vehicle-year")
    axis.set_ylabel("failures found before they came")
    return figure


def _reliability(plot: Any, score: Score) -> Any:
    """Predicted against observed share of failures within 30 days."""
    figure, axis = plot.subplots(figsize=WIDE)
    axis.plot([1e-4, 1.0], [1e-4, 1.0], color=GREY, lw=0.8)
    points = [(predicted, came) for predicted, came, _ in score.reliability if predicted > 0.0]
    axis.plot([x for x, _ in points], [max(y, 1e-4) for _, y in points], "o-", color=INK)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("stated chance of failing within 30 days")
    axis.set_ylabel("share that did")
    return figure


def _robustness(plot: Any, score: Score, robust: Mapping[str, Score]) -> Any:
    """Recall of classes A and B and false alarms under what the service was not made for."""
    cards = {"as is": score, **robust}
    figure, (left, right) = plot.subplots(1, 2, figsize=WIDE)
    places = range(len(cards))
    for shift, key, colour in ((-0.2, "recall_a", INK), (0.2, "recall_b", SECOND)):
        values, error = _bars([card.figures[key] for card in cards.values() if key in card.figures])
        left.bar([at + shift for at in places][: len(values)], values, 0.38, yerr=error, color=colour, label=key)
    left.set_xticks(list(places), list(cards), rotation=30, ha="right")
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    wrong = ("false_bookings_per_vehicle_year", "false_advisories_per_vehicle_year")
    values = [sum(card.figures[key].value or 0.0 for key in wrong) for card in cards.values()]
    right.bar(list(places), values, color=INK)
    right.axhline(2.0 * values[0], color=GREY, lw=0.8, ls="--", label="twice those as is")
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    right.set_xticks(list(places), list(cards), rotation=30, ha="right")
    right.set_ylabel("false alarms a vehicle-year")
    return figure
