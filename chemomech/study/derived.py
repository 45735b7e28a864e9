"""Numbers from the collected table: exponents, slopes, where a share of the gain is reached, extremes."""

from collections.abc import Iterator, Mapping

import numpy as np

from chemomech.results.study import Array, Table
from chemomech.study.schema import ALONG, Derived


class NotDerivedError(ValueError):
    """A number that these points do not give; its text says why."""


def indices(table: Table, where: Mapping[str, str | float]) -> dict[str, int]:
    """Return axis -> index for axis -> value; values that no axis has were refused when the study was read."""
    found = {name: table.axis(name).find(value) for name, value in where.items()}
    return {name: index for name, index in found.items() if index is not None}


def derive(table: Table, name: str, wanted: Derived) -> Iterator[tuple[str, float | NotDerivedError]]:
    """Yield "name @ place" and the number, or why there is none, for each value of the axes not named."""
    where = indices(table, wanted.where)
    if wanted.how not in ALONG:
        values = table.values(wanted.of)[table.rows(where)]
        finite = values[np.isfinite(values)]
        if not len(finite):
            yield name, NotDerivedError("no point has the figure")
            return
        yield name, {"largest": finite.max(), "smallest": finite.min(), "mean": finite.mean()}[wanted.how]
        return
    assert wanted.x is not None  # the schema saw to it
    apart = [
        axis.name
        for axis in table.axes
        if not axis.statistic and axis.name != wanted.x and axis.name not in where
    ]
    for series in table.series(wanted.x, wanted.of, apart, where):
        kept = np.isfinite(series.x) & np.isfinite(series.mean)
        if wanted.range is not None:
            kept &= (series.x >= wanted.range[0]) & (series.x <= wanted.range[1])
        place = name + table.said(series.fixed)
        try:
            yield place, _along(wanted, series.x[kept], series.mean[kept])
        except NotDerivedError as error:
            yield place, error


def _along(wanted: Derived, x: Array, y: Array) -> float:
    """Return the number for points in the order of x; NotDerivedError where they do not give it."""
    if len(x) < 2:
        raise NotDerivedError(f"{len(x)} points with the figure, two are needed")
    match wanted.how:
        case "exponent":
            return power_law(x, y)[0]
        case "slope":
            return float(np.polyfit(x, y, 1)[0])
        case "ratio":
            if y[0] == 0.0:
                raise NotDerivedError("the first value is zero")
            return float(y[-1] / y[0])
        case "at_share":
            assert wanted.share is not None
            return crossing(x, y, float(y[0] + wanted.share * (y[-1] - y[0])), wanted.scale == "log-x")
        case "at_value":
            assert wanted.value is not None
            return crossing(x, y, wanted.value, wanted.scale == "log-x")
        case "at_largest":
            return float(x[np.argmax(y)])
        case _:
            return float(x[np.argmin(y)])


def power_law(x: Array, y: Array) -> tuple[float, float]:
    """Return n and a of y = a x^n by least squares in the logarithms; NotDerivedError unless x, y a > 0."""
    sign = np.sign(y[0])
    if np.any(x <= 0.0) or np.any(sign * y <= 0.0):
        raise NotDerivedError("a power law needs x above zero and y of one sign")
    slope, intercept = np.polyfit(np.log(x), np.log(sign * y), 1)
    return float(slope), float(sign * np.exp(intercept))


def crossing(x: Array, y: Array, value: float, logarithmic: bool) -> float:
    """Return the first x where y passes a value, between points on a straight line in x or ln x."""
    if logarithmic and np.any(x <= 0.0):
        raise NotDerivedError("scale = 'log-x' needs x above zero")
    along = np.log(x) if logarithmic else x
    beyond = y - value
    for left in range(len(x) - 1):
        if beyond[left] == 0.0:
            return float(x[left])
        if beyond[left] * beyond[left + 1] < 0.0:
            part = beyond[left] / (beyond[left] - beyond[left + 1])
            found = along[left] + part * (along[left + 1] - along[left])
            return float(np.exp(found) if logarithmic else found)
    if beyond[-1] == 0.0:
        return float(x[-1])
    raise NotDerivedError(f"it does not pass {value:g} between x = {x[0]:g} and {x[-1]:g}")
