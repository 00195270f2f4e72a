"""What the chapter on why convolution computes: what a unit depends on, and how local photographs are."""

import numpy as np
from skimage import color, data

FAR = 20, 30  # rows or columns, between which a pixel is far from another


def dependence(layers):
    """Return which units of every level the middle unit of the last layer depends on.

    `layers` holds the connectivity (outputs, inputs) of each layer, the first layer first. The masks come back in the
    same order: the inputs, then the outputs of each layer.
    """
    outputs = len(layers[-1])
    masks = [np.arange(outputs) == outputs // 2]
    for reads in reversed(layers):
        masks.append(reads[masks[-1]].any(axis=0))
    return masks[::-1]


def photographs():
    """Return five photographs in grey, by name."""
    return {
        "cat": color.rgb2gray(data.chelsea()),
        "cameraman": data.camera() / 255,
        "coins": data.coins() / 255,
        "astronaut": color.rgb2gray(data.astronaut()),
        "cup": color.rgb2gray(data.coffee()),
    }


def shuffled(photo, seed=0):
    """Return a photograph with its pixels in another order."""
    return np.random.default_rng(seed).permutation(photo.ravel()).reshape(photo.shape)


def noise_like(photo, seed=0):
    """Return noise with the spectrum of a photograph: the same waves, as strong as there, each moved at random."""
    phases = np.angle(np.fft.fft2(np.random.default_rng(seed).normal(size=photo.shape)))
    phases[0, 0] = 0  # the mean stays
    return np.fft.ifft2(np.abs(np.fft.fft2(photo)) * np.exp(1j * phases)).real


def correlation(photo, distances):
    """Return how the pixels of a photograph correlate with those some columns to the right, for each distance."""
    pairs = [(photo[:, :-d].ravel(), photo[:, d:].ravel()) for d in distances]
    return np.array([np.corrcoef(*pair)[0, 1] for pair in pairs])


def nearest(rings):
    """Return the offsets (row, column) of the pixels in that many rings around a pixel."""
    steps = range(-rings, rings + 1)
    return [(row, column) for row in steps for column in steps if row or column]


def locality(seed, pixels=4000):
    """Predict pixels of five photographs from other pixels of the same photograph, near ones and far ones.

    A weighted sum is fitted by least squares to pixels of the left half and tested on pixels of the right half. The
    controls are the predictions from the nearest pixels of noise with the spectrum of the photograph, and of a
    photograph whose pixels were shuffled.

    Returns
    -------
    dict of (5,) arrays
        Per set of pixels: the share of the variance that is left, for each photograph.
    """
    away = [offset for offset in nearest(FAR[1]) if max(map(abs, offset)) >= FAR[0]]
    far = np.random.default_rng(seed).permutation(away)[:24].tolist()
    near, wider, photos = nearest(1), nearest(2), photographs().values()
    sets = {"8 nearest": near, "24 nearest": wider, "48 nearest": nearest(3)}
    sets |= {"24 nearest and 24 far": wider + far, "24 far": far}
    left = {name: [unexplained(photo, places, seed, pixels) for photo in photos] for name, places in sets.items()}
    left["8 nearest, noise"] = [unexplained(noise_like(photo, seed), near, seed, pixels) for photo in photos]
    left["8 nearest, shuffled"] = [unexplained(shuffled(photo, seed), near, seed, pixels) for photo in photos]
    return {name: np.array(shares) for name, shares in left.items()}


def unexplained(photo, places, seed, pixels):
    """Return the share of the variance of pixels on the right that is left after a fit to pixels on the left.

    One seed draws the same pixels, whatever the places are that they are predicted from.
    """
    rng = np.random.default_rng(seed)
    height, width = photo.shape
    rows = rng.integers(FAR[1], height - FAR[1], 2 * pixels)
    columns = rng.integers(FAR[1], width - FAR[1], 2 * pixels)
    read = np.stack([photo[rows + row, columns + column] for row, column in places] + [np.ones(2 * pixels)], axis=1)
    wanted, fitted = photo[rows, columns], columns < width / 2
    weights = np.linalg.lstsq(read[fitted], wanted[fitted], rcond=None)[0]
    errors = wanted[~fitted] - read[~fitted] @ weights
    return (errors**2).mean() / wanted[~fitted].var()
