"""The GCP package: types, outputs, lookups and constraints."""
