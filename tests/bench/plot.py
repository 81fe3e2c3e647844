#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Draws what shmq-bench measured.

usage: plot.py RESULTS.json DIRECTORY

Writes throughput, ratios and round-trip to the directory, as SVG and PNG each.
Points are medians of the rounds, bars reach from quartile to quartile.
"""
import json
import os
import statistics
import sys

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "shmq"  # the same figures, the same file
from matplotlib import pyplot  # noqa: E402

COLOURS = {"crate": "tab:purple", "ring": "tab:blue",
           "bulk ring": "tab:cyan", "kernel": "tab:gray", "limit": "black",
           "bytes": "tab:green", "checked": "tab:orange", "plain": "tab:red", "stream": "tab:olive"}  # ours
MARKERS = "osD^vP*X<>"
COMPARISONS = [  # title, ours, theirs: a peer, or the best of a kind
    ("ByteQueue / crate's ByteQueue", ["bytes-batch", "bytes", "bytes-inplace"], "crate-bytes"),
    ("checked / crate's MsgQueue", ["checked", "checked-batch", "checked-inplace"], "crate-msgs"),
    ("plain / best other ring", ["plain-batch", "plain", "plain-inplace"], "ring"),
]


def size_name(size):
    return f"{size} B" if size < 1024 else f"{size // 1024} KiB"


def quartiles(samples):
    """First quartile, median, third."""
    if len(samples) < 2:
        return (samples[0],) * 3
    return tuple(statistics.quantiles(samples, n=4, method="inclusive"))


def error_bars(points):
    return [[m - low for low, m, _ in points], [high - m for _, m, high in points]]


class Results:
    def __init__(self, data):
        self.data = data
        self.cells = [c for c in data["cells"] if "error" not in c]
        self.sizes = sorted({c["size"] for c in self.cells})
        self.policies = [p for p in ("spin", "gather") if self.select(policy=p)]

    def select(self, **wanted):
        return [c for c in self.cells if all(c[k] == v for k, v in wanted.items())]

    def peers(self, **wanted):
        return list(dict.fromkeys(c["peer"] for c in self.select(**wanted)))

    def rates(self, peer, size, policy):
        found = self.select(metric="throughput", peer=peer, size=size, policy=policy)
        return found[0]["messages_per_second"] if found else None

    def best(self, kind, size, policy):
        found = self.select(metric="throughput", kind=kind, size=size, policy=policy)
        rates = [c["messages_per_second"] for c in found]
        return max(rates, key=statistics.median, default=None)


def throughput(results, policy, axes):
    for i, cell in enumerate(results.peers(metric="throughput")):
        cells = [c for c in results.select(metric="throughput", peer=cell)
                 if c["policy"] in (policy, "blocking") and c["kind"] != "limit"]
        if not cells:
            continue
        points = [tuple(v / 1e6 for v in quartiles(c["messages_per_second"])) for c in cells]
        kind = cells[0]["kind"]
        colour = COLOURS[cell.split("-")[0] if kind == "ours" else kind]
        axes.errorbar([c["size"] for c in cells], [m for _, m, _ in points],
                      yerr=error_bars(points), label=cell, color=colour,
                      marker=MARKERS[i % len(MARKERS)], markersize=5, capsize=2,
                      linewidth=1.8 if kind == "ours" else 0.9,
                      linestyle="-" if kind == "ours" else "--")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(results.sizes, [size_name(s) for s in results.sizes])
    axes.set_xlabel("message")
    axes.set_ylabel("million messages a second")
    axes.set_title(policy)
    axes.grid(True, which="both", alpha=0.25)


def ratios(results, policy, comparison, axes):
    title, ours, theirs = comparison
    width = 0.8 / len(ours)
    for i, name in enumerate(ours):
        places, points = [], []
        for place, size in enumerate(results.sizes):
            a = results.rates(name, size, policy)
            b = results.best(theirs, size, policy) if theirs == "ring" else \
                results.rates(theirs, size, policy)
            if a and b:
                places.append(place + (i - (len(ours) - 1) / 2) * width)
                points.append(quartiles([x / y for x, y in zip(a, b)]))
        if points:
            axes.bar(places, [m for _, m, _ in points], width, yerr=error_bars(points),
                     label=name, capsize=2)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks(range(len(results.sizes)), [size_name(s) for s in results.sizes])
    axes.set_yscale("log")
    axes.set_title(f"{title}, {policy}")
    axes.grid(True, axis="y", which="both", alpha=0.25)
    if points:
        axes.legend(fontsize="small")


def round_trip(results, axes):
    peers = results.peers(metric="round trip")
    sizes = [s for s in (8, 64, 4096) if s in results.sizes] or results.sizes[:3]
    width = 0.8 / len(sizes)
    for i, size in enumerate(sizes):
        places, points, tails = [], [], []
        for place, peer in enumerate(peers):
            for c in results.select(metric="round trip", peer=peer, size=size):
                places.append(place + (i - (len(sizes) - 1) / 2) * width)
                points.append(quartiles(c["p50_ns"]))
                tails.append(statistics.median(c["p99_ns"]))
        axes.bar(places, [m for _, m, _ in points], width, yerr=error_bars(points),
                 label=f"{size_name(size)}, p50", capsize=2)
        axes.scatter(places, tails, marker="_", color="black",
                     label="p99" if i == 0 else None)
    axes.set_yscale("log")
    axes.set_ylabel("ns")
    axes.set_xticks(range(len(peers)), peers, rotation=45, ha="right")
    axes.grid(True, axis="y", which="both", alpha=0.25)
    axes.legend()


def save(figure, directory, name):
    figure.tight_layout()
    for kind in ("svg", "png"):
        path = os.path.join(directory, f"{name}.{kind}")
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(path, metadata=metadata, dpi=110)
        print(f"wrote {path}", file=sys.stderr)
    pyplot.close(figure)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        results = Results(json.load(file))
    directory = sys.argv[2]
    os.makedirs(directory, exist_ok=True)
    where = f"{results.data['cpu']}, {results.data['rounds']} rounds"

    if results.policies:
        columns = len(results.policies)
        figure, axes = pyplot.subplots(1, columns, figsize=(7.5 * columns, 7), squeeze=False,
                                       sharey=True)
        for policy, place in zip(results.policies, axes[0]):
            throughput(results, policy, place)
        axes[0][-1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
        figure.suptitle(f"Throughput: {where}")
        save(figure, directory, "throughput")

        figure, axes = pyplot.subplots(len(COMPARISONS), columns, squeeze=False,
                                       figsize=(7 * columns, 4 * len(COMPARISONS)))
        for column, policy in enumerate(results.policies):
            for row, comparison in enumerate(COMPARISONS):
                ratios(results, policy, comparison, axes[row][column])
        figure.suptitle(f"Throughput ratios: {where}")
        save(figure, directory, "ratios")

    if results.select(metric="round trip"):
        figure, axes = pyplot.subplots(figsize=(11, 6))
        round_trip(results, axes)
        figure.suptitle(f"Round trips, spinning: {where}")
        save(figure, directory, "round-trip")


if __name__ == "__main__":
    main()
