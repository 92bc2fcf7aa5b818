"""Write digits.npz from scikit-learn's copy of the UCI optical digits.

Run once and keep the result; scikit-learn is needed for this alone:

    python make_digits.py
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits  # type: ignore[import-not-found]


def main() -> None:
    """Write `images`, uint8 `[1797, 8, 8]` with ink from 0 to 16, and `labels`, uint8 `[1797]`."""
    digits = load_digits()
    np.savez_compressed(
        Path(__file__).with_name("digits.npz"),
        images=digits.images.astype(np.uint8),
        labels=digits.target.astype(np.uint8),
    )


if __name__ == "__main__":
    main()
