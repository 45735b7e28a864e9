"""Case + domain -> faces that can part and faces that conduct in part: joints, contact laws, groups of displacements.

Regions that are bonded for good share one displacement field; where a case lets two part, each side has its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import ufl

from chemomech.case.schema import (
    Case,
    Contact,
    CounterElectrode,
    ElectrodeContact,
    Interface,
    WorkingElectrode,
)
from chemomech.domain import Domain
from chemomech.errors import InputError, Problem
from chemomech.fields import DISPLACEMENT, Field, Memory, State
from chemomech.materials import contact_laws as laws
from chemomech.materials.material import Material, load_material
from chemomech.physics.contact import Constriction, FaceContact
from chemomech.physics.debonding import Bond, Joint
from chemomech.physics.mechanics import StressEquilibrium
from chemomech.roughness import Roughness

FIRM: Final = 5.0
"""a bond opens to at most 1/FIRM of its final opening before it is damaged"""
REFERENCE: Final = 0.01
"""pressure at which the overlap of faces is given, relative to E*"""
RESOLVED: Final = 3.0
"""elements that the length of a cohesive zone needs"""

type Number = Callable[[float], Any]


@dataclass
class Contacts:
    """What the faces of a model do: which can part, and which conduct only where they touch."""

    case: Case
    domain: Domain
    materials: Mapping[str, Material]
    number: Number
    mechanics: StressEquilibrium | None
    joints: dict[str, Joint] = field(default_factory=dict)
    contacts: dict[str, FaceContact] = field(default_factory=dict)
    """by face"""
    constrictions: dict[str, Constriction] = field(default_factory=dict)
    """by face"""

    def __post_init__(self) -> None:
        """Find the faces; InputError where they are not in the mesh."""
        self.roughness = Roughness(self.case, self.materials, self.number)
        adjacent = self.domain.adjacent()
        for one, other in combinations(self.case.regions, 2):
            given = self.case.interface(one, other)
            if not given.parts and given.contact is None:
                continue
            if tuple(sorted((one, other))) not in adjacent:
                if self.case.pattern(one, other) is not None:
                    continue
                what = "the two regions do not touch in this mesh"
                there = f"regions that touch: {sorted('|'.join(pair) for pair in adjacent)}"
                raise InputError(Problem(f"[interfaces.'{one}|{other}']", what, there))
            plus, minus = self.oriented(one, other)
            if given.parts and self.mechanics is not None:
                self.joints[f"{plus}|{minus}"] = self._joint(plus, minus, given)
            if given.contact is not None or given.cohesive is not None:
                self.contacts[f"{plus}|{minus}"] = self._contact(plus, minus, given)
                if given.contact is not None:
                    self._narrow(f"{plus}|{minus}", given.contact, [(plus, "+"), (minus, "-")])
        collector, contact = self.case.cell.collector, self.case.cell.collector_contact
        if collector is not None and contact is not None:
            self._collector_contact(collector.region, collector.boundary, collector.other, contact)
        for key, electrode in self._metals().items():
            if electrode.contact is not None:
                self._metal_contact(key, electrode.at, electrode.contact)
        self.displacements = self._groups()

    def oriented(self, one: str, other: str) -> tuple[str, str]:
        """Return two regions in the order in which charge transfer takes them: active material first."""
        roles = self.case.regions
        return (other, one) if roles[other].role == "active" != roles[one].role else (one, other)

    def at(self, face: str) -> FaceContact | None:
        """Return what says how much of a face conducts ions; None where all of it does."""
        return None if face == self.collector_face() else self.contacts.get(face)

    def fraction(self, face: str) -> Callable[[State], Any] | None:
        """Return the conducting fraction of a face; None where all of it conducts."""
        contact = self.at(face)
        return None if contact is None else contact.fraction

    def constriction(self, face: str) -> Constriction | None:
        """Return what current loses on its way into the spots of a face; None where it is not asked for."""
        return None if self.at(face) is None else self.constrictions.get(face)

    def collector(self) -> tuple[Callable[[State], Any] | None, Constriction | None]:
        """Return the conducting fraction between collector and region, and the constriction there."""
        face = self.collector_face()
        return (None, None) if face is None else (self.contacts[face].fraction, self.constrictions.get(face))

    def collector_face(self) -> str | None:
        """Return the face between collector and region where only part of it conducts."""
        collector = self.case.cell.collector
        if collector is None or self.case.cell.collector_contact is None:
            return None
        return self._collector_face(collector.region, collector.boundary, collector.other)

    def metal(self, boundary: str) -> tuple[FaceContact | None, Constriction | None]:
        """Return what says how much of lithium metal at a boundary conducts, and the constriction there."""
        for face, contact in self.contacts.items():
            if face.partition("@")[2] == boundary and face != self.collector_face():
                return contact, self.constrictions.get(face)
        return None, None

    def parted(self, fields: list[Field]) -> list[Field]:
        """Return the fields of a model with the displacement in as many as there are groups of bonded regions."""
        groups = list(dict.fromkeys(self.displacements.values()))
        return [part for item in fields for part in (groups if item == DISPLACEMENT else [item])]

    def memories(self) -> list[Memory]:
        """Return what the faces remember."""
        damage = [joint.memory for joint in self.joints.values() if joint.bond is not None]
        return damage + [memory for contact in self.contacts.values() for memory in contact.memories]

    def followed(self, state: State) -> dict[Memory, Any]:
        """Return what each memory follows."""
        found: dict[Memory, Any] = {}
        for joint in self.joints.values():
            found |= joint.remembered(state)
        for contact in self.contacts.values():
            found |= contact.remembered(state)
        return found

    def start(self, state: State) -> None:
        """Set the memories to what fabrication left."""
        for face, contact in self.contacts.items():
            given = self._given(face)
            if given is not None and given.fabrication_pressure is not None:
                state.memory[contact.memory].x.array[:] = given.fabrication_pressure

    def point_faces(self) -> tuple[str, ...]:
        """Return the faces at which values are read point by point."""
        return tuple(dict.fromkeys([*self.joints, *self.contacts]))

    # ---- parts ------------------------------------------------------------------------------------

    def _given(self, face: str) -> Contact | None:
        region, mark, other = face.partition("@")
        collector = self.case.cell.collector
        if mark:
            metal = {one.at: one.contact for one in self._metals().values()}
            return self.case.cell.collector_contact if face == self.collector_face() else metal[other]
        region, _, other = face.partition("|")
        given = self.case.interface(region, other).contact
        if given is None and collector is not None and {collector.region, collector.other} == {region, other}:
            return self.case.cell.collector_contact
        return given

    def _metals(self) -> dict[str, CounterElectrode | WorkingElectrode]:
        cell = self.case.cell
        given = {"counter_electrode": cell.counter_electrode, "working_electrode": cell.working_electrode}
        return {key: electrode for key, electrode in given.items() if electrode is not None}

    def _elastic(self, region: str) -> tuple[float, float]:
        return self.roughness.elastic(self.materials[region])

    def _joint(self, plus: str, minus: str, given: Interface) -> Joint:
        modulus = laws.effective_modulus(self._elastic(plus), self._elastic(minus))
        stiffness = REFERENCE * modulus / (self.case.numerics.overlap * self._size(plus, minus))
        bond = None
        if given.cohesive is not None:
            cohesive = given.cohesive
            stiffness = max(stiffness, FIRM * cohesive.strength**2 / (2 * cohesive.fracture_energy))
            relaxation = None if cohesive.relaxation_time is None else self.number(cohesive.relaxation_time)
            bond = Bond(
                self.number(cohesive.strength),
                self.number(cohesive.fracture_energy),
                self.number(cohesive.shear_ratio),
                relaxation,
            )
            self._refuse_coarse(plus, minus, cohesive.strength, cohesive.fracture_energy)
        return Joint(plus, minus, self.number(stiffness), bond)

    def _size(self, one: str, other: str) -> float:
        # 2 n V/A of the smaller body: the diameter of a ball (n = 3) or of a disc (n = 2) in a body around it
        directions = 2 if self.domain.coordinates == "plane strain" else 3
        area = self.domain.interface_area([one], [other])
        return min(2 * directions * self.domain.volume([name]) / area for name in (one, other))

    def _refuse_coarse(self, plus: str, minus: str, strength: float, energy: float) -> None:
        modulus = min(e / (1 - nu**2) for e, nu in (self._elastic(plus), self._elastic(minus)))
        length = laws.cohesive_length(modulus, energy, strength)
        size = self.domain.largest_facet(f"{plus}|{minus}")
        if size > length / RESOLVED:
            raise InputError(
                Problem(
                    f"[interfaces.'{plus}|{minus}'] cohesive",
                    "the mesh is too coarse for its strength: the cohesive zone is l = E' G_c/strength^2 = "
                    f"{length:.3g} um long and needs {RESOLVED:g} elements, the largest one at the interface is "
                    f"{size:.3g} um",
                    f"mesh the interface with at most {length / RESOLVED:.2g} um, or lower the strength to "
                    f"{1e3 * (modulus * energy / (RESOLVED * size)) ** 0.5:.3g} MPa",
                )
            )

    def _contact(self, plus: str, minus: str, given: Interface) -> FaceContact:
        face = f"{plus}|{minus}"
        joint = self.joints.get(face)
        pressure = None
        law = None
        if given.contact is not None:
            bodies = self.materials[plus], self.materials[minus]
            law = self.roughness.law(given.contact, bodies, f"[interfaces.'{face}'] contact")
            pressure = self._pressure(plus, minus) if joint is None else _pressing(joint)
        healing = 0.0
        if given.contact is not None and given.contact.healing is not None:
            healing = self.number(given.contact.healing)
        covered = given.interphase is not None or given.interdiffusion is not None
        if joint is None:
            return FaceContact(face, law, pressure, covered=covered)
        if joint.bond is None:  # touching is all that holds it together: it conducts wherever it touches
            return FaceContact(face, law, pressure, adhering=0.0, covered=covered)
        return FaceContact(face, law, pressure, joint.damage, healing, covered=covered)

    def _collector_contact(
        self, region: str, boundary: str | None, other: str | None, given: Contact
    ) -> None:
        face = self._collector_face(region, boundary, other)
        neighbours = (region,) if other is None else (region, other)
        bodies = [self.materials[name] for name in neighbours]
        law = self.roughness.law(given, bodies, "[cell] collector_contact")
        if boundary is not None:
            self.contacts[face] = FaceContact(face, law, self._pressed(region))
        elif other is not None:  # the case reader refuses a contact or a bond of this interface beside it
            joint = self.joints.get(face)
            pressure = self._pressure(region, other) if joint is None else _pressing(joint)
            self.contacts[face] = FaceContact(face, law, pressure)
        sides = [""] if other is None else ["+", "-"]
        electrons = [
            (name, side)
            for name, side in zip(neighbours, sides, strict=True)
            if self.case.regions[name].role in ("active", "conductor")
        ]
        self._narrow(face, given, electrons)

    def _metal_contact(self, key: str, boundary: str, given: ElectrodeContact) -> None:
        ionic = [name for name, region in self.case.regions.items() if region.role == "electrolyte"]
        touching = [name for name in ionic if self.domain.boundary_area(boundary, [name]) > 0.0]
        if len(touching) != 1:
            raise InputError(
                Problem(
                    f"[cell] {key}.contact",
                    f"boundary '{boundary}' is touched by {', '.join(touching) or 'no electrolyte'}: "
                    "a contact is that of lithium with one electrolyte",
                    "let one electrolyte region end there",
                )
            )
        (region,) = touching
        face = f"{region}@{boundary}"
        metal = load_material(given.material, self.case.material_directories)
        law = self.roughness.law(given, (self.materials[region], metal), f"[cell] {key}.contact")
        covered = self._metals()[key].interphase is not None
        self.contacts[face] = FaceContact(face, law, self._pressed(region), covered=covered)
        self._narrow(face, given, [(region, "")])

    def _narrow(self, face: str, given: Contact, carriers: Sequence[tuple[str, str]]) -> None:
        # `carriers`: regions through which the current comes, with their side of the face
        narrowing = self.roughness.narrowing(given)
        if narrowing is not None:
            resistivities = tuple(self.roughness.resistivity(*carrier) for carrier in carriers)
            fraction = self.contacts[face].fraction
            self.constrictions[face] = Constriction(face, narrowing, resistivities, fraction)

    def _pressed(self, region: str) -> Callable[[State], Any]:
        mechanics = self.mechanics
        assert mechanics is not None  # the case reader demands it

        def pressed(state: State) -> Any:
            normal = ufl.FacetNormal(self.domain.mesh)
            return -ufl.inner(ufl.dot(_grown(normal), mechanics.stress(state, region)), _grown(normal))

        return pressed

    def _collector_face(self, region: str, boundary: str | None, other: str | None) -> str:
        if boundary is not None:
            return f"{region}@{boundary}"
        assert other is not None
        return f"{region}|{other}"

    def _pressure(self, plus: str, minus: str) -> Callable[[State], Any]:
        # Across a bonded interface the normal traction is one.  It is read on the softer side: the stiffer one may be
        # under 1 GPa along the interface, and then the error of its discrete stress exceeds a pressure of 1 MPa.
        mechanics = self.mechanics
        assert mechanics is not None  # the case reader demands it
        softer, side = (plus, "+") if self._elastic(plus)[0] <= self._elastic(minus)[0] else (minus, "-")

        def pressed(state: State) -> Any:
            normal = _grown(ufl.FacetNormal(self.domain.mesh)("+"))
            return -ufl.inner(ufl.dot(normal, mechanics.stress(state, softer)(side)), normal)

        return pressed

    def _groups(self) -> dict[str, Field]:
        names = list(self.case.regions)
        if not self.joints:
            return dict.fromkeys(names, DISPLACEMENT)
        apart = {frozenset((joint.plus, joint.minus)) for joint in self.joints.values()}
        group = {name: {name} for name in names}
        for one, other in self.domain.adjacent():
            if frozenset((one, other)) not in apart:
                joined = group[one] | group[other]
                group.update(dict.fromkeys(joined, joined))
        for face, joint in self.joints.items():
            if joint.minus in group[joint.plus]:
                between = sorted(group[joint.plus] - {joint.plus, joint.minus}) or [joint.minus]
                raise InputError(
                    Problem(
                        f"[interfaces.'{face}']",
                        f"the two regions cannot part: {', '.join(between)} is bonded to both",
                        "let every interface between the two sides part",
                    )
                )
        return {name: DISPLACEMENT.on(group[name]) for name in names}


def _pressing(joint: Joint) -> Callable[[State], Any]:
    return lambda state: -joint.normal_traction(state)


def _grown(normal: Any) -> Any:
    # stresses are 3 x 3 in every coordinate system; a normal in the plane has no third component
    return normal if len(normal) == 3 else ufl.as_vector([normal[0], normal[1], 0.0])
