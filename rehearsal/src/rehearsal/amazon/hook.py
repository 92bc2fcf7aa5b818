"""A hook around every call: it is written down, and it fails when that was ordered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult

from rehearsal.amazon.faulty import RefusedError
from rehearsal.amazon.providers import RESOURCE_HEADER
from rehearsal.recording import Call, is_mutating

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.core.responses import BaseResponse

    from rehearsal.faults import Faults
    from rehearsal.recording import Recorder

Answer = tuple[int, dict[str, Any], Any]

REFUSED = 400  # and above
_PREFIXES = {"tagging": "tag", "monitoring": "cloudwatch"}  # of actions, by names that sign
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgets.html
_BUDGETS = {"Describe": "ViewBudget", "Create": "ModifyBudget", "Delete": "ModifyBudget"}
_SCOPE = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/aws4_request")
_CODE = re.compile(r'(?:<Code>|"__type":\s*"(?:[^"#]*#)?)([A-Za-z.]+)')


def hooked(
    call_action: Callable[[BaseResponse], Answer], recorder: Recorder, faults: Faults
) -> Callable[[BaseResponse], Answer]:
    """Moto's way to answer a call, with what the rehearsal adds."""

    def call(self: BaseResponse) -> Answer:
        action = name(self)
        error = "InternalFailure"
        try:
            fault = faults.take(action)
            answer = _refused(self, fault.code, fault.reason) if fault else call_action(self)
            error = _error(answer)
        except NotImplementedError as missing:
            answer = _refused(self, "NotImplemented", f"the rehearsal lacks {action}: {missing}")
            error = _error(answer)
        finally:
            recorder.record(
                Call(
                    caller=_key(self),
                    action=action,
                    mutating=is_mutating(f"x:{self._get_action()}"),
                    error=error,
                    resource=self.headers.get(RESOURCE_HEADER, ""),
                )
            )
        return answer

    return call


def name(response: BaseResponse) -> str:
    """The action that is called, as IAM names it."""
    scope = _SCOPE.search(response.headers.get("Authorization", ""))
    service = scope[2] if scope else str(response.service_name)
    action = response._get_action()  # noqa: SLF001 -- as moto's own classes do
    if service == "budgets":
        verb = re.match("[A-Z][a-z]+", action)
        action = _BUDGETS.get(verb[0] if verb else "", action)
    return f"{_PREFIXES.get(service, service)}:{action}"


def _key(response: BaseResponse) -> str:
    """The id of the key; moto takes those that look like Amazon's alone."""
    scope = _SCOPE.search(response.headers.get("Authorization", ""))
    return scope[1] if scope else ""


def _refused(response: BaseResponse, code: str, reason: str) -> Answer:
    answer: Answer = response.serialized(ActionResult(RefusedError(code, reason)))
    answer[1]["status"] = str(answer[0])
    return answer


def _error(answer: Answer) -> str:
    status, headers, body = answer
    if int(status) < REFUSED:
        return ""
    told = headers.get("x-amzn-ErrorType") or headers.get("X-Amzn-ErrorType")
    found = _CODE.search(body if isinstance(body, str) else "")
    return str(told or (found[1] if found else status))
