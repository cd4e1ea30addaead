"""Compiles kmq's kernels at build time; see docs/compiled-kernels.md. No part of the wheel."""
