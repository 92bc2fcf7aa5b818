"""The training loop: from pixels in memory to the weights of the best epoch, read top to bottom.

The loop is our own, under a `tf.distribute` strategy, since Keras 3's `fit` fails under
MultiWorkerMirroredStrategy on TensorFlow 2.21 (keras issue 20585).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from trainer.augmentation import augment
from trainer.checkpoints import Checkpoints
from trainer.evaluation import cross_entropy
from trainer.model import build_model
from trainer.options import AUGMENTATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.options import Options

    Forward = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True, slots=True)
class Examples:
    """One split: pixels `[n, H, W, 3]` uint8, which may be a memory map, and labels `[n]` int32."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int32]


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
class Fit:
    """A model that holds the weights of its best epoch, and how it came to them."""

    model: keras.Model
    history: tuple[Epoch, ...]
    device: str

    @property
    def best_epoch(self) -> int:
        """The number of the epoch whose weights the model holds."""
        return best(self.history).number


def fit(
    train: Examples,
    val: Examples,
    classes: int,
    options: Options,
    folder: Path,
    on_step: Callable[[int, int, int], None],
    on_epoch: Callable[[Epoch], None],
) -> Fit:
    """Trains, or goes on from the last epoch that `folder` holds a checkpoint of.

    Args:
        train: what the weights are fitted to.
        val: what decides which epoch is the best, and when to stop.
        classes: how many there are.
        options: how to train.
        folder: of checkpoints; to be used with one dataset and one set of options only.
        on_step: called with the epoch's number, the step in it and the steps in an epoch.
        on_epoch: called after each epoch that was run now.
    """
    keras.utils.set_random_seed(options.seed)
    tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_physical_devices("GPU")
    keras.mixed_precision.set_dtype_policy("mixed_float16" if gpus else "float32")
    strategy = tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()
    batch_size = min(options.batch_size, len(train.labels))
    steps = len(train.labels) // batch_size
    with strategy.scope():
        model = build_model(options.image_size, classes)
        optimizer = build_optimizer(options, steps, mixed=bool(gpus))
        optimizer.build(model.trainable_variables)
    train_step = build_train_step(strategy, model, optimizer, options, class_weights(train, classes))
    forward = build_forward(model)
    checkpoints = Checkpoints(folder, model, optimizer)
    history = [Epoch(**record) for record in checkpoints.restore()]

    while not finished(history, options):
        number, started = len(history) + 1, time.monotonic()
        order = np.random.default_rng((options.seed, number)).permutation(len(train.labels))
        totals = np.zeros(2)  # summed loss, right answers
        batches = strategy.experimental_distribute_dataset(
            feed(train, order[: steps * batch_size], batch_size)
        )
        for step, (images, labels) in enumerate(batches):
            seed = tf.constant([options.seed, number * steps + step], tf.int32)
            totals += train_step(images, labels, seed).numpy()
            on_step(number, step + 1, steps)
        logits = predict_logits(forward, val.pixels)
        epoch = Epoch(
            number=number,
            loss=float(totals[0]) / steps,
            accuracy=float(totals[1]) / (steps * batch_size),
            val_loss=cross_entropy(logits, val.labels),
            val_accuracy=float((logits.argmax(axis=1) == val.labels).mean()),
            learning_rate=float(optimizer.learning_rate),
            seconds=time.monotonic() - started,
        )
        history.append(epoch)
        checkpoints.save([asdict(each) for each in history], is_best=best(history) is epoch)
        on_epoch(epoch)

    checkpoints.restore_best()
    return Fit(model, tuple(history), device=f"{len(gpus)} GPU" if gpus else "CPU")


def finished(history: list[Epoch], options: Options) -> bool:
    """Whether all epochs were run, or none of the last few was the best so far."""
    if len(history) >= options.epochs:
        return True
    return bool(history) and len(history) - best(history).number >= options.patience


def best(history: list[Epoch] | tuple[Epoch, ...]) -> Epoch:
    """The earliest epoch of those with the lowest validation loss."""
    return min(history, key=lambda epoch: epoch.val_loss)


def class_weights(train: Examples, classes: int) -> NDArray[np.float32]:
    """Weights `[classes]` that let every class count alike; their mean over the images is 1."""
    counts = np.bincount(train.labels, minlength=classes)
    return (len(train.labels) / (classes * counts)).astype(np.float32)


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


def build_train_step(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    options: Options,
    weights: NDArray[np.float32],
) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """The step of one batch, which returns `[2]`: its mean loss and how many answers were right."""
    augmentation = AUGMENTATIONS[options.augmentation]
    classes = len(weights)

    def replica_step(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        replica = tf.distribute.get_replica_context()
        seed = tf.stack([seed[0], seed[1] * replica.num_replicas_in_sync])
        seed += tf.stack([0, tf.cast(replica.replica_id_in_sync_group, tf.int32)])
        images = augment(tf.cast(images, tf.float32), augmentation, seed)
        truth = tf.one_hot(labels, classes) * (1 - options.label_smoothing)
        truth += options.label_smoothing / classes
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            losses = tf.nn.softmax_cross_entropy_with_logits(truth, logits)
            losses *= tf.gather(weights, labels)
            loss = tf.reduce_mean(losses) / replica.num_replicas_in_sync
            scaled = optimizer.scale_loss(loss)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(scaled, variables), variables)
        right = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        return tf.stack([loss, tf.reduce_sum(tf.cast(right, tf.float32))])

    @tf.function
    def train_step(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        each = strategy.run(replica_step, args=(images, labels, seed))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, each, axis=None)

    return train_step


def feed(examples: Examples, order: NDArray[np.int64], batch_size: int) -> tf.data.Dataset:
    """Batches in the given order, read from the memory map while the step before is running."""
    pixels, labels = examples.pixels, examples.labels

    def read(rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        return pixels[rows], labels[rows]

    def gather(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, truth = tf.numpy_function(read, [rows], (tf.uint8, tf.int32))
        images.set_shape([None, *pixels.shape[1:]])
        truth.set_shape([None])
        return images, truth

    rows = tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
    return rows.map(gather).prefetch(2)


def build_forward(model: keras.Model) -> Forward:
    """The model outside training: uint8 `[n, H, W, 3]` to logits `[n, classes]`, for any n."""

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.uint8)])
    def forward(images: tf.Tensor) -> tf.Tensor:
        return model(tf.cast(images, tf.float32), training=False)

    return forward


def predict_logits(forward: Forward, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits `[n, classes]` of pixels `[n, H, W, 3]`, a batch at a time."""
    return np.concatenate([forward(tf.constant(each)).numpy() for each in in_batches(pixels)])


def in_batches(pixels: NDArray[np.uint8], size: int = 64) -> Iterator[NDArray[np.uint8]]:
    """Views of at most `size` images each, in order."""
    for start in range(0, len(pixels), size):
        yield pixels[start : start + size]
