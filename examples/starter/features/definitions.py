"""What the feature store knows of a bottle. `feast apply` in this folder reads it."""

import os
from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Float64

bottle = Entity(name="bottle", join_keys=["bottle_id"], value_type=ValueType.INT64)

measurements = FileSource(
    name="measurements",
    path=f"{os.environ['FEATURES_OFFLINE_STORE']}/measurements.parquet",
    timestamp_field="measured_at",
)

chemistry = FeatureView(
    name="chemistry",
    entities=[bottle],
    ttl=timedelta(days=3650),
    schema=[
        Field(name=name, dtype=Float64)
        for name in ("alcohol", "malic_acid", "flavanoids", "color_intensity", "proline")
    ],
    source=measurements,
)
