"""Service Quotas' API: moto's, and quotas of an account that is in use."""

from __future__ import annotations

import json
from types import MappingProxyType

from moto.servicequotas.responses import ServiceQuotasResponse

# https://docs.aws.amazon.com/general/latest/gr/ec2-service.html; of vCPUs a new account has 5.
QUOTAS = MappingProxyType(
    {
        "L-0263D0A3": ("EC2-VPC Elastic IPs", 5),
        "L-1216C47A": ("Running On-Demand Standard instances", 256),
        "L-34B43A08": ("All Standard Spot Instance Requests", 256),
    }
)


class ServiceQuotas(ServiceQuotasResponse):
    """The actions; moto makes one of these for each call."""

    def get_service_quota(self) -> str:
        """Tells one quota."""
        asked = json.loads(self.body)
        code = asked["QuotaCode"]
        if code not in QUOTAS:
            return ServiceQuotasResponse.get_service_quota(self)
        name, value = QUOTAS[code]
        told = {"ServiceCode": asked["ServiceCode"], "QuotaCode": code, "QuotaName": name}
        return json.dumps({"Quota": {**told, "Value": value}})
