"""The teacher against an OpenAI-compatible endpoint of the test's own, a real HTTP server on 127.0.0.1, through OpenAI's own client."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tabletalk_training.config import BadConfig
from tabletalk_training.teacher import run
from tabletalk_training.teacher_asks import BadPrompts, choose, make_asks, mode_of, read_prompts
from tabletalk_training.teacher_batch import parts
from tabletalk_training.teacher_cache import AnswerCache, request_key
from tabletalk_training.teacher_config import read_teacher_config
from tabletalk_training.teacher_endpoint import share
from tabletalk_training.teacher_limits import RateLimits
from tabletalk_training.teacher_prices import TABLE, Budget, Price, TeacherRefused, price_of

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "configs" / "teacher.yaml"
MODEL = "gpt-4o-mini"


class ModelServer(ThreadingHTTPServer):
    """Speaks /v1/chat/completions, /v1/files and /v1/batches. `faults` are answered first, one a request: (status, headers, body) or "drop"."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict] = []
        self.faults: list = []
        self.authorization: set[str] = set()
        self.delay = 0.0
        self.now = self.most_at_once = 0
        self.lock = threading.Lock()
        self.files: dict[str, str] = {}
        self.batches: dict[str, dict] = {}
        self.polls = 0
        self.refuse_in_batch: set[str] = set()
        self.too_long: set[str] = set()
        thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def complete(self, body: dict) -> tuple[int, dict]:
        with self.lock:
            self.requests.append(body)
            number = len(self.requests)
        if any(words in body["messages"][-1]["content"] for words in self.too_long):
            return 400, {
                "error": {"message": "maximum context length is 10 tokens", "type": "invalid_request_error", "code": "context_length_exceeded"}
            }
        n = body.get("n", 1)
        choices = [
            {"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": f"```sql\nSELECT {number * 10 + i}\n```"}}
            for i in range(n)
        ]
        usage = {"prompt_tokens": 1000, "completion_tokens": 20 * n, "total_tokens": 1000 + 20 * n, "prompt_tokens_details": {"cached_tokens": 0}}
        return 200, {"id": "c", "object": "chat.completion", "created": 1, "model": body["model"] + "-served", "choices": choices, "usage": usage}

    def end_batch(self, batch: dict) -> None:
        done, wrong = [], []
        for line in self.files[batch["input_file_id"]].splitlines():
            x = json.loads(line)
            assert x["method"] == "POST" and x["url"] == "/v1/chat/completions"
            if any(words in x["body"]["messages"][-1]["content"] for words in self.refuse_in_batch):
                wrong.append({"custom_id": x["custom_id"], "response": {"status_code": 400, "body": {"error": {"message": "no"}}}, "error": None})
            else:
                status, body = self.complete(x["body"])
                done.append({"custom_id": x["custom_id"], "response": {"status_code": status, "body": body}, "error": None})
        for name, lines in (("output_file_id", done), ("error_file_id", wrong)):
            if lines:
                self.files[f"{batch['id']}-{name}"] = "".join(json.dumps(x) + "\n" for x in reversed(lines))
                batch[name] = f"{batch['id']}-{name}"
        batch |= {"status": "completed", "request_counts": {"total": len(done) + len(wrong), "completed": len(done), "failed": len(wrong)}}


class Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status: int, body: dict | str, headers: dict | None = None) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        data = self.rfile.read(int(self.headers["content-length"]))
        server = self.server
        server.authorization.add(self.headers.get("authorization", ""))
        with server.lock:
            fault = server.faults.pop(0) if server.faults else None
        if fault == "drop":
            self.close_connection = True
            self.connection.close()
        elif fault is not None:
            status, headers, body = fault
            self.answer(status, body, headers)
        elif self.path == "/v1/chat/completions":
            with server.lock:
                server.now += 1
                server.most_at_once = max(server.most_at_once, server.now)
            time.sleep(server.delay)
            status, body = server.complete(json.loads(data))
            with server.lock:
                server.now -= 1
            self.answer(status, body)
        elif self.path == "/v1/files":
            form = BytesParser(policy=HTTP).parsebytes(b"content-type: " + self.headers["content-type"].encode() + b"\r\n\r\n" + data)
            fields = {part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode() for part in form.iter_parts()}
            assert fields["purpose"] == "batch"
            id = f"file-{len(server.files)}"
            server.files[id] = fields["file"]
            self.answer(
                200,
                {"id": id, "object": "file", "bytes": len(data), "created_at": 1, "filename": "x.jsonl", "purpose": "batch", "status": "processed"},
            )
        else:
            assert self.path == "/v1/batches"
            given = json.loads(data)
            id = f"batch_{len(server.batches)}"
            server.batches[id] = {
                "id": id, "object": "batch", "created_at": 1, "status": "validating", "endpoint": given["endpoint"], "metadata": given["metadata"],
                "completion_window": given["completion_window"], "input_file_id": given["input_file_id"],
            }  # fmt: skip
            self.answer(200, server.batches[id])

    def do_GET(self):
        server = self.server
        path = self.path.partition("?")[0].removeprefix("/v1/")
        if path.startswith("files/"):
            self.answer(200, server.files[path.split("/")[1]])
        elif path == "batches":
            self.answer(200, {"object": "list", "data": list(server.batches.values()), "has_more": False})
        else:
            batch = server.batches[path.split("/")[1]]
            server.polls += 1
            if batch["status"] == "validating":
                batch["status"] = "in_progress"
            elif batch["status"] == "in_progress":
                server.end_batch(batch)
            self.answer(200, batch)


@pytest.fixture
def server():
    server = ModelServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "the test's key")


def prompt(db: str, number: int) -> dict:
    system = {"role": "system", "content": f"CREATE TABLE {db} (n INT);"}
    messages = {mode: [system, {"role": "user", "content": f"Question {db}-{number}?\n{mode}"}] for mode in ("direct", "reasoning")}
    return {"id": f"{db}-{number}", "db_id": db, "question": f"Question {db}-{number}?", "messages": messages}


@pytest.fixture
def prompts(tmp_path) -> Path:
    path = tmp_path / "teacher.jsonl"
    path.write_text("".join(json.dumps(prompt(db, n)) + "\n" for db in ("zoo", "shop") for n in range(4)))
    return path


@pytest.fixture
def ask(server, prompts, tmp_path) -> Callable:
    """Runs the teacher with the real config, its address, waits and limits set for the test."""

    def go(*overrides: str, cache: str = "cache") -> dict:
        settings = [f"base_url={server.url}", f"model={MODEL}", "backoff_seconds=0.01", "requests_a_minute=null", "tokens_a_minute=null",
                    "batch_poll_seconds=0.01", *overrides]  # fmt: skip
        return asyncio.run(run(read_teacher_config(CONFIG, settings), prompts, tmp_path / "samples.jsonl", tmp_path / cache))

    return go


def samples(tmp_path: Path) -> list[dict]:
    return [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text().splitlines()]


def test_three_samples_a_question_in_the_order_of_the_prompts_with_their_usage_and_cost(ask, server, tmp_path):
    sums = ask()
    lines = samples(tmp_path)
    assert [(x["id"], x["sample"]) for x in lines] == [(f"{db}-{n}", k) for db in ("zoo", "shop") for n in range(4) for k in range(3)]
    assert all(x["text"].startswith("```sql") and x["model"] == f"{MODEL}-served" and x["finish"] == "stop" for x in lines)
    # One request a question pays the prompt once: 1,000 tokens at $0.15 and 60 at $0.60 a million, shared out without loss.
    assert len(server.requests) == 8 and {x["n"] for x in server.requests} == {3}
    assert sum(x["usage"]["prompt_tokens"] for x in lines) == sums["prompt_tokens"] == 8 * 1000
    assert sum(x["usage"]["completion_tokens"] for x in lines) == 8 * 60
    assert sum(x["cost"] for x in lines) == pytest.approx(8 * (1000 * 0.15 + 60 * 0.60) / 1e6)
    assert server.authorization == {"Bearer the test's key"}
    request = server.requests[0]
    assert request["temperature"] == 0.3 and request["max_tokens"] in (256, 512)
    assert request["max_tokens"] == (512 if request["messages"][1]["content"].endswith("reasoning") else 256)
    assert {x["mode"] for x in lines} == {"direct", "reasoning"}


def test_without_n_each_sample_is_a_request_of_its_own(ask, server, tmp_path):
    ask("together=false")
    assert len(server.requests) == 24 and all("n" not in x for x in server.requests)
    assert len({x["text"] for x in samples(tmp_path)}) == 24


def test_a_second_run_asks_for_nothing_costs_nothing_and_writes_the_same_bytes(ask, server, tmp_path):
    first = ask()
    text = (tmp_path / "samples.jsonl").read_text()
    second = ask()
    assert len(server.requests) == 8
    assert first["spent_now"] > 0 and second["spent_now"] == 0
    assert (tmp_path / "samples.jsonl").read_text() == text


def test_what_is_asked_decides_what_is_asked_again(ask, server):
    ask()
    ask("samples=4")
    assert len(server.requests) == 16 and {x.get("n", 1) for x in server.requests[8:]} == {1}
    ask("temperature=0.5")
    assert len(server.requests) == 24
    ask("extra={top_p: 0.9}")
    assert len(server.requests) == 32 and server.requests[-1]["top_p"] == 0.9
    assert len({request_key(request, sample) for request in ({"a": 1}, {"a": 2}) for sample in (0, 1)}) == 4


def test_a_damaged_cache_file_is_asked_again(ask, server, tmp_path):
    ask("together=false")
    damaged = next((tmp_path / "cache").glob("??/*.json"))
    damaged.write_text(damaged.read_text()[:20])
    ask("together=false")
    assert len(server.requests) == 25 and len(samples(tmp_path)) == 24


def test_faults_that_pass_are_retried(ask, server, tmp_path):
    error = {"error": {"message": "busy", "type": "server_error"}}
    server.faults = [(500, {}, error), "drop", (503, {}, error), (429, {"retry-after": "0.05"}, error), (429, {"retry-after-ms": "20"}, error)]
    ask("concurrency=1")
    assert server.faults == [] and len(samples(tmp_path)) == 24 and len(server.requests) == 8


def test_retry_after_is_waited_for_by_all(ask, server):
    server.faults = [(429, {"retry-after": "0.6"}, {"error": {"message": "too fast"}})]
    begun = time.monotonic()
    ask("concurrency=1")
    assert time.monotonic() - begun >= 0.6


def test_faults_that_stay_end_the_run_in_a_sentence_and_keep_what_was_answered(ask, server, tmp_path):
    ask("questions=2")
    server.faults = [(500, {}, {"error": {"message": "on fire"}})] * 100
    with pytest.raises(TeacherRefused, match="refused 3 times .status 500.*on fire.*kept"):
        ask("retries=2", "concurrency=1")
    assert len(server.faults) == 97
    assert len(samples(tmp_path)) == 6
    server.faults = []
    ask()
    assert len(samples(tmp_path)) == 24 and len(server.requests) == 8


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            (429, {}, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota", "type": "insufficient_quota"}}),
            "Out of money",
        ),
        ((402, {}, {"error": {"message": "pay"}}), "Out of money"),
        ((401, {}, {"error": {"message": "bad key"}}), "OPENAI_API_KEY"),
        ((404, {}, {"error": {"message": "no such model"}}), "does not know gpt-4o-mini"),
        ((400, {}, {"error": {"message": "temperature is not supported"}}), "Correct the settings"),
    ],
)
def test_refusals_are_one_sentence_and_not_retried(ask, server, fault, says):
    server.faults = [fault] * 2
    with pytest.raises(TeacherRefused) as error:
        ask("concurrency=1")
    assert says in str(error.value) and "\n" not in str(error.value)
    assert len(server.faults) == 1 and server.requests == []


def test_an_endpoint_that_is_not_there_is_named(ask, server):
    with pytest.raises(TeacherRefused, match="http://127.0.0.1:9/v1 cannot be reached"):
        ask("base_url=http://127.0.0.1:9/v1", "retries=1")


def test_a_question_that_does_not_fit_is_left_out_and_named(ask, server, tmp_path):
    server.too_long = {"zoo-2"}
    assert ask()["too_long"] == ["zoo-2"]
    assert {x["id"] for x in samples(tmp_path)} == {f"{db}-{n}" for db in ("zoo", "shop") for n in range(4)} - {"zoo-2"}


def test_the_cap_ends_the_run_before_it_is_passed_and_counts_over_runs(ask, server, tmp_path):
    # A request is $0.000186, and may cost at most 3 × 256 tokens and its prompt: some $0.0005 (direct) or $0.001 (reasoning).
    with pytest.raises(TeacherRefused, match=r"Out of money: \$0.00.* of the cap of \$0.00"):
        ask("dollar_cap=0.0015", "concurrency=1")
    asked = len(server.requests)
    assert 0 < asked < 8 and len(samples(tmp_path)) == 3 * asked
    assert sum(x["cost"] for x in samples(tmp_path)) <= 0.0015
    with pytest.raises(TeacherRefused, match="Out of money"):
        ask("dollar_cap=0.0015", "concurrency=1")
    assert len(server.requests) == asked
    ask("dollar_cap=1")
    assert len(server.requests) == 8


def test_money_that_is_reserved_counts_until_the_bill_is_there():
    budget = Budget(1.0, 0.2)
    budget.reserve(0.5)
    with pytest.raises(TeacherRefused):
        budget.reserve(0.4)
    budget.settle(0.5, 0.1)
    budget.reserve(0.4)
    assert budget.spent == pytest.approx(0.3)


def test_a_model_without_a_price_is_refused_unless_it_is_free(ask, server, tmp_path):
    with pytest.raises(BadConfig, match="teacher-prices.yaml has no price for llama"):
        ask("model=llama")
    assert server.requests == []
    assert ask("model=llama", "free=true", "dollar_cap=null")["cost"] == 0
    with pytest.raises(BadConfig, match="dollar_cap is null"):
        ask("dollar_cap=null")


def test_every_price_of_the_table_can_be_read():
    for model in yaml.safe_load(TABLE.read_text()):
        price = price_of(model, False)
        assert 0 < price.cached_prompt < price.prompt < price.completion
    assert Price(1.0, 4.0, 0.5, 0.5).cost(1_000_000, 1_000_000, 500_000) == pytest.approx(0.5 + 0.25 + 4)
    assert Price(1.0, 4.0, 0.5, 0.5).cost(1_000_000, 0, batch=True) == pytest.approx(0.5)


def test_a_missing_key_is_refused_before_anything_is_sent(ask, server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(BadConfig, match="OPENAI_API_KEY"):
        ask()
    assert ask("free=true")["samples"] == 24


def test_requests_run_beside_each_other_up_to_the_limit(ask, server):
    server.delay = 0.05
    ask("concurrency=2", "together=false")
    assert server.most_at_once == 2


def test_rate_limits_space_requests_and_tokens_over_the_minute():
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    async def starts(limits: RateLimits, sizes: list[int]) -> list[float]:
        out = []
        for size in sizes:
            await limits.take(size)
            out.append(round(now, 6))
        return out

    limits = RateLimits(60, None, lambda: now, sleep)
    assert asyncio.run(starts(limits, [10, 10, 10])) == [0, 1, 2]
    now = 0.0
    # 600 tokens a minute: after 100 tokens comes a wait of 10 s.
    assert asyncio.run(starts(RateLimits(None, 600, lambda: now, sleep), [100, 50, 10])) == [0, 10, 15]
    now = 0.0
    limits = RateLimits(None, None, lambda: now, sleep)
    limits.pause(7)
    assert asyncio.run(starts(limits, [1, 1])) == [7, 7]


def test_killed_at_any_moment_it_goes_on_where_it_was(server, prompts, tmp_path):
    server.delay = 0.15
    command = [sys.executable, "-m", "tabletalk_training.teacher", CONFIG, "--prompts", prompts, "--out", tmp_path / "samples.jsonl"]
    for setting in (f"base_url={server.url}", f"model={MODEL}", "concurrency=1", "together=false", "requests_a_minute=null", "tokens_a_minute=null"):
        command += ["--set", setting]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while len(server.requests) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = sum(AnswerCache(tmp_path / "teacher-cache").get(path.stem) is not None for path in (tmp_path / "teacher-cache").glob("??/*.json"))
    assert 3 <= kept < 24
    server.delay = 0
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["samples"] == 24 == len(samples(tmp_path))
    # At most the one that was under way was asked twice.
    assert 24 <= len(server.requests) <= 25 + 1
    assert "24 of 24 samples" in done.stderr


def test_batches_ask_everything_at_half_the_price_and_only_once(ask, server, tmp_path):
    sums = ask("batch=true")
    assert len(server.batches) == 1 and len(server.requests) == 8 and server.polls == 2
    assert len(samples(tmp_path)) == 24
    assert sums["cost"] == pytest.approx(8 * (1000 * 0.15 + 60 * 0.60) / 1e6 / 2)
    [file] = [text for id, text in server.files.items() if id == "file-0"]
    ids = [json.loads(line)["custom_id"] for line in file.splitlines()]
    assert len(set(ids)) == 8 and all(json.loads(line)["body"]["n"] == 3 for line in file.splitlines())
    ask("batch=true")
    assert len(server.batches) == 1 and list((tmp_path / "cache" / "batches").iterdir()) == []
    # Answers of a batch and of single requests are the same answers.
    ask()
    assert len(server.requests) == 8


def test_each_answer_of_a_batch_comes_to_its_own_question(ask, server, tmp_path):
    ask("batch=true", "together=false")
    texts = {(x["id"], x["sample"]): x["text"] for x in samples(tmp_path)}
    # The server numbers requests in the order of the file, and gives its results in the opposite order.
    assert list(texts.values()) == [f"```sql\nSELECT {number * 10}\n```" for number in range(1, 25)]


def test_a_request_that_fails_in_a_batch_is_named_and_asked_again_by_the_next_run(ask, server, tmp_path):
    server.refuse_in_batch = {"shop-1"}
    assert ask("batch=true")["too_long"] == ["shop-1"]
    assert len(samples(tmp_path)) == 21
    server.refuse_in_batch = set()
    ask("batch=true")
    assert len(samples(tmp_path)) == 24 and len(server.batches) == 2 and len(server.requests) == 8


@pytest.mark.parametrize("lost_id", [False, True])
def test_a_run_that_was_killed_while_it_waited_takes_up_its_batch(ask, server, tmp_path, monkeypatch, lost_id):
    monkeypatch.setattr("tabletalk_training.teacher_batch.wait_for", killed)
    with pytest.raises(KeyboardInterrupt):
        ask("batch=true")
    monkeypatch.undo()
    monkeypatch.setenv("OPENAI_API_KEY", "the test's key")
    [state] = (tmp_path / "cache" / "batches").glob("*.json")
    if lost_id:
        state.write_text(json.dumps(json.loads(state.read_text()) | {"batch": None}))
    ask("batch=true")
    assert len(server.batches) == 1 and len(server.requests) == 8 and len(samples(tmp_path)) == 24


async def killed(*_):
    raise KeyboardInterrupt


def test_a_batch_that_fails_is_a_sentence_and_is_sent_anew(ask, server, tmp_path, monkeypatch):
    def fail(self, batch):
        batch |= {"status": "failed", "errors": {"object": "list", "data": [{"message": "Enqueued token limit reached"}]}}

    monkeypatch.setattr(ModelServer, "end_batch", fail)
    with pytest.raises(TeacherRefused, match=r"Batch batch_0 is failed .Enqueued token limit reached"):
        ask("batch=true")
    monkeypatch.undo()
    monkeypatch.setenv("OPENAI_API_KEY", "the test's key")
    ask("batch=true")
    assert len(server.batches) == 2 and len(samples(tmp_path)) == 24


def test_a_batch_over_the_cap_is_not_sent(ask, server):
    with pytest.raises(TeacherRefused, match="Out of money"):
        ask("batch=true", "dollar_cap=0.001")
    assert server.files == {} and server.batches == {}


def test_batch_files_stay_within_the_endpoints_limits(monkeypatch):
    monkeypatch.setattr("tabletalk_training.teacher_batch.MOST_REQUESTS", 3)
    monkeypatch.setattr("tabletalk_training.teacher_batch.MOST_BYTES", 10)
    assert list(parts(["a\n", "b\n", "c\n", "d\n", "eeeeeee\n", "ffffffffffffff\n"])) == [
        ["a\n", "b\n", "c\n"], ["d\n", "eeeeeee\n"], ["ffffffffffffff\n"],
    ]  # fmt: skip


def test_modes_are_drawn_for_each_question_at_60_to_40_and_stay_with_it(prompts):
    modes = [mode_of(f"train_spider-{n}", 0.4, 0) for n in range(7000)]
    assert modes.count("reasoning") / 7000 == pytest.approx(0.4, abs=0.02)
    assert modes != [mode_of(f"train_spider-{n}", 0.4, 1) for n in range(7000)]
    config = read_teacher_config(CONFIG, [])
    every = {x.id: x.mode for x in make_asks(read_prompts(prompts), config)}
    some = {x.id: x.mode for x in make_asks(choose(read_prompts(prompts), 3, 2, 5), config)}
    assert len(some) == 3 and some.items() <= every.items()


def test_questions_are_chosen_over_many_databases_the_same_ones_again():
    rows = [prompt(db, n) for db in "abcdefgh" for n in range(10)]
    chosen = choose(rows, 12, 3, 0)
    counts = {db: sum(x["db_id"] == db for x in chosen) for db in {x["db_id"] for x in chosen}}
    assert sorted(counts.values()) == [3, 3, 3, 3]
    assert chosen == choose(rows, 12, 3, 0) != choose(rows, 12, 3, 1)
    assert [x["id"] for x in chosen] == [x["id"] for x in rows if x in chosen]
    assert choose(rows, None, None, 0) == rows


def test_tokens_are_shared_out_without_loss():
    assert share(100, [1, 1, 1]) == [33, 33, 34]
    assert sum(share(17, [3, 9, 1])) == 17 and share(0, [1, 2]) == [0, 0]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{no", "line 9 is not JSON"),
        ('{"id": "a"}', 'has no "id", "db_id" and "question"'),
        ('{"id": "a", "db_id": "b", "question": "c", "messages": {"direct": []}}', 'has no "messages" for direct and reasoning'),
        (json.dumps(prompt("zoo", 1)), "zoo-1 a second time"),
    ],
)
def test_a_wrong_line_of_prompts_is_refused_in_a_sentence(prompts, line, says):
    prompts.write_text(prompts.read_text() + line + "\n")
    with pytest.raises(BadPrompts) as error:
        read_prompts(prompts)
    assert says in str(error.value) and "npm run prepare-data -- --teacher" in str(error.value)


def test_settings_that_cannot_be_are_refused_in_a_sentence():
    for setting, says in (("samples=0", "samples is 0"), ("reasoning_share=1.5", "share from 0"), ("colour=red", 'no setting "colour"')):
        with pytest.raises(BadConfig, match=says):
            read_teacher_config(CONFIG, [setting])
    assert read_teacher_config(ROOT / "configs" / "teacher-local.yaml", []).free
