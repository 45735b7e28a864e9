"""study.toml as frozen values: axes, figures, and numbers derived from the collected table."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from chemomech.case.schema import mistake
from chemomech.results.format import split_unit

Words = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    Field(strict=False, min_length=1),
    BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
]
Numbers = Annotated[tuple[float, ...], Field(strict=False)]
Place = Mapping[str, str | float]
"""Axis -> one of its values, by label or number."""

ALONG: Final = ("exponent", "slope", "ratio", "at_share", "at_value", "at_largest", "at_smallest")
"""Ways of deriving a number along an axis; the others need none."""
ASKS: Final = {"at_share": "share", "at_value": "value"}
"""The number that a way needs, by way."""


class _Table(BaseModel):
    """What all tables of a study share: frozen, no unknown key, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Variant(_Table):
    """A named set of changes."""

    name: Annotated[str, Field(min_length=1)]
    """What it is called in tables and legends."""
    set: Mapping[str, Any]
    """Key of the case, as for --set and in quotes -> what is written into it; {} changes nothing."""
    number: float | None = None
    """Position on the axis; without it the axis has names instead of numbers."""


class Axis(_Table):
    """One direction of a study; the product of all axes is run."""

    name: Annotated[str, Field(min_length=1)]
    """Name with unit, e.g. "Stack pressure [MPa]"; no unit where the values are names."""
    key: str | None = None
    """Key of the case that takes the value, written as for --set."""
    set: Mapping[str, Any] | None = None
    """Instead of `key`: keys of the case in quotes -> what is written into them, with {} in place of the value."""
    values: Annotated[tuple[Any, ...], Field(strict=False, min_length=1)] | None = None
    """The values."""
    numbers: Annotated[tuple[float, ...], Field(strict=False, min_length=1)] | None = None
    """Positions on the axis, where a value is neither a number nor a quantity in the unit of the name."""
    variant: Annotated[tuple[Variant, ...], Field(strict=False, min_length=1)] | None = None
    """Instead of values: named sets of changes."""
    statistic: bool = False
    """The axis repeats (seeds): mean, standard deviation, least and greatest over it are given."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse an axis that says its values in no way, or in two."""
        if (self.values is None) == (self.variant is None):
            raise mistake(
                "needs either 'values' or [[axis.variant]]", 'e.g. key = "mesh.seed", values = [1, 2]'
            )
        if self.values is not None and (self.key is None) == (self.set is None):
            raise mistake("needs either 'key' or 'set' beside 'values'", 'e.g. key = "mesh.seed"')
        if self.variant is not None:
            for given in ("key", "set", "numbers"):
                if getattr(self, given) is not None:
                    raise mistake(f"'{given}' does not go with variants", "each variant has its own 'set'")
            if len({one.number is None for one in self.variant}) > 1:
                raise mistake(
                    "some variants have a number and some have none", "give all of them one, or none"
                )
        if self.numbers is not None and self.values is not None and len(self.numbers) != len(self.values):
            raise mistake(f"{len(self.numbers)} numbers for {len(self.values)} values", "give one for each")


class Data(_Table):
    """Numbers from elsewhere, drawn over the lines of a figure."""

    name: Annotated[str, Field(min_length=1)]
    """What they are called in the legend."""
    source: Annotated[str, Field(min_length=1)]
    """Where they come from."""
    x: Annotated[tuple[float, ...], Field(strict=False, min_length=1)]
    """Places, in the unit of the figure's x."""
    y: Annotated[tuple[float, ...], Field(strict=False, min_length=1)]
    """Values, in the unit of the figure's y."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse places without a value."""
        if len(self.x) != len(self.y):
            raise mistake(f"{len(self.x)} places and {len(self.y)} values", "give one value for each place")


class Figure(_Table):
    """One figure, figures/<name>.png: lines, or a map in colours over two axes."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    """Name of the file."""
    x: Annotated[str, Field(min_length=1)]
    """Horizontal axis: an axis of the study, or a figure of the runs; with a table one of its columns."""
    y: Words
    """Figures of the runs, one text or a list; of a map: an axis; with a table one of its columns."""
    table: Literal["summary", "cycles", "history"] = "summary"
    """Where x and y are: summary: one number per run; cycles, history: columns of a table that each run has, drawn as
    one line per run; in a map as one row, at its place on the axis y, with x and the colour from the table."""
    by: str | None = None
    """An axis: one line for each of its values."""
    where: Place = Field(default_factory=dict)
    """Axis -> the one value that is shown of it."""
    scale: Literal["linear", "log-x", "log-y", "log-log", "root-x"] = "linear"
    """Which axes are logarithmic; root-x: x by its square root."""
    label: str | None = None
    """Name of the vertical axis without its unit; needed where several figures share it."""
    colour: str | None = None
    """Makes the figure a map: the figure of the runs that is shown in colours."""
    levels: Numbers = ()
    """Values of a map that are marked by lines."""
    marks: Mapping[Literal["x", "y"], Numbers] = Field(default_factory=dict)
    """Places on the axes, in their units, that are marked by dashed lines."""
    data: Annotated[tuple[Data, ...], Field(strict=False)] = ()
    """Numbers from elsewhere, measured ones for example; not on a map."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what does not go together."""
        if self.table != "summary" and (len(self.y) > 1 or self.by is not None or self.data):
            raise mistake(
                f"a figure of '{self.table}' has one column in 'y', no 'by' and 'data'",
                "remove them: it has one line per run",
            )
        if self.colour is not None:
            if len(self.y) > 1 or self.by is not None or self.label is not None or self.data:
                raise mistake(
                    "a map has one axis in 'y', no 'by', 'label' and 'data'", "remove 'colour', or these"
                )
            return
        if self.levels:
            raise mistake("'levels' belong to a map", "add 'colour', or remove 'levels'")
        if len({split_unit(name)[1] for name in self.y}) > 1:
            raise mistake("figures of different units share no axis", "make a figure of each")
        if len(self.y) > 1 and self.label is None:
            raise mistake("several figures need one 'label'", 'e.g. label = "Largest principal stress"')


class Derived(_Table):
    """One number from the collected table, for each value of the axes that are not named."""

    of: Annotated[str, Field(min_length=1)]
    """Figure of the runs."""
    how: Literal[
        "exponent", "slope", "ratio", "at_share", "at_value", "at_largest", "at_smallest",
        "largest", "smallest", "mean",
    ]  # fmt: skip
    """exponent: n of y = a x^n; slope: dy/dx, both by least squares; ratio: last over first; at_share: x where that
    share of the change from first to last is reached; at_value: x where y first passes the value; at_largest,
    at_smallest: x of the extreme; largest, smallest, mean: over all points."""
    x: str | None = None
    """Axis along which it is derived; not for largest, smallest, mean."""
    where: Place = Field(default_factory=dict)
    """Axis -> the one value that counts."""
    range: Annotated[tuple[float, float], Field(strict=False)] | None = None
    """Least and greatest x that count."""
    share: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """For at_share."""
    value: float | None = None
    """For at_value."""
    scale: Literal["linear", "log-x"] = "linear"
    """Whether at_share and at_value interpolate between points in x or in its logarithm."""

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what is missing, and what would change nothing."""
        along = self.how in ALONG
        if along != (self.x is not None):
            raise mistake(f"'{self.how}' {'needs' if along else 'takes'} {'an' if along else 'no'} 'x'")
        if self.range is not None and (not along or self.range[0] >= self.range[1]):
            raise mistake("'range' is not a least and a greatest x", "e.g. range = [0.1, 10]")
        for key in ("share", "value"):
            if (getattr(self, key) is not None) != (ASKS.get(self.how) == key):
                needed = ASKS.get(self.how) == key
                raise mistake(f"'{self.how}' {'needs' if needed else 'takes no'} '{key}'")
        if self.scale != "linear" and self.how not in ASKS:
            raise mistake(f"'{self.how}' does not interpolate", "remove 'scale'")


class StudyFile(_Table):
    """All keys of study.toml."""

    title: Annotated[str, Field(min_length=1)]
    """One line that says what is asked."""
    axis: Annotated[tuple[Axis, ...], Field(strict=False, min_length=1)]
    """The axes; the last varies fastest."""
    figure: Annotated[tuple[Figure, ...], Field(strict=False)] = ()
    """The figures."""
    derived: Mapping[str, Derived] = Field(default_factory=dict)
    """Name with unit -> how the number is derived."""
