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

Jobs push what follows to the Pushgateway, all by ``model``: as the job ``drift`` what they
measured, as the job ``registry`` what became of versions.
"""

from __future__ import annotations

from typing import Final

#: The job that compares recent requests with the training data.
DRIFT_JOB: Final = "drift"
#: Share of drifted columns, 0 to 1.
DRIFT_SCORE: Final = "plinth_drift_score"
#: Jensen-Shannon distance of predictions to those of the training data, 0 to 1.
PREDICTION_DRIFT: Final = "plinth_prediction_drift"
#: Recent rows that were compared.
DRIFT_ROWS: Final = "plinth_drift_rows"
#: Share of a ``metric`` lost since promotion, 0 to 1; only where the truth has become known.
PERFORMANCE_DROP: Final = "plinth_performance_drop"

#: Versions that were promoted, and went back to an earlier one, and were refused; ever.
PROMOTIONS: Final = "plinth_promotions_total"
ROLLBACKS: Final = "plinth_rollbacks_total"
REFUSALS: Final = "plinth_refusals_total"
#: The version that was refused last; 0 once another is promoted.
REFUSED_VERSION: Final = "plinth_refused_version"

PUSHED: Final = (
    DRIFT_SCORE,
    PREDICTION_DRIFT,
    DRIFT_ROWS,
    PERFORMANCE_DROP,
    PROMOTIONS,
    ROLLBACKS,
    REFUSALS,
    REFUSED_VERSION,
)

#: Alerts about models that asked for a pipeline, by ``model`` and ``outcome`` (started, already,
#: failed); the receiver of ``templates/lifecycle/retrain.py`` shows them itself.
RETRAININGS: Final = "plinth_retrainings_total"
