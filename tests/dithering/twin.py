"""Dithering as a textbook has it: every distance is computed, one pixel after the other."""

from __future__ import annotations

import numpy as np

from kmq import alpha

BAND_ROWS, LEAD_ROWS = 128, 8
LUMA = np.array([54, 183, 19])


def light_of(samples):
    v = np.asarray(samples) / 255
    curve = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    return np.floor(65535 * curve + 0.5).astype(int)


LINEAR = light_of(np.arange(256))
BETWEEN = light_of(np.arange(255) + 0.5)


def samples_of(light):
    """The samples nearest to light, which is known to 4 in 65,536."""
    return np.searchsorted(BETWEEN, light // 4 * 4 + 2, side="right")


def squares(point, points):
    return ((points - point) ** 2).sum(axis=-1)


class Opaque:
    """Errors in linear light, distances between samples."""

    def __init__(self, palette):
        self.matched = palette[:, :3].astype(int)
        self.values = LINEAR[self.matched]
        self.allowed = np.flatnonzero(palette[:, 3] == 255)
        self.darkness = self.values @ LUMA

    def value(self, pixel):
        return LINEAR[pixel[:3].astype(int)]

    def point(self, pixel):
        return pixel[:3].astype(int)

    def clamped(self, target):
        return np.clip(target, 0, 65535)

    def nearest(self, target, pixel):
        return self.allowed[np.argmin(squares(samples_of(target), self.matched[self.allowed]))]


class Translucent:
    """Errors and distances in the four coordinates of colours with alpha."""

    def __init__(self, palette):
        self.matched = self.values = alpha.coordinates(palette)
        self.everything = np.arange(len(palette))
        opaque = np.flatnonzero(palette[:, 3] == 255)
        self.opaque = opaque if len(opaque) else self.everything
        self.darkness = self.values[:, :3] @ LUMA

    def value(self, pixel):
        return alpha.coordinates(pixel[None])[0]

    point = value

    def clamped(self, target):
        t = np.clip(target[3], 0, 255 * 255)
        return np.append(np.clip(target[:3], -t, t), t)

    def nearest(self, target, pixel):
        allowed = self.opaque if pixel[3] == 255 else self.everything
        return allowed[np.argmin(squares(target, self.matched[allowed]))]


def space_of(pixels, palette):
    rgba = alpha.with_alpha(palette)
    is_opaque = pixels.shape[2] == 3 and (rgba[:, 3] == 255).any()
    return Opaque(rgba) if is_opaque else Translucent(rgba)


def diffuse(pixels, palette, strength):
    space, pixels = space_of(pixels, palette), alpha.with_alpha(pixels)
    height, width = pixels.shape[:2]
    indices = np.zeros((height, width), int)
    for start in range(0, height, BAND_ROWS):
        rows = range(max(start - LEAD_ROWS, 0), min(start + BAND_ROWS, height))
        errors = np.zeros((height + 1, width + 2, len(space.values[0])), int)
        for y in rows:
            step = 1 if y % 2 == 0 else -1
            for x in range(width)[::step]:
                pixel = pixels[y, x]
                # Without dithering:
                entry = space.nearest(space.clamped(space.value(pixel)), pixel)
                others = squares(space.matched[entry], space.matched)
                gap = min(others[others > 0], default=np.inf)
                apart = squares(space.matched[entry], space.point(pixel))
                if pixel[3] > 0 and 64 * apart > gap:
                    target = space.clamped(space.value(pixel) + errors[y, x + 1])
                    entry = space.nearest(target, pixel)
                    error = (target - space.values[entry]) * strength // 256
                    parts = [7 * error // 16, 3 * error // 16, 5 * error // 16]
                    errors[y, x + 1 + step] += parts[0]
                    errors[y + 1, x + 1 - step] += parts[1]
                    errors[y + 1, x + 1] += parts[2]
                    errors[y + 1, x + 1 + step] += error - sum(parts)
                if y >= start:
                    indices[y, x] = entry
    return indices


def in_patterns(pixels, palette, strength):
    space, pixels = space_of(pixels, palette), alpha.with_alpha(pixels)
    indices = np.zeros(pixels.shape[:2], int)
    for y, x in np.ndindex(*indices.shape):
        pixel, error, chosen = pixels[y, x], 0, []
        if pixel[3] == 0:
            indices[y, x] = space.nearest(space.value(pixel), pixel)
            continue
        for _ in range(4):
            target = space.clamped(space.value(pixel) + error * strength // 256)
            chosen.append(space.nearest(target, pixel))
            error = target - space.values[chosen[-1]]
        chosen.sort(key=lambda entry: (space.darkness[entry], entry))
        indices[y, x] = chosen[[[0, 2], [3, 1]][y % 2][x % 2]]
    return indices
