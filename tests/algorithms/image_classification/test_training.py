import re

import pytest
import torch

from sagesse.algorithms.base import ClientError, Job
from sagesse.algorithms.image_classification import METRICS, artifact, checkpoint
from sagesse.algorithms.image_classification.checkpoint import Progress
from sagesse.algorithms.image_classification.tensor_file import read_tensors
from sagesse.algorithms.image_classification.training import train
from tests.algorithms.image_classification import sample


def _weights(job):
    return read_tensors(job.model_dir / artifact.WEIGHTS_FILE)


def _same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_job_learns_two_obvious_classes(tmp_path):
    job = sample.job(tmp_path, epochs=5, optimizer="adam", learning_rate=0.01)
    train(job)
    assert artifact.read_card(job.model_dir).validation_accuracy == 1.0


def test_every_epoch_reports_what_the_metric_definitions_look_for(tmp_path):
    job = sample.job(tmp_path)
    train(job)
    for metric in METRICS:
        found = [m.group(1) for line in sample.log(job) if (m := re.search(metric.regex, line))]
        assert len([float(text) for text in found]) == 2, metric.name


def test_a_seed_gives_the_same_weights_again(tmp_path):
    first, second = (
        sample.job(tmp_path / "a", augmentation_type="crop"),
        sample.job(tmp_path / "b", augmentation_type="crop"),
    )
    train(first)
    train(second)
    assert _same(_weights(first), _weights(second))


def _stopping(job, batches):
    """The job, asked to stop after so many batches; an epoch has three."""
    left = iter([False] * batches)
    return Job(
        **{n: getattr(job, n) for n in job.__struct_fields__} | {"should_stop": lambda: next(left, True)}
    )


def test_a_stopped_job_saves_the_best_epoch_so_far(tmp_path):
    job = sample.job(tmp_path, epochs=9)
    train(_stopping(job, batches=7))
    assert artifact.read_card(job.model_dir).best_epoch in {0, 1}


def test_a_job_stopped_in_its_first_epoch_has_no_model(tmp_path):
    job = sample.job(tmp_path)
    train(_stopping(job, batches=1))
    assert not job.model_dir.exists()


def test_an_interrupted_job_ends_with_the_weights_of_an_uninterrupted_one(tmp_path):
    whole = sample.job(tmp_path / "a", epochs=3)
    train(whole)
    broken = sample.job(tmp_path / "b", epochs=3, checkpoints=True)
    train(_stopping(broken, batches=4))
    train(broken)
    assert "Resuming after epoch 0" in sample.log(broken)
    assert _same(_weights(whole), _weights(broken))


def test_a_finished_job_that_starts_again_only_saves_its_model(tmp_path):
    job = sample.job(tmp_path, checkpoints=True)
    train(job)
    before = _weights(job)
    (job.model_dir / artifact.WEIGHTS_FILE).unlink()
    sample.log(job).clear()
    train(job)
    assert not [line for line in sample.log(job) if line.startswith("Epoch")]
    assert _same(before, _weights(job))


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    train(sample.job(tmp_path, checkpoints=True, epochs=1))
    with pytest.raises(ClientError, match="checkpoint"):
        train(sample.job(tmp_path, checkpoints=True, num_layers=32))


def test_a_broken_checkpoint_is_refused(tmp_path):
    job = sample.job(tmp_path, checkpoints=True)
    job.checkpoint_dir.mkdir()
    (job.checkpoint_dir / checkpoint.FILE).write_bytes(b"junk")
    with pytest.raises(ClientError, match="checkpoint"):
        train(job)


@pytest.mark.parametrize(
    "given",
    [
        {"optimizer": "nag"},
        {"optimizer": "adam", "beta_1": 0.8},
        {"optimizer": "rmsprop", "learning_rate": 0.001},
        {"lr_scheduler_step": "1", "lr_scheduler_factor": 0.5},
        {"precision_dtype": "float16"},
        {"augmentation_type": "crop_color_transform", "resize": 20},
        {"mini_batch_size": 24},
    ],
)
def test_each_choice_trains(tmp_path, given):
    job = sample.job(tmp_path, **{"epochs": 1, **given})
    train(job)
    assert artifact.load(job.model_dir)[0].best_epoch == 0


def test_top_k_is_reported(tmp_path):
    job = sample.job(tmp_path, epochs=1, num_classes=4, top_k=3)
    train(job)
    assert any(re.match(r"Epoch\[0\] Validation-top_k_accuracy_3=\d", line) for line in sample.log(job))


def test_images_may_have_several_labels(tmp_path):
    data = tmp_path / "data"
    channels = sample.channel(data, "train", 24, flags=3) | sample.channel(data, "validation", 8, flags=3)
    job = sample.job(tmp_path, channels=channels, num_classes=3, multi_label=1, use_weighted_loss=1, epochs=1)
    train(job)
    assert artifact.read_card(job.model_dir).multi_label


def test_checkpoint_frequency_keeps_models_of_earlier_epochs(tmp_path):
    job = sample.job(tmp_path, epochs=4, checkpoint_frequency=2)
    train(job)
    assert sorted(p.name for p in job.model_dir.iterdir() if p.is_dir()) == ["epoch-0001", "epoch-0003"]


def test_early_stopping_ends_a_job_that_no_longer_improves(tmp_path):
    stopping = {"early_stopping": "True", "early_stopping_min_epochs": 3, "early_stopping_patience": 2}
    job = sample.job(tmp_path, epochs=30, learning_rate=1e-6, **stopping)
    train(job)
    assert any(line.startswith("Early stopping") for line in sample.log(job))
    assert len([line for line in sample.log(job) if "Validation-accuracy" in line]) < 10


def test_fewer_images_than_a_batch_are_refused(tmp_path):
    with pytest.raises(ClientError, match="24 images, fewer than mini_batch_size 32"):
        train(sample.job(tmp_path, mini_batch_size=32, num_training_samples=64))


def test_another_number_of_images_than_announced_is_only_a_warning(tmp_path):
    job = sample.job(tmp_path, num_training_samples=20, epochs=1)
    train(job)
    assert "Warning: num_training_samples is 20, the train list has 24" in sample.log(job)


def _progress(*accuracies):
    progress = Progress([], [], {})
    for epoch, accuracy in enumerate(accuracies):
        progress = progress.add(accuracy, 1 - epoch / 100, {"epoch": torch.tensor(epoch)})
    return progress


def test_the_most_accurate_epoch_is_the_best_and_loss_breaks_ties():
    progress = _progress(0.5, 0.9, 0.8, 0.9)
    assert progress.best_epoch == 3
    assert progress.best_weights["epoch"].item() == 3


@pytest.mark.parametrize(("tolerance", "epochs"), [(0.0, 1), (0.1, 3)])
def test_only_gains_beyond_the_tolerance_count(tolerance, epochs):
    assert _progress(0.5, 0.9, 0.9, 0.92, 0.91).epochs_since_gain(tolerance) == epochs
