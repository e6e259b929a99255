"""Requests and tokens a minute that an endpoint allows: who asks waits for its turn."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class RateLimits:
    """Two buckets that fill evenly over a minute (no burst at its start) and a pause that the endpoint asks for (Retry-After), which holds for all."""

    def __init__(
        self,
        requests: int | None,
        tokens: int | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self.requests, self.tokens, self.clock, self.sleep = requests, tokens, clock, sleep
        self.next_request = self.next_tokens = self.paused_until = clock()

    async def take(self, tokens: int) -> None:
        """Returns when a request of so many tokens (prompt and longest answer) may be sent. Who comes first goes first."""
        now = self.clock()
        start = max(now, self.next_request if self.requests else now, self.next_tokens if self.tokens else now)
        if self.requests:
            self.next_request = start + 60 / self.requests
        if self.tokens:
            self.next_tokens = start + 60 * tokens / self.tokens
        while (now := self.clock()) < (turn := max(start, self.paused_until)):
            await self.sleep(turn - now)

    def pause(self, seconds: float) -> None:
        self.paused_until = max(self.paused_until, self.clock() + seconds)
