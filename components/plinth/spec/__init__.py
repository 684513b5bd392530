"""The spec: models, loading with positions, overlays, problems, schema, explanation."""
