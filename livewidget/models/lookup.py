"""Finds the row of a model by its name."""

from __future__ import annotations

import difflib

from livewidget.models.model import Model
from livewidget.models.table import MODELS

_BY_NAME: dict[tuple[str, str], Model] = {(model.service, model.id): model for model in MODELS}


def bare_id(model_id: str) -> str:
    """`models/x`, `publishers/google/models/x` and `projects/…/models/x` are all `x`."""
    return model_id.rpartition("/")[2]


def find(model_id: str, service: str) -> Model:
    """Return the row of `model_id` on `service`; the name may have `models/` or a project's path before it.

    A model that is not in the table gets a row that permits everything, with `known=False`.
    """
    name = bare_id(model_id)
    known = _BY_NAME.get((service, name))
    return known if known is not None else _permissive(name, service)


def _permissive(model_id: str, service: str) -> Model:
    vertex = service == "vertex"
    return Model(
        id=model_id,
        service=service,  # type: ignore[arg-type]
        status="unknown",
        modalities=("AUDIO", "TEXT", "VIDEO"),
        thinking="level",
        thinking_levels=("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"),
        scheduling=True,
        will_continue=True,
        code_execution=True,
        url_context=True,
        languages=True,
        vocabulary=True,
        proactive_audio=True,
        affective_dialog=True,
        vad_signal=vertex,
        transparent_resumption=vertex,
        translation=False,
        context_update=vertex,
        api_version="v1beta1" if vertex else "v1beta",
        known=False,
    )


def suggest(model_id: str, service: str | None = None) -> str | None:
    """Return the id in the table that is spelled most like `model_id`, or None if nothing is near."""
    names = [
        model.id
        for model in MODELS
        if model.status != "shut down" and (service is None or model.service == service)
    ]
    near = difflib.get_close_matches(bare_id(model_id).lower(), names, n=1, cutoff=0.6)
    return near[0] if near else None
