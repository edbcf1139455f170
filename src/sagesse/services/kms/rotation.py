"""Rotation of key material."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import validation_error
from sagesse.core.record import Record
from sagesse.core.service import Params, Result
from sagesse.services.kms._family import Family, item_page, require_alive, require_usable
from sagesse.services.kms._rotate import DAY_S, rotate_now, rotated
from sagesse.services.kms.error import limit_exceeded
from sagesse.services.kms.kind import KEY

_ON_DEMAND_LIMIT = 25


class Rotations(Family):
    """A key's material by age: the newest encrypts, all decrypt."""

    def enable_key_rotation(self, ctx: Context, req: Params) -> Result:
        """Rotate every 90 to 2560 days, 365 unless said."""
        key = self._key(ctx, str(req["KeyId"]), "EnableKeyRotation")
        require_usable(key)
        old: dict[str, Any] = key.state["rotation"] or {}
        period = int(req.get("RotationPeriodInDays", old.get("period", 365)))
        if not 90 <= period <= 2560:
            raise validation_error(f"RotationPeriodInDays must be between 90 and 2560, not {period}")
        if period != old.get("period"):
            KEY.amend(ctx, key, state={"rotation": {"period": period, "next": ctx.now() + period * DAY_S}})
        return None

    def disable_key_rotation(self, ctx: Context, req: Params) -> Result:
        """Keep the material that is there."""
        key = self._key(ctx, str(req["KeyId"]), "DisableKeyRotation")
        require_usable(key)
        KEY.amend(ctx, key, state={"rotation": None})
        return None

    def get_key_rotation_status(self, ctx: Context, req: Params) -> Result:
        """Whether and when it rotates."""
        key = self._current(ctx, req, "GetKeyRotationStatus")
        rotation: dict[str, Any] | None = key.state["rotation"]
        status: dict[str, Any] = {"KeyRotationEnabled": rotation is not None, "KeyId": key.arn}
        if rotation is not None:
            status |= {"RotationPeriodInDays": rotation["period"], "NextRotationDate": rotation["next"]}
        return status

    def rotate_key_on_demand(self, ctx: Context, req: Params) -> Result:
        """New material now."""
        key = self._key(ctx, str(req["KeyId"]), "RotateKeyOnDemand")
        require_usable(key)
        done = sum(material["sort"] == "ON_DEMAND" for material in key.state["materials"])
        if done >= _ON_DEMAND_LIMIT:
            raise limit_exceeded(f"A key can be rotated on demand {_ON_DEMAND_LIMIT} times.")
        rotate_now(ctx, self._vault, key)
        return {"KeyId": key.arn}

    def list_key_rotations(self, ctx: Context, req: Params) -> Result:
        """Every rotation that took place; with the first material when all material is asked for."""
        key = self._current(ctx, req, "ListKeyRotations")
        materials: list[dict[str, Any]] = key.state["materials"]
        newest = materials[-1]["id"]
        shows_all = req.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
        entries: list[dict[str, Any]] = []
        for material in materials if shows_all else materials[1:]:
            is_current = material["id"] == newest
            entry = {
                "KeyId": key.arn,
                "KeyMaterialId": material["id"],
                "KeyMaterialState": "CURRENT" if is_current else "NON_CURRENT",
            }
            if material["sort"]:
                entry |= {"RotationDate": material["created"], "RotationType": material["sort"]}
            entries.append(entry)
        return item_page(entries, req, "Rotations", limit=100)

    def _current(self, ctx: Context, req: Params, action: str) -> Record:
        key = self._key(ctx, str(req["KeyId"]), action)
        require_alive(key)
        return rotated(ctx, self._vault, key)
