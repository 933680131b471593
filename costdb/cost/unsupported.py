"""Operators that have no counting rule on purpose, each with the reason.

A layer of one of them is `unknown` and named, as that of an operator that nobody has heard of;
here stands that it is not forgotten.
"""

from collections.abc import Mapping
from types import MappingProxyType

_TEXT = "it works on text, whose length no shape tells"
_TREES = "the samples decide which nodes of the trees are visited"
_VECTORS = "its support vectors are an attribute, of which the graph keeps none"
_OPTIMIZED = "it is the gradient of another graph, which an exporter has to write out"

# Domain and operator -> why it is not counted.
UNSUPPORTED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("", "ImageDecoder"): "the encoded image decides how much there is to decode",
        ("", "RegexFullMatch"): _TEXT,
        ("", "StringConcat"): _TEXT,
        ("", "StringNormalizer"): _TEXT,
        ("", "StringSplit"): _TEXT,
        ("", "TfIdfVectorizer"): "the n-grams that it looks for are an attribute, too long to keep",
        ("ai.onnx.ml", "SVMClassifier"): _VECTORS,
        ("ai.onnx.ml", "SVMRegressor"): _VECTORS,
        ("ai.onnx.ml", "TreeEnsemble"): _TREES,
        ("ai.onnx.ml", "TreeEnsembleClassifier"): _TREES,
        ("ai.onnx.ml", "TreeEnsembleRegressor"): _TREES,
        ("ai.onnx.preview.training", "Gradient"): _OPTIMIZED,
    }
)
