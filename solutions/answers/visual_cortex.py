"""Right answers to the tasks of `visual_cortex` in several styles."""

import math

import numpy as np


def pair(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def floats(x):
    """Return the dtype of a mean: that of x, or float64 for whole numbers."""
    return x.dtype if x.dtype.kind == "f" else float


# --- gabor ---


def gabor__loops(shape, frequency, angle, phase=0.0, sigma=2.0, center=(0.0, 0.0), amplitude=1.0):
    (height, width), (sx, sy) = pair(shape), pair(sigma)
    kernel = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            x, y = j - (width - 1) / 2 - center[0], i - (height - 1) / 2 - center[1]
            u = x * math.cos(angle) + y * math.sin(angle)
            v = -x * math.sin(angle) + y * math.cos(angle)
            window = math.exp(-u * u / (2 * sx * sx) - v * v / (2 * sy * sy))
            kernel[i, j] = amplitude * window * math.cos(2 * math.pi * frequency * u + phase)
    return kernel


def gabor__complex(shape, frequency, angle, phase=0.0, sigma=2.0, center=(0.0, 0.0), amplitude=1.0):
    """Take the real part of a complex exponential on a complex plane."""
    (height, width), (sx, sy) = pair(shape), pair(sigma)
    y, x = np.mgrid[:height, :width]
    z = (x - (width - 1) / 2 - center[0] + 1j * (y - (height - 1) / 2 - center[1])) * np.exp(-1j * angle)
    return (
        amplitude
        * np.exp(-((z.real / sx) ** 2 + (z.imag / sy) ** 2) / 2 + 1j * (math.tau * frequency * z.real + phase)).real
    )


def gabor__matrix(shape, frequency, angle, phase=0.0, sigma=2.0, center=(0.0, 0.0), amplitude=1.0):
    """Turn a list of points by a matrix."""
    height, width = pair(shape)
    points = np.array([(j - (width - 1) / 2, i - (height - 1) / 2) for i, j in np.ndindex(height, width)]) - center
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turned = points @ turn
    window = np.exp(-0.5 * ((turned / pair(sigma)) ** 2).sum(axis=1))
    return (amplitude * window * np.cos(2 * np.pi * frequency * turned[:, 0] + phase)).reshape(height, width)


# --- simple_cell ---


def simple_cell__sum(images, kernel, rectify=False):
    response = (images * kernel).sum(axis=(-2, -1))
    return response.clip(min=0) if rectify else response


def simple_cell__loops(images, kernel, rectify=False):
    flat = images.reshape(-1, *kernel.shape)
    responses = np.zeros(len(flat), np.result_type(images, kernel, np.float32))
    for n, picture in enumerate(flat):
        total = 0.0
        for i, j in np.ndindex(*kernel.shape):
            total += float(picture[i, j]) * float(kernel[i, j])
        responses[n] = max(0.0, total) if rectify else total
    return responses.reshape(images.shape[:-2])[()]


def simple_cell__matrix(images, kernel, rectify=False):
    response = images.reshape(*images.shape[:-2], -1).astype(floats(images)) @ kernel.ravel()
    return response * (response > 0) if rectify else response


# --- quadrature_pair ---


def quadrature_pair__gabors(shape, frequency, angle, sigma=2.0, center=(0.0, 0.0), *, balanced=False):
    even = gabor__loops(shape, frequency, angle, 0.0, sigma, center)
    odd = gabor__loops(shape, frequency, angle, -math.pi / 2, sigma, center)
    if balanced:
        window = gabor__loops(shape, 0.0, angle, 0.0, sigma, center)
        even -= window * even.sum() / window.sum()
    return even, odd


def quadrature_pair__exponential(shape, frequency, angle, sigma=2.0, center=(0.0, 0.0), *, balanced=False):
    (height, width), (sx, sy) = pair(shape), pair(sigma)
    y, x = np.mgrid[:height, :width]
    z = (x - (width - 1) / 2 - center[0] + 1j * (y - (height - 1) / 2 - center[1])) * np.exp(-1j * angle)
    window = np.exp(-((z.real / sx) ** 2 + (z.imag / sy) ** 2) / 2)
    wave = np.exp(2j * np.pi * frequency * z.real)
    share = (window * wave.real).sum() / window.sum() if balanced else 0.0
    return window * (wave.real - share), window * wave.imag


def quadrature_pair__shifted(shape, frequency, angle, sigma=2.0, center=(0.0, 0.0), *, balanced=False):
    even, odd = (gabor__complex(shape, frequency, angle, p, sigma, center) for p in (0.0, 1.5 * np.pi))
    window = gabor__complex(shape, 0.0, angle, 0.0, sigma, center)
    return (even - (even.sum() / window.sum() if balanced else 0) * window, odd)


# --- complex_cell ---


def complex_cell__hypot(images, even, odd):
    return np.hypot(simple_cell__sum(images, even), simple_cell__sum(images, odd))


def complex_cell__loops(images, even, odd):
    a, b = simple_cell__loops(images, even), simple_cell__loops(images, odd)
    return np.sqrt(a * a + b * b)


def complex_cell__modulus(images, even, odd):
    return np.abs(np.tensordot(images, even + 1j * odd, axes=2)).astype(floats(images))[()]


# --- preferred_orientation ---


def preferred_orientation__exponential(kernel, frequency, angles):
    y, x = (np.arange(n) - (n - 1) / 2 for n in kernel.shape)
    responses = []
    for angle in angles:
        u = x * math.cos(angle) + y[:, None] * math.sin(angle)
        responses.append(abs((kernel * np.exp(2j * np.pi * frequency * u)).sum()))
    return angles[int(np.argmax(responses))]


def preferred_orientation__phases(kernel, frequency, angles):
    """Try gratings of many phases."""
    phases, best, found = np.arange(0, 2 * np.pi, np.pi / 30)[:, None, None], -1.0, None
    for angle in angles:
        y, x = (np.arange(n) - (n - 1) / 2 for n in kernel.shape)
        u = 2 * np.pi * frequency * (x * np.cos(angle) + y[:, None] * np.sin(angle))
        response = (np.cos(u + phases) * kernel).sum(axis=(1, 2)).max()
        if response > best:
            best, found = response, float(angle)
    return found


def preferred_orientation__pairs(kernel, frequency, angles):
    strengths = [
        complex_cell__hypot(kernel, *quadrature_pair__exponential(kernel.shape, frequency, a, 1e9)) for a in angles
    ]
    return float(np.asarray(angles)[np.asarray(strengths).argmax()])


# --- reverse_correlation ---


def reverse_correlation__loops(stimuli, responses):
    mean = sum(float(r) for r in responses) / len(responses)
    total = np.zeros(stimuli.shape[1:])
    for picture, response in zip(stimuli, responses):
        total += (float(response) - mean) * picture
    return (total / len(responses) / stimuli.astype(float).var()).astype(floats(stimuli))


def reverse_correlation__matrix(stimuli, responses):
    centred = (responses - responses.mean()).astype(floats(stimuli))
    flat = stimuli.reshape(len(stimuli), -1)
    return (centred @ flat / (flat.size / flat.shape[1] * flat.var())).reshape(stimuli.shape[1:])


def reverse_correlation__means(stimuli, responses):
    """Take the mean of products less the product of means."""
    weights = np.asarray(responses, dtype=float)[:, None, None]
    covariance = (weights * stimuli).mean(axis=0) - weights.mean() * stimuli.mean(axis=0, dtype=float)
    return (covariance / np.mean((stimuli - stimuli.mean(dtype=float)) ** 2)).astype(floats(stimuli))


# --- project_on_gabor ---


def project_on_gabor__lstsq(kernel, frequency, angle, sigma=2.0, center=(0.0, 0.0)):
    basis = [part.ravel() for part in quadrature_pair__exponential(kernel.shape, frequency, angle, sigma, center)]
    a, b = np.linalg.lstsq(np.transpose(basis), kernel.ravel(), rcond=None)[0]
    return math.hypot(a, b), math.atan2(-b, a)


def project_on_gabor__normal_equations(kernel, frequency, angle, sigma=2.0, center=(0.0, 0.0)):
    even, odd = quadrature_pair__gabors(kernel.shape, frequency, angle, sigma, center)
    ee, eo, oo = (even * even).sum(), (even * odd).sum(), (odd * odd).sum()
    ke, ko = (kernel * even).sum(), (kernel * odd).sum()
    det = ee * oo - eo * eo
    a, b = (ke * oo - ko * eo) / det, (ko * ee - ke * eo) / det
    return np.sqrt(a * a + b * b), np.arctan2(-b, a)


def project_on_gabor__complex(kernel, frequency, angle, sigma=2.0, center=(0.0, 0.0)):
    """Orthogonalise the odd kernel, then read the complex amplitude."""
    even, odd = quadrature_pair__exponential(kernel.shape, frequency, angle, sigma, center)
    overlap = (even * odd).sum() / (even * even).sum()
    rest = odd - overlap * even
    b = (kernel * rest).sum() / (rest * rest).sum()
    a = (kernel * even).sum() / (even * even).sum() - b * overlap
    z = complex(a, -b)
    return abs(z), float(np.angle(z))


# --- best_gabor ---


def best_gabor__loops(kernel, frequencies, angles, sigma=2.0):
    best = None
    for frequency in frequencies:
        for angle in angles:
            amplitude, phase = project_on_gabor__lstsq(kernel, frequency, angle, sigma)
            model = gabor__complex(kernel.shape, frequency, angle, phase, sigma, amplitude=amplitude)
            error = ((kernel - model) ** 2).sum()
            if best is None or error < best[0]:
                best = error, (frequency, angle, phase, amplitude)
    return best[1]


def best_gabor__minimum(kernel, frequencies, angles, sigma=2.0):
    def fit(f, a):
        amplitude, phase = project_on_gabor__normal_equations(kernel, f, a, sigma)
        model = gabor__matrix(kernel.shape, f, a, phase, sigma, amplitude=amplitude)
        return np.linalg.norm(kernel - model), f, a, phase, amplitude

    return min((fit(f, a) for f in frequencies for a in angles), key=lambda fit: fit[0])[1:]


def best_gabor__explained(kernel, frequencies, angles, sigma=2.0):
    """Keep the Gabor whose model has the most energy: what is left over is at right angles to it."""
    fits = []
    for f, a in [(f, a) for f in frequencies for a in angles]:
        amplitude, phase = project_on_gabor__complex(kernel, f, a, sigma)
        energy = (gabor__complex(kernel.shape, f, a, phase, sigma, amplitude=amplitude) ** 2).sum()
        fits.append((energy, (float(f), float(a), phase, amplitude)))
    return max(fits)[1]


# --- find_orientation ---


def _strongest(kernel):
    angles = np.radians(np.arange(180))
    x = np.arange(kernel.shape[0]) - (kernel.shape[0] - 1) / 2
    best, found = 0, 0
    for frequency in np.arange(0.12, 0.3, 0.02):
        for angle in angles:
            wave = np.exp(2j * np.pi * frequency * (x * np.cos(angle) + x[:, None] * np.sin(angle)))
            strength = abs((wave * kernel).sum())
            if strength > best:
                best, found = strength, angle
    return found


def find_orientation__tuning(stimuli, responses):
    return _strongest(reverse_correlation__matrix(stimuli, responses))


def find_orientation__fourier(stimuli, responses):
    spectrum = np.abs(np.fft.fft2(reverse_correlation__loops(stimuli, responses), (128, 128)))
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    return math.atan2(np.fft.fftfreq(128)[row], np.fft.fftfreq(128)[column])


def find_orientation__fit(stimuli, responses):
    estimate = reverse_correlation__means(stimuli, responses).astype(float)
    grid = np.arange(0.15, 0.26, 0.03), np.radians(np.arange(0, 180, 2))
    return best_gabor__loops(estimate, *grid, 2.2)[1]


# --- foveate ---


def foveate__loops(image, fixation, size=8, levels=3):
    glimpses = np.zeros((levels, size, size), floats(image))
    for level, i, j in np.ndindex(*glimpses.shape):
        block = 2**level
        top, left = (f - size * block // 2 + k * block for f, k in zip(fixation, (i, j)))
        total = 0.0
        for row in range(max(top, 0), min(top + block, image.shape[0])):
            for column in range(max(left, 0), min(left + block, image.shape[1])):
                total += float(image[row, column])
        glimpses[level, i, j] = total / block**2
    return glimpses


def foveate__padded(image, fixation, size=8, levels=3):
    margin = size * 2 ** (levels - 1)
    padded = np.pad(image, margin)
    glimpses = []
    for level in range(levels):
        block = 2**level
        top, left = (margin + f - size * block // 2 for f in fixation)
        window = padded[top : top + size * block, left : left + size * block]
        glimpses.append(window.reshape(size, block, size, block).mean((1, 3)))
    return np.array(glimpses)


def foveate__integral(image, fixation, size=8, levels=3):
    """Take each block's sum from the integral image, whose edges are held beyond the image."""
    total = np.pad(image.astype(float).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    glimpses = np.empty((levels, size, size), floats(image))
    for level in range(levels):
        block = 2**level
        at = [np.clip(f - size * block // 2 + block * np.arange(size + 1), 0, n) for f, n in zip(fixation, image.shape)]
        glimpses[level] = np.diff(np.diff(total[np.ix_(*at)], axis=0), axis=1) / block**2
    return glimpses


# --- claims ---


def claim_half_turn__minus(angle, phase):
    return True, -phase


def claim_half_turn__turns(angle, phase):
    return np.bool_(True), 2 * math.pi - phase


def claim_brightness__black():
    return False, (0.05, 0.0, 2.0, 0.5, np.zeros((9, 9)))


def claim_brightness__grating():
    return False, (0.03, 0.5, 3.0, 0.3, gabor__complex((15, 17), 0.03, 0.5, 0.4, 1e9))


def claim_band__narrow():
    return False, (0.2, 1.5, 0.26)


def claim_band__constant():
    return False, np.array([0.05, 2.0, 0.0])


def claim_trials__formula(pixels, energy, noise, error):
    return True, (pixels * (1 + noise / energy) + 1) / error


def claim_trials__rounded(pixels, energy, noise, error):
    return True, math.ceil(pixels / error + 1 / error + pixels * noise / energy / error)
