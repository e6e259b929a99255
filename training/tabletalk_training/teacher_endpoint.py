"""An OpenAI-compatible endpoint, asked through OpenAI's own client: retries, rate limits, and refusals in a sentence."""

import asyncio
import random
import time
from email.utils import parsedate_to_datetime
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from .teacher_cache import Answer
from .teacher_config import TeacherConfig
from .teacher_limits import RateLimits
from .teacher_prices import Price, TeacherRefused, prompt_tokens

LONGEST_BACKOFF = 60.0


class TooLong(Exception):
    """The endpoint says that this prompt does not fit into the model: the question is left out, the run goes on."""


class Endpoint:
    def __init__(self, config: TeacherConfig, api_key: str):
        self.config = config
        # Retries are ours: the client's would repeat an empty account's refusal, too.
        self.client = openai.AsyncOpenAI(base_url=config.base_url, api_key=api_key, timeout=config.timeout_seconds, max_retries=0)
        self.limits = RateLimits(config.requests_a_minute, config.tokens_a_minute)

    async def ask(self, request: dict[str, Any], n: int) -> ChatCompletion:
        """`n` answers to one request. Raises TooLong and TeacherRefused."""
        known = {name: request[name] for name in ("model", "messages", "temperature")}
        extra = {name: value for name, value in request.items() if name not in known} | ({"n": n} if n > 1 else {})
        tokens = prompt_tokens(request["messages"]) + n * int(request[self.config.max_tokens_field])
        for attempt in range(self.config.retries + 1):
            await self.limits.take(tokens)
            try:
                completion = await self.client.chat.completions.create(**known, extra_body=extra)
            except openai.APIError as error:
                wait = self.wait_after(error, attempt)
                if wait is None:
                    raise refusal(error, self.config) from error
                if retry_after(error) is not None:
                    self.limits.pause(wait)
                await asyncio.sleep(wait)
                continue
            if len(completion.choices or []) != n:
                raise TeacherRefused(f"The endpoint gave {len(completion.choices or [])} answers where {n} were asked for: set together: false.")
            return completion
        raise AssertionError("unreachable: the last attempt returns or raises")

    def wait_after(self, error: openai.APIError, attempt: int) -> float | None:
        """Seconds until the next attempt, None where there is none: rate limits, servers' faults and lost connections pass, everything else stays."""
        passes = isinstance(error, openai.APIConnectionError) or (
            isinstance(error, openai.APIStatusError) and (error.status_code in (408, 409, 429) or error.status_code >= 500)
        )
        if not passes or out_of_money(error) or attempt >= self.config.retries:
            return None
        asked = retry_after(error)
        if asked is not None:
            return asked
        # Half of it drawn, so that those who were refused together do not come back together.
        return min(LONGEST_BACKOFF, self.config.backoff_seconds * 2**attempt) * (0.5 + random.random() / 2)

    async def close(self) -> None:
        await self.client.close()


def retry_after(error: openai.APIError) -> float | None:
    """Seconds that the endpoint wants to be left alone: `retry-after-ms`, or `retry-after` as seconds or a date (RFC 9110, 10.2.3)."""
    if not isinstance(error, openai.APIStatusError):
        return None
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers["retry-after"]))
    except KeyError:
        return None
    except ValueError:
        try:
            return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
        except (KeyError, ValueError):
            return None


def out_of_money(error: openai.APIError) -> bool:
    """OpenAI says it with 429, as it says "too fast"; others with 402 (payment required)."""
    status = error.status_code if isinstance(error, openai.APIStatusError) else None
    return status == 402 or error.code in ("insufficient_quota", "billing_hard_limit_reached") or error.type == "insufficient_quota"


def refusal(error: openai.APIError, config: TeacherConfig) -> Exception:
    """What went wrong as a sentence with a next step."""
    where = config.base_url or "OpenAI"
    said = " ".join(str(error.message).split())[:300]
    if out_of_money(error):
        return TeacherRefused(f"Out of money: the account at {where} is empty ({said}). Pay in and start again: what was answered is kept.")
    if isinstance(error, openai.APITimeoutError):
        return TeacherRefused(
            f"{where} did not answer within {config.timeout_seconds:g} s, {config.retries + 1} times. Raise timeout_seconds, or try later."
        )
    if isinstance(error, openai.APIConnectionError):
        return TeacherRefused(f"{where} cannot be reached ({error.__cause__ or said}). Check base_url and that the server runs, then start again.")
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return TeacherRefused(f"{where} refuses the key ({said}). Put a valid one into the variable {config.api_key_variable}.")
    if isinstance(error, openai.NotFoundError):
        return TeacherRefused(f"{where} does not know {config.model} ({said}). Correct model or base_url.")
    if isinstance(error, openai.BadRequestError) and "context" in f"{error.code} {error.type} {said}".lower():
        return TooLong(said)
    if isinstance(error, openai.APIStatusError) and (error.status_code == 429 or error.status_code >= 500):
        return TeacherRefused(
            f"{where} refused {config.retries + 1} times (status {error.status_code}: {said}). Start again later: what was answered is kept."
        )
    return TeacherRefused(f"{where} refuses the request ({said}). Correct the settings; `extra` and max_tokens_field are sent as they stand.")


def read_answers(completion: ChatCompletion, price: Price, batch: bool = False) -> list[Answer]:
    """The answers of one completion. Its tokens are shared out among them: the prompt's evenly, the answers' by the length of their texts."""
    texts = [choice.message.content or "" for choice in completion.choices]
    usage = completion.usage
    prompt, answered = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    details = usage.prompt_tokens_details if usage else None
    kept = (details.cached_tokens or 0) if details else 0
    even = [1] * len(texts)
    shares = zip(texts, completion.choices, share(prompt, even), share(kept, even), share(answered, [len(x) + 1 for x in texts]), strict=True)
    return [Answer(text, choice.finish_reason or "", completion.model, p, k, c, price.cost(p, c, k, batch)) for text, choice, p, k, c in shares]


def share(total: int, weights: list[int]) -> list[int]:
    """Whole numbers in proportion to the weights that sum to the total."""
    out, gone, weight = [], 0, 0
    for x in weights:
        weight += x
        upto = total * weight // sum(weights)
        out.append(upto - gone)
        gone = upto
    return out
