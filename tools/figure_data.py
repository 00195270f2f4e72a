"""Write what interactive figures show of recorded experiments: ``python -m tools.figure_data``, after those have run.

A figure has no time to train a network. So its numbers come from `book/experiments/results`, as short text.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sklearn.datasets import load_digits

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "book/_static/figures/compute/recorded.js"
INK = "0123456789abcdefg"  # 17 levels, as the scanned digits have them
HEAD = "/* Made by `python -m tools.figure_data` from recorded experiments: change those, not this. */\n"


def values(stem: str, name: str) -> dict[str, Any]:
    """Return {name: numbers} of the first seed of a recorded experiment."""
    path = ROOT / "book/experiments/results" / f"{stem}.json"
    record = json.loads(path.read_text(encoding="utf-8"))[name]
    return {key: seeds[0] for key, seeds in record["values"].items()}


def ink(rows: Iterable[Iterable[float]]) -> str:
    """Return a picture of 8 x 8 levels from 0 to 16 as 64 letters."""
    return "".join(INK[int(value)] for row in rows for value in row)


def learned() -> list[list[list[float]]]:
    """Return the kernels that the chapter on algorithms trains, rounded."""
    return [[[round(x, 3) for x in row] for row in kernel] for kernel in values("algorithms", "rank_one")["kernels"]]


def units() -> dict[str, Any]:
    """Return {network: layers of units}, a unit as {unit, digits, places, values, picture}."""
    record = values("features", "unit_pictures")
    made = {}
    for network in ("untrained", "trained"):
        parts = [record[f"{network}, {what}"] for what in ("digits", "places", "values", "picture")]
        made[network] = [
            [
                {
                    "unit": unit,
                    "digits": digits,
                    "places": places,
                    "values": [round(x, 3) for x in strength],
                    "picture": ink(picture),
                }
                for unit, digits, places, strength, picture in zip(*layer, strict=True)
            ]
            for layer in zip(record["units"], *parts, strict=True)
        ]
    return made


def text() -> str:
    """Return the module: the learned kernels, the units, and the digits that they name, {number: [class, picture]}."""
    shown, scanned = units(), load_digits()
    numbers = sorted({n for network in shown.values() for layer in network for unit in layer for n in unit["digits"]})
    digits = {n: [int(scanned.target[n]), ink(scanned.images[n])] for n in numbers}
    lines = [f"export const {name} = {_lines(data)};\n" for name, data in (("LEARNED", learned()), ("DIGITS", digits))]
    return HEAD + "".join(lines) + f"export const UNITS = {_lines(shown)};\n"


def _lines(data: Any) -> str:
    """Return JSON with a line break behind each list or table within lists, so that a change shows where it is."""
    return json.dumps(data, separators=(",", ":")).replace("],", "],\n").replace("},", "},\n")


def main() -> None:
    """Write the module of the interactive figures from what is recorded now."""
    TARGET.write_text(text(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
