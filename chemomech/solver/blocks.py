"""A block preconditioner for coupled systems, told by traits what each block is, not which physics it has.

Placeholder docstring replaced below.
"""

from dataclasses import dataclass
from typing import Any

from chemomech.fields import Treatment


@dataclass(frozen=True)
class BlockTraits:
    """What the solver may know of one block."""

    name: str
    treatment: Treatment
    scale: float


class BlockPreconditioner:
    def __init__(self, traits: list[BlockTraits], functions: list[Any]) -> None:
        raise NotImplementedError
