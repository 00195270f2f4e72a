"""Which claim on trial in the book fits a mistake: the box *On trial* to vote on in class, by the section to read."""

import re
from dataclasses import dataclass

from convcourse.engine.display import page_of


@dataclass(frozen=True)
class Trial:
    """A claim that a chapter puts on trial, and the address of its box below the site's root."""

    claim: str
    page: str


def fitting(section: str, sentence: str = "") -> Trial | None:
    """Return the claim that fits a mistake, by what its sentence says or else by its section; None where none does.

    Examples
    --------
    >>> fitting("convolution#convolution-turn")
    Trial(claim='flipping makes no difference', page='book/convolution.html#on-trial-flipping-makes-no-difference')
    >>> fitting("layer#layer-matrix", "You turned the kernel by 180 degrees.").claim
    'flipping makes no difference'
    >>> fitting("mine#mine-own") is None
    True
    """
    stem, _, label = section.rpartition("#")
    claim = _CLAIMS.get(label)
    for words, chapter, telling in _BY_WORDS if label in _CLAIMS else ():
        if re.search(words, sentence):
            stem, claim = chapter, telling
    return Trial(claim, page_of(f"{stem}#{anchor(claim)}")) if claim else None


def anchor(claim: str) -> str:
    """Return the anchor that the book gives the box of a claim.

    Examples
    --------
    >>> anchor("if c = x * f, then ...")
    'on-trial-if-c-x-f-then'
    """
    return "-".join(["on-trial", *re.findall("[a-z0-9]+", claim.lower())])


# Words of a sentence -> a chapter, and a claim in it.
_BY_WORDS = (
    (r"180 degrees|\b[Ff]lip", "convolution", "flipping makes no difference"),
    (r"padded with zeros|\b[Pp]ads\b", "layer", "zeros are neutral padding, because they carry no signal"),
)

# The label of a section -> a claim of the same chapter, or None. Tests hold that each stands there, and that no section
# of a check is forgotten.
_CLAIMS: dict[str, str | None] = {
    "algorithms-loops": "the FFT is faster",
    "algorithms-im2col": "the FFT is faster",
    "algorithms-separable": "the vectors of a separable kernel are an orthogonal basis",
    "algorithms-fft": "the product of the transforms gives the convolution",
    "algorithms-counts": "the FFT is faster",
    "attention-glimpse": None,
    "attention-softmax": None,
    "attention-scaled-dot-product": "the Transformer uses only attention and feedforward networks",
    "attention-gradient": None,
    "attention-heads": "the Transformer uses only attention and feedforward networks",
    "attention-positions": "the Transformer uses only attention and feedforward networks",
    "attention-convolution": "attention is a convolution with learned kernels",
    "convolution-average": "to convolve is to apply a function to a sliding window",
    "convolution-modes": "convolution is the area where the two functions overlap",
    "convolution-images": "flipping makes no difference",
    "convolution-turn": "flipping makes no difference",
    "convolution-edges": "edges are where gradients are locally dense",
    "convolution-algebra": "flipping makes no difference",
    "convolution-flip": "flipping makes no difference",
    "convolution-matrix": "the matrix of a convolution is circulant",
    "convolution-circulant": "the matrix of a convolution is circulant",
    "convolution-doubly-block": "flatten the image, and the matrix is a Toeplitz matrix",
    "features-patches": None,
    "features-random": None,
    "features-edges": None,
    "features-kmeans": "k-means finds the best centroids",
    "features-whitening": "whitening needs a layer of its own",
    "features-codes": "the more parameters, the more data you need",
    "gradients-input": "the backward pass needs a deconvolution: a multiplication by the transposed kernel",
    "gradients-weight": "cross-correlation forward means convolution backward, and the other way round",
    "gradients-bias": "the derivative for a weight is the input it was multiplied with",
    "gradients-adjoint": "if c = x * f, then multiplying c by the transpose gives x back",
    "gradients-check": "the derivative for a weight is the input it was multiplied with",
    "layer-sum": "convolution with several channels commutes, if input and output have equally many channels",
    "layer-edge": "zeros are neutral padding, because they carry no signal",
    "layer-matrix": None,
    "layer-bias": None,
    "layer-groups": None,
    "layer-commute": "convolution with several channels commutes, if input and output have equally many channels",
    "motivation-edges": None,
    "motivation-dense": "more parameters need more data",
    "motivation-sharing": "more parameters need more data",
    "motivation-receptive": "at each layer the receptive field grows in proportion to the kernel size",
    "motivation-equivariance": "convolution is invariant to translations",
    "motivation-groups": "convolution respects translations because it is linear",
    "pooling-max": "max pooling makes the output invariant to shifts up to its stride",
    "pooling-average": "any differentiable function can pool; averaging is not very common",
    "pooling-shapes": "pooling reduces the number of parameters and the computation",
    "pooling-adaptive": "pooling reduces the number of parameters and the computation",
    "pooling-invariance": "max pooling makes the output invariant to shifts up to its stride",
    "pooling-equivariance": (
        "convolution, ReLU and pooling together are equivariant, unless zero padding disturbs the border"
    ),
    "pooling-relu": "the order of ReLU and max pooling does not matter, because of equivariance",
    "pooling-channels": "pooling learns to be invariant to small rotations",
    "pooling-gradients": "pooling cannot be trained, it has no parameters",
    "pooling-lp": "pooling cannot be trained, it has no parameters",
    "priors-strength": "an infinitely strong prior fixes parameters to a value",
    "priors-infinite": "an infinitely strong prior fixes parameters to a value",
    "priors-projection": "an infinitely strong prior fixes parameters to a value",
    "priors-limit": "an infinitely strong prior fixes parameters to a value",
    "priors-price": "convolutional models may be compared only with convolutional models",
    "priors-pooling": "pooling can only lose: a readout after pooling never fits the training data better",
    "priors-max-pooling": "pooling can only lose: a readout after pooling never fits the training data better",
    "priors-permuted": "a model without convolution can learn permuted pixels, a convnet cannot",
    "priors-same-curve": "a model without convolution can learn permuted pixels, a convnet cannot",
    "shapes-formula": "zero padding of (k - 1)/2 keeps the size",
    "shapes-same": "zero padding of (k - 1)/2 keeps the size",
    "shapes-same-strided": "a stride loses information, so reducing the size is not recommended",
    "shapes-pooling": "a stride loses information, so reducing the size is not recommended",
    "shapes-transpose": None,
    "shapes-output-padding": "a stride loses information, so reducing the size is not recommended",
    "shapes-trace": "zero padding of (k - 1)/2 keeps the size",
    "structured_outputs-labels": None,
    "structured_outputs-scores": None,
    "structured_outputs-sliding": "a reshape layer can take inputs of any size",
    "structured_outputs-fixed-output": "a reshape layer can take inputs of any size",
    "structured_outputs-upsampling": (
        "resizing the input is never a substitute, since interpolation varies with the method"
    ),
    "structured_outputs-refinement": None,
    "training-network": None,
    "training-loss": "Of two networks, the one with the lower loss is right at least as often.",
    "training-loss-accuracy": "Of two networks, the one with the lower loss is right at least as often.",
    "training-backward": "If two networks of the same shape have different weights, they compute different functions.",
    "training-rescale": "If two networks of the same shape have different weights, they compute different functions.",
    "training-init": "PyTorch's default start is made for ReLU networks.",
    "training-step": "Adam trains better than SGD.",
    "training-adam": "Adam trains better than SGD.",
    "training-schedule": "Adam trains better than SGD.",
    "training-batch-norm": "Twenty layers can only be trained with batch normalisation.",
    "training-augmentation": None,
    "training-logs": "Of two networks, the one with the lower loss is right at least as often.",
    "training-early-stopping": "Of two networks, the one with the lower loss is right at least as often.",
    "training-digits": None,
    "training-shapes": None,
    "training-scenes": "Twenty layers can only be trained with batch normalisation.",
    "variants-locally-connected": None,
    "variants-tiled": None,
    "variants-dilated": "dilated convolution uses a sparse matrix as its kernel",
    "variants-transposed": "deconvolution undoes a convolution",
    "variants-gradients": "deconvolution undoes a convolution",
    "variants-depthwise": "the second step of a depthwise separable convolution is depthwise",
    "variants-causal": "dilated convolution uses a sparse matrix as its kernel",
    "visual_cortex-simple": "the cosine makes the weights change with the distance from the centre",
    "visual_cortex-reverse": None,
    "visual_cortex-gabor": "the cosine makes the weights change with the distance from the centre",
    "visual_cortex-tuning": "a Gabor answers only to its own frequency",
    "visual_cortex-complex": "complex cells do not care about lighting",
    "visual_cortex-fit": "a Gabor answers only to its own frequency",
    "visual_cortex-fovea": None,
}
