"""Asks the model about many bottles, as customers would: `traffic.py --rows 500 --shifted`.

Shifted are the bottles of another laboratory, whose instruments measure otherwise: what the model
has learnt no longer fits them. `--outcomes` tells afterwards whose the bottles of the same traffic
were. The same words are always the same traffic.
"""

import argparse

import numpy as np
import pandas as pd

from outcomes import report
from predict import predict
from wine import COLUMNS, TARGET, load

#: Bottles in a request.
SIZE = 10


def bottles(rows: int, seed: int, *, shifted: bool) -> pd.DataFrame:
    """Bottles drawn from the known ones, measured again with the usual error."""
    chance = np.random.default_rng(seed)
    drawn = load().sample(rows, replace=True, random_state=seed).reset_index(drop=True)
    drawn[COLUMNS] *= chance.normal(1, 0.02, (rows, len(COLUMNS)))
    if shifted:
        drawn["flavanoids"] *= 0.4
        drawn["color_intensity"] *= 2
        drawn["proline"] *= 0.5
        drawn["malic_acid"] += 2
    return drawn


def main() -> None:
    """Asks, or tells the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shifted", action="store_true")
    parser.add_argument("--outcomes", action="store_true", help="tell them, and ask nothing")
    told = parser.parse_args()
    table = bottles(told.rows, told.seed, shifted=told.shifted)
    kind = "shifted" if told.shifted else "usual"
    parts = {
        f"{kind}-{told.seed}-{start}": table[start : start + SIZE]
        for start in range(0, told.rows, SIZE)
    }
    if told.outcomes:
        report({request: part[TARGET].tolist() for request, part in parts.items()})
        print(f"{told.rows} outcomes are told")
        return
    right = 0
    for request, part in parts.items():
        columns = {name: part[name].tolist() for name in COLUMNS}
        right += sum(part[TARGET] == predict(columns, request))
    print(f"{told.rows} bottles asked about, {right / told.rows:.0%} answered rightly")


if __name__ == "__main__":
    main()
