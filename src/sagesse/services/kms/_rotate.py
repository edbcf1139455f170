"""New material for a key: when its period is over, or when asked. Old material stays, to decrypt."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.record import Record
from sagesse.engines.vault import Vault
from sagesse.services.kms._material import new_material
from sagesse.services.kms.kind import ENABLED

DAY_S = 86_400.0


def rotated(ctx: Context, vault: Vault, key: Record) -> Record:
    """The key, with new material if a rotation is due: nobody can tell it from one that came on time."""
    rotation: dict[str, Any] | None = key.state["rotation"]
    if rotation is None or key.status != ENABLED or ctx.now() < rotation["next"]:
        return key
    material = new_material(vault, key.arn, ctx.now(), "AUTOMATIC")
    due = rotation["next"]
    period_s = rotation["period"] * DAY_S
    missed = int((ctx.now() - due) // period_s)  # a server that was down for years rotates once

    def change(current: Record) -> Record | None:
        own = current.state["rotation"]
        if own is None or own["next"] != due:
            return None
        current.state["materials"].append(material)
        own["next"] = due + (missed + 1) * period_s
        return current

    ctx.store.update(key.key, change)
    return ctx.store.get(key.key) or key


def rotate_now(ctx: Context, vault: Vault, key: Record) -> None:
    """New material at once; the next automatic rotation stays when it was."""
    material = new_material(vault, key.arn, ctx.now(), "ON_DEMAND")

    def change(current: Record) -> Record:
        current.state["materials"].append(material)
        return current

    ctx.store.update(key.key, change)
