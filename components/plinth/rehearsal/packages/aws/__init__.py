"""The AWS package: types, outputs, lookups and constraints."""
