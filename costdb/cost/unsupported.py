"""Operators that have no counting rule on purpose, each with the reason.

A layer of one of them is `unknown` and named, as that of an operator that nobody has heard of; its
note is the reason that stands here.
"""

from collections.abc import Mapping
from types import MappingProxyType

_TEXT = "it works on text, whose length no shape tells"
_TREES = "the samples decide which nodes of the trees are visited"
_VECTORS = "its support vectors are an attribute, of which the graph keeps none"
_OPTIMIZED = "it is the gradient of another graph, which an exporter has to write out"
_GENERATES = "it generates until data say stop; its graphs are counted once"
_COMPILED = "it holds a model that another compiler has made, which cannot be read"
_GLOBAL = "data decide which tokens attend to all others"
_REPEATS = "it searches for repeated tokens, as many as data hold"
_HASHES = "it mixes the bits of keys into hashes, which are no arithmetic"
_INTERNAL = "it is a step inside ONNX Runtime's own kernels, which no exporter writes"
_BLOCKS = "its block format is known to its runtime alone"

_ONNX = {
    "ImageDecoder": "the encoded image decides how much there is to decode",
    "RegexFullMatch": _TEXT,
    "StringConcat": _TEXT,
    "StringNormalizer": _TEXT,
    "StringSplit": _TEXT,
    "TfIdfVectorizer": "the n-grams that it looks for are an attribute, too long to keep",
}

_MACHINE_LEARNING = {
    "SVMClassifier": _VECTORS,
    "SVMRegressor": _VECTORS,
    "TreeEnsemble": _TREES,
    "TreeEnsembleClassifier": _TREES,
    "TreeEnsembleRegressor": _TREES,
}

_RUNTIME = {
    "AttnLSTM": "its steps attend to a memory whose length data decide",
    "LongformerAttention": _GLOBAL,
    "QOrderedLongformerAttention": _GLOBAL,
    "SparseToDenseMatMul": "data decide how many elements of the sparse matrix are not zero",
    "Tokenizer": _TEXT,
    "WordConvEmbedding": "data decide how many letters a word has",
    **dict.fromkeys(("BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"), _GENERATES),
    **dict.fromkeys(("BifurcationDetector", "NGramRepeatBlock"), _REPEATS),
    **dict.fromkeys(("DequantizeBFP", "QuantizeBFP"), _BLOCKS),
    **dict.fromkeys(("EPContext", "Snpe"), _COMPILED),
    **dict.fromkeys(("MurmurHash3", "NGramHashMapping", "VarlenNGramHashMapping"), _HASHES),
    **dict.fromkeys(
        (
            *("BranchwiseRMSNorm", "ConvStateReplay", "DynamicSparseAttention", "EngramGate"),
            *("GatedDeltaNet", "GatedDeltaNetStateReplay", "GatherPacked", "Mamba2Verify"),
            *("HyperConnectionLowRankMix", "HyperConnectionPostMix", "HyperConnectionPreMix"),
            *("MatMulPacked", "MoEGroupRouter", "MoEPacked", "RMSNormRotary", "RouterGateUpProj"),
            *("PackedSparseAttentionIndexer", "PackedSparseAttentionIndexerMerge"),
            *("SparseAttentionIndexer", "SparsePagedAttention", "SpeculativePrefixCommit"),
        ),
        _INTERNAL,
    ),
}

# Domain and operator -> why it is not counted.
UNSUPPORTED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (domain, op): reason
        for domain, reasons in {
            "": _ONNX,
            "ai.onnx.ml": _MACHINE_LEARNING,
            "ai.onnx.preview.training": {"Gradient": _OPTIMIZED},
            "com.microsoft": _RUNTIME,
        }.items()
        for op, reason in reasons.items()
    }
)
