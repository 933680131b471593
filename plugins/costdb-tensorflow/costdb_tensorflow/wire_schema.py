"""Where bulk may lie in a GraphDef: what `costdb.protowire` has to know to leave it out.

Field numbers: https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/framework,
graph.proto, node_def.proto, attr_value.proto, tensor.proto, function.proto.
"""

from costdb.protowire import MessageType

# tensor_content and the repeated values of every dtype, with their strings and variants.
_TENSOR = MessageType("TensorProto", bulk=frozenset(range(4, 19)))
_LIST = MessageType("AttrValue.ListValue", {8: _TENSOR})
_ATTRIBUTE = MessageType("AttrValue", {1: _LIST, 8: _TENSOR})
_ATTRIBUTE_ENTRY = MessageType("NodeDef.AttrEntry", {2: _ATTRIBUTE})
_NODE = MessageType("NodeDef", {5: _ATTRIBUTE_ENTRY})
_FUNCTION = MessageType("FunctionDef", {3: _NODE})
_LIBRARY = MessageType("FunctionDefLibrary", {1: _FUNCTION})

GRAPH_DEF = MessageType("GraphDef", {1: _NODE, 2: _LIBRARY})
