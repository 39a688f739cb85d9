"""Draws what was measured: ``python -m benchmarks.charts``, also ``python -m benchmarks charts``.

Reads ``benchmarks/results/*.json``, as ``python -m benchmarks`` writes them, and the curve of the ranker in service,
and writes PNGs into ``docs/``. What has not been measured is not drawn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no window, so it runs anywhere
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import Figures, run
from benchmarks.cold import BOT, GIVEN
from chatrec import promotion
from chatrec.settings import Settings

MINE, OTHER, SECOND = "#1f5fa8", "#b4bcc6", "#e08a2e"
DPI = 110


def history(found: Figures) -> Figure:
    """HR@10 and NDCG@10 of all scorers, what is left of the blend without a signal excepted."""
    rows = [row for row in found["all_known"] if "without" not in row["scorer"] and "one seed" not in row["scorer"]]
    figure, axes = _panels("What somebody turns to next: MovieLens 100K, last event, all films ranked", 2, len(rows))
    for axis, measure in zip(axes, ("hr@10", "ndcg@10"), strict=True):
        _bars(axis, [(r["scorer"], r[measure], "ours" in r["scorer"]) for r in rows], measure.upper())
    return figure


def dialogues(found: Figures) -> Figure:
    """Recall@10 and recall@50 of new items, both sets."""
    names = [name for name, part in found.items() if isinstance(part, dict) and "scorers" in part]
    tables = {name: [r for r in found[name]["scorers"] if _number(r["recall@10"])] for name in names}
    tables = {name: [r for r in rows if not r["scorer"].startswith("ratio")] for name, rows in tables.items()}
    longest = max(map(len, tables.values()))
    figure, axes = _panels("What people in recorded dialogues turn to: new items, whole catalogue", len(names), longest)
    for axis, (name, rows) in zip(axes, tables.items(), strict=True):
        for measure, colour, width in (("recall@50", OTHER, 0.8), ("recall@10", MINE, 0.4)):
            labels = [row["scorer"] for row in rows]
            axis.barh(labels, [float(row[measure]) for row in rows], width, color=colour, label=measure)
        _finish(axis, f"{name}: recall")
    figure.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="upper right", ncols=2, fontsize=9)
    return figure


def cold(found: Figures) -> Figure:
    """NDCG@10 with its 95 %, by what is known of somebody, of the first set."""
    name, part = next((k, v) for k, v in found.items() if isinstance(v, dict) and set(GIVEN) <= set(v))
    longest = max(len(part[given]) for given in GIVEN)
    title = f"People of whom next to nothing is known: {name}, {part['users']} users nobody learned from"
    figure, axes = _panels(title, len(GIVEN), longest)
    for axis, given in zip(axes, GIVEN, strict=True):
        rows = sorted(part[given], key=lambda row: -row["ndcg@10"])
        _bars(axis, [(_folded(r["scorer"]), r["ndcg@10"], BOT in r["scorer"]) for r in rows], f"{given}: NDCG@10")
        for place, row in enumerate(rows):
            axis.plot(_pair(row["95 %"]), [place, place], color="#333333", linewidth=1)
    return figure


def speed(found: Figures) -> Figure:
    """Median seconds of the ways to rank, and the tower's by the size of the catalogue."""
    rows = [row for row in found["ways"] if not row["way"].startswith("likelihoods")]
    figure, (left, right) = _panels("How long ranking takes on two cores", 2, 5)
    _bars(left, [(_folded(r["way"]), r["p50"], "tower" in r["way"]) for r in rows], "median, seconds", log=True)
    sizes = found.get("tower_by_size_of_catalogue", [])
    right.plot([r["items"] for r in sizes], [1000 * r["p95"] for r in sizes], "o-", color=MINE, label="95th percentile")
    right.plot([r["items"] for r in sizes], [1000 * r["p50"] for r in sizes], "o--", color=SECOND, label="median")
    right.set(xscale="log", ylim=(0, 1200 * max([r["p95"] for r in sizes], default=1)), xlabel="items in the catalogue")
    right.set_title("the tower, milliseconds", loc="left", fontsize=10)
    right.legend(frameon=False, loc="upper right")
    right.spines[["top", "right"]].set_visible(False)
    return figure


def learning(found: Figures) -> Figure:
    """Loss and NDCG@10 on held-out examples after each epoch of the ranker in service."""
    figure, axes = _panels("The ranker in service, epoch by epoch", 2, 5)
    epochs = range(1, len(found["curve"]) + 1)
    shown = (("loss", "training loss", MINE), ("ndcg@10", "NDCG@10 on held-out examples", SECOND))
    for axis, (measure, title, colour) in zip(axes, shown, strict=True):
        axis.plot(epochs, [row[measure] for row in found["curve"]], "o-", color=colour)
        axis.set(xticks=epochs, xlabel="epoch")
        axis.set_title(title, loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def diversity(found: Figures) -> Figure:
    """What more variety, and what less popular lists, cost in the validation of every set."""
    titles = {name.partition(":")[0]: table for name, table in found.items() if name.endswith(": validation")}
    figure, axes = plt.subplots(2, len(titles), figsize=(4.2 * len(titles), 6), layout="constrained")
    figure.suptitle("What a list of ten pays in NDCG@10 for variety, and for less popular items", x=0.01, ha="left")
    shown = (("diversity", ("MMR", "DPP")), ("lift", ("calibrated", "exposure")))
    for column, (title, table) in zip(axes.T, titles.items(), strict=True):
        for axis, (measure, ways) in zip(column, shown, strict=True):
            for way, colour in zip(ways, (SECOND, MINE), strict=True):
                rows = [row for row in table if row["way"] in ("as ranked", way)]
                points = [row[measure] for row in rows], [-100 * row["price"] for row in rows]
                axis.plot(*points, "o-", color=colour, label=way)
            axis.axhline(-1, color=OTHER, linewidth=1)
            axis.set_ylim(-4, 2.2)
            axis.legend(frameon=False, fontsize=8)
            axis.set_xlabel({"lift": "popularity lift"}.get(measure, measure), fontsize=9)
            axis.set_title(f"{title}: change of NDCG@10, %", loc="left", fontsize=10)
            axis.tick_params(labelsize=8)
            axis.spines[["top", "right"]].set_visible(False)
    return figure


CHARTS: dict[str, Callable[[Figures], Figure]] = {
    "history": history,
    "dialogues": dialogues,
    "cold": cold,
    "ranking": speed,
    "learning": learning,
    "diversity": diversity,
}


def _panels(title: str, columns: int, rows: int) -> tuple[Figure, Sequence[Axes]]:
    figure, axes = plt.subplots(1, columns, figsize=(4.6 * columns, 1.4 + 0.36 * rows), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure, axes if columns > 1 else [axes]


def _bars(axis: Axes, rows: Sequence[tuple[str, float, bool]], title: str, log: bool = False) -> None:
    """Horizontal bars with their values, the first on top; ``rows``: label, value, whether it is ours."""
    values = [value for _, value, _ in rows]
    axis.barh([label for label, _, _ in rows], values, color=[MINE if mine else OTHER for _, _, mine in rows], log=log)
    for place, value in enumerate(values):
        axis.text(
            0.99, place, f"{value:.3f}", va="center", ha="right", fontsize=8, transform=axis.get_yaxis_transform()
        )
    axis.set_xlim(min(values) / 4 if log else 0, max(values) * (8 if log else 1.35))
    _finish(axis, title)


def _finish(axis: Axes, title: str) -> None:
    axis.invert_yaxis()
    axis.set_title(title, loc="left", fontsize=10)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def _folded(label: str) -> str:
    return label if len(label) < 26 else re.sub(r"^(.{10,24}?)[ ,]+(?=among|whole|candidate|20|100)", r"\1\n", label)


def _number(text: str) -> bool:
    return bool(re.fullmatch(r"[\d.]+", str(text)))


def _pair(interval: str) -> list[float]:
    return [float(number) for number in re.findall(r"[\d.]+", interval)]


def measure(settings: Settings) -> Figures:
    """What was drawn, with its size, and what there are no figures for."""
    results, drawn = settings.root / "benchmarks" / "results", {}
    paths = {name: results / f"{name}.json" for name in CHARTS}
    paths["learning"] = settings.models / (promotion.serving(settings.models) or "") / "figures.json"
    for name, path in paths.items():
        drawn[name] = _draw(name, path, settings.root / "docs") if path.exists() else f"no figures in {path.name}"
    return drawn


def _draw(name: str, path: Path, folder: Path) -> str:
    figure = CHARTS[name](json.loads(path.read_text(encoding="utf-8")))
    target = folder / f"chart-{name}.png"
    figure.savefig(target, dpi=DPI)
    plt.close(figure)
    return f"docs/{target.name}, {target.stat().st_size // 1000} KB"


if __name__ == "__main__":
    run("Draws what was measured.", measure)
