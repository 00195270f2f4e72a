"""What the chapter on the visual cortex computes: the picture that is left of a glimpse."""

import numpy as np


def paste(glimpse, shape, fixation):
    """Rebuild a picture from the levels of a glimpse: each pixel from the sharpest level that covers it.

    Parameters
    ----------
    glimpse : (levels, size, size) array
        Samples around the fixation; those of level l stand for blocks of 2**l by 2**l pixels.
    shape : (rows, columns)
    fixation : (row, column)

    Returns
    -------
    picture : (rows, columns) array
        NaN where no level covers a pixel.
    """
    levels, size, _ = glimpse.shape
    picture = np.full(shape, np.nan)
    for level in reversed(range(levels)):
        block = 2**level
        full = np.kron(glimpse[level], np.ones((block, block)))
        top, left = fixation[0] - size * block // 2, fixation[1] - size * block // 2
        rows = slice(max(top, 0), min(top + len(full), shape[0]))
        columns = slice(max(left, 0), min(left + len(full), shape[1]))
        picture[rows, columns] = full[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return picture
