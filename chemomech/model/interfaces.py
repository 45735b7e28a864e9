"""Interfaces between active materials and electrolytes: charge transfer and what lies in series with it."""

import chemomech.runtime  # noqa: F401

from chemomech.case.schema import ChargeTransfer as ChargeTransferInput
from chemomech.case.schema import Interface
from chemomech.constants import VACUUM
from chemomech.contacts import Contacts
from chemomech.errors import InputError, Problem
from chemomech.fields import Field
from chemomech.materials.charge_layer import LayerLaw
from chemomech.materials.kinetics import Kinetics
from chemomech.model.checks import they_touch
from chemomech.model.electrolytes import Electrolytes
from chemomech.model.layers import SeriesLayers
from chemomech.model.numbers import Numbers
from chemomech.physics.charge_layer import ChargeLayer
from chemomech.physics.charge_transfer import ChargeTransfer


class Interfaces:
    """Makes charge transfer, interface by interface; its space-charge layers are physics of their own."""

    def __init__(
        self, numbers: Numbers, electrolytes: Electrolytes, layers: SeriesLayers, contacts: Contacts
    ) -> None:
        """Begin without space-charge layers."""
        self.numbers = numbers
        self.electrolytes = electrolytes
        self.layers = layers
        self.contacts = contacts
        self.charge_layers: list[ChargeLayer] = []

    def charge_transfer(self) -> list[ChargeTransfer]:
        """Return the kinetics of all interfaces that have some; InputError where no current could flow."""
        found = []
        for active in self.numbers.with_role("active"):
            for electrolyte in self.numbers.with_role("electrolyte"):
                given = self.numbers.case.interface(active, electrolyte)
                if given.charge_transfer is not None and they_touch(
                    self.numbers.case, self.numbers.domain, active, electrolyte
                ):
                    found.append(self._interface(active, electrolyte, given, given.charge_transfer))
        if not found and self.numbers.case.cell.working_electrode is None:
            raise InputError(
                Problem(
                    str(self.numbers.case.directory / "case.toml"),
                    "no interface has charge_transfer, so no current can flow",
                    "add [interfaces.'a|b'] charge_transfer between an active and an electrolyte region",
                )
            )
        return found

    def _interface(
        self, active: str, electrolyte: str, interface: Interface, given: ChargeTransferInput
    ) -> ChargeTransfer:
        name = f"{active}|{electrolyte}"
        charge_layer = self._charge_layer(active, electrolyte, given)
        layers = self.layers.at_interface(
            active, electrolyte, interface, given.film_resistance, self.contacts
        )
        film = None
        if charge_layer is not None:
            layers = (*layers, charge_layer)
        if layers:
            film = Field(f"current density at {name}", f"interface:{name}", "nA/um^2", 1e-3, "projected")
        return ChargeTransfer(
            name=name,
            active=active,
            electrolyte=electrolyte,
            kinetics=Kinetics(
                self.numbers.number(given.exchange_current),
                given.anodic_coefficient,
                given.cathodic_coefficient,
                self.numbers.temperature,
                given.dependence == "stoichiometry",
            ),
            maximum_concentration=self.numbers.number(self.numbers.property(active, "maximum_concentration")),
            open_circuit_potential=None
            if given.stress
            else self.numbers.law(active, "open_circuit_potential"),
            strain_coefficient=self.numbers.optional(given.strain_coefficient),
            layers=layers,
            film_current=film,
            conducting_fraction=self.contacts.fraction(name),
            layer_charge=None if charge_layer is None else charge_layer.charge,
            double_layer=self.numbers.optional(given.double_layer),
            ionic_potential=self.electrolytes.ionic[electrolyte],
        )

    def _charge_layer(self, active: str, electrolyte: str, given: ChargeTransferInput) -> ChargeLayer | None:
        law = given.space_charge
        if law is None:
            return None
        name = f"{active}|{electrolyte}"
        layer = ChargeLayer(
            active,
            electrolyte,
            Field(f"layer charge at {name}", f"interface:{name}", "nC/um^2", 1e-4, "projected"),
            self.electrolytes.ionic[electrolyte],
            LayerLaw.of(law.occupancy),
            self.numbers.number(law.occupancy),
            self.numbers.number(law.mobile_concentration),
            self.numbers.number(VACUUM * self.numbers.property(electrolyte, "relative_permittivity")),
            self.numbers.number(self.numbers.property(electrolyte, "ionic_conductivity")),
            self.numbers.number(law.zero_charge),
            self.numbers.optional(law.core_capacitance),
            self.numbers.temperature,
        )
        self.charge_layers.append(layer)
        return layer
