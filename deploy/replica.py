"""One replica of the ranker, as Ray Serve runs it. Only :mod:`deploy.serve` imports this, when Ray is installed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from chatrec.errors import BadInput
from chatrec.settings import Settings

BATCH = 16  # requests of one pass
WAITING = 64  # requests at one replica; more wait at the proxy


@serve.deployment(max_ongoing_requests=WAITING, health_check_period_s=2, graceful_shutdown_timeout_s=5)
class Replica:
    """Answers what :mod:`chatrec.remote` asks."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Raises: ModelMissing."""
        from chatrec.remote import Reader  # noqa: PLC0415  torch, which whoever deploys this does without

        self._reader = Reader(folder, settings)

    async def __call__(self, request: Request) -> Response:
        if request.method == "GET":
            return PlainTextResponse("ok")
        try:
            answer = await self._read(await request.json())
        except ValueError:
            answer = BadInput("give JSON")
        return PlainTextResponse(str(answer), 400) if isinstance(answer, BadInput) else JSONResponse(answer)

    # Nobody waits for company: what comes in during a pass is the next batch.
    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=0)
    async def _read(self, bodies: list[Any]) -> list[list[float] | BadInput]:
        return await asyncio.to_thread(self._reader.read, bodies)
