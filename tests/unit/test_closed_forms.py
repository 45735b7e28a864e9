"""The closed forms reproduce the tabulated numbers, satisfy their equations and agree with each other."""

import json
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from chemomech.constants import FARADAY, GAS
from chemomech.verification import closed_forms as exact
from chemomech.verification import salt_forms

ROOT = files("chemomech.verification")
CASES: dict[str, dict[str, Any]] = tomllib.loads(ROOT.joinpath("cases.toml").read_text(encoding="utf-8"))
SHAPES: tuple[exact.Shape, ...] = ("slab", "cylinder", "sphere")


def compare(case: str, computed: Mapping[str, float]) -> None:
    """Demand every expected number of a case, no more and no fewer, within its tolerance."""
    expected, rtol = CASES[case]["expected"], CASES[case]["rtol"]
    assert computed.keys() == expected.keys()
    for key, value in expected.items():
        assert computed[key] == pytest.approx(value, rel=rtol, abs=0.0), f"{case} {key}"


def fine_sphere(profile: str, tau: float) -> exact.SphereStress:
    """Return the stress of the series profile in units of E Omega (c scale)/(3 (1 - nu))."""
    r = np.linspace(0.0, 1.0, 4001)
    form = exact.galvanostatic_profile if profile == "galvanostatic" else exact.potentiostatic_profile
    return exact.sphere_stress(r, form("sphere", r, tau), 3.0 * 0.7, 0.3, 1.0)


def test_every_case_says_what_it_is_and_what_it_demands() -> None:
    allowed = {
        "title",
        "formula",
        "source",
        "note",
        "data",
        "rtol",
        "atol",
        "params",
        "expected",
        "at_least",
        "at_most",
    }
    for name, case in CASES.items():
        assert {"title", "formula", "source"} <= case.keys() <= allowed, name
        assert case.keys() & {"expected", "at_least", "at_most"}, name
        assert ("expected" in case) == ("rtol" in case), name


def test_sphere_galvanostatic_table() -> None:
    computed = {f"lambda{n}": exact.flux_eigenvalues("sphere")[n - 1] for n in (1, 2, 3)}
    for tau in (0.01, 0.05, 0.1, 0.2, 0.5):
        computed[f"surf_{tau}"] = float(exact.galvanostatic_profile("sphere", 1.0, tau))
        computed[f"centre_{tau}"] = float(exact.galvanostatic_profile("sphere", 0.0, tau))
    compare("diff_sphere_galv", computed)


def test_sphere_potentiostatic_table() -> None:
    computed: dict[str, float] = {}
    for tau in (0.01, 0.05, 0.1, 0.2, 0.5):
        computed[f"uptake_{tau}"] = float(exact.potentiostatic_uptake("sphere", tau))
        computed[f"centre_{tau}"] = float(exact.potentiostatic_profile("sphere", 0.0, tau))
    compare("diff_sphere_pot", computed)


def test_slab_galvanostatic_table() -> None:
    taus = (0.01, 0.05, 0.1, 0.2, 0.5)
    compare("diff_slab_galv", {f"surf_{t}": float(exact.galvanostatic_profile("slab", 1.0, t)) for t in taus})


@pytest.mark.parametrize("shape", SHAPES)
def test_content_equals_what_entered(shape: exact.Shape) -> None:
    dimension = SHAPES.index(shape) + 1
    nodes, weights = np.polynomial.legendre.leggauss(60)
    r, w = 0.5 * (nodes + 1.0), 0.5 * weights
    measure = dimension * r ** (dimension - 1)
    for tau in (0.02, 0.3):
        charged = exact.galvanostatic_profile(shape, r, tau)
        assert w @ (measure * charged) == pytest.approx(dimension * tau, rel=1e-10)
        held = exact.potentiostatic_profile(shape, r, tau)
        assert w @ (measure * held) == pytest.approx(
            float(exact.potentiostatic_uptake(shape, tau)), rel=1e-10
        )


@pytest.mark.parametrize("shape", SHAPES)
def test_profiles_satisfy_the_diffusion_equation_and_their_boundary_conditions(shape: exact.Shape) -> None:
    dimension = SHAPES.index(shape) + 1
    r, tau, h = np.array([0.3, 0.7]), 0.1, 1e-3
    for form in (exact.galvanostatic_profile, exact.potentiostatic_profile):
        rate = (form(shape, r, tau + h) - form(shape, r, tau - h)) / (2 * h)
        left, middle, right = form(shape, r - h, tau), form(shape, r, tau), form(shape, r + h, tau)
        laplacian = (right - 2 * middle + left) / h**2 + (dimension - 1) / r * (right - left) / (2 * h)
        np.testing.assert_allclose(rate, laplacian, rtol=2e-3)
    near = exact.galvanostatic_profile(shape, np.array([1.0, 1.0 - h, 1.0 - 2 * h]), tau)
    assert (3 * near[0] - 4 * near[1] + near[2]) / (2 * h) == pytest.approx(1.0, rel=1e-4)
    assert exact.potentiostatic_profile(shape, 1.0, tau) == pytest.approx(1.0, rel=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_start_is_planar_and_uniform(shape: exact.Shape) -> None:
    tau = 1e-5
    surface = float(exact.galvanostatic_profile(shape, 1.0, tau))
    assert surface == pytest.approx(2 * np.sqrt(tau / np.pi), rel=5e-3)
    assert not np.any(exact.galvanostatic_profile(shape, np.linspace(0, 1, 5), 0.0))


def test_a_position_outside_the_body_is_refused() -> None:
    with pytest.raises(ValueError, match="position"):
        exact.galvanostatic_profile("sphere", 1.1, 0.1)


def test_galvanostatic_stress_table() -> None:
    computed: dict[str, float] = {}
    for tau in (0.01, 0.05, 0.1, 0.5):
        stress = fine_sphere("galvanostatic", tau)
        computed[f"surf_hoop_{tau}"] = stress.hoop[-1]
        computed[f"centre_{tau}"] = stress.radial[0]
    late = fine_sphere("galvanostatic", 5.0)
    compare("dis_galvanostatic", computed | {"limit_surf": late.hoop[-1], "limit_centre": late.radial[0]})


def test_potentiostatic_stress_table() -> None:
    taus = np.linspace(0.05, 0.065, 1501)
    centre = exact.potentiostatic_profile("sphere", 0.0, taus)
    history = 2.0 / 3.0 * (exact.potentiostatic_uptake("sphere", taus) - centre)
    computed = {
        "tau_max_centre": taus[int(np.argmax(history))],
        "sr_max_centre_over_EOmdC_3_1mnu": float(np.max(history)),
        "sr_tau0p05": fine_sphere("potentiostatic", 0.05).radial[0],
        "sr_tau0p1": fine_sphere("potentiostatic", 0.1).radial[0],
        "st_surf_tau0p0574": fine_sphere("potentiostatic", 0.0574).hoop[-1],
    }
    compare("dis_potentiostatic", computed)


def test_sphere_stress_is_in_equilibrium_and_free_at_the_surface() -> None:
    r = np.linspace(0.0, 5.0, 2001)
    stress = exact.sphere_stress(r, 1.0 + 0.3 * np.cos(r), 140.0, 0.3, 2.0)
    imbalance = np.gradient(stress.radial, r) + 2 * (stress.radial - stress.hoop) / np.maximum(r, 1e-9)
    assert np.max(np.abs(imbalance[5:-5])) < 1e-4 * np.max(np.abs(stress.radial))
    assert stress.radial[-1] == 0.0
    assert stress.radial[0] == pytest.approx(stress.hoop[0])
    volume_mean = np.trapezoid(3 * r**2 * stress.hydrostatic, r) / r[-1] ** 3
    assert abs(volume_mean) < 1e-6 * np.max(np.abs(stress.radial))
    with pytest.raises(ValueError, match="radii"):
        exact.sphere_stress(r[1:], r[1:], 140.0, 0.3, 2.0)


@pytest.mark.parametrize("coupling", ["0.0", "0.359", "1.0"])
def test_stress_coupled_sphere_regenerates_its_table(coupling: str) -> None:
    taus = np.linspace(0.0, 0.3, 601)
    run = exact.stress_coupled_sphere(float(coupling), taus)
    expected = CASES["dis_stress_coupled_potentiostatic"]["expected"]
    # tighter than the tolerance of the case, which is for the model: here two references solve one equation
    assert run.uptake[200] == pytest.approx(expected[f"uptake_tau0.1_th{coupling}"], rel=5e-4)
    assert run.uptake[-1] == pytest.approx(expected[f"uptake_tau0.3_th{coupling}"], rel=5e-4)
    assert np.max(run.centre_stress) == pytest.approx(expected[f"max_sr_centre_th{coupling}"], rel=2e-3)


def test_uncoupled_finite_volumes_converge_to_the_series_at_second_order() -> None:
    tau = np.array([0.05, 0.1, 0.3])
    series = exact.potentiostatic_uptake("sphere", tau)
    runs = [exact.stress_coupled_sphere(0.0, tau, cells=n) for n in (50, 100, 200)]
    errors = [float(np.max(np.abs(run.uptake - series))) for run in runs]
    assert errors[-1] < 1e-5
    assert all(np.log2(coarse / fine) > 1.8 for coarse, fine in pairwise(errors))


def test_stress_mobility_matches_the_stress_it_stands_for() -> None:
    youngs, nu, omega, temperature = 140.0, 0.3, 2.0, 298.15
    r = np.linspace(0.0, 5.0, 4001)
    c = 0.05 + 1e-4 * r**2
    pressure = exact.sphere_stress(r, c, youngs, nu, omega).hydrostatic
    # J/D from the stress gradient against J/D from the enhanced diffusivity, half way out
    by_stress = np.gradient(c, r) - omega * c / (GAS * temperature) * np.gradient(pressure, r)
    enhanced = (1 + exact.stress_mobility(youngs, nu, omega, temperature) * c) * np.gradient(c, r)
    assert by_stress[2000] == pytest.approx(enhanced[2000], rel=1e-4)
    assert exact.stress_mobility(youngs, nu, omega, temperature) * 0.05 > 0.1


def test_quasi_steady_hoop_stress_is_the_late_limit_of_the_profile() -> None:
    youngs, nu, omega, radius, diffusivity, flux = 140.0, 0.3, 2.0, 5.0, 4e-3, 1e-5
    r = np.linspace(0.0, 1.0, 8001)
    c = flux * radius / diffusivity * exact.galvanostatic_profile("sphere", r, 2.0)
    stress = exact.sphere_stress(r * radius, c, youngs, nu, omega)
    limit = exact.quasi_steady_surface_hoop(flux, radius, diffusivity, youngs, nu, omega)
    assert limit < 0.0
    assert stress.hoop[-1] == pytest.approx(limit, rel=1e-6)
    assert stress.radial[0] == pytest.approx(-limit, rel=1e-6)


def test_hoop_stress_of_ai_2020_is_tensile_on_insertion() -> None:
    p = CASES["ai2020_hoop"]["params"]

    # mol/m2/s = 1 pmol/um2/s; 1 m2/s = 1e12 um2/s; 1 m3/mol = 1e6 um3/pmol
    def hoop(sign: float) -> float:
        return 1e3 * exact.quasi_steady_surface_hoop(
            sign * p["flux_mol_m2_s"],
            p["radius_um"],
            p["diffusivity_m2_s"] * 1e12,
            p["youngs_modulus_GPa"],
            p["poissons_ratio"],
            p["partial_molar_volume_m3_mol"] * 1e6,
        )

    compare("ai2020_hoop", {"surface_hoop_MPa": hoop(1.0), "extraction_surface_hoop_MPa": hoop(-1.0)})


def test_inclusion() -> None:
    p = CASES["eshelby_same"]["params"]
    ball = exact.Inclusion(2.0, p["eigenstrain"], p["youngs_modulus_GPa"], p["poissons_ratio"])
    computed = {"p_MPa": 1e3 * ball.pressure, "eps_in": ball.strain, "S_vol": ball.strain / p["eigenstrain"]}
    compare("eshelby_same", computed)
    # Hooke's law: inside with the eigenstrain taken off, outside from the displacement's own derivative
    bulk = p["youngs_modulus_GPa"] / (3 * (1 - 2 * p["poissons_ratio"]))
    assert ball.stress(1.0).radial == pytest.approx(3 * bulk * (ball.strain - p["eigenstrain"]))
    shear = p["youngs_modulus_GPa"] / (2 * (1 + p["poissons_ratio"]))
    r, h = 3.0, 1e-4
    slope = float(ball.displacement(r + h) - ball.displacement(r - h)) / (2 * h)
    assert ball.stress(r).radial == pytest.approx(2 * shear * slope, rel=1e-6)
    assert ball.stress(r).hoop == pytest.approx(2 * shear * float(ball.displacement(r)) / r)
    assert ball.displacement(2.0) == pytest.approx(2.0 * ball.strain)
    assert ball.displacement(0.0) == 0.0


def test_core_shell() -> None:
    p = CASES["core_shell_coating"]["params"]
    body = exact.CoreShell(
        p["core_radius_um"],
        p["shell_radius_um"],
        p["eigenstrain"],
        p["core_youngs_modulus_GPa"],
        p["core_poissons_ratio"],
        p["shell_youngs_modulus_GPa"],
        p["shell_poissons_ratio"],
    )
    computed = {
        "p_MPa": 1e3 * body.pressure,
        "shell_hoop_inner_MPa": 1e3 * body.shell_hoop(body.core_radius),
        "shell_hoop_outer_MPa": 1e3 * body.shell_hoop(body.shell_radius),
    }
    compare("core_shell_coating", computed)
    assert body.stress(body.shell_radius).radial == pytest.approx(0.0, abs=1e-12)
    assert body.stress(body.shell_radius).hoop == pytest.approx(body.shell_hoop(body.shell_radius))
    assert body.stress(1.0).hoop == pytest.approx(-body.pressure)
    with pytest.raises(ValueError, match="outside"):
        body.stress(6.0)


def test_core_in_a_very_thick_shell_of_the_same_moduli_is_an_inclusion() -> None:
    ball = exact.Inclusion(1.0, 0.01, 100.0, 0.3)
    body = exact.CoreShell(1.0, 1e3, 0.01, 100.0, 0.3, 100.0, 0.3)
    assert body.pressure == pytest.approx(ball.pressure, rel=1e-8)
    assert body.stress(2.0).hoop == pytest.approx(ball.stress(2.0).hoop, rel=1e-6)


def test_butler_volmer_table() -> None:
    computed = {
        "eta_mV_i10_i0_1": 1e3 * exact.overpotential(10.0, 1.0, 298.15),
        "eta_mV_i1_i0_10": 1e3 * exact.overpotential(1.0, 10.0, 298.15),
        "Rct_i0_1": exact.charge_transfer_resistance(1.0, 298.15),
    }
    compare("butler_volmer", computed)


@pytest.mark.parametrize("current", [-300.0, -0.01, 0.0, 2.0, 1e4])
def test_overpotential_inverts_the_unsymmetric_law(current: float) -> None:
    anodic, cathodic, temperature = 0.3, 0.7, 310.0
    eta = exact.overpotential(current, 1.5, temperature, anodic, cathodic) * FARADAY / (GAS * temperature)
    assert 1.5 * (np.exp(anodic * eta) - np.exp(-cathodic * eta)) == pytest.approx(
        current, rel=1e-10, abs=1e-12
    )


def test_bars() -> None:
    p = CASES["bv_bars"]["params"]

    def voltage(*conductivities: float) -> float:
        bars = [(p["length_um"], 1e3 * value) for value in conductivities]  # S/m to nA/(V um)
        current, exchange = 1e-3 * p["current_density_A_m2"], 1e-3 * p["exchange_current_A_m2"]  # to nA/um2
        return exact.bar_voltage(current, p["open_circuit_potential_V"], bars, exchange, p["temperature_K"])

    first, second = p["first_conductivity_S_m"], p["second_conductivity_S_m"]

    def unit(conductivity: float, length: float) -> float:
        return exact.bar_voltage(0.005, 0.1, [(1.0, 10.0), (length, conductivity)], 1.0, 300.0)

    computed = {
        "equal": voltage(first, first),
        "unequal": voltage(first, second),
        "unit": unit(10.0, 1.0),
        "unit_unequal": unit(0.04, 2.0),
    }
    sides = ("left", "right")
    compare("bv_bars", {f"voltage_V_{name}_{side}": v for name, v in computed.items() for side in sides})
    # by hand in SI: 10 A/m2 x 50 um / 0.1 S/m = 5 mV each, and the overpotential of the table
    assert voltage(first, first) == pytest.approx(3.8 + 2 * 0.005 + 0.118825, abs=1e-6)


def test_salt_tables() -> None:
    p = CASES["salt_polarisation"]["params"]
    diffusivity, mean = 1e12 * p["diffusivity_m2_s"], 1e-6 * p["concentration_mol_m3"]
    transference, length = p["transference_number"], p["length_um"]
    temperature = p["temperature_K"]
    limit = salt_forms.limiting_current(diffusivity, mean, transference, length)
    # by hand in SI: 2 x 96485 x 8e-12 x 1000/(0.8 x 50e-6) = 38.594 A/m2
    assert 1e3 * limit == pytest.approx(38.594, abs=1e-3)

    def kinetics(current: float) -> float:
        exchange = (1e-3 * value for value in p["exchange_currents_A_m2"])
        return sum(exact.overpotential(current, one, temperature) for one in exchange)

    constant = salt_forms.SteadySalt(
        lambda c: diffusivity,
        lambda c: transference,
        lambda c: p["thermodynamic_factor"],
        lambda c: 1e3 * p["conductivity_S_m"],
        temperature,
    )
    low, high = constant.ends(limit / 2, length, mean)
    assert (low / mean, high / mean) == pytest.approx((0.5, 1.5), rel=1e-9)  # a straight line
    ohmic = limit / 2 * length / (1e3 * p["conductivity_S_m"])
    factor = (1 - transference) * p["thermodynamic_factor"]
    by_hand = ohmic + 2 * GAS * temperature / FARADAY * factor * np.log(3)
    assert constant.drop(limit / 2, low, high) == pytest.approx(by_hand, rel=1e-9)
    voltage = by_hand + kinetics(limit / 2)
    compare(
        "salt_polarisation",
        {f"voltage_V_{name}": sign * voltage for name, sign in (("right", 1), ("left", 1), ("back", -1))}
        | {f"least_over_mean_{name}": low / mean for name in ("right", "left", "back")},
    )
    varying = salt_forms.SteadySalt(
        lambda c: 10.0 / (1 + 300.0 * c),
        lambda c: 0.3 - 100.0 * c,
        lambda c: 1 + 200.0 * c + 0.3e6 * c**2,
        lambda c: 0.12e6 * c * np.exp(-400.0 * c),
        temperature,
    )
    current, found = 20e-3, {}
    low, high = varying.ends(current, length, 0.9e-3)
    found["least_mol_m3"], found["most_mol_m3"] = 1e6 * low, 1e6 * high
    found["voltage_V"] = varying.drop(current, low, high) + kinetics(current)
    low, high = constant.ends(current, length, mean)
    pair = constant.drop(current, low, high) + kinetics(current) + current * 11.0 / 30.0
    for side in ("left", "right"):
        found[f"voltage_V_ceramic_{side}_joined"] = pair
        found[f"voltage_V_ceramic_{side}_resistance"] = pair + current * 4.0
    compare("salt_steady", found)
    tau = salt_forms.sand_time(diffusivity, mean, transference, 50e-3)
    compare("salt_sand", {f"sand_time_s_from_{level}": tau for level in (0.5, 0.1, 0.01)})


def test_the_series_of_a_salt_begins_as_a_half_space_and_ends_at_one() -> None:
    tau = np.array([1e-4, 1e-3, 5e-3])
    # a half space: the fall of the surface is 2 j sqrt(t/(pi D)), here over the final one, j L/(2 D)
    half_space = 4 * np.sqrt(tau / np.pi)
    np.testing.assert_allclose(salt_forms.polarised_salt(tau, 20000), half_space, rtol=0, atol=2e-5)
    assert salt_forms.polarised_salt(np.array([3.0]))[0] == pytest.approx(1.0, abs=1e-3 / 2000)


def test_larche_cahn_table() -> None:
    shifts = {
        key.replace("_partial_molar_volume_m3_mol", "_mV_per_GPa"): 1e3
        * exact.larche_cahn_shift(1e6 * value, 1.0)
        for key, value in CASES["larche_cahn"]["params"].items()
    }
    compare("larche_cahn", shifts)


def test_pybamm_data_agree_with_the_series() -> None:
    record = json.loads(ROOT.joinpath("data/pybamm_spm_nmc811.json").read_text(encoding="utf-8"))
    text = ROOT.joinpath(CASES["particle_vs_pybamm"]["data"]).read_text(encoding="utf-8").splitlines()
    assert text[0].split(",") == record["columns"]
    time, voltage, surface, mean = np.loadtxt(text[1:], delimiter=",").T
    p, case = record["parameters"], CASES["particle_vs_pybamm"]
    assert len(time) == 200
    assert voltage[-1] == pytest.approx(p["upper_voltage_V"], abs=1e-6)
    assert p["radius_m"] == pytest.approx(1e-6 * case["params"]["radius_um"])
    for key, other in {
        "diffusivity_m2_s": "diffusivity_m2_s",
        "maximum_concentration_mol_m3": "maximum_concentration_mol_m3",
        "initial_stoichiometry": "initial_stoichiometry",
        "interfacial_current_density_A_m2": "current_density_A_m2",
        "exchange_current_A_m2": "exchange_current_A_m2",
        "temperature_K": "temperature_K",
        "upper_voltage_V": "upper_voltage_V",
    }.items():
        assert p[key] == case["params"][other], key
    series = exact.sphere_charge_voltage(
        time,
        1e-3 * p["interfacial_current_density_A_m2"],
        p["initial_stoichiometry"],
        1e6 * p["radius_m"],
        1e12 * p["diffusivity_m2_s"],
        1e-6 * p["maximum_concentration_mol_m3"],
        1e-3 * p["exchange_current_A_m2"],
        p["temperature_K"],
        exact.chen2020_nmc811_potential,
    )
    np.testing.assert_allclose(voltage, series[0], rtol=0, atol=1e-5)  # demanded: 1e-4 V
    np.testing.assert_allclose(surface, series[1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(mean, series[2], rtol=0, atol=1e-6)
    compare("particle_vs_pybamm", {"end_time_s": time[-1], "end_mean_stoichiometry": mean[-1]})
