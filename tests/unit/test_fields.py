"""Fields on their supports: value, rate, test function, offsets, and the terms that balances are made of."""

import chemomech.runtime  # noqa: F401

import numpy as np
import patchwork
import pytest
import ufl
from dolfinx import fem, la
from mpi4py import MPI
from patchwork import REGIONS

from chemomech.fields import (
    CELL_VOLTAGE,
    CONCENTRATION,
    DISPLACEMENT,
    ELECTRONIC_POTENTIAL,
    IONIC_POTENTIAL,
    State,
)
from chemomech.physics.balance import exchange, flux, outflow, source, storage


def make_state(offsets=(), degrees=None, coordinates="plane strain", comm=MPI.COMM_WORLD):
    domain = patchwork.patchwork(coordinates, comm).domain
    supports = {
        CONCENTRATION: domain.support(["a"]),
        ELECTRONIC_POTENTIAL: domain.support(["a", "c"]),
        IONIC_POTENTIAL: domain.support(["b"]),
        DISPLACEMENT: domain.support(REGIONS),
        CELL_VOLTAGE: domain.support(REGIONS),
    }
    return State(domain, supports, offsets, degrees)


def row(state, form, field):
    """Assemble the row of one field, whole."""
    space = state.unknowns[field].space
    blocks = [block for block in ufl.extract_blocks(form) if block is not None]
    (block,) = (b for b in blocks if b.arguments()[0].ufl_function_space() == space)
    vector = fem.assemble_vector(fem.form(block, entity_maps=state.domain.entity_maps))
    vector.scatter_reverse(la.InsertMode.add)
    owned = vector.index_map.size_local * vector.block_size
    return vector.array[:owned].copy()


def test_fields_live_where_they_are_put():
    state = make_state(degrees={DISPLACEMENT: 2})
    assert state.fields == (CONCENTRATION, ELECTRONIC_POTENTIAL, IONIC_POTENTIAL, DISPLACEMENT, CELL_VOLTAGE)
    sizes = {
        f: u.space.dofmap.index_map.size_global * u.space.dofmap.index_map_bs
        for f, u in state.unknowns.items()
    }
    assert sizes[CELL_VOLTAGE] == 1
    assert sizes[CONCENTRATION] < sizes[ELECTRONIC_POTENTIAL]
    assert state.unknowns[DISPLACEMENT].space.element.basix_element.degree == 2
    assert state.unknowns[DISPLACEMENT].space.dofmap.index_map_bs == 2
    assert state.size() == sum(sizes.values())


def test_an_offset_belongs_to_the_value_not_to_the_function():
    state = make_state(offsets=[ELECTRONIC_POTENTIAL])
    unknown = state.unknowns[ELECTRONIC_POTENTIAL]
    unknown.offset.value = 3.5
    unknown.function.x.array[:] = 0.25
    np.testing.assert_allclose(unknown.array(), 3.75)
    domain = state.domain
    mean = domain.integral(domain.over(state.value[ELECTRONIC_POTENTIAL], ["a"])) / domain.volume(["a"])
    assert mean == pytest.approx(3.75)
    assert state.unknowns[CONCENTRATION].offset is None
    np.testing.assert_allclose(state.copy()[1], 0.25)


def test_the_rate_is_a_factor_times_value_plus_history():
    state = make_state(offsets=[ELECTRONIC_POTENTIAL])
    assert state.dynamic == []
    domain = state.domain
    volume = domain.volume(["a"])
    rates = {
        f: fem.form(domain.over(state.rate(f), ["a"]), entity_maps=domain.entity_maps)
        for f in (CONCENTRATION, ELECTRONIC_POTENTIAL)
    }
    assert [u.field for u in state.dynamic] == [CONCENTRATION, ELECTRONIC_POTENTIAL]
    state.time_factor.value = 4.0
    for field, form in rates.items():
        unknown = state.unknowns[field]
        unknown.function.x.array[:] = 0.5
        unknown.history.x.array[:] = -0.75
        assert domain.integral(form, lambda f: f) / volume == pytest.approx(4.0 * 0.5 - 0.75)
    # a constant reference has no rate
    state.unknowns[ELECTRONIC_POTENTIAL].offset.value = 100.0
    assert domain.integral(rates[ELECTRONIC_POTENTIAL], lambda f: f) / volume == pytest.approx(1.25)
    history = state.unknowns[CONCENTRATION].history
    state.rate(CONCENTRATION)
    assert state.unknowns[CONCENTRATION].history is history


def test_copy_and_restore():
    state = make_state()
    state.functions[0].x.array[:] = 2.0
    kept = state.copy()
    state.functions[0].x.array[:] = 9.0
    assert kept[0][0] == 2.0
    state.restore(kept)
    assert np.all(state.functions[0].x.array == 2.0)


def test_what_leaves_one_side_enters_the_other():
    # each test function sums to one, so the rows add up to what crosses
    state = make_state()
    domain = state.domain
    for function, value in ((state.functions[0], 1.3), (state.functions[1], 0.4), (state.functions[2], -0.2)):
        function.interpolate(lambda x, v=value: v + x[0] * x[1])
    density = state.value[CONCENTRATION]("+") * (
        state.value[ELECTRONIC_POTENTIAL]("+") - state.value[IONIC_POTENTIAL]("-")
    )
    plus, minus = frozenset("a"), frozenset("b")
    form = exchange(state, density, ELECTRONIC_POTENTIAL, IONIC_POTENTIAL, plus, minus)
    leaving, entering = row(state, form, ELECTRONIC_POTENTIAL), row(state, form, IONIC_POTENTIAL)
    total = domain.integral(domain.on_interface(density, plus, minus))
    assert abs(total) > 0.1
    assert leaving.sum() == pytest.approx(total, rel=1e-12)
    assert entering.sum() == pytest.approx(-total, rel=1e-12)
    assert abs(leaving.sum() + entering.sum()) < 1e-13 * abs(total)


def test_terms_of_a_balance():
    state = make_state()
    domain = state.domain
    state.time_factor.value = 2.0
    x = ufl.SpatialCoordinate(domain.mesh)
    function = state.functions[0]
    form = storage(state, CONCENTRATION, ["a"]) + source(state, CONCENTRATION, 3.0, ["a"])
    form += outflow(state, CONCENTRATION, x[0] + 1.0, "low 1", ["a"])
    form += flux(state, CONCENTRATION, ufl.as_vector([5.0, x[0]]), ["a"])
    function.x.array[:] = 0.5
    total = row(state, form, CONCENTRATION).sum()
    edge = domain.integral(domain.on_boundary(x[0] + 1.0, "low 1", ["a"]))
    assert edge > 0.0
    # a flux moves, it neither makes nor destroys
    assert total == pytest.approx((2.0 * 0.5 - 3.0) * domain.volume(["a"]) + edge, rel=1e-12)
    # tested with x, the flux term is minus the integral of its x component
    space = state.unknowns[CONCENTRATION].space
    test = fem.Function(space)
    test.interpolate(lambda x: x[0])
    only = row(state, flux(state, CONCENTRATION, ufl.as_vector([5.0, x[0]]), ["a"]), CONCENTRATION)
    assert only @ test.x.array[: len(only)] == pytest.approx(-5.0 * domain.volume(["a"]), rel=1e-12)
