"""The table: median, spread and aim of each figure, and its ratio to its own ceiling."""

import dataclasses
import statistics

WIDTH = 100


@dataclasses.dataclass(frozen=True)
class Aim:
    limit: float
    is_least: bool = False
    is_ratio: bool = False  # of the ratio, instead of the figure itself

    def is_met(self, value):
        return value >= self.limit if self.is_least else value <= self.limit

    def __str__(self):
        return f"{'≥' if self.is_least else '≤'} {number(self.limit)}{' ×' if self.is_ratio else ''}"


def at_least(limit):
    return Aim(limit, is_least=True)


def at_most(limit):
    return Aim(limit)


def ratio_at_least(limit):
    return Aim(limit, is_least=True, is_ratio=True)


def ratio_at_most(limit):
    return Aim(limit, is_ratio=True)


@dataclasses.dataclass(frozen=True)
class Row:
    key: str
    title: str
    unit: str
    aims: tuple = ()
    of: str = None  # the key of the row that it is a share of


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


class Result:
    """A row and all its samples. A sample may be a sentence: why it could not be measured here."""

    def __init__(self, row, samples, ceiling=None):
        self.row = row
        self.samples = [sample for sample in samples if not isinstance(sample, str)]
        self.excuse = next((sample for sample in samples if isinstance(sample, str)), None)
        self.median = statistics.median(self.samples) if self.samples else None
        self.ratio = None
        if self.samples and ceiling and not any(isinstance(sample, str) for sample in ceiling):
            # Of each run by itself: a busy moment of the machine hits both.
            self.ratio = statistics.median(own / its for own, its in zip(self.samples, ceiling))

    def missed(self):
        return [aim for aim in self.row.aims if self.median is not None and
                not aim.is_met(self.ratio if aim.is_ratio else self.median)]

    def verdict(self):
        if not self.row.aims or self.median is None:
            return ""
        return "missed" if self.missed() else "met"

    def as_json(self):
        return {"key": self.row.key, "figure": self.row.title, "unit": self.row.unit,
                "samples": self.samples, "median": self.median,
                "least": min(self.samples, default=None), "most": max(self.samples, default=None),
                "ratio": self.ratio, "ratio_to": self.row.of,
                "aims": [str(aim) for aim in self.row.aims], "verdict": self.verdict(),
                "not_measured": self.excuse}

    def cells(self):
        aims = ", ".join(str(aim) for aim in self.row.aims)
        if self.median is None:
            return [self.row.title, "not measured here: " + (self.excuse or ""), "", "", aims, ""]
        spread = f"{number(min(self.samples))} to {number(max(self.samples))}"
        return [self.row.title, f"{number(self.median)} {self.row.unit}", spread,
                f"{self.ratio:.2f}" if self.ratio else "", aims, self.verdict()]


HEADINGS = ["figure", "median", "spread", "ratio", "aim", ""]


def text(results):
    """Lines of at most WIDTH columns; what a figure is called may take two."""
    rows = [HEADINGS] + [result.cells() for result in results]
    widths = [max(len(row[i]) for row in rows if i == 0 or row[2]) for i in range(len(HEADINGS))]
    widths[0] = WIDTH - sum(widths[1:]) - 2 * (len(widths) - 1)
    lines = []
    for row in rows:
        title = wrapped(row[0], widths[0])
        lines += [part for part in title[:-1]]
        if not row[2]:  # a sentence in place of figures
            lines += [f"{title[-1]:{widths[0]}}  {row[1]}"]
            continue
        cells = [f"{title[-1]:{widths[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(row[1:5], widths[1:5])]
        lines.append("  ".join(cells + [row[5]]).rstrip())
    return "\n".join(lines)


def wrapped(title, width):
    lines = [""]
    for word in title.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(" ")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines
