"""What each model on each service accepts, as data: `MODELS` has the models, `FEATURES` the fields.

A model that is not in the table gets a permissive row with `known=False`: its configuration is sent as it is,
and the service decides.
"""

from livewidget.models.features import BY_NAME, FEATURES, INT32, Feature, feature
from livewidget.models.lookup import bare_id, find, suggest
from livewidget.models.model import (
    ACTIVITY_AND_VIDEO,
    BLOCKING,
    NON_BLOCKING,
    ONLY_ACTIVITY,
    Model,
    Service,
)
from livewidget.models.prices import PRICES, PRICES_OF, Price, estimate
from livewidget.models.table import MODELS
from livewidget.models.voices import HALF_CASCADE_VOICES, VOICES

__all__ = [
    "ACTIVITY_AND_VIDEO",
    "BLOCKING",
    "BY_NAME",
    "FEATURES",
    "HALF_CASCADE_VOICES",
    "INT32",
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
    "bare_id",
    "estimate",
    "feature",
    "find",
    "suggest",
]
