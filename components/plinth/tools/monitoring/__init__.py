"""Tools that watch the platform: metrics, dashboards, alerts."""
