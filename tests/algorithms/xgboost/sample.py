"""Small tables and jobs that learn from them."""

from pathlib import Path

import numpy as np

from sagesse.algorithms.base import Channel, Job


def channels(folder: Path, classes: int = 2, content_type: str = "text/csv") -> dict[str, Channel]:
    """A train and a validation channel whose label depends on two of four columns."""
    rng = np.random.default_rng(4)
    found = dict[str, Channel]()
    for name, count in (("train", 200), ("validation", 80)):
        x = rng.normal(size=(count, 4))
        y = np.digitize(x[:, 0] + 0.5 * x[:, 1], np.linspace(-1, 1, classes + 1)[1:-1])
        (folder / name).mkdir(parents=True, exist_ok=True)
        if content_type == "text/csv":
            np.savetxt(folder / name / "rows.csv", np.column_stack([y, x]), "%.5g", ",")
        else:
            lines = [
                " ".join([str(label), *(f"{k}:{v:.5g}" for k, v in enumerate(row))])
                for label, row in zip(y, x, strict=True)
            ]
            (folder / name / "rows.svm").write_text("\n".join(lines))
        found[name] = Channel(name, folder / name, content_type)
    return found


def job(
    folder: Path, *, checkpoints: bool = False, inputs: dict[str, Channel] | None = None, **given: object
) -> Job:
    """A binary classifier of a few rounds unless `given` says otherwise; its log is `log(job)`."""
    settings = {"num_round": "6", "objective": "binary:logistic", "max_depth": "3"}
    return Job(
        hyperparameters=settings | {name: str(value) for name, value in given.items()},
        channels=channels(folder / "data") if inputs is None else inputs,
        model_dir=folder / "model",
        output_dir=folder / "output",
        checkpoint_dir=folder / "checkpoints" if checkpoints else None,
        report=list[str]().append,
    )


def log(given: Job) -> list[str]:
    """The lines that a job has reported."""
    return given.report.__self__  # type: ignore[attr-defined]
