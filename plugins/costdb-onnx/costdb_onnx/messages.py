"""Where the bulk lies in an ONNX file, for `costdb.protowire.skeleton`.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Lists of
numbers in an AttributeProto are no bulk: how many there are is a shape where a Constant has them.
"""

from costdb.protowire import MessageType

_TEXT_ENTRY = MessageType("StringStringEntryProto", bulk=frozenset({2}))  # value

_TENSOR = MessageType(
    "TensorProto",
    children={16: _TEXT_ENTRY},  # metadata_props
    # float, int32, string, int64, raw, double and uint64 data; doc_string.
    bulk=frozenset({4, 5, 6, 7, 9, 10, 11, 12}),
)

_SPARSE_TENSOR = MessageType("SparseTensorProto", children={1: _TENSOR, 2: _TENSOR})

_VALUE_INFO = MessageType("ValueInfoProto", children={4: _TEXT_ENTRY}, bulk=frozenset({3}))

# Graphs lie in attributes of nodes of graphs.
_graph_fields: dict[int, MessageType] = {}
_GRAPH = MessageType("GraphProto", children=_graph_fields, bulk=frozenset({10}))  # doc_string

_ATTRIBUTE = MessageType(
    "AttributeProto",
    # t, g, tensors, graphs, sparse_tensor, sparse_tensors
    children={5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE_TENSOR}
    | {23: _SPARSE_TENSOR},
    bulk=frozenset({4, 13}),  # s, which may be a compiled program, and doc_string
)

_NODE = MessageType(
    "NodeProto",
    children={5: _ATTRIBUTE, 9: _TEXT_ENTRY},
    bulk=frozenset({6}),  # doc_string
)

_graph_fields |= {
    1: _NODE,
    5: _TENSOR,  # initializer
    11: _VALUE_INFO,  # input
    12: _VALUE_INFO,  # output
    13: _VALUE_INFO,  # value_info
    15: _SPARSE_TENSOR,  # sparse_initializer
    16: _TEXT_ENTRY,  # metadata_props
}

_FUNCTION = MessageType(
    "FunctionProto",
    # node, attribute_proto, value_info, metadata_props
    children={7: _NODE, 11: _ATTRIBUTE, 12: _VALUE_INFO, 14: _TEXT_ENTRY},
    bulk=frozenset({8}),  # doc_string
)

MODEL = MessageType(
    "ModelProto",
    children={7: _GRAPH, 14: _TEXT_ENTRY, 25: _FUNCTION},
    # doc_string, and training_info, whose graphs are run only to train.
    bulk=frozenset({6, 20}),
)
