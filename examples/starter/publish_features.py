"""Writes what was measured to the offline store, tells Feast of it, and brings it online."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from wine import COLUMNS, load, setting


def main() -> None:
    """Publishes all there is; run again, it changes nothing."""
    config = Path(setting("FEAST_FS_YAML_FILE_PATH"))
    setting("FEATURES_OFFLINE_STORE")
    from feast import FeatureStore

    from features.definitions import bottle, chemistry, measurements

    table = load()[COLUMNS]
    day = datetime(2026, 1, 1, tzinfo=UTC)
    table = table.rename_axis("bottle_id").reset_index().assign(measured_at=day)
    if "://" not in measurements.path:
        Path(measurements.path).parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(measurements.path)
    store = FeatureStore(fs_yaml_file=config)
    store.apply([bottle, chemistry])
    store.materialize(day - timedelta(days=1), datetime.now(UTC))
    print(f"{len(table)} bottles are online")


if __name__ == "__main__":
    main()
