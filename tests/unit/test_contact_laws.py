"""Laws of contact: numpy and UFL agree, derivatives too; shares stay between 0 and 1 and rise with pressure."""

import numpy as np
import pytest
import ufl

from chemomech.materials import contact_laws as laws
from chemomech.materials.maths import ufl_maths

MODULUS = laws.effective_modulus((140.0, 0.3), (22.0, 0.33))
LOADING = {
    "persson": laws.Persson(MODULUS, 0.2),
    "greenwood_williamson": laws.GreenwoodWilliamson(MODULUS, 1.0, 0.1),
    "westergaard": laws.Westergaard(MODULUS, 0.05, 2.0),
    "plastic": laws.Plastic(1.9),
}
PRESSURES = (1e-4, 0.01, 0.2, 1.0, 3.0)


@pytest.mark.parametrize("name", LOADING)
def test_numpy_and_ufl_agree(name: str) -> None:
    for p in PRESSURES:
        assert float(LOADING[name](ufl.as_ufl(p), ufl_maths())) == pytest.approx(float(LOADING[name](p)))
        contact = laws.RoughContact(LOADING[name], laws.Unloading(0.5, 0.3))
        for largest in (0.0, 0.35):
            got = float(contact.fraction(ufl.as_ufl(p), ufl.as_ufl(largest), maths=ufl_maths()))
            assert got == pytest.approx(float(contact.fraction(p, largest)))


@pytest.mark.parametrize("name", LOADING)
def test_shares_rise_with_pressure_and_stay_shares(name: str) -> None:
    pressures = np.geomspace(1e-6, 50.0, 200)
    share = np.asarray(LOADING[name](pressures))
    assert np.all(np.diff(share) >= 0.0) and share[0] < 1e-2 and 0.99 < share[-1] <= 1.0
    for retained in (0.0, 0.4):
        contact = laws.RoughContact(LOADING[name], laws.Unloading(0.5, retained))
        kept = np.asarray(contact.fraction(pressures, 0.35))
        assert np.all(np.diff(kept) >= 0.0) and kept[-1] <= 1.0
        # the power law is rounded off at p/p_m of the order of 1e-6
        assert np.all(kept >= (1 - 1e-6 * 0.35 / pressures) * share * 0.99999)
        top = float(LOADING[name](0.35))
        assert float(contact.fraction(-1.0, 0.35)) == pytest.approx(retained * top, abs=1e-5)
        assert float(contact.fraction(-1.0, 0.35, adhering=0.0)) < 1e-5


def test_constrictions() -> None:
    assert laws.holm_resistance(200.0, 0.26) == pytest.approx(1 / (2 * 200.0 * 0.26))
    # a round spot in elastic contact is stiff by 2 E* a: both roads to its resistance lead to one number
    assert laws.barber_resistance(MODULUS, (0.005, 0.005), 2 * MODULUS * 0.26) == pytest.approx(
        laws.holm_resistance(200.0, 0.26)
    )
    # spots that are rare do not feel each other: n per area, each with Holm's resistance
    radius, fraction = 0.1, 1e-8
    alone = laws.holm_resistance(200.0, radius) * np.pi * radius**2
    spots = laws.RoundSpots(radius)
    assert 0.01 * float(spots.length(fraction)) == pytest.approx(alone, rel=1e-3)
    assert float(spots.length(1.0)) < 1e-12
    assert float(laws.Strips(2.0).length(1.0)) == pytest.approx(0.0, abs=1e-12)


def test_asperities_constrict_as_their_stiffness_says() -> None:
    # exponential heights: dP/d delta = P/sigma_s, whatever the pressure, so Barber's theorem gives R without the spots
    radius, spread, pressure = 1.0, 0.1, 1e-6
    law = laws.GreenwoodWilliamson(MODULUS, radius, spread)
    touching = float(law(pressure))
    per_area = laws.barber_resistance(MODULUS, (0.005, 0.02), pressure / spread)
    spots = laws.RoundSpots.of_asperities(radius, spread)
    assert 0.025 * float(spots.length(touching)) / touching == pytest.approx(per_area, rel=3e-3)


@pytest.mark.parametrize("narrowing", [laws.RoundSpots(0.2), laws.Strips(2.0)])
def test_constrictions_fall_as_more_touches(narrowing: laws.Narrowing) -> None:
    shares = np.geomspace(1e-6, 0.999, 50)
    per_nominal_area = np.asarray(narrowing.length(shares)) / shares
    assert np.all(np.diff(per_nominal_area) < 0.0) and np.all(per_nominal_area > 0.0)
    for share in (1e-6, 0.1, 0.9):
        got = float(narrowing.length(ufl.as_ufl(share), ufl_maths()))
        assert got == pytest.approx(float(narrowing.length(share)))


def test_moduli_and_lengths() -> None:
    assert laws.effective_modulus((140.0, 0.3)) == pytest.approx(140.0 / 0.91)
    both = laws.effective_modulus((140.0, 0.3), (22.0, 0.33))
    assert both == pytest.approx(21.27454, rel=1e-6)
    assert laws.cohesive_length(22.0 / (1 - 0.33**2), 1e-3, 0.05) == pytest.approx(9.875435, rel=1e-6)
