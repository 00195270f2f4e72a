"""What the chapter on structured outputs trains and measures: two networks that label pixels, and what they hold."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import nn

from experiments.recording import experiment
from miniconv.pooling import avg_pool2d
from miniconv.priors import readout_error
from miniconv.structured_outputs import band_accuracy, intersection_over_union, shape_scenes


def train(model, x, y, seed, epochs, loss, batch=16, rate=1e-2, falling=False):
    """Train a PyTorch model with Adam, in an order that the seed decides, and return it.

    `x` and `y` are arrays of as many inputs and targets; `loss` maps the model's output and the targets of a batch to
    a number. A `falling` rate goes down to 0 along half a cosine, so that training comes to rest. The model itself is
    changed.
    """
    order = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), rate)
    lowest = 0 if falling else rate
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, epochs), lowest)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x), generator=order).split(batch):
            optimiser.zero_grad()
            loss(model(x[chosen]), y[chosen]).backward()
            optimiser.step()
        schedule.step()
    return model


@torch.no_grad()
def predict(model, x):
    """Return what a PyTorch model answers to an array, as an array."""
    return model(torch.tensor(x, dtype=torch.float32)).numpy()


class Encoder(nn.Module):
    """Three layers of convolution and ReLU, a pooling before the last two."""

    def __init__(self):
        super().__init__()
        self.fine = nn.Conv2d(1, 8, 5, padding=2)
        self.middle = nn.Conv2d(8, 16, 3, padding=1)
        self.coarse = nn.Conv2d(16, 24, 3, padding=1)

    def forward(self, x):
        """Return the maps of the three layers."""
        fine = F.relu(self.fine(x))
        middle = F.relu(self.middle(F.max_pool2d(fine, 2)))
        return fine, middle, F.relu(self.coarse(F.max_pool2d(middle, 2)))


class Segmenter(nn.Module):
    """Scores of three classes from the last map, enlarged.

    With `skips` the scores of finer maps are added on the way.
    """

    def __init__(self, skips):
        super().__init__()
        self.skips, self.features = skips, Encoder()
        self.score = nn.ModuleList(nn.Conv2d(c, 3, 1) for c in (8, 16, 24))

    def forward(self, x):
        """Return scores (N, 3, H, W) for pictures (N, 1, H, W)."""
        maps = self.features(x)
        y = self.score[2](maps[2])
        for level in (1, 0):
            y = F.interpolate(y, maps[level].shape[2:], mode="bilinear")
            if self.skips:
                y = y + self.score[level](maps[level])
        return y


def judge(model, pictures, labels):
    """Return the share of right pixels, IoU of background, disc and square, accuracy in bands of width 1 and 4."""
    predicted = predict(model, pictures).argmax(axis=1)
    bands = [band_accuracy(predicted, labels, width) for width in (1, 4)]
    return [np.mean(predicted == labels), *intersection_over_union(predicted, labels, 3), *bands]


def unexplained(model, pictures, labels, edges):
    """Return what the best linear reading of each level's maps leaves unexplained: of the edges, of the objects' kind.

    Returns an array (3, 2): shares of the variance, for the levels and for the two.
    """
    inside = labels.ravel() > 0
    square = (labels.ravel() == 2)[inside].astype(float)
    with torch.no_grad():
        maps = model.features(torch.tensor(pictures, dtype=torch.float32))
    found = []
    for features in maps:
        pixels = F.interpolate(features, size=labels.shape[1:], mode="bilinear")
        pixels = pixels.movedim(1, 3).flatten(0, 2).double().numpy()
        kind = readout_error(pixels[inside], square) / square.var()
        found.append([readout_error(pixels, edges) / edges.var(), kind])
    return np.array(found)


@experiment(seeds=5, within=0.03, rerun=False)
def segmenters(seed):
    """Train both networks for 144 epochs, to rest, and judge them on the scenes that they learned from and on new ones.

    Of the network with skips it is also measured what its maps hold; the control is the same network untrained.
    """
    torch.set_num_threads(1)
    x, y = shape_scenes(200, seed=seed, noise=0.2)
    pictures, labels = shape_scenes(60, seed=999, noise=0.2)
    wide, wide_labels = shape_scenes(20, size=(48, 96), seed=5, noise=0.2)
    clean = shape_scenes(60, seed=999, noise=0.0)[0][:, 0]
    edges = np.hypot(ndimage.sobel(clean, axis=1), ndimage.sobel(clean, axis=2)).ravel()
    found = {}
    for name, skips in (("coarse", False), ("skips", True)):
        torch.manual_seed(seed)
        model = Segmenter(skips)
        if skips:
            found["unexplained, untrained"] = unexplained(model, pictures, labels, edges)
        train(model, x, y, seed, 144, F.cross_entropy, falling=True)
        found[f"{name}, training scenes"] = judge(model, x, y)
        found[f"{name}, new scenes"] = judge(model, pictures, labels)
        found[f"{name}, wide scenes"] = np.mean(intersection_over_union(predict(model, wide).argmax(1), wide_labels, 3))
        found[f"{name}, maps"] = predict(model, pictures[[4, 9]]).argmax(axis=1)
        again = train(model, x, y, seed + 1, 36, F.cross_entropy, rate=1e-3, falling=True)
        found[f"{name}, a quarter longer"] = judge(again, pictures, labels)
        if skips:
            found["unexplained, trained"] = unexplained(model, pictures, labels, edges)
    return found


FACTORS = (1, 2, 4)  # how many times scenes are enlarged


@experiment(seeds=3, within=0.05, rerun=False)
def object_sizes(seed):
    """Train the network with skips on scenes of 32 x 32, and judge it on new scenes that are enlarged by `FACTORS`.

    `enlarged`: mean IoU of disc and square on the enlarged scenes, with noise on each of their pixels. `averaged`: on
    the same scenes, averaged down to 32 x 32 again.
    """
    torch.set_num_threads(1)
    x, y = shape_scenes(200, seed=seed, noise=0.2)
    torch.manual_seed(seed)
    model = train(Segmenter(skips=True), x, y, seed, 144, F.cross_entropy, falling=True)
    scenes, labels = shape_scenes(60, seed=999, noise=0.0)
    found = {"enlarged": [], "averaged": []}
    for factor in FACTORS:
        large = scenes.repeat(factor, axis=2).repeat(factor, axis=3)
        large += 0.2 * np.random.default_rng(factor).standard_normal(large.shape)
        small, marked = avg_pool2d(large, factor), labels.repeat(factor, axis=1).repeat(factor, axis=2)
        for name, pictures, truth in (("enlarged", large, marked), ("averaged", small, labels)):
            scores = intersection_over_union(predict(model, pictures).argmax(1), truth, 3)
            found[name].append(np.mean(scores[1:]))
    return found
