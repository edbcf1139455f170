"""The marble sorter, told with boto3 alone: photos, S3, training, endpoint, predictions.

Every part looks first at what is there already, so a story that was interrupted anywhere is told on from there.
"""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from sagesse.demo.album import Album, make_album, unseen_count
from sagesse.demo.cloud import Access, Cloud
from sagesse.demo.deployment import ENDPOINT, deploy
from sagesse.demo.sheet import draw_sheet
from sagesse.demo.stage import Stage
from sagesse.demo.training import EPOCHS, ensure_job, follow
from sagesse.demo.upload import upload
from sagesse.demo.verdict import Prediction, classify, judge

BUCKET = "sagesse-marbles"


class Plan(msgspec.Struct, frozen=True):
    """What to play.

    Attributes:
        photos: labelled photos; a quarter as many unseen ones come on top.
        output: where photos, contact sheet and summary go.
    """

    photos: int
    output: Path

    @property
    def folder(self) -> Path:
        """Where the photos are."""
        return self.output / f"photos-{self.photos}"


def play(plan: Plan, find: Callable[[], Access | None], console: Console) -> dict[str, Any]:
    """Tell the story once; returns its summary, which is in ``<output>/summary.json`` too.

    Raises:
        TrainingFailed, DeploymentFailed: the server could not do its part.
        ServerGone: it went away and did not come back.
        ClientError: it refused a call.
    """
    with Stage(console) as stage:
        cloud = Cloud(find, lambda text: stage.say(f"[yellow]{text}[/]"))
        total = plan.photos + unseen_count(plan.photos)
        with stage.step("Render photos", total) as step:
            album = make_album(plan.folder, plan.photos, step.advance)
        with stage.step("Upload to S3", plan.photos + 2) as step:
            sent = upload(cloud, BUCKET, plan.folder, album, step.advance)
            step.note(f"{sent} new objects")
        job, accuracies = _train(stage, cloud, album)
        with stage.step("Deploy", 1) as step:
            for state in deploy(cloud, job):
                step.note(state)
        unseen = album.of("unseen")
        predictions: list[Prediction] = []
        with stage.step("Classify", len(unseen)) as step:
            for prediction in classify(cloud, ENDPOINT, plan.folder, unseen):
                predictions.append(prediction)
                step.advance()
        summary = _summarise(plan, cloud, job, accuracies, predictions)
        summary["seconds"] = dict(stage.seconds)
    _write(plan, summary, predictions)
    return summary


def _train(stage: Stage, cloud: Cloud, album: Album) -> tuple[str, list[float]]:
    """The job's name, and its validation accuracy by epoch as its log tells it."""
    accuracies: list[float] = []
    with stage.step("Train", EPOCHS) as step:
        job, is_new = ensure_job(cloud, BUCKET, album)
        stage.say(f"[dim]Training job {job}{'' if is_new else ', made before'}[/]")
        for happening in follow(cloud, job):
            if happening.epoch is not None:
                accuracies.append(happening.accuracy)
                step.advance(happening.epoch + 1)
                if is_new:
                    stage.say(
                        f"[dim]  epoch {happening.epoch:2d}[/]  validation accuracy {happening.accuracy:.3f}"
                    )
            elif is_new and happening.line and not happening.line.startswith("Epoch["):
                stage.say(f"[dim]  {happening.line.replace('[', chr(92) + '[')}[/]")
            best = f", best {max(accuracies):.3f}" if accuracies else ""
            step.note(f"{happening.state}{best}")
    return job, accuracies


def _summarise(
    plan: Plan, cloud: Cloud, job: str, accuracies: Sequence[float], predictions: Sequence[Prediction]
) -> dict[str, Any]:
    facts = cloud.call("sagemaker", "describe_training_job", TrainingJobName=job)
    return {
        **judge(predictions),
        "labelled_photos": plan.photos,
        "training_job": job,
        "training_s": facts.get("TrainingTimeInSeconds"),
        "validation_accuracy": max(accuracies, default=None),
        "model": facts["ModelArtifacts"]["S3ModelArtifacts"],
        "endpoint": ENDPOINT,
        "contact_sheet": str(plan.output / "contact-sheet.png"),
    }


def _write(plan: Plan, summary: dict[str, Any], predictions: Sequence[Prediction]) -> None:
    draw_sheet(predictions, plan.folder, plan.output / "contact-sheet.png")
    with (plan.output / "predictions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "kind", "label", "predicted", "ok_probability", "latency_ms"])
        for item in predictions:
            numbers = (f"{item.ok_probability:.4f}", f"{item.latency_s * 1000:.2f}")
            rows.writerow([item.picture.file, item.picture.kind, item.picture.label, item.label, *numbers])
    (plan.output / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
