"""The training loop: from pixels in memory to the weights of the best epoch, read top to bottom.

The loop is our own, under a `tf.distribute` strategy, since Keras 3's `fit` fails under
MultiWorkerMirroredStrategy on TensorFlow 2.21 (keras issue 20585).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

import keras
import numpy as np
import tensorflow as tf

from trainer.augmentation import augment
from trainer.batches import build_forward, feed, predict_logits
from trainer.checkpoints import Checkpoints
from trainer.evaluation import cross_entropy
from trainer.model import build_model
from trainer.options import AUGMENTATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.batches import Examples, Forward
    from trainer.options import Options

    TrainStep = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


AVERAGE_DECAY = 0.99  # of the weights' running average, a step


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass gave; losses are means of cross-entropy in nats, accuracies fractions."""

    number: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learned: `train` fits the weights, `val` decides which epoch is the best."""

    train: Examples
    val: Examples
    classes: int


@dataclass(frozen=True, slots=True)
class Fit:
    """A model that holds the weights of its best epoch, and how it came to them."""

    model: keras.Model
    history: tuple[Epoch, ...]
    device: str

    @property
    def best_epoch(self) -> int:
        """The number of the epoch whose weights the model holds."""
        return best(self.history).number


class Observer(Protocol):
    """Is told how far a training is."""

    def on_step(self, number: int, step: int, steps: int) -> None:
        """Step `step` of the `steps` in epoch `number` is done; all count from 1."""

    def on_epoch(self, epoch: Epoch) -> None:
        """An epoch is done, and its checkpoint is written."""


def fit(task: Task, options: Options, folder: Path, observer: Observer) -> Fit:
    """Trains, or goes on from the last epoch that `folder` holds a checkpoint of.

    Args:
        task: what is to be learned.
        options: how to train.
        folder: of checkpoints; to be used with one task and one set of options only.
        observer: told of the epochs that are run now.
    """
    learner = build_learner(task, options)
    checkpoints = Checkpoints(folder, learner.model, learner.average, learner.optimizer)
    history = [Epoch(**record) for record in checkpoints.restore()]
    while not finished(history, options):
        epoch = run_epoch(learner, task, options, len(history) + 1, observer)
        history.append(epoch)
        checkpoints.save([asdict(each) for each in history], is_best=best(history) is epoch)
        observer.on_epoch(epoch)
    checkpoints.restore_best()
    return Fit(learner.average, tuple(history), learner.device)


@dataclass(frozen=True, slots=True)
class Learner:
    """All that an epoch needs.

    Attributes:
        model: what the gradient changes.
        average: the same network with a running average of the model's weights, which varies less
            from step to step and is what is validated and kept.
        steps: in an epoch; the images that are left over are in another epoch's order.
    """

    strategy: tf.distribute.Strategy
    model: keras.Model
    average: keras.Model
    optimizer: keras.optimizers.Optimizer
    train_step: TrainStep
    forward: Forward
    batch_size: int
    steps: int
    device: str


def build_learner(task: Task, options: Options) -> Learner:
    """Seeds everything and builds model and optimizer for the devices that are there."""
    keras.utils.set_random_seed(options.seed)
    tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_physical_devices("GPU")
    keras.mixed_precision.set_dtype_policy("mixed_float16" if gpus else "float32")
    strategy = tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()
    batch_size = min(options.batch_size, len(task.train.labels))
    steps = len(task.train.labels) // batch_size
    with strategy.scope():
        model = build_model(options.image_size, task.classes)
        average = build_model(options.image_size, task.classes)
        average.set_weights(model.get_weights())
        optimizer = build_optimizer(options, steps, mixed=bool(gpus))
        optimizer.build(model.trainable_variables)
    weights = class_weights(task)
    return Learner(
        strategy=strategy,
        model=model,
        average=average,
        optimizer=optimizer,
        train_step=build_train_step(strategy, model, average, optimizer, options, weights),
        forward=build_forward(average),
        batch_size=batch_size,
        steps=steps,
        device=f"{len(gpus)} GPU" if gpus else "CPU",
    )


def run_epoch(
    learner: Learner, task: Task, options: Options, number: int, observer: Observer
) -> Epoch:
    """One pass over the training images in an order of its own, then the validation images."""
    started = time.monotonic()
    order = np.random.default_rng((options.seed, number)).permutation(len(task.train.labels))
    order = order[: learner.steps * learner.batch_size]
    batches = feed(task.train, order, learner.batch_size)
    sums = np.zeros(2)  # of loss and of right answers
    for step, (images, labels) in enumerate(
        learner.strategy.experimental_distribute_dataset(batches), start=1
    ):
        seed = tf.constant([options.seed, number * learner.steps + step], tf.int32)
        sums += learner.train_step(images, labels, seed).numpy()
        observer.on_step(number, step, learner.steps)
    logits = predict_logits(learner.forward, task.val.pixels)
    return Epoch(
        number=number,
        loss=float(sums[0]) / learner.steps,
        accuracy=float(sums[1]) / len(order),
        val_loss=cross_entropy(logits, task.val.labels),
        val_accuracy=float((logits.argmax(axis=1) == task.val.labels).mean()),
        learning_rate=float(learner.optimizer.learning_rate),
        seconds=time.monotonic() - started,
    )


def finished(history: list[Epoch], options: Options) -> bool:
    """Whether all epochs were run, or none of the last few was the best so far."""
    if len(history) >= options.epochs:
        return True
    return bool(history) and len(history) - best(history).number >= options.patience


def best(history: list[Epoch] | tuple[Epoch, ...]) -> Epoch:
    """The earliest epoch of those with the lowest validation loss."""
    return min(history, key=lambda epoch: epoch.val_loss)


def class_weights(task: Task) -> NDArray[np.float32]:
    """Weights `[classes]` that let every class count alike; their mean over the images is 1."""
    counts = np.bincount(task.train.labels, minlength=task.classes)
    return (len(task.train.labels) / (task.classes * counts)).astype(np.float32)


def build_optimizer(options: Options, steps: int, *, mixed: bool) -> keras.optimizers.Optimizer:
    """AdamW (Loshchilov and Hutter, 2019) with linear warm-up and cosine decay to zero."""
    total = options.epochs * steps
    warm_up = max(1, total // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(1, total - warm_up),
        warmup_target=options.learning_rate,
        warmup_steps=warm_up,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=options.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["beta", "gamma", "bias"])
    return keras.optimizers.LossScaleOptimizer(optimizer) if mixed else optimizer


def build_train_step(  # noqa: PLR0913, PLR0917 - all that a step reads or changes
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    average: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    options: Options,
    weights: NDArray[np.float32],
) -> TrainStep:
    """The step of one batch, which returns `[2]`: its mean loss and how many answers were right."""
    augmentation = AUGMENTATIONS[options.augmentation]

    def replica_step(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        replica = tf.distribute.get_replica_context()
        number = tf.cast(replica.replica_id_in_sync_group, tf.int32)
        images = augment(tf.cast(images, tf.float32), augmentation, tf.random.fold_in(seed, number))
        truth = smooth(labels, len(weights), options.label_smoothing)  # [n, classes]
        with tf.GradientTape() as tape:
            logits = model(images, training=True)  # [n, classes]
            losses = tf.nn.softmax_cross_entropy_with_logits(truth, logits)  # [n]
            losses *= tf.gather(weights, labels)
            loss = tf.reduce_mean(losses) / replica.num_replicas_in_sync
            scaled = optimizer.scale_loss(loss)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(scaled, variables), variables)
        right = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        return tf.stack([loss, tf.reduce_sum(tf.cast(right, tf.float32))])

    def train_step(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        each = strategy.run(replica_step, args=(images, labels, seed))
        follow(average, model, optimizer.iterations)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, each, axis=None)

    compiled: TrainStep = tf.function(train_step)
    return compiled


def smooth(labels: tf.Tensor, classes: int, share: float) -> tf.Tensor:
    """Labels `[n]` as probabilities `[n, classes]`, of which a share is spread over all classes."""
    return tf.one_hot(labels, classes) * (1 - share) + share / classes


def follow(average: keras.Model, model: keras.Model, step: tf.Tensor) -> None:
    """Moves the average towards the model, at first faster so that it forgets where it began."""
    step = tf.cast(step, tf.float32)
    rate = tf.maximum(1 - AVERAGE_DECAY, 9 / (10 + step))
    for mean, weight in zip(average.weights, model.weights, strict=True):
        mean.assign(mean + rate * (weight - mean))
