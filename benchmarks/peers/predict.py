"""A model inside a bare web process: uvicorn answers one CSV row with XGBoost, and nothing else happens.

python -m benchmarks.peers.predict PORT MODEL
"""

import sys
from typing import Any

import numpy as np
import xgboost

from benchmarks.peers.hello import serve


def application(path: str) -> Any:
    booster = xgboost.Booster(model_file=path)
    booster.set_param({"nthread": 1})

    async def predict(_scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        row = np.array([body.split(b",")], dtype=np.float32)
        answer = b"%.8g" % booster.inplace_predict(row)[0]
        headers = [(b"content-type", b"text/csv"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return predict


if __name__ == "__main__":
    serve(application(sys.argv[2]), int(sys.argv[1]))
