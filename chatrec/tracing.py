"""One trace a turn: channel, understanding, action, engine. Nothing is recorded until :func:`start` got an address.

What joins the processes is W3C's ``traceparent``, carried in the metadata of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_WIRE = TraceContextTextMapPropagator()


def start(service: str, endpoint: str) -> None:
    """Send spans to an OTLP endpoint such as ``http://localhost:4318``; to nobody when it is empty."""
    if not endpoint:
        return
    # Only who traces waits for these.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)


def span(name: str, carrier: Mapping[str, str] | None = None, **attributes: Any) -> AbstractContextManager[trace.Span]:
    """What goes on in the block, as a part of the span around it, or of the one that the ``carrier`` tells of.
    ``attributes``: never what somebody said."""
    context = _WIRE.extract(carrier) if carrier and "traceparent" in carrier else None
    tracer = trace.get_tracer("chatrec")
    return tracer.start_as_current_span(name, context, attributes=attributes, record_exception=False)


def carrier() -> dict[str, str]:
    """``{"traceparent": ...}`` of the span around it; empty where nothing is traced."""
    found: dict[str, str] = {}
    _WIRE.inject(found)
    return found


def trace_id() -> str:
    """Of the span around it, 32 hexadecimal digits; empty where nothing is traced."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""
