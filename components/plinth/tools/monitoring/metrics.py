"""Names of the metrics that Plinth itself defines; dashboards, alert rules and jobs share them.

Model servers of different makes export different names. Recording rules
(``templates/monitoring/rules/kserve.yaml``) bring them to one set, with the label ``model``:

=====================================  ========================================================
``plinth_model:requests:rate5m``       predictions a second
``plinth_model:errors:rate5m``         failed predictions a second
``plinth_model:latency_seconds``       latency in seconds, by ``quantile`` (0.5, 0.95, 0.99)
``plinth_model:replicas``              copies that are ready
``plinth_model:replica_cost_per_hour`` what a copy costs an hour, from the spec
``plinth_model:cost_per_inference``    what one prediction costs, in the spec's currency
=====================================  ========================================================
"""

from __future__ import annotations

#: Share of drifted columns, 0 to 1, by ``model``. Drift jobs push it to the Pushgateway.
DRIFT_SCORE = "plinth_drift_score"
