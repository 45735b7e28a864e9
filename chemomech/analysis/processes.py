"""What the processes in a model are called, and which terms of a balance belong to another one than the rest of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import ufl

from chemomech.fields import (
    CONCENTRATION,
    ELECTRIC_POTENTIAL,
    ELECTRONIC_POTENTIAL,
    IONIC_POTENTIAL,
    SALT_CONCENTRATION,
    Field,
    State,
)
from chemomech.physics.balance import Divided, Loss, Physics
from chemomech.physics.charge_transfer import ChargeTransfer
from chemomech.physics.interphase import Interphase
from chemomech.physics.ionic_contact import IonicContact
from chemomech.physics.salt_transport import SaltTransport
from chemomech.physics.side_reaction import SideReaction
from chemomech.physics.space_charge import ElectrodeCore, InterfaceCore
from chemomech.physics.terminal import CounterElectrode, CurrentCollector, WorkingElectrode

AT_INTERFACES: Final[dict[type, str]] = {
    ChargeTransfer: "charge transfer",
    CurrentCollector: "contact resistance",
    WorkingElectrode: "working electrode",
    CounterElectrode: "counter electrode",
    IonicContact: "ionic contact",
    Interphase: "side reaction",
    InterfaceCore: "core layer",
    ElectrodeCore: "core layer",
}
"""what a physics is called where it acts on a surface; one that is not listed goes by its class"""
NAMED: Final[Mapping[type, Callable[[Any], str]]] = {
    SideReaction: lambda physics: f"side reaction {physics.name.partition(' at ')[0]}",
}
"""physics of which there may be several on one surface, and what each is called"""
IN_REGIONS: Final = {
    CONCENTRATION.quantity: "diffusion",
    ELECTRONIC_POTENTIAL.quantity: "electronic conduction",
    IONIC_POTENTIAL.quantity: "ionic conduction",
    SALT_CONCENTRATION.quantity: "salt diffusion",
    ELECTRIC_POTENTIAL.quantity: "space charge",
}
"""what the balance of a quantity is called in the volume; one that is not listed goes by its name"""


@dataclass(frozen=True)
class Part:
    """Terms of a row that are a process of their own."""

    word: str
    row: Field
    form: ufl.Form
    sign: float
    """1 where the terms grow with the conductance of the process, -1 where they grow with its resistance"""
    factor: Any = 1.0
    """what the linearised form is multiplied with"""
    through: Field | None = None
    """the one unknown whose part in the terms is meant; None means all"""


def _lost(losses: tuple[Loss, ...]) -> tuple[Part, ...]:
    # The row i - i_BV(eta - drops) = 0 is linearised to i - g (eta - drops): g times a drop is the layer's.
    return tuple(Part(loss.word, loss.row, loss.drop, -1.0, loss.conductance) for loss in losses)


def _working(physics: WorkingElectrode, state: State) -> tuple[Part, ...]:
    own = tuple(
        Part(one.word, one.row, one.form, 1.0 if one.through is None else -1.0, through=one.through)
        for one in physics.own(state)
    )
    return (*_lost(physics.losses(state)), *own)


def _migrating(physics: SaltTransport, state: State) -> tuple[Part, ...]:
    # What the current carries grows with the conductivity, as the current does.
    form = physics.migration(state)
    return (Part(IN_REGIONS[IONIC_POTENTIAL.quantity], physics.concentration, form, 1.0),)


def _divided(divided: tuple[Divided, ...]) -> tuple[Part, ...]:
    # Each of two resistances in series has its own part of the drop.
    return tuple(Part(one.word, one.row, one.form, 1.0, one.share) for one in divided)


PARTED: Final[Mapping[type, Callable[[Any, State], tuple[Part, ...]]]] = {
    ChargeTransfer: lambda physics, state: _lost(physics.losses(state)),
    WorkingElectrode: _working,
    CounterElectrode: lambda physics, state: _lost(physics.losses(state)),
    SaltTransport: _migrating,
    CurrentCollector: lambda physics, state: _divided(physics.narrowed(state)),
    IonicContact: lambda physics, state: _divided(physics.narrowed(state)),
}
"""physics whose rows hold terms of several processes"""


def parts(physics: Physics, state: State) -> tuple[Part, ...]:
    """Return the terms of a physics that do not belong to the process which the rest of their row is."""
    found = PARTED.get(type(physics))
    return () if found is None else found(physics, state)


def at_surface(physics: Physics, place: str) -> str:
    """Return the name of what a physics does at a surface."""
    word = AT_INTERFACES.get(type(physics), type(physics).__name__)
    return f"{NAMED[type(physics)](physics) if type(physics) in NAMED else word} at {place}"


def in_region(row: Field, place: str) -> str:
    """Return the name of a balance in the volume."""
    return f"{IN_REGIONS.get(row.quantity, row.quantity.replace('_', ' '))} in {place}"
