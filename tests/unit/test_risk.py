"""Crack risk and invariants of stress, by hand."""

import numpy as np
import pytest

from chemomech.analysis.risk import (
    Resistance,
    fracture_energy,
    hydrostatic_stress,
    principal_stress,
    von_mises_stress,
)


def test_invariants_of_known_tensors():
    uniaxial = np.diag([0.3, 0.0, 0.0])
    pressure = -0.2 * np.eye(3)
    shear = np.array([[0.0, 0.1, 0.0], [0.1, 0.0, 0.0], [0.0, 0.0, 0.0]])
    stress = np.stack([uniaxial, pressure, shear])
    np.testing.assert_allclose(von_mises_stress(stress), [0.3, 0.0, 0.1 * 3**0.5], atol=1e-15)
    np.testing.assert_allclose(hydrostatic_stress(stress), [0.1, -0.2, 0.0], atol=1e-15)
    np.testing.assert_allclose(principal_stress(stress), [0.3, -0.2, 0.1], atol=1e-15)


def test_invariants_do_not_turn_with_the_axes():
    random = np.random.default_rng(0)
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    half = random.normal(size=(5, 3, 3))
    stress = half + half.transpose(0, 2, 1)
    turned = turn @ stress @ turn.T
    for measure in (von_mises_stress, hydrostatic_stress, principal_stress):
        np.testing.assert_allclose(measure(turned), measure(stress), rtol=1e-12, atol=1e-12)
    assert np.all(principal_stress(stress) >= hydrostatic_stress(stress))


def test_risks_by_hand():
    # sigma_t = 100 MPa; K_IC = 0.2 MPa m^0.5 = 0.2 GPa um^0.5; E' = 150 GPa; a = 0.5 um
    modulus = 150.0
    energy = fracture_energy(0.2, modulus)
    assert energy == pytest.approx(0.2**2 / 150)
    against = Resistance(0.1, energy, 0.5, modulus)
    stress = np.array([-0.3, 0.0, 0.05, 0.2])
    np.testing.assert_allclose(against.strength_risk(stress), [0.0, 0.0, 0.5, 2.0])
    # G/G_c = (1.12 sigma)^2 pi a / K_IC^2 whatever the modulus
    expected = (1.12 * np.maximum(stress, 0)) ** 2 * np.pi * 0.5 / 0.2**2
    np.testing.assert_allclose(against.energy_risk(stress), expected)
    # at the stress where K_I = K_IC the energy risk is one
    critical = 0.2 / (1.12 * np.sqrt(np.pi * 0.5))
    assert against.energy_risk(np.array([critical]))[0] == pytest.approx(1.0)


def test_what_is_not_known_is_no_number():
    against = Resistance(np.nan, 1e-3, 0.5, 100.0)
    assert np.isnan(against.strength_risk(np.array([0.1]))[0])
    assert np.isfinite(against.energy_risk(np.array([0.1]))[0])
