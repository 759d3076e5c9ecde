"""What each model on each service accepts, as data: `MODELS` has the models, `FEATURES` the fields.

A model that is not in the table gets a permissive row with `known=False`: its configuration is sent as it is,
and the service decides.
"""

from livewidget.models.features import FEATURES, FEATURES_BY_NAME, INT32, Feature
from livewidget.models.table import (
    ACTIVITY_AND_VIDEO,
    BLOCKING,
    HALF_CASCADE_VOICES,
    LANGUAGES,
    MODELS,
    NON_BLOCKING,
    ONLY_ACTIVITY,
    PRICES,
    PRICES_OF,
    VOICES,
    Model,
    Price,
    Service,
    agent_model,
    bare_id,
    estimate,
    find,
    language_code,
    suggest,
)

__all__ = [
    "ACTIVITY_AND_VIDEO",
    "BLOCKING",
    "FEATURES",
    "FEATURES_BY_NAME",
    "HALF_CASCADE_VOICES",
    "INT32",
    "LANGUAGES",
    "MODELS",
    "NON_BLOCKING",
    "ONLY_ACTIVITY",
    "PRICES",
    "PRICES_OF",
    "VOICES",
    "Feature",
    "Model",
    "Price",
    "Service",
    "agent_model",
    "bare_id",
    "estimate",
    "find",
    "language_code",
    "suggest",
]
