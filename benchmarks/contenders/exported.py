"""What runs an exported model: ONNX Runtime and OpenVINO. They do not train."""

import os
from unittest.mock import patch

from ..machine import cores

# What runtimes of the last years can read.
OPSET, IR_VERSION = 17, 8


def onnx_model(workload):
    """The workload's network for its number of rows, from `x` (rows, n_0) to `y` (rows, n_L)."""
    from onnx import TensorProto, helper, numpy_helper

    hidden = {"relu": "Relu", "tanh": "Tanh"}[workload.hidden]
    output = {"identity": "Identity", "sigmoid": "Sigmoid", "softmax": "Softmax"}[workload.output]
    nodes, arrays, last = [], [], len(workload.initial) - 1
    for place, (weight, bias) in enumerate(workload.initial):
        w, b, a, z = (f"{letter}{place}" for letter in "wbaz")
        arrays += [numpy_helper.from_array(weight, w), numpy_helper.from_array(bias, b)]
        nodes.append(helper.make_node("Gemm", [a if place else "x", w, b], [z]))
        after = "y" if place == last else f"a{place + 1}"
        nodes.append(helper.make_node(output if place == last else hidden, [z], [after]))
    kind = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}[workload.dtype]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", kind, workload.X.shape)],
        [helper.make_tensor_value_info("y", kind, (workload.rows, workload.layer_sizes[-1]))],
        arrays,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    ).SerializeToString()


def predict_onnxruntime(workload):
    """A session with as many threads as there are cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_model(workload), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x": workload.X})[0]


def predict_openvino(workload):
    """A model compiled for latency, and a request that is used again.

    Its precision is that of the workload: where it is left to choose, it takes bfloat16.
    """
    # Elsewhere the import would start a process that tells its makers of it.
    with patch.dict(os.environ, CI="true"):
        import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": cores(),
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "float64": "f64"}[workload.dtype],
    }
    compiled = core.compile_model(core.read_model(onnx_model(workload)), "CPU", settings)
    request = compiled.create_infer_request()

    def run():
        request.infer([workload.X], share_inputs=True, share_outputs=True)
        return request.get_output_tensor().data

    return run
