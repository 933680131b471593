"""TensorFlow's graph messages for the protobuf runtime, in a pool of their own.

TensorFlow's generated modules import all of TensorFlow, and two definitions of one message in the
default pool are refused. Only the fields that costdb reads or writes are listed; the runtime keeps
the others as they are.

Field numbers: https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/framework
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import (
    DecodeError,
    Message,
)

from costdb.plugins import BrokenArtifact

_PACKAGE = "costdb.tensorflow"

# Message -> its fields, "number name type": `*` is repeated, `{}` a map from text, `|` one of the
# alternatives of which a message holds at most one. Enums are numbers on the wire and here.
_MESSAGES = {
    "GraphDef": "1 node NodeDef*, 2 library FunctionDefLibrary, 4 versions VersionDef",
    "VersionDef": "1 producer int32, 2 min_consumer int32, 3 bad_consumers int32*",
    "NodeDef": "1 name string, 2 op string, 3 input string*, 5 attr AttrValue{}",
    "AttrValue": (
        "1 list ListValue|, 2 s bytes|, 3 i int64|, 4 f float|, 5 b bool|, 6 type int32|,"
        " 7 shape TensorShapeProto|, 8 tensor TensorProto|, 9 placeholder string|,"
        " 10 func NameAttrList|"
    ),
    "ListValue": (
        "2 s bytes*, 3 i int64*, 4 f float*, 5 b bool*, 6 type int32*, 7 shape TensorShapeProto*,"
        " 8 tensor TensorProto*, 9 func NameAttrList*"
    ),
    "NameAttrList": "1 name string, 2 attr AttrValue{}",
    "TensorShapeProto": "2 dim Dim*, 3 unknown_rank bool",
    "Dim": "1 size int64, 2 name string",
    "TensorProto": (
        "1 dtype int32, 2 tensor_shape TensorShapeProto, 4 tensor_content bytes, 5 float_val float*"
        ", 6 double_val double*, 7 int_val int32*, 8 string_val bytes*, 9 scomplex_val float*,"
        " 10 int64_val int64*, 11 bool_val bool*, 12 dcomplex_val double*, 13 half_val int32*,"
        " 16 uint32_val uint32*, 17 uint64_val uint64*, 18 float8_val bytes"
    ),
    "FunctionDefLibrary": "1 function FunctionDef*",
    "FunctionDef": "1 signature OpDef, 3 node_def NodeDef*, 4 ret string{}",
    "OpDef": "1 name string, 2 input_arg ArgDef*, 3 output_arg ArgDef*, 4 attr AttrDef*",
    "ArgDef": (
        "1 name string, 3 type int32, 4 type_attr string, 5 number_attr string,"
        " 6 type_list_attr string, 16 is_ref bool"
    ),
    "DotDimensionNumbers": (
        "1 left_contracting int64*, 2 right_contracting int64*, 3 left_batch int64*,"
        " 4 right_batch int64*"
    ),
    "AttrDef": "1 name string, 2 type string, 3 default_value AttrValue",
    "SavedModel": "1 saved_model_schema_version int64, 2 meta_graphs MetaGraphDef*",
    "MetaGraphDef": (
        "1 meta_info_def MetaInfoDef, 2 graph_def GraphDef, 3 saver_def SaverDef,"
        " 5 signature_def SignatureDef{}"
    ),
    "MetaInfoDef": "4 tags string*",
    "SaverDef": "1 filename_tensor_name string, 3 restore_op_name string",
    "SignatureDef": "1 inputs TensorInfo{}, 2 outputs TensorInfo{}",
    "TensorInfo": "1 name string|, 4 coo_sparse CooSparse|, 5 composite_tensor CompositeTensor|",
    "CooSparse": (
        "1 values_tensor_name string, 2 indices_tensor_name string,"
        " 3 dense_shape_tensor_name string"
    ),
    "CompositeTensor": "2 components TensorInfo*",
    "BundleEntryProto": (
        "1 dtype int32, 2 shape TensorShapeProto, 5 size int64, 7 slices TensorSliceProto*"
    ),
    "TensorSliceProto": "1 extent Extent*",
    "Extent": "1 start int64, 2 length int64",
}

_Field = descriptor_pb2.FieldDescriptorProto

_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "double": _Field.TYPE_DOUBLE,
    "float": _Field.TYPE_FLOAT,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "string": _Field.TYPE_STRING,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
}


def message(name: str) -> Any:
    """An empty message, such as "GraphDef"."""
    return _classes()[name]()


def parse(name: str, data: bytes) -> Any:
    """A message from its encoding.

    Raises:
        BrokenArtifact: It is none.
    """
    try:
        return _classes()[name].FromString(data)
    except DecodeError as error:
        raise BrokenArtifact(
            f"this is no {name}, or it nests too deep: protobuf cannot decode it",
            hint="copy or export the file again",
        ) from error


@cache
def _classes() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(
        name="costdb_tensorflow.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, listed in _MESSAGES.items():
        _describe(file.message_type.add(name=name), listed)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


def _describe(target: descriptor_pb2.DescriptorProto, listed: str) -> None:
    """Fill in a message's description from its line in the table."""
    for number, name, kind in _listed_fields(listed):
        entry = target.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
        if kind.endswith("*"):
            entry.label = _Field.LABEL_REPEATED
        elif kind.endswith("{}"):
            entry.label = _Field.LABEL_REPEATED
            pair = target.nested_type.add(name=f"{name.capitalize()}Entry")
            pair.options.map_entry = True
            _describe(pair, f"1 key string, 2 value {kind.removesuffix('{}')}")
            _set_type(entry, f"{target.name}.{pair.name}")
            continue
        elif kind.endswith("|"):
            if not target.oneof_decl:
                target.oneof_decl.add(name="value")
            entry.oneof_index = 0
        _set_type(entry, kind.rstrip("*|"))


def _listed_fields(listed: str) -> Iterator[tuple[int, str, str]]:
    for text in listed.split(","):
        number, name, kind = text.split()
        yield int(number), name, kind


def _set_type(entry: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
    if kind in _SCALARS:
        entry.type = _SCALARS[kind]
    else:
        entry.type = _Field.TYPE_MESSAGE
        entry.type_name = f".{_PACKAGE}.{kind}"
