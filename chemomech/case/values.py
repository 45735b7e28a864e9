"""What a key of a case can hold: quantities with their units, and the mistakes made in writing them.

A quantity is written with its unit ("1 A/m^2") and held in um, s, nA, V, pmol, K (hence nC, nJ, GPa).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from chemomech.case.units import UnitError, to_internal


def mistake(what: str, remedy: str = "") -> PydanticCustomError:
    """Return an error that is shown to the user as it stands."""
    return PydanticCustomError("chemomech", "{what}", {"what": what, "remedy": remedy})


@dataclass(frozen=True)
class Quantity:
    """A number with its unit; `dimension` is what `to_internal` checks, `example` what a message offers."""

    dimension: str
    example: str
    sign: Literal["above zero", "zero or above", "any"] = "above zero"

    def read(self, value: object) -> float:
        """Return the written quantity in internal units."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise mistake(
                "is not a quantity", f'write the number with its unit in quotes, e.g. "{self.example}"'
            )
        try:
            number = to_internal(value, self.dimension)
        except UnitError as error:
            what, _, remedy = str(error).partition("; ")
            raise mistake(what, remedy or f'e.g. "{self.example}"') from None
        if (self.sign == "above zero" and number <= 0.0) or (self.sign == "zero or above" and number < 0.0):
            raise mistake(f"'{value}' is out of range", f'it must be {self.sign}, e.g. "{self.example}"')
        return number

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by `read`."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe as a string with an example."""
        return {"type": "string", "examples": [self.example]}


class Block(BaseModel):
    """What all tables of a case share: frozen, no unknown key, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Words = Annotated[tuple[str, ...], Field(strict=False)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
CurrentDensity = Annotated[float, Quantity("current_density", "1 A/m^2")]


def numbers_only(properties: Mapping[str, Any]) -> Mapping[str, str | float]:
    """Return properties that replace a material's, each a number or a quantity."""
    for key, given in properties.items():
        if isinstance(given, bool) or not isinstance(given, str | int | float):
            raise mistake(
                f"'{key}' is not a number",
                f'write {key} = "1.2 unit", or a plain number if it has no unit',
            )
    return properties


Properties = Annotated[
    Mapping[str, Any],
    AfterValidator(numbers_only),
    Field(json_schema_extra={"additionalProperties": {"type": ["string", "number"]}}),
]
"""Properties that replace a material's."""
