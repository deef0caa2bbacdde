#!/usr/bin/env python3
"""Writes the pack "large", to measure with: it costs what buffalo_l costs and answers what the stand-in pack answers.
bench/large_pack.py OUT_FOLDER STANDIN_FOLDER

Each of its models is the one of STANDIN_FOLDER and, beside it on the same input, a network with the architecture and the size
of buffalo_l's, whose weights are made up; 0 x the mean of what that gives is added to the answers. So the faces and vectors are
real, and the price is that of det_10g (SCRFD-10GF) and w600k_r50 (IResNet-50), whose own weights are not needed; the small
networks come on top: by multiply-adds a quarter of the one, less than a tenth of the other.

The architectures are as https://github.com/deepinsight/insightface describes them: recognition/arcface_torch,
backbones/iresnet.py; detection/scrfd, configs/scrfd/scrfd_10g_bnkps.py and README.md, with arXiv:2105.04714; what that
configuration leaves open is as in the exported det_2.5g.onnx, whose every convolution the same code must give. As in exported
models, a batch normalisation that follows a convolution is part of it.
"""

import hashlib
import pathlib
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

SCRFD_10G = dict(blocks=(3, 4, 2, 3), planes=(56, 88, 88, 224), base=56, neck=56, head=80, stacked=3)
SCRFD_2_5G = dict(blocks=(3, 5, 3, 2), planes=(24, 48, 48, 80), base=24, neck=24, head=64, stacked=2)


class Net:
    """A network in the making. A tensor of it is (name, channels, pixels of the input along one of its own)."""

    def __init__(self):
        self.nodes = []
        self.weights = []
        self.convolutions = []  # of each the shape and the stride
        self.parameters = 0
        self.macs_per_pixel = 0
        self.random = np.random.default_rng(1)

    def constant(self, values):
        name = f"large_c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def weight(self, values):
        self.parameters += values.size
        return self.constant(values.astype(np.float32))

    def made_up(self, shape, gain):
        """As He et al. initialise: the output is about as large as the input."""
        return self.weight(self.random.standard_normal(shape, np.float32) * gain * np.sqrt(2 / np.prod(shape[1:])))

    def node(self, kind, *inputs, **attributes):
        output = f"large_n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def conv(self, x, channels, side=3, stride=1, gain=1.0):
        name, before, step = x
        shape, step = (channels, before, side, side), step * stride
        self.convolutions.append((shape, stride))
        self.macs_per_pixel += np.prod(shape) / step**2
        weights = self.made_up(shape, gain), self.weight(np.zeros(channels))
        return self.node("Conv", name, *weights, strides=[stride] * 2, pads=[side // 2] * 4), channels, step

    def dense(self, x, inputs, outputs, step):
        self.macs_per_pixel += inputs * outputs / step**2
        return self.node("Gemm", x, self.made_up((outputs, inputs), 1.0), self.weight(np.zeros(outputs)), transB=1)

    def norm(self, x, channels):
        return self.node("BatchNormalization", x, *(self.weight(np.full(channels, value)) for value in (1, 0, 0, 1)))

    def prelu(self, x):
        return self.node("PRelu", x[0], self.weight(np.full((x[1], 1, 1), 0.25))), *x[1:]

    def relu(self, x):
        return self.node("Relu", x[0]), *x[1:]

    def half(self, x, kind):
        return self.node(kind, x[0], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), x[1], x[2] * 2

    def twice(self, x):
        scales = self.constant(np.float32([])), self.constant(np.float32([1, 1, 2, 2]))
        return self.node("Resize", x[0], *scales, mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"), x[1], x[2] / 2

    def sum(self, a, b):
        assert a[1:] == b[1:]
        return self.node("Add", a[0], b[0]), *a[1:]

    def rows(self, x, width):
        return self.node("Reshape", self.node("Transpose", x[0], perm=[2, 3, 0, 1]), self.constant(np.int64([-1, width])))


def scrfd(net, image, blocks, planes, base, neck, head, stacked):
    """ResNetV1e, PAFPN from the last three stages and a head for each; scores, boxes and key points, each of three strides."""
    x = image, 3, 1
    for channels, stride in ((base // 2, 2), (base // 2, 1), (base, 1)):
        x = net.relu(net.conv(x, channels, stride=stride))
    x = net.half(x, "MaxPool")
    stages = []
    for stage, (count, channels) in enumerate(zip(blocks, planes)):
        for block in range(count):
            stride = 2 if stage and not block else 1
            y = net.conv(net.relu(net.conv(x, channels, stride=stride)), channels, gain=0.5)
            if stride == 2:
                x = net.conv(net.half(x, "AveragePool"), channels, side=1)
            x = net.relu(net.sum(y, x))
        stages.append(x)
    fine, middle, coarse = (net.conv(x, neck, side=1) for x in stages[1:])
    middle = net.sum(middle, net.twice(coarse))
    fine = net.sum(fine, net.twice(middle))
    fine, middle, coarse = (net.conv(x, neck) for x in (fine, middle, coarse))
    middle = net.sum(middle, net.conv(fine, neck, stride=2))
    coarse = net.sum(coarse, net.conv(middle, neck, stride=2))
    scores, boxes, points = [], [], []
    for x in (fine, net.conv(middle, neck), net.conv(coarse, neck)):
        for _ in range(stacked):
            x = net.relu(net.conv(x, head))
        scores.append(net.node("Sigmoid", net.rows(net.conv(x, 2), 1)))
        scaled = net.node("Mul", net.conv(x, 8)[0], net.weight(np.ones(())))
        boxes.append(net.rows((scaled,), 4))
        points.append(net.rows(net.conv(x, 20), 10))
    return scores + boxes + points


def iresnet50(net, image):
    x = net.prelu(net.conv((image, 3, 1), 64))
    for count, channels in zip((3, 4, 14, 3), (64, 128, 256, 512)):
        for block in range(count):
            stride = 1 if block else 2
            y = net.prelu(net.conv((net.norm(x[0], x[1]), *x[1:]), channels))
            y = net.conv(y, channels, stride=stride, gain=0.5)
            x = net.sum(y, x if block else net.conv(x, channels, side=1, stride=stride))
    flat = net.node("Flatten", net.norm(x[0], 512))
    return [net.norm(net.dense(flat, 512 * 7 * 7, 512, 112), 512)]


def beside(model, net, answers):
    """Adds the network to the model, 0 x the mean of each of its answers to the model's answer of the same place."""
    graph = model.graph
    assert len(answers) == len(graph.output)
    zero = net.constant(np.float32(0))
    for output, answer in zip(graph.output, answers):
        for node in graph.node:
            for names in (node.input, node.output):
                names[:] = [f"small_{name}" if name == output.name else name for name in names]
        nothing = net.node("Mul", net.node("ReduceMean", answer, keepdims=0), zero)
        net.nodes.append(helper.make_node("Add", [f"small_{output.name}", nothing], [output.name]))
    graph.node.extend(net.nodes)
    graph.initializer.extend(net.weights)
    onnx.checker.check_model(model)


def detector(model):
    image = model.graph.input[0].name
    shapes = {weight.name: tuple(weight.dims) for weight in model.graph.initializer}
    exported = [(shapes[node.input[1]], next(attribute.ints[0] for attribute in node.attribute if attribute.name == "strides"))
                for node in model.graph.node if node.op_type == "Conv"]
    small, net = Net(), Net()
    scrfd(small, image, **SCRFD_2_5G)
    if sorted(small.convolutions) != sorted(exported):
        sys.exit("large_pack.py: the convolutions of the same architecture at 2.5 G are not those of the small detector")
    beside(model, net, scrfd(net, image, **SCRFD_10G))
    report("SCRFD-10GF at 640x480", net, 640 * 480, "9.98 G, 4.23 M")


def embedder(model):
    net = Net()
    beside(model, net, iresnet50(net, model.graph.input[0].name))
    report("IResNet-50 at 112x112", net, 112 * 112, "6.3 G, 43.6 M")


def report(name, net, pixels, published):
    print(f"{name}: {net.macs_per_pixel * pixels / 1e9:.2f} G multiply-adds, {net.parameters / 1e6:.2f} M parameters "
          f"(published: {published})")


def main():
    out, standin = (pathlib.Path(argument) for argument in sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    lines = ["# Made by bench/large_pack.py."]
    ours = {"name": '"large"',
            "description": '"For measuring cost only: the stand-in pack beside made-up networks of the size of buffalo_l"',
            "accuracy": '"That of the stand-in pack: the made-up networks cost time and change nothing."'}
    role = None
    for line in (standin / "pack.toml").read_text().splitlines():
        key, _, value = line.partition(" = ")
        if key == "role":
            role = value.strip('"')
        elif key == "file":
            model = onnx.load(standin / value.strip('"'))
            {"detector": detector, "embedder": embedder}[role](model)
            data = model.SerializeToString()
            (out / f"{role}.onnx").write_bytes(data)
            ours |= {"file": f'"{role}.onnx"', "sha256": f'"{hashlib.sha256(data).hexdigest()}"', "bytes": len(data)}
        if not line.startswith("#") or role:
            lines.append(f"{key} = {ours[key]}" if key in ours else line)
    (out / "pack.toml").write_text("\n".join(lines) + "\n")


main()
