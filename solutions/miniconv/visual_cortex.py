"""The first cells of seeing: Gabor kernels, simple and complex cells, how they are measured, and the fovea."""

import math

import numpy as np

from miniconv._arguments import as_array, as_int, as_pair


def _as_float(x, name, shape):
    """Return `x` as a checked array of floats: float32 and float64 stay, integers become float64."""
    array = as_array(x, name, shape)
    return array if array.dtype.kind == "f" else array.astype(float)


def _as_number(value, name):
    """Return `value` as a finite float, or raise."""
    if isinstance(value, bool | np.bool_ | str) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)


def _as_frequency(value):
    """Return a frequency in cycles per pixel that a grid of pixels can show, or raise."""
    frequency = _as_number(value, "frequency")
    if not 0 <= frequency <= 0.5:
        raise ValueError(f"frequency must lie in [0, 0.5] cycles per pixel (beyond, it aliases), got {frequency}")
    return frequency


def _as_numbers(value, name):
    """Return a number, or a pair of numbers, as a pair of floats, or raise."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{name} must be a number or a pair of numbers, got {value!r}")
    return _as_number(pair[0], name), _as_number(pair[1], name)


def rotated_coordinates(shape, angle, center=(0.0, 0.0)):
    """Give every pixel its coordinates in a frame that is shifted to `center` and turned by `angle`.

    Parameters
    ----------
    shape : int or pair of int
        Height H and width W.
    angle : float
        In radians, from the x axis (to the right) towards the y axis (down).
    center : pair of float
        (x0, y0) in pixels, counted from the middle of the array.

    Returns
    -------
    along, across : (H, W) float64 arrays, in pixels
        x' = (x - x0) cos(angle) + (y - y0) sin(angle) and y' = -(x - x0) sin(angle) + (y - y0) cos(angle), where x is
        the column and y the row, both zero in the middle of the array.

    Raises
    ------
    ValueError
        If a size is below one or a number is not finite.

    Notes
    -----
    Goodfellow, Bengio and Courville (2016), equations 9.17 and 9.18.

    Examples
    --------
    >>> along, across = rotated_coordinates((1, 3), 0.0)
    >>> along, across
    (array([[-1.,  0.,  1.]]), array([[0., 0., 0.]]))
    """
    height, width = as_pair(shape, "shape", 1)
    angle, (x0, y0) = _as_number(angle, "angle"), _as_numbers(center, "center")
    x = np.arange(width) - (width - 1) / 2 - x0
    y = (np.arange(height) - (height - 1) / 2 - y0)[:, None]
    return x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)


def gabor(shape, frequency, angle, phase=0.0, sigma=2.0, center=(0.0, 0.0), amplitude=1.0):
    """Sample a Gabor function: a plane wave under a Gaussian window.

    Parameters
    ----------
    shape : int or pair of int
        Height H and width W, in pixels.
    frequency : float
        Of the wave, in cycles per pixel, from 0 to 0.5.
    angle : float
        Direction in which the wave changes, in radians: 0 is to the right, pi / 2 is down. Its bars run at right angles
        to it.
    phase : float
        In radians. At the centre the wave is cos(phase): 0 makes an even Gabor, pi / 2 or -pi / 2 an odd one.
    sigma : float or pair of float
        Standard deviation of the Gaussian in pixels: along the wave and along its bars. One number: a round window.
    center : pair of float
        (x0, y0) in pixels to the right and down from the middle of the array.
    amplitude : float
        In the unit of the result.

    Returns
    -------
    (H, W) float64 array
        amplitude * exp(-x'**2 / (2 sigma[0]**2) - y'**2 / (2 sigma[1]**2)) * cos(2 pi frequency x' + phase), where
        x' = (x - x0) cos(angle) + (y - y0) sin(angle), y' = -(x - x0) sin(angle) + (y - y0) cos(angle), and x (the
        column, to the right) and y (the row, down) are both zero in the middle of the array.

    Raises
    ------
    ValueError
        If a size is below one, sigma is not above zero or the frequency is outside [0, 0.5].

    Notes
    -----
    Goodfellow, Bengio and Courville (2016), equations 9.16 to 9.18, whose beta is 1 / (2 sigma**2) and whose f is
    2 pi frequency; Daugman (1985).

    Examples
    --------
    >>> gabor((1, 5), frequency=0.25, angle=0.0, sigma=2.0).round(3)
    array([[-0.607,  0.   ,  1.   ,  0.   , -0.607]])
    """
    frequency, phase = _as_frequency(frequency), _as_number(phase, "phase")
    sigma, amplitude = _as_numbers(sigma, "sigma"), _as_number(amplitude, "amplitude")
    if min(sigma) <= 0:
        raise ValueError(f"sigma must be above 0 pixels, got {sigma}")
    along, across = rotated_coordinates(shape, angle, center)
    window = np.exp(-((along / sigma[0]) ** 2 + (across / sigma[1]) ** 2) / 2)
    return amplitude * window * np.cos(2 * math.pi * frequency * along + phase)


def grating(shape, frequency, angle, phase=0.0):
    """Sample a plane wave that fills the whole picture, the stimulus of many experiments.

    Parameters
    ----------
    shape : int or pair of int
    frequency : float
        In cycles per pixel, from 0 to 0.5.
    angle : float
        Direction in which the wave changes, in radians: 0 is to the right, pi / 2 is down.
    phase : float
        In radians, at the middle of the array.

    Returns
    -------
    (H, W) float64 array, values in [-1, 1]
        cos(2 pi frequency x' + phase)

    Raises
    ------
    ValueError
        If a size is below one or the frequency is outside [0, 0.5].

    Examples
    --------
    >>> grating((2, 3), frequency=0.5, angle=0.0).round(6)
    array([[-1.,  1., -1.],
           [-1.,  1., -1.]])
    """
    along, _ = rotated_coordinates(shape, angle)
    return np.cos(2 * math.pi * _as_frequency(frequency) * along + _as_number(phase, "phase"))


def quadrature_pair(shape, frequency, angle, sigma=2.0, center=(0.0, 0.0), *, balanced=False):
    """Make the two Gabor kernels of a complex cell: alike but for a quarter of a cycle.

    Parameters
    ----------
    shape : int or pair of int
        Height H and width W, in pixels.
    frequency : float
        In cycles per pixel, from 0 to 0.5.
    angle : float
        Direction in which the waves change, in radians.
    sigma : float or pair of float
        Of the window, in pixels: along the wave and along its bars.
    center : pair of float
        (x0, y0) in pixels to the right and down from the middle of the array.
    balanced : bool
        Subtract from the even kernel as much of its Gaussian window as makes its sum zero, so that it no longer answers
        to a constant picture.

    Returns
    -------
    even, odd : (H, W) float64 arrays
        Gabor functions with phase 0 and phase -pi / 2: a cosine and a sine.

    Raises
    ------
    ValueError
        As in `gabor`.

    Examples
    --------
    >>> even, odd = quadrature_pair((1, 3), frequency=0.25, angle=0.0, sigma=1.0)
    >>> even.round(3), odd.round(3)
    (array([[0., 1., 0.]]), array([[-0.607,  0.   ,  0.607]]))
    """
    even = gabor(shape, frequency, angle, 0.0, sigma, center)
    odd = gabor(shape, frequency, angle, -math.pi / 2, sigma, center)
    if balanced:
        window = gabor(shape, 0.0, angle, 0.0, sigma, center)
        even = even - window * (even.sum() / window.sum())
    return even, odd


def simple_cell(images, kernel, rectify=False):
    """Compute the response of a simple cell: a weighted sum of the picture.

    Parameters
    ----------
    images : (..., H, W) array of floats or integers
        One picture or many.
    kernel : (H, W) array
        The weights of the cell: its receptive field.
    rectify : bool
        Return max(0, response): a firing rate is not negative.

    Returns
    -------
    (...) array, one response for each picture; a number for a single one
        Whole numbers times fractions are fractions.

    Raises
    ------
    ValueError
        If the pictures and the kernel differ in height or width.

    Notes
    -----
    Goodfellow, Bengio and Courville (2016), equation 9.15.

    Examples
    --------
    >>> kernel = np.array([[-1.0, 1.0], [-1.0, 1.0]])
    >>> float(simple_cell(np.array([[1.0, 2.0], [3.0, 4.0]]), kernel))
    2.0
    >>> simple_cell(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]), np.array([[-1.0, 1.0]]), rectify=True)
    array([0., 1.])
    """
    images, kernel = _as_float(images, "images", None), _as_float(kernel, "kernel", "(H, W)")
    if images.ndim < 2 or images.shape[-2:] != kernel.shape:
        raise ValueError(f"images {images.shape} must end in the height and width of kernel {kernel.shape}")
    response = np.tensordot(images, kernel, axes=2)[()]
    return np.maximum(response, 0) if rectify else response


def complex_cell(images, even, odd):
    """Compute the response of a complex cell: the length of the vector of two simple cells' responses.

    Parameters
    ----------
    images : (..., H, W) array of floats or integers
        One picture or many.
    even, odd : (H, W) arrays
        The weights of the two simple cells, usually from `quadrature_pair`.

    Returns
    -------
    (...) float array, one response for each picture; a number for a single one

    Raises
    ------
    ValueError
        If the pictures and the kernels differ in height or width.

    Notes
    -----
    Goodfellow, Bengio and Courville (2016), equation 9.19; Adelson and Bergen (1985).

    Examples
    --------
    >>> float(complex_cell(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])))
    5.0
    """
    return np.hypot(simple_cell(images, even), simple_cell(images, odd))


def modulation(responses):
    """Measure how much a response varies, from 0 (not at all) to 1 (down to nothing).

    Parameters
    ----------
    responses : (n,) array, not negative

    Returns
    -------
    float
        (largest - smallest) / (largest + smallest); 0 when all are zero.

    Raises
    ------
    ValueError
        If a response is negative.

    Notes
    -----
    Michelson's contrast, for responses instead of brightness.

    Examples
    --------
    >>> modulation([3.0, 1.0, 2.0])
    0.5
    """
    responses = _as_float(responses, "responses", "(n,)")
    low, high = float(responses.min()), float(responses.max())
    if low < 0:
        raise ValueError(f"responses must not be negative, got {low}")
    return (high - low) / (high + low) if high else 0.0


def grating_response(kernel, frequency, angles):
    """Compute the largest response that a kernel gives to a grating, over all phases of the grating.

    Parameters
    ----------
    kernel : (H, W) array
    frequency : float
        Of the gratings, in cycles per pixel, from 0 to 0.5.
    angles : (n,) array_like
        Directions of the gratings, in radians.

    Returns
    -------
    (n,) float array
        |sum of kernel * exp(2 pi i frequency x')|: the tuning curve for orientation.

    Raises
    ------
    ValueError
        If the frequency is outside [0, 0.5].

    Examples
    --------
    >>> grating_response([[-1.0, 1.0]], 0.5, [0.0, np.pi / 2]).round(6)
    array([2., 0.])
    """
    kernel, frequency = _as_float(kernel, "kernel", "(H, W)"), _as_frequency(frequency)
    angles = _as_float(angles, "angles", "(n,)")
    along = np.stack([rotated_coordinates(kernel.shape, float(angle))[0] for angle in angles])
    return np.abs(np.tensordot(np.exp(2j * math.pi * frequency * along), kernel, axes=2))


def preferred_grating(kernel, steps=128):
    """Find the grating that a kernel answers to most.

    Parameters
    ----------
    kernel : (H, W) array
    steps : int
        The gratings tried have 0, 1, ... cycles in `steps` pixels across and down; at least the size of the kernel.

    Returns
    -------
    frequency : float
        In cycles per pixel.
    angle : float
        In radians, in [0, pi): a grating turned by pi is the same grating.

    Raises
    ------
    ValueError
        If `steps` is smaller than the kernel.

    Examples
    --------
    >>> frequency, angle = preferred_grating(gabor(21, 0.25, np.pi / 2, sigma=4.0))
    >>> round(frequency, 3), round(angle, 3)
    (0.25, 1.571)
    """
    kernel = _as_float(kernel, "kernel", "(H, W)")
    steps = as_int(steps, "steps", max(kernel.shape))
    spectrum = np.abs(np.fft.fft2(kernel, (steps, steps)))
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    fy, fx = np.fft.fftfreq(steps)[[row, column]]
    return math.hypot(fx, fy), math.atan2(fy, fx) % math.pi


def preferred_orientation(kernel, frequency, angles):
    """Find the direction of the gratings of one frequency that a kernel answers to most.

    Parameters
    ----------
    kernel : (H, W) array
    frequency : float
        In cycles per pixel, from 0 to 0.5.
    angles : (n,) array_like
        The directions to try, in radians.

    Returns
    -------
    float
        The one of `angles` with the largest response over all phases; of several, the first.

    Raises
    ------
    ValueError
        If the frequency is outside [0, 0.5].

    Examples
    --------
    >>> preferred_orientation(np.array([[-1.0, -1.0], [1.0, 1.0]]), 0.25, [0.0, 1.5])
    1.5
    """
    angles = _as_float(angles, "angles", "(n,)")
    return float(angles[grating_response(kernel, frequency, angles).argmax()])


def reverse_correlation(stimuli, responses):
    """Estimate the weights of a cell from its responses to white noise.

    Parameters
    ----------
    stimuli : (T, H, W) array of floats or integers
        One picture for each trial: independent pixels of equal variance.
    responses : (T,) array
        What the cell did: a number, a rate or a count of spikes.

    Returns
    -------
    (H, W) float array, also for counts of spikes and stimuli of whole numbers
        The mean over the trials of (response - mean response) * stimulus, divided by the variance of the stimuli (over
        all pixels of all trials, dividing by T * H * W). Its unit: responses per unit of the stimulus.

    Raises
    ------
    ValueError
        If there are not as many responses as stimuli, fewer than two trials, or the stimuli do not vary.

    Notes
    -----
    De Boer and Kuyper (1968); Chichilnisky (2001).

    Examples
    --------
    >>> stimuli = np.array([[[1.0, 1.0]], [[1.0, -1.0]], [[-1.0, 1.0]], [[-1.0, -1.0]]])
    >>> reverse_correlation(stimuli, np.array([5.0, 1.0, -1.0, -5.0]))
    array([[3., 2.]])
    """
    stimuli, responses = _as_trials(stimuli, responses)
    variance = stimuli.var()
    if variance == 0:
        raise ValueError("stimuli must vary: all pixels of all trials are equal")
    return np.tensordot(responses - responses.mean(), stimuli, axes=1) / (len(responses) * variance)


def _as_trials(stimuli, responses):
    """Return stimuli and responses as checked arrays of the same number of trials."""
    stimuli = _as_float(stimuli, "stimuli", "(T, H, W)")
    responses = as_array(responses, "responses", "(T,)")
    responses = responses if responses.dtype.kind == "f" else responses.astype(stimuli.dtype)  # counts of spikes
    if len(stimuli) != len(responses) or len(stimuli) < 2:
        raise ValueError(f"stimuli {stimuli.shape} and responses {responses.shape} must have the same T, at least 2")
    return stimuli, responses


def regress_receptive_field(stimuli, responses, penalty=0.0):
    """Estimate the weights of a cell from responses to any stimuli, whose correlations are divided out.

    Parameters
    ----------
    stimuli : (T, H, W) array
    responses : (T,) array
    penalty : float
        Added to the variance of every pixel, in the unit of the stimuli squared: the larger, the smoother.

    Returns
    -------
    (H, W) float array
        (C + penalty I)^-1 c, where C is the covariance of the pixels over the trials and c their covariance with the
        responses (both divide by T).

    Raises
    ------
    ValueError
        If the numbers of trials differ or the penalty is negative.

    Notes
    -----
    Theunissen et al. (2001). With white noise and no penalty it improves on `reverse_correlation`; with pictures of the
    world the latter gives a blurred kernel and this does not.

    Examples
    --------
    >>> stimuli = [[[1.0, 1.0]], [[2.0, 1.0]], [[3.0, 4.0]], [[4.0, 5.0]]]
    >>> regress_receptive_field(stimuli, [1.0, 3.0, 2.0, 3.0]).round(6)
    array([[ 2., -1.]])
    """
    stimuli, responses = _as_trials(stimuli, responses)
    if _as_number(penalty, "penalty") < 0:
        raise ValueError(f"penalty must be at least 0, got {penalty}")
    flat = stimuli.reshape(len(stimuli), -1)
    centred = flat - flat.mean(axis=0)
    covariance = centred.T @ centred / len(flat) + penalty * np.eye(flat.shape[1], dtype=flat.dtype)
    moments = centred.T @ (responses - responses.mean()) / len(flat)
    return np.linalg.lstsq(covariance, moments, rcond=None)[0].reshape(stimuli.shape[1:])


def explained(kernel, model):
    """Measure which share of a kernel's energy a model explains.

    Parameters
    ----------
    kernel, model : (H, W) arrays

    Returns
    -------
    float
        1 - sum((kernel - model)**2) / sum(kernel**2): 1 for a perfect model, 0 for a model of zeros, below 0 for worse.

    Raises
    ------
    ValueError
        If the shapes differ or the kernel is zero everywhere.

    Examples
    --------
    >>> explained([[3.0, 4.0]], [[3.0, 3.0]])
    0.96
    """
    kernel, model = _as_float(kernel, "kernel", "(H, W)"), _as_float(model, "model", "(H, W)")
    if kernel.shape != model.shape:
        raise ValueError(f"kernel {kernel.shape} and model {model.shape} must have the same shape")
    energy = float((kernel.astype(float) ** 2).sum())
    if energy == 0:
        raise ValueError("the kernel is zero everywhere: there is nothing to explain")
    return 1 - float(((kernel.astype(float) - model) ** 2).sum()) / energy


def project_on_gabor(kernel, frequency, angle, sigma=2.0, center=(0.0, 0.0)):
    """Find the amplitude and the phase with which a Gabor of known shape comes nearest to a kernel.

    Parameters
    ----------
    kernel : (H, W) array
    frequency : float
        In cycles per pixel, above 0 and below 0.5: at either end the Gabors of all phases may be multiples of one.
    angle : float
        Direction in which the wave changes, in radians.
    sigma : float or pair of float
        Of the window, in pixels: along the wave and along its bars.
    center : pair of float
        (x0, y0) in pixels to the right and down from the middle of the array.

    Returns
    -------
    amplitude : float, at least 0
    phase : float, in radians, in [-pi, pi]
        Those that make the sum of the squared differences between `kernel` and the Gabor smallest.

    Raises
    ------
    ValueError
        As in `gabor`.

    Notes
    -----
    A cos(a + phase) = (A cos phase) cos a + (-A sin phase) sin a: linear in two unknowns, so least squares finds them.

    Examples
    --------
    >>> amplitude, phase = project_on_gabor(gabor(9, 0.2, 0.5, phase=1.0, amplitude=3.0), 0.2, 0.5)
    >>> round(amplitude, 6), round(phase, 6)
    (3.0, 1.0)
    """
    kernel = _as_float(kernel, "kernel", "(H, W)").astype(float)
    even, odd = quadrature_pair(kernel.shape, frequency, angle, sigma, center)
    basis = np.stack([even.ravel(), odd.ravel()], axis=1)
    cosine, sine = np.linalg.lstsq(basis, kernel.ravel(), rcond=None)[0]
    return math.hypot(cosine, sine), math.atan2(-sine, cosine)


def best_gabor(kernel, frequencies, angles, sigma=2.0):
    """Try Gabors of several frequencies and angles, and keep the one that is nearest to a kernel.

    Parameters
    ----------
    kernel : (H, W) array
    frequencies : (m,) array_like
        In cycles per pixel, above 0 and below 0.5.
    angles : (n,) array_like
        In radians.
    sigma : float or pair of float
        Of the window, in pixels: along the wave and along its bars; its centre is the middle of the array.

    Returns
    -------
    frequency, angle, phase, amplitude : floats
        Phase and amplitude are those of `project_on_gabor`; of all m * n Gabors this one leaves the smallest sum of
        squared differences.

    Raises
    ------
    ValueError
        As in `gabor`.

    Examples
    --------
    >>> kernel = gabor(9, 0.2, 0.5, phase=1.0, amplitude=3.0)
    >>> [round(value, 6) for value in best_gabor(kernel, [0.1, 0.2, 0.3], [0.0, 0.5])]
    [0.2, 0.5, 1.0, 3.0]
    """
    kernel = _as_float(kernel, "kernel", "(H, W)").astype(float)
    frequencies = _as_float(frequencies, "frequencies", "(m,)").tolist()
    best, smallest = None, math.inf
    for frequency in frequencies:
        for angle in _as_float(angles, "angles", "(n,)").tolist():
            amplitude, phase = project_on_gabor(kernel, frequency, angle, sigma)
            error = ((kernel - gabor(kernel.shape, frequency, angle, phase, sigma, amplitude=amplitude)) ** 2).sum()
            if error < smallest:
                best, smallest = (frequency, angle, phase, amplitude), error
    return best


def fit_gabor(kernel, steps=40):
    """Fit a Gabor function to a kernel: all of its parameters.

    Parameters
    ----------
    kernel : (H, W) array, at least 3 x 3, not zero everywhere
    steps : int
        The most improvements to make from each of the starting points.

    Returns
    -------
    dict with the keys of the arguments of `gabor`
        "frequency" (cycles per pixel), "angle" (radians, in [0, pi)), "phase" (radians, in [-pi, pi]), "sigma" and
        "center" (pairs of pixels), "amplitude" (at least 0), so that ``gabor(kernel.shape, **fit)`` is the model. Its
        quality is ``explained(kernel, model)``.

    Raises
    ------
    ValueError
        If the kernel is smaller than 3 x 3, zero everywhere or not finite.

    Notes
    -----
    Damped Gauss-Newton steps (Marquardt 1963) on frequency, angle, sigma and center; amplitude and phase follow from
    `project_on_gabor` at every step (Golub and Pereyra 1973). It starts at the kernel's preferred grating with windows
    of several widths, and keeps the best.

    Examples
    --------
    >>> fit = fit_gabor(gabor(15, 0.15, 2.0, phase=0.5, sigma=(2.0, 3.0), center=(1.0, -0.5)))
    >>> round(fit["frequency"], 4), round(fit["angle"], 4), round(fit["phase"], 4), fit["sigma"][1].__round__(4)
    (0.15, 2.0, 0.5, 3.0)
    """
    kernel = _as_float(kernel, "kernel", "(H, W)").astype(float)
    if min(kernel.shape) < 3 or not np.isfinite(kernel).all() or not kernel.any():
        raise ValueError(f"kernel must be at least 3 x 3, finite and not all zero, got shape {kernel.shape}")
    fits = [_improve(kernel, start, as_int(steps, "steps", 1)) for start in _starting_points(kernel)]
    best = min(fits, key=lambda fit: fit[1])[0]
    shape = _shape_parameters(best)
    amplitude, phase = project_on_gabor(kernel, **shape)
    turns = math.floor(shape["angle"] / math.pi)  # a half turn is the same wave with the opposite phase
    shape["angle"] -= turns * math.pi
    return {**shape, "phase": -phase if turns % 2 else phase, "amplitude": amplitude}


def _shape_parameters(vector):
    """Name the parameters of the search vector: frequency, angle, log sigma (2), center (2)."""
    frequency, angle, log_along, log_across, x0, y0 = (float(value) for value in vector)
    frequency = 0.5 - abs(0.5 - abs(frequency) % 1)  # aliases: f, -f and 1 - f look the same on a grid along an axis
    return {
        "frequency": frequency,
        "angle": angle,
        "sigma": (math.exp(log_along), math.exp(log_across)),
        "center": (x0, y0),
    }


def _starting_points(kernel):
    """Guess the search vector from the preferred grating and from where the energy lies."""
    frequency, angle = preferred_grating(kernel, max(64, *kernel.shape))
    energy = (kernel / np.abs(kernel).max()) ** 4
    x, y = rotated_coordinates(kernel.shape, 0.0)
    x0, y0 = (float((energy * c).sum() / energy.sum()) for c in (x, y))
    spread = float((energy * ((x - x0) ** 2 + (y - y0) ** 2)).sum() / energy.sum())
    width = math.sqrt(max(2 * spread, 0.5))
    frequency = min(max(frequency, 0.25 / max(kernel.shape)), 0.5)
    return [[frequency, angle, math.log(width * s), math.log(width * s), x0, y0] for s in (0.6, 1.0, 1.6)]


def _residual(kernel, vector):
    """Return the kernel minus the best Gabor of this shape, flat."""
    shape = _shape_parameters(vector)
    amplitude, phase = project_on_gabor(kernel, **shape)
    return (kernel - gabor(kernel.shape, phase=phase, amplitude=amplitude, **shape)).ravel()


def _improve(kernel, start, steps):
    """Take damped Gauss-Newton steps; return the vector and the sum of its squared residuals."""
    low = np.array([0.0, -np.inf, -1.2, -1.2, *(-n / 2 for n in kernel.shape[::-1])])
    high = np.array([0.5, np.inf, *(np.log([max(kernel.shape)] * 2)), *(n / 2 for n in kernel.shape[::-1])])
    vector, damping = np.clip(start, low, high), 1e-2
    residual = _residual(kernel, vector)
    for _ in range(steps):
        slopes = [(_residual(kernel, vector + h) - residual) / 1e-6 for h in 1e-6 * np.eye(6)]
        jacobian = np.stack(slopes, axis=1)
        normal = jacobian.T @ jacobian
        scale = np.diag(normal.diagonal() + 1e-12)
        move = -np.linalg.lstsq(normal + damping * scale, jacobian.T @ residual, rcond=None)[0]
        candidate = np.clip(vector + move, low, high)
        new = _residual(kernel, candidate)
        gain = residual @ residual - new @ new
        if gain > 0:
            vector, residual, damping = candidate, new, damping / 5
        else:
            damping *= 5
        if damping > 1e8 or 0 < gain < 1e-12 * (residual @ residual) or residual @ residual < 1e-24 * (kernel**2).sum():
            break
    return vector, float(residual @ residual)


def foveate(image, fixation, size=8, levels=3):
    """Look at one point as an eye does: sharp in the middle, coarser and coarser around it.

    Parameters
    ----------
    image : (H, W) array of floats or integers
    fixation : pair of int
        Row and column of the pixel looked at, inside the image.
    size : int
        Height and width of every level, in samples.
    levels : int
        Level l covers a window of size * 2**l pixels, from row ``fixation[0] - (size * 2**l) // 2`` (columns alike),
        and averages it over blocks of 2**l x 2**l pixels. Outside of the image there are zeros.

    Returns
    -------
    (levels, size, size) float array, also for an image of whole numbers

    Raises
    ------
    ValueError
        If the fixation lies outside of the image, or `size` or `levels` is below one.

    Notes
    -----
    The retina-like glimpse of Mnih, Heess, Graves and Kavukcuoglu (2014), section 3.

    Examples
    --------
    >>> foveate(np.arange(16.0).reshape(4, 4), (2, 2), size=2, levels=2)
    array([[[ 5. ,  6. ],
            [ 9. , 10. ]],
    <BLANKLINE>
           [[ 2.5,  4.5],
            [10.5, 12.5]]])
    """
    image = _as_float(image, "image", "(H, W)")
    (row, column), size = as_pair(fixation, "fixation", 0), as_int(size, "size", 1)
    if row >= image.shape[0] or column >= image.shape[1]:
        raise ValueError(f"fixation {(row, column)} must be a pixel of an image of shape {image.shape}")
    glimpses = []
    for level in range(as_int(levels, "levels", 1)):
        block = 2**level
        window = _window(image, row - size * block // 2, column - size * block // 2, size * block)
        glimpses.append(window.reshape(size, block, size, block).mean(axis=(1, 3)))
    return np.stack(glimpses)


def _window(image, top, left, length):
    """Cut a square window that may reach beyond the image, where it is zero."""
    window = np.zeros((length, length), image.dtype)
    rows = slice(max(top, 0), max(min(top + length, image.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + length, image.shape[1]), 0))
    part = image[rows, columns]
    y, x = rows.start - top, columns.start - left
    window[y : y + part.shape[0], x : x + part.shape[1]] = part
    return window
