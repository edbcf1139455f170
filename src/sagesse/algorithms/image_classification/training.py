"""The training loop: epochs, validation, the best epoch, checkpoints, early stopping."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch types state dicts, load and autocast only partly.

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sagesse.algorithms.base import ClientError, Job
from sagesse.algorithms.image_classification import artifact, checkpoint
from sagesse.algorithms.image_classification.augment import augment, normalise, stack
from sagesse.algorithms.image_classification.checkpoint import Progress
from sagesse.algorithms.image_classification.listing import read_channel
from sagesse.algorithms.image_classification.optimise import optimizer_of, set_rate
from sagesse.algorithms.image_classification.params import Params, check, shape_of
from sagesse.algorithms.image_classification.photo import Framing, Photos
from sagesse.algorithms.image_classification.pretrained import Start, begin
from sagesse.algorithms.parameter import parse

_CHECK_ROWS = 128  # images per validation step
_NORM_LIMIT = 5.0  # gradients longer than this are shortened: large learning rates then end badly, not in NaN


class _Set(NamedTuple):
    photos: Photos
    labels: Tensor  # (rows,) int64 classes or (rows, classes) float flags


class Score(NamedTuple):
    """How well a pass over some images went."""

    accuracy: float
    loss: float
    top_k: float | None = None


def train(job: Job) -> None:
    """Run a training job from its channels to its model folder.

    Raises:
        ClientError: hyperparameters, lists, images or weights are wrong.
    """
    params = parse(Params, job.hyperparameters, check=check)
    torch.set_num_threads(job.num_threads)
    torch.manual_seed(job.seed)
    training, validation = _load(job, params, "train"), _load(job, params, "validation")
    _compare_count(job, params, len(training.photos))
    start = begin(params, job.channels.get("model"))
    job.report(f"Training a {params.num_layers}-layer residual network from {start.origin}")
    _Run(job, params, start).run(training, validation)


def _load(job: Job, params: Params, name: str) -> _Set:
    listing = read_channel(job.channels, name, params.num_classes, multi_label=params.multi_label)
    framing = Framing(shape_of(params), params.resize)
    whole = name == "train" and params.augmentation_type != "none"
    photos = Photos(listing.paths, framing, whole=whole, threads=job.num_threads)
    labels = torch.tensor(listing.labels)
    return _Set(photos, labels if params.multi_label else labels[:, 0].long())


def _compare_count(job: Job, params: Params, found: int) -> None:
    if found < params.mini_batch_size:
        raise ClientError(
            f"The train list has {found} images, fewer than mini_batch_size {params.mini_batch_size}."
        )
    if found != params.num_training_samples:
        job.report(
            f"Warning: num_training_samples is {params.num_training_samples}, the train list has {found}"
        )


class _Run:
    """One job in progress."""

    def __init__(self, job: Job, params: Params, start: Start) -> None:
        self._job, self._params, self._width = job, params, start.width
        self._net = start.net
        self._optimizer = optimizer_of(params, self._net, pretrained=start.pretrained)
        self._weights: Tensor | None = None

    def run(self, training: _Set, validation: _Set) -> None:
        job, params = self._job, self._params
        if params.use_weighted_loss:
            self._weights = _rarity(training.labels)
        progress = checkpoint.resume(job.checkpoint_dir, self._net, self._optimizer)
        if progress.epochs_done:
            job.report(f"Resuming after epoch {progress.epochs_done - 1}")
        for epoch in range(progress.epochs_done, params.epochs):
            begun = time.monotonic()
            seen = self._learn(training, epoch)
            if seen is None:
                break
            found = self._validate(validation)
            self._report(epoch, seen, found, time.monotonic() - begun)
            progress = progress.add(found.accuracy, found.loss, self._net.state_dict())
            checkpoint.save(job.checkpoint_dir, progress, self._net, self._optimizer)
            self._keep(progress, epoch)
            if self._has_settled(progress):
                break
        self._save(progress)

    def _learn(self, training: _Set, epoch: int) -> Score | None:
        """One pass in an order that depends on the seed and the epoch only; None when the job must stop."""
        params, shape = self._params, shape_of(self._params)
        rng = np.random.default_rng((self._job.seed, epoch))
        order = rng.permutation(len(training.photos))
        batches = np.array_split(order, -(-len(order) // params.mini_batch_size))
        self._net.train()
        scores = list[Score]()
        for index, rows in enumerate(batches):
            if self._job.should_stop():
                return None
            set_rate(self._optimizer, params, epoch + index / len(batches))
            x = normalise(augment(training.photos.take(rows.tolist()), shape, params.augmentation_type, rng))
            labels = training.labels[rows]
            output = self._forward(x)
            loss = self._loss(output, labels)
            self._optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._net.parameters(), _NORM_LIMIT)
            self._optimizer.step()
            scores.append(self._score(output.detach(), labels, loss.item()))
        return _mean(scores, [len(rows) for rows in batches])

    @torch.no_grad()
    def _validate(self, validation: _Set) -> Score:
        self._net.eval()
        scores, sizes = list[Score](), list[int]()
        for start in range(0, len(validation.photos), _CHECK_ROWS):
            rows = range(start, min(start + _CHECK_ROWS, len(validation.photos)))
            x = normalise(stack(validation.photos.take(rows), shape_of(self._params)))
            labels = validation.labels[start : start + _CHECK_ROWS]
            output = self._forward(x)
            scores.append(self._score(output, labels, self._loss(output, labels).item()))
            sizes.append(len(rows))
        return _mean(scores, sizes)

    def _forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self._params.precision_dtype == "float16"):
            return self._net(x).float()

    def _loss(self, output: Tensor, labels: Tensor) -> Tensor:
        if self._params.multi_label:
            return binary_cross_entropy_with_logits(output, labels, pos_weight=self._weights)
        return cross_entropy(output, labels)

    def _score(self, output: Tensor, labels: Tensor, loss: float) -> Score:
        if self._params.multi_label:
            return Score(((output > 0) == (labels > 0.5)).float().mean().item(), loss)
        hit = (output.argmax(1) == labels).float().mean().item()
        if self._params.top_k is None:
            return Score(hit, loss)
        near = (output.topk(self._params.top_k).indices == labels[:, None]).any(1).float().mean().item()
        return Score(hit, loss, near)

    def _report(self, epoch: int, seen: Score, found: Score, seconds: float) -> None:
        for name, score in (("Train", seen), ("Validation", found)):
            self._job.report(f"Epoch[{epoch}] {name}-accuracy={score.accuracy:.6f}")
            self._job.report(f"Epoch[{epoch}] {name}-cross-entropy={score.loss:.6f}")
            if score.top_k is not None:
                self._job.report(
                    f"Epoch[{epoch}] {name}-top_k_accuracy_{self._params.top_k}={score.top_k:.6f}"
                )
        self._job.report(f"Epoch[{epoch}] Time cost={seconds:.3f}")

    def _has_settled(self, progress: Progress) -> bool:
        params = self._params
        if not params.early_stopping or progress.epochs_done < params.early_stopping_min_epochs:
            return False
        if progress.epochs_since_gain(params.early_stopping_tolerance) < params.early_stopping_patience:
            return False
        self._job.report(f"Early stopping after epoch {progress.epochs_done - 1}")
        return True

    def _keep(self, progress: Progress, epoch: int) -> None:
        every = self._params.checkpoint_frequency
        if every is not None and (epoch + 1) % every == 0:
            target = self._job.model_dir / f"epoch-{epoch:04d}"
            artifact.save(target, self._card(progress, epoch), self._net.state_dict())

    def _save(self, progress: Progress) -> None:
        if not progress.epochs_done:
            self._job.report("Stopped before the first epoch was complete: there is no model")
            return
        best = progress.best_epoch
        artifact.save(self._job.model_dir, self._card(progress, best), progress.best_weights)
        self._job.report(f"Best epoch {best}: validation accuracy {progress.accuracies[best]:.6f}")

    def _card(self, progress: Progress, epoch: int) -> artifact.Card:
        params = self._params
        return artifact.Card(
            num_layers=params.num_layers,
            width=self._width,
            num_classes=params.num_classes,
            image_shape=shape_of(params),
            resize=params.resize,
            multi_label=params.multi_label,
            best_epoch=epoch,
            validation_accuracy=progress.accuracies[epoch],
        )


def _rarity(flags: Tensor) -> Tensor:
    """How many images lack a label for each one that has it, within 1/20 to 20."""
    share = flags.mean(0).clamp(1e-6, 1 - 1e-6)
    return ((1 - share) / share).clamp(0.05, 20.0)


def _mean(scores: Sequence[Score], sizes: Sequence[int]) -> Score:
    shares = np.asarray(sizes, np.float64) / sum(sizes)
    accuracy = float(np.dot([score.accuracy for score in scores], shares))
    loss = float(np.dot([score.loss for score in scores], shares))
    near = [score.top_k for score in scores if score.top_k is not None]
    return Score(accuracy, loss, float(np.dot(near, shares)) if near else None)
