"""STS's API: moto's, with the signatures of presigned requests checked."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from moto.sts.responses import TokenResponse

from rehearsal.amazon.faulty import RefusedError

if TYPE_CHECKING:
    from moto.core.responses import ActionResult

_DIFFERENT = "The request signature we calculated does not match the signature you provided."


class Sts(TokenResponse):
    """The actions; moto makes one of these for each call."""

    def get_caller_identity(self) -> ActionResult:
        """Tells who asks; a presigned request asks for whom has signed it."""
        query = dict(parse_qsl(self.parsed_url.query))
        if "X-Amz-Signature" in query:
            self._check(query)
        return TokenResponse.get_caller_identity(self)

    def _check(self, query: dict[str, str]) -> None:
        """Signs the request again.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

        Raises:
            RefusedError: another comes of it.
        """
        key, date, region, service, _ = query["X-Amz-Credential"].split("/")
        role = self.backend.get_assumed_role_from_access_key(key)
        if role is None or role.session_token != query.get("X-Amz-Security-Token"):
            raise RefusedError("InvalidClientTokenId", "The security token is invalid.")
        names = query["X-Amz-SignedHeaders"].split(";")
        signed = sorted(each for each in query.items() if each[0] != "X-Amz-Signature")
        canonical = [
            self.method,
            "/",
            "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in signed),
            *(f"{name}:{self.headers.get(name, '').strip()}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(b"").hexdigest(),
        ]
        scope = f"{date}/{region}/{service}/aws4_request"
        digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{digest}"
        secret = f"AWS4{role.secret_access_key}".encode()
        for part in (*scope.split("/"), text):
            secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(secret.hex(), query["X-Amz-Signature"]):
            raise RefusedError("SignatureDoesNotMatch", _DIFFERENT)
