"""Small computed images: always the same, on every machine."""

import numpy as np


def noise(height, width, seed, levels=256):
    """Return pixels from a linear congruential generator (Numerical Recipes' constants)."""
    state = seed
    values = np.empty(height * width * 3, np.uint8)
    for i in range(len(values)):
        state = (1664525 * state + 1013904223) % 2**32
        values[i] = (state >> 24) * levels // 256 * (256 // levels)
    return values.reshape(height, width, 3)


def translucent(height, width, seed, levels=256):
    """Return RGBA pixels from `noise`: a third clear, with hidden colours, a third opaque."""
    rgb = noise(height, width, seed, levels)
    alpha = np.roll(rgb[..., 0].astype(np.int64) * 3, 1, axis=1).clip(256, 511) - 256
    return np.dstack([rgb, alpha.astype(np.uint8)])


def of_channels(channels, height, width, seed, levels=256):
    """Return `noise`, or `translucent` noise for four channels."""
    return (noise if channels == 3 else translucent)(height, width, seed, levels)


def _picture(red, green, blue):
    planes = np.broadcast_arrays(red, green, blue)
    return np.ascontiguousarray(np.stack(planes, axis=2) % 256, dtype=np.uint8)


def six():
    """Return six different images by name: smooth, busy, few hues, grey, skewed, speckled."""
    y, x = np.mgrid[0:32, 0:48]
    ripple = (x * x + y * y) // 23
    return {
        "gradient": _picture(x * 5, y * 8, (x + y) * 3),
        "ripples": _picture(ripple, 255 - ripple % 200, x * y // 12),
        "two hues": _picture(40 + x * 2, 30 + x + y // 2, 200 - 3 * x),
        "grey": _picture(x * 4 + y, x * 4 + y, x * 4 + y),
        "dark with sparks": _picture(
            x // 4 + 200 * (x * y % 97 == 0), y // 5, x // 3 + 150 * ((x + 3 * y) % 89 == 0)
        ),
        "speckled": _picture(x * 5, y * 8, 128) // 2 + noise(32, 48, seed=5) // 2,
    }
