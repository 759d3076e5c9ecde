"""A `LiveConfig` as a flat table of features, and as the keywords that a person would type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from livewidget.config.suits import asked
from livewidget.config.values import get
from livewidget.config.words import nearest
from livewidget.errors import ConfigError
from livewidget.models import BY_NAME, FEATURES, Feature

if TYPE_CHECKING:
    from livewidget.config.live import LiveConfig

#: Where a part's one field may stand for the part itself.
_SHORT: Final = {"turn_detection": "mode", "translation": "target"}


def values_of(config: LiveConfig) -> dict[str, Any]:
    """Return what `config` says and differs from the default: JSON by the feature's name."""
    values: dict[str, Any] = {}
    for feature in FEATURES:
        if not _is_of(feature, config) or not asked(config, feature):
            continue
        value = get(config, feature.where)
        if feature.kind == "switch" and not isinstance(value, bool):
            if feature.default is not True:
                values[feature.name] = True  # A part is an answer of yes, with more to it.
        elif feature.name == "modalities":
            values[feature.name] = value[0] if len(value) == 1 else list(value)
        elif feature.name == "thinking_level":
            values[feature.name] = value.lower()
        else:
            values[feature.name] = _json(value)
    return values


def keywords_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of `LiveConfig.of` for values by feature name; None stands for the default.

    Raises:
        ConfigError: If a name is unknown.
    """
    keywords: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        feature = BY_NAME.get(name)
        if feature is None:
            near = nearest(str(name), BY_NAME)
            hint = f"; did you mean {near}?" if near else "."
            raise ConfigError(f"There is no field {str(name)[:40]!r}{hint}")
        part, dot, field = feature.where.partition(".")
        if value is None:
            continue
        if dot:
            parts.setdefault(part, {})[field] = value
        else:
            keywords[part] = value
    for part, fields in parts.items():
        if keywords.get(part) is not False:  # What is off has no fields.
            keywords[part] = fields
    return keywords


def keywords_of(config: LiveConfig) -> dict[str, Any]:
    """Return the fewest keywords that make `config`, as a person would type them."""
    keywords = keywords_from(values_of(config))
    for part, field in _SHORT.items():
        if isinstance(keywords.get(part), dict) and set(keywords[part]) == {field}:
            keywords[part] = keywords[part][field]
    order = {feature.where.partition(".")[0]: place for place, feature in enumerate(FEATURES)}
    return dict(sorted(keywords.items(), key=lambda item: order[item[0]]))


def _is_of(feature: Feature, config: LiveConfig) -> bool:
    """Tell whether a value belongs to this feature: a budget and a level share one field."""
    if feature.where != "thinking":
        return True
    return isinstance(config.thinking, int) == (feature.name == "thinking_budget")


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _json(item) for name, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, tuple | list) else value
