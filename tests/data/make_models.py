#!/usr/bin/env python3
"""Writes the tiny networks that the unit tests of infer run: python3 make_models.py FOLDER.

affine.onnx         y = 2 x + 1 and mean = the mean over each 2x2 picture; x is [batch,1,2,2].
misdeclared.onnx    y = x, declared [1,3] although the batch is free (as w600k_mbf is exported).
integers.onnx       y = x on int64: not a network Facet runs.
"""

import pathlib
import sys

import onnx
from onnx import TensorProto, helper


def save(folder, name, graph):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    model.producer_name = "facet"
    onnx.save(model, folder / name)


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def main():
    folder = pathlib.Path(sys.argv[1])
    constants = [
        helper.make_tensor("two", TensorProto.FLOAT, [1], [2.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
    ]
    save(folder, "affine.onnx", helper.make_graph(
        [
            helper.make_node("Mul", ["x", "two"], ["doubled"]),
            helper.make_node("Add", ["doubled", "one"], ["y"]),
            helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2, 3], keepdims=0),
        ],
        "affine", [value("x", ["batch", 1, 2, 2])],
        [value("y", ["batch", 1, 2, 2]), value("mean", ["batch", 1])], constants))
    save(folder, "misdeclared.onnx", helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "misdeclared", [value("x", ["batch", 3])], [value("y", [1, 3])]))
    save(folder, "integers.onnx", helper.make_graph(
        [helper.make_node("Abs", ["x"], ["y"])],
        "integers", [value("x", [1], TensorProto.INT64)], [value("y", [1], TensorProto.INT64)]))


main()
