"""`chemomech verify`: run the verification cases through the project's own finite elements and print the verdicts."""

import difflib
import json as jsonlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from chemomech import runtime  # noqa: F401  (before dolfinx)
from chemomech.errors import InputError, Problem, RunError
from chemomech.ranks import say
from chemomech.verification.figures import Figure, judge, tables

type Case = Callable[[], Mapping[str, float]]


def menu() -> dict[str, Case]:
    """Return every case by its name; the finite elements are imported here."""
    from chemomech.verification import (
        cell,
        constriction,
        contact,
        contacts,
        coupled,
        curved_contact,
        debonding,
        diffusion,
        effective,
        elasticity,
        electrolytes,
        impedance,
        impedance_cells,
        impedance_layers,
        interphase,
        jacobian,
        kinetics,
        layer_law,
        manufactured,
        nernst_planck,
        relaxations,
        salt,
        side_reaction,
        space_charge,
        stress,
        titration,
        tomography,
        voltammetry,
    )

    return {
        "butler_volmer": kinetics.butler_volmer,
        "bv_bars": kinetics.bars,
        "film_resistance": kinetics.film,
        "contact_fraction": kinetics.contact_fraction,
        "double_layer": kinetics.double_layer,
        "strain_term": kinetics.strain_term,
        "ionic_contact": electrolytes.series,
        "blocking_electrode": electrolytes.blocking,
        "salt_mms": salt.manufactured,
        "salt_polarisation": salt.polarisation,
        "salt_steady": salt.steady,
        "salt_convection": salt.convection,
        "salt_sand": salt.sand,
        "salt_conservation": salt.conservation,
        "interface_orientation": kinetics.orientation,
        "sei_parabolic": interphase.parabolic,
        "interphase_reaction": interphase.reaction,
        "interphase_mixed": interphase.mixed,
        "interphase_film": interphase.film,
        "interphase_side_current": interphase.side_current,
        "interphase_in_part": interphase.in_part,
        "diff_sphere_galv": diffusion.sphere_galvanostatic,
        "diff_sphere_pot": diffusion.sphere_potentiostatic,
        "diff_slab_galv": diffusion.slab_galvanostatic,
        "diff_octant_galv": diffusion.octant,
        "lattice_velocity": diffusion.advected_profile,
        "dis_galvanostatic": stress.galvanostatic,
        "dis_potentiostatic": stress.potentiostatic,
        "dis_stress_coupled_potentiostatic": stress.stress_coupled,
        "ai2020_hoop": stress.ai2020,
        "eshelby_same": elasticity.inclusion,
        "core_shell_coating": elasticity.coating,
        "stack_pressure": elasticity.columns,
        "fixture_stiffness": elasticity.fixture,
        "contact_persson": contact.persson,
        "contact_gw_exponential": contact.gw_exponential,
        "contact_unloading": contact.unloading,
        "constriction_resolved": constriction.resolved,
        "constriction_series": kinetics.constriction,
        "contact_westergaard": contact.westergaard,
        "contact_hertz": contact.hertz,
        "czm_lengths": debonding.lengths,
        "czm_work": debonding.separation,
        "czm_dcb": debonding.cantilever,
        "debond_energy": debonding.sphere,
        "larche_cahn": elasticity.larche_cahn,
        "poisson_mms": manufactured.poisson,
        "coupled_mms": coupled.coupled,
        "jacobian": jacobian.jacobian,
        "jacobian_parting": jacobian.parting,
        "particle_vs_pybamm": cell.against_pybamm,
        "cell_voltage": cell.voltage,
        "balance": cell.balance,
        "interphase_balance": cell.balance_with_interphases,
        "eff_perrins_square": effective.square_array,
        "eff_hs_elastic": effective.bounds,
        "eff_laminate": effective.laminate,
        "eff_interface_resistance": effective.kapitza,
        "eff_faces": effective.faces_that_do_not_match,
        "ranks": cell.ranks,
        "z_diffusion": impedance.z_diffusion,
        "eis_sphere": impedance.sphere,
        "eis_amplitude": impedance.amplitudes,
        "eis_cell": impedance_cells.whole_cell,
        "eis_slow_limit": impedance_cells.slow_limit,
        "eis_electrolytes": impedance_cells.electrolyte_cells,
        "eis_layers": impedance_layers.layers,
        "eis_constriction": constriction.in_cells,
        "cv_randles_sevcik": voltammetry.randles_sevcik,
        "cv_surface_reversible": side_reaction.reversible,
        "cv_surface_irreversible": side_reaction.irreversible,
        "side_reaction_impedance": side_reaction.impedance,
        "gitt": titration.known_diffusivity,
        "z_seed_formula": relaxations.seed_formula,
        "eis_salt": impedance_cells.salt,
        "drt_zarc": relaxations.zarc,
        "drt_two_zarcs": relaxations.two_zarcs,
        "eis_transient": impedance_cells.transient,
        "eff_voxel_image": tomography.voxel_image,
        "debye_lengths": space_charge.debye_lengths,
        "scl_gouy_chapman": space_charge.gouy_chapman,
        "scl_bikerman": space_charge.bikerman,
        "scl_lattice_test": space_charge.lattice_test,
        "scl_lattice_LPSCl_like": space_charge.lattice_full,
        "scl_distorted": contacts.distorted,
        "scl_core": contacts.core,
        "scl_contact": contacts.contacts,
        "scl_curved": curved_contact.curved,
        "scl_positivity": contacts.bounds,
        "scl_relaxation": contacts.relaxation,
        "scl_swelling": contacts.swelling,
        "scl_mms": nernst_planck.orders,
        "scl_nm_law": layer_law.against_resolved,
    }


NAMES: Final = tuple(tables())
WIDE: Final = 110


def list_verifications() -> list[str]:
    """Return one line per case: its name and what it is."""
    width = max(len(name) for name in NAMES)
    return [f"{name:{width}}  {tables()[name]['title']}" for name in NAMES]


def chosen(only: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the cases to run, all without a choice; InputError with the nearest of unknown ones."""
    problems = []
    for name in only or ():
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=3, cutoff=0.4)
            remedy = f"did you mean {' or '.join(near)}?" if near else "see: chemomech verify --list"
            problems.append(Problem("--only", f"there is no verification case '{name[:60]}'", remedy))
    if problems:
        raise InputError(problems)
    return tuple(dict.fromkeys(only or NAMES))


def evaluate(name: str) -> list[Figure]:
    """Run one case and return its figures; one that cannot be solved has figures that are not numbers."""
    try:
        got = menu()[name]()
    except RunError as error:
        say(f"# {name}: {error}")
        got = {}
    return judge(name, got)


def run_verification(only: Sequence[str] | None = None, json: bool = False) -> int:
    """Run cases, print a verdict per figure, and return 0, or 1 when any figure is off (collective)."""
    from mpi4py import MPI

    from chemomech.solver.jit import prepare

    wanted = chosen(only)
    prepare(MPI.COMM_WORLD)
    failed, count, started = 0, 0, time.monotonic()
    for name in wanted:
        began = time.monotonic()
        figures = evaluate(name)
        failed += sum(not figure.passed for figure in figures)
        count += len(figures)
        if json:
            for figure in figures:
                say(jsonlib.dumps(figure.record()))
        elif MPI.COMM_WORLD.rank == 0:
            _show(name, figures, time.monotonic() - began)
    if not json:
        verdict = "all good" if not failed else f"{failed} off"
        say(f"{count} figures of {len(wanted)} cases: {verdict} ({time.monotonic() - started:.0f} s)")
    return 1 if failed else 0


def _show(name: str, figures: Sequence[Figure], seconds: float) -> None:
    say(f"{name}: {tables()[name]['title']} ({seconds:.1f} s)")
    table = Table(box=None)
    table.add_column("figure")
    for heading in ("expected", "got", "error", "tolerance"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    bounds = tables()[name].get("at_least", {})
    for one in figures:
        expected = f"{'>= ' if one.figure in bounds else ''}{one.expected:.8g}"
        verdict = "ok" if one.passed else "[bold red]OFF[/]"
        table.add_row(
            one.figure, expected, f"{one.got:.8g}", f"{one.error:.2e}", f"{one.tolerance:.0e}", verdict
        )
    console = Console()
    if console.width < WIDE:  # a file or a narrow window: rather long lines than cut numbers
        console = Console(width=WIDE)
    console.print(table)
