"""The API: it turns a request into an answer, independent of any HTTP library."""

import string
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Literal
from urllib.parse import quote

from attrs import define, evolve

from cometrunway.emulator import _control
from cometrunway.emulator._dialects import DIALECTS, DialectName
from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._exchange import Answer, Operation, Received, json_answer
from cometrunway.emulator._faults import Fault
from cometrunway.emulator._ledger import Ledger
from cometrunway.emulator._refusals import (
    NO_CREDITS,
    NO_QUOTA,
    NO_TASK,
    NOT_JSON,
    NotExistForm,
    Refusal,
    no_channel,
    not_exist,
    refuse,
    unauthorized,
    wrong_path,
)
from cometrunway.emulator._routes import ROUTES, Route
from cometrunway.emulator._task_maker import Order, TaskMaker
from cometrunway.emulator._tasks import EmulatedTask
from cometrunway.emulator._uploads import PATH as UPLOADS
from cometrunway.emulator._uploads import Uploads
from cometrunway.emulator._views import Observer

WrongPath = Literal["json", "html", "redirect"]
"""The answer to an unknown path: the API's 404, a web page with status 200, or a redirect to one."""

_OFFICIAL_TASKS = "/v1/tasks/"
_TASKS, _FEED = ("/runwayml/v1/tasks/", _OFFICIAL_TASKS), "/runway/feed"
_ENDLESS = 1_000_000
_NO_MODEL = "no-such-model"
_HTML = "text/html; charset=utf-8"
_PAGE = b"<!doctype html><html><head><title>API</title></head><body>Welcome</body></html>"


@define(kw_only=True, eq=False)
class Gateway:
    """Answers for the API's origin."""

    name = "api"
    api_key: str
    dialect: DialectName
    not_exist_form: NotExistForm
    wrong_path: WrongPath
    balance: int | None
    any_model: bool
    epoch: Epoch
    ledger: Ledger
    observer: Observer
    maker: TaskMaker
    uploads: Uploads
    rng: Random
    on_created: Callable[[EmulatedTask], None]

    def sort(self, received: Received) -> tuple[Operation, str]:
        """Return the operation of a request, and the route if it is a create."""
        if received.path.startswith(_control.PREFIX):
            return "control", ""
        if received.method == "POST" and received.path in ROUTES:
            return "create", ROUTES[received.path].name
        if received.method == "POST" and received.path == UPLOADS:
            return "upload", ""
        return ("poll", "") if _is_poll(received) else ("other", "")

    def answer(self, received: Received) -> Answer:
        """Answer a request."""
        operation, _ = self.sort(received)
        if operation == "control":
            return _control.report(self.ledger, received.path, self.epoch.now())
        act = self._action(operation, received)
        if act is None:
            return self._lost(received)
        if received.headers.get("authorization") != f"Bearer {self.api_key}":
            return self._refuse(unauthorized(self.api_key))
        return act(received)

    def excuse(self, fault: Fault, received: Received) -> Answer:
        """Return the answer to a fault that has no body."""
        if fault.not_exist is not None:
            return not_exist(fault.not_exist, _asked_id(received) or "", self._request_id())
        return self._refuse(Refusal.of_status(fault.status or 500), refuses=False)

    def _action(self, operation: Operation, received: Received) -> Callable[[Received], Answer] | None:
        """Return the function that answers an authorized request; None if there is none."""
        if operation == "create":
            return self._create
        if operation == "poll":
            return self._poll
        if operation == "upload":
            return self._announce
        if _is_cancel(received):
            return self._cancel
        accounts = {
            ("GET", "/v1/organization"): self._organization,
            ("POST", "/v1/organization/usage"): self._usage,
        }
        return accounts.get((received.method, received.path))

    def _create(self, received: Received) -> Answer:
        route, body = ROUTES[received.path], received.json
        if not isinstance(body, dict) or not _says_json(received):
            return self._refuse(NOT_JSON)
        refusal = self._refusal_of(route, received, body)
        if refusal is not None:
            return self._refuse(refusal)
        try:
            task = self._accept(route, received)
        except RecursionError:
            return self._refuse(NOT_JSON)
        is_official = route.family == "runway"
        dialect, view = DIALECTS["flat" if is_official else self.dialect], self.observer.view(task, task.created_at)
        words = dialect.created_compat if route.family == "compat" else dialect.created
        return json_answer(words(view), task_id=task.id)

    def _refusal_of(self, route: Route, received: Received, body: dict[str, Any]) -> Refusal | None:
        if body.get("model") == _NO_MODEL:
            return no_channel(_NO_MODEL)
        refusal = route.refusal_of(received.headers, body, any_model=self.any_model)
        if refusal is None and route.family == "runway":
            refusal = next(self.uploads.invalid(body, self.epoch.now()), None)
        no_quota = NO_CREDITS if route.family == "runway" else NO_QUOTA
        return no_quota if refusal is None and self.balance == 0 else refusal

    def _accept(self, route: Route, received: Received) -> EmulatedTask:
        upstream_id = self.maker.mint_id()
        public_id = f"task_{upstream_id.replace('-', '')}" if self.dialect == "wrapped_plus" else upstream_id
        order = Order(route=route, body=received.json, digest=received.digest, id=public_id, upstream_id=upstream_id)
        task = self.maker.make(order, self.epoch.now())
        if self.balance is not None:
            self.balance -= 1
        self.ledger.enter(task)
        self.on_created(task)
        return task

    def _poll(self, received: Received) -> Answer:
        task_id, now = _asked_id(received), self.epoch.now()
        if task_id is None:
            return self._refuse(Refusal.missing("task_id"))
        task = self.ledger.tasks.get(task_id)
        is_official = received.path.startswith(_OFFICIAL_TASKS)
        if is_official and (task is None or task.is_deleted):
            return self._refuse(NO_TASK)
        if task is None or now < task.visible_at:
            return not_exist(self.not_exist_form, task_id, self._request_id())
        task.polls += 1
        if now >= task.completed_at and task.end_seen_at is None:
            task.end_seen_at = now
        dialect, view = DIALECTS["flat" if is_official else self.dialect], self.observer.view(task, now)
        words = dialect.fed if received.path == _FEED else dialect.polled
        return json_answer(words(view), task_id=task.id)

    def _cancel(self, received: Received) -> Answer:
        """Cancel a task that has not ended, or delete one that has."""
        task_id, now = received.path.removeprefix(_OFFICIAL_TASKS), self.epoch.now()
        task = self.ledger.tasks.get(task_id)
        if task is None or task.is_deleted:
            return self._refuse(NO_TASK)
        if now < task.completed_at:
            task.outcome, task.completed_at = "CANCELLED", now
        else:
            task.is_deleted = True
        return Answer(status=204, task_id=task_id)

    def _announce(self, received: Received) -> Answer:
        body = received.json
        if not isinstance(body, dict) or not _says_json(received):
            return self._refuse(NOT_JSON)
        answer = self.uploads.announce(body)
        return self._refuse(answer) if isinstance(answer, Refusal) else answer

    def _organization(self, _received: Received) -> Answer:
        models = {
            name: {"maxConcurrentGenerations": 5, "maxDailyGenerations": 1000} for name in ("gen4.5", "gen4_turbo")
        }
        used = {name: {"dailyGenerations": 0} for name in models}
        credit = _ENDLESS if self.balance is None else self.balance
        tier = {"maxMonthlyCreditSpend": _ENDLESS, "models": models}
        return json_answer({"creditBalance": credit, "tier": tier, "usage": {"models": used}})

    def _usage(self, _received: Received) -> Answer:
        day = self.epoch.at(self.epoch.now()).date().isoformat()
        models = Counter(str(task.body.get("model")) for task in self.ledger.tasks.values())
        used = [{"amount": count, "model": model} for model, count in models.items()]
        return json_answer({"models": list(models), "results": [{"date": day, "usedCredits": used}]})

    def _lost(self, received: Received) -> Answer:
        if self.wrong_path == "html":
            return Answer(status=200, body=_PAGE, media_type=_HTML)
        if self.wrong_path == "redirect":
            home = (("Location", f"/?from={quote(received.path, safe='')}"),)
            return Answer(status=301, body=_PAGE, media_type=_HTML, headers=home)
        return wrong_path(received.method, received.path)

    def _refuse(self, refusal: Refusal, *, refuses: bool = True) -> Answer:
        return evolve(refuse(refusal, self.dialect, self._request_id()), refuses=refuses)

    def _request_id(self) -> str:
        stamp = self.epoch.at(self.epoch.now()).strftime("%Y%m%d%H%M%S%f")
        return stamp + "".join(self.rng.choices(string.ascii_letters, k=8))


def _is_poll(received: Received) -> bool:
    if received.method == "POST":
        return received.path == _FEED
    return received.method == "GET" and received.path.startswith(_TASKS) and not received.path.endswith("/tasks/")


def _is_cancel(received: Received) -> bool:
    return received.method == "DELETE" and received.path.startswith(_OFFICIAL_TASKS)


def _says_json(received: Received) -> bool:
    return received.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _asked_id(received: Received) -> str | None:
    if received.path != _FEED:
        return received.path.rpartition("/tasks/")[2]
    body = received.json
    task_id = body.get("task_id") if isinstance(body, dict) and _says_json(received) else None
    return task_id if isinstance(task_id, str) and task_id else None
