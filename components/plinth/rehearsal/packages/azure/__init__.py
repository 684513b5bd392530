"""The Azure package: types, outputs, lookups and constraints."""
