"""From the skeleton of an ONNX file to the layer IR, stage by stage.

- `parsing` reads a file into a ModelProto without bulk;
- `expansion` turns that into a `Region`: local functions inlined, every name unique, constants
  set apart from nodes;
- `graph_inputs` settles the inputs' sizes;
- `reading` walks the region once, in topological order: `inference` says what is known of each
  node's outputs (a `Fact`), once for all nodes of one of the `kinds`; `control_flow` says what
  runs inside a node, and `lowering` makes it a layer.

The modules of this package import onnx; only `OnnxLoader.load` imports them.
"""

from costdb_onnx.light_onnx import load_parts

load_parts()
