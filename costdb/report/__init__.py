"""Renderers: one for each output. They return or write text and decide nothing."""
