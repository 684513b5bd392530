"""What any model of wines has to do, however good it is on average.

Three kinds, after CheckList (Ribeiro et al., 2020): what is easy has to be right, what does not
matter has to change nothing, and what matters has to change the answer in the right direction.
"""

from wine import COLUMNS, TARGET, load


def test_minimum_functionality_the_typical_bottle_of_each_grower(model):
    typical = load().groupby(TARGET)[COLUMNS].median().reset_index()
    assert model(typical) == typical[TARGET].tolist()


def test_invariance_to_the_last_digit_of_a_measurement(model):
    bottles = load()
    exact, rounded = model(bottles), model(bottles[COLUMNS] * 1.001)
    assert sum(a != b for a, b in zip(exact, rounded, strict=True)) <= len(bottles) // 50


def test_direction_more_proline_speaks_for_the_first_grower(model):
    bottles = load()
    before = model(bottles).count("class_0")
    assert model(bottles.assign(proline=bottles["proline"] + 600)).count("class_0") >= before
