"""The figures of one run, as the table that README shows, and what they should be."""

from dataclasses import dataclass, field
from statistics import median, quantiles

# MB are a million bytes.
MB = 1e6
MAX_ZIP = 3 * MB
MAX_RESIDENT = 12 * MB
MAX_RESIDENT_AFTER_LOGINS = 40 * MB
TIMES_HELLO = {"users": 2.0}
TIMES_HELLO_OTHERS = 1.5


@dataclass
class Figures:
    """One function's. Times are in seconds, sizes in bytes."""

    bootstrap: int
    zipped: int
    starts: list[float] = field(default_factory=list)  # with the wait for the warm-up
    waits: list[float] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    call: str = ""  # what was called

    def own_starts(self) -> list[float]:
        """The starts without the wait."""
        return [start - wait for start, wait in zip(self.starts, self.waits)]


def table(hello: Figures, functions: dict[str, Figures]) -> str:
    """The figures in Markdown."""
    rows = [
        "| function | start | with wait | resident | bootstrap | zip | warm call | of |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, one in {"hello world": hello, **{f"`{name}`": one for name, one in functions.items()}}.items():
        cells = [name, milliseconds(one.own_starts()), milliseconds(one.starts) if any(one.waits) else "–"]
        cells += [megabytes(median(one.resident)), megabytes(one.bootstrap), megabytes(one.zipped)]
        cells += [milliseconds(one.calls) if one.calls else "–", one.call or "–"]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def goals(hello: Figures, functions: dict[str, Figures], logins: int, after_logins: int) -> tuple[list[str], bool]:
    """A line for each goal, and whether all of those are met that do not depend on the machine's speed."""
    lines = []

    def goal(met: bool, text: str) -> bool:
        lines.append(f"{'met' if met else 'MISSED'}: {text}")
        return met

    def below(limit: float, what: str, sizes: dict[str, float]) -> bool:
        name = max(sizes, key=sizes.get)
        return goal(sizes[name] < limit, f"{what}: {megabytes(sizes[name])} ({name}), goal: under {megabytes(limit)}")

    for name, one in functions.items():
        limit = TIMES_HELLO.get(name, TIMES_HELLO_OTHERS)
        times = median(one.own_starts()) / median(hello.own_starts())
        goal(times <= limit, f"start of {name}: {times:.2f} times hello world's, goal: within {limit}")
    certain = [
        below(MAX_ZIP, "largest zip", {name: one.zipped for name, one in functions.items()}),
        below(MAX_RESIDENT, "most resident at start", {name: median(one.resident) for name, one in functions.items()}),
        below(MAX_RESIDENT_AFTER_LOGINS, f"resident after {logins} logins", {"users": after_logins}),
    ]
    return lines, all(certain)


def milliseconds(times: list[float]) -> str:
    """The median, and between what the middle half lies."""
    low, middle, high = (1000 * part for part in quantiles(times, n=4, method="inclusive"))
    return f"{middle:.1f} ms ({low:.1f}–{high:.1f})"


def megabytes(size: float) -> str:
    """To a tenth."""
    return f"{size / MB:.1f} MB"
