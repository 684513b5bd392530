"""The data: wines of three growers, by what a laboratory measured, and what has become known since.

It begins with the wines that come with scikit-learn. What the model is asked about is data as well,
once the truth about it is known: see outcomes.py.
"""

import os

import pandas as pd
from sklearn.datasets import load_wine

NAME = "wine"
COLUMNS = ["alcohol", "malic_acid", "flavanoids", "color_intensity", "proline"]
TARGET = "grower"
#: The newest rows show what the model will be asked next: it is judged by them, and drift is
#: measured from them.
NEWEST = 500


def load() -> pd.DataFrame:
    """What was measured of each bottle at first, and whose it is."""
    data = load_wine(as_frame=True)
    names = dict(enumerate(data.target_names))
    return data.data[COLUMNS].assign(**{TARGET: data.target.map(names)})


def known() -> pd.DataFrame:
    """All bottles whose grower is known, the newest last."""
    from ci.models import recent

    setting("BUCKET_DATASETS")
    asked = recent(NAME, rows=10_000)
    if asked.empty:
        return load()
    asked = asked[asked["outcome"].notna()].rename(columns={"outcome": TARGET})
    return pd.concat([load(), asked[[*COLUMNS, TARGET]]], ignore_index=True)


def held_out(table: pd.DataFrame) -> pd.Series:
    """Which bottles no model ever trains on: a fifth, and the same ones however many there are."""
    return pd.util.hash_pandas_object(table[COLUMNS], index=False) % 5 == 0


def setting(name: str) -> str:
    """A variable that the platform gives."""
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f'{name} is not set; run: eval "$(plinth env local)"')
    return value
