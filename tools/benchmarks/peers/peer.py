"""Another runtime's side of tools/bench_peers: one network in a process of its own.

    peer.py RUNTIME NETWORK FOLDER THREADS      RUNTIME: pytorch, openvino, onnxruntime or ncnn

PyTorch also has the network training_step: a step of stage 1 without LPIPS as tools/torch takes it, in 32-bit floats.
Standard input gives the lines that peers.cpp answers too: "run N" → seconds, "output PATH" → number of values.
"""
import pathlib
import sys
import time

import numpy


def training_step():
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "torch"))
    from twin.data import BatchSource, Photographs
    from twin.networks import HYPER_CHANNELS, Model
    from twin.rates import LogisticMixture
    from twin.recipe import Augmentation, Recipe
    from twin.runtime import Runtime
    from twin.stages import RateDistortion

    recipe = Recipe(batch=8, augmentation=Augmentation(crop_px=128), odd_size_probability=0.0, lpips_weight=0.0)
    runtime = Runtime.start("cpu", "fp32")
    random = numpy.random.default_rng(1)
    pictures = [random.integers(0, 256, (512, 512, 3), numpy.uint8) for _ in range(2)]
    model = Model(recipe.lowest_gain_log2, recipe.gain_octaves)
    stage = RateDistortion(recipe, model, LogisticMixture(HYPER_CHANNELS), None, None, runtime)
    source, steps = BatchSource(Photographs(pictures, runtime.device), recipe), iter(range(10**9))

    def run():
        step = next(steps)
        measured = stage.step(source.draw(step, recipe.lambda_ramp.at(step)), step, recipe.learning_rate.at(step, 0))
        stage.trained[0].update_average(recipe.average_decay)
        return measured["loss"]

    return run, lambda loss: loss.numpy()


def pytorch(name, folder, threads):
    import torch

    torch.set_num_threads(threads)
    if name == "training_step":
        return training_step()
    import networks

    torch.set_grad_enabled(False)
    network, x = networks.load(name, folder)
    network = network.to(memory_format=torch.channels_last)
    x = x.contiguous(memory_format=torch.channels_last)
    return lambda: network(x), lambda y: y.numpy()


def read_input(name, folder):
    from safetensors.numpy import load_file

    return load_file(folder / f"{name}.safetensors")["input"]


def onnxruntime(name, folder, threads):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
    x = read_input(name, folder)
    return lambda: session.run(None, {"x": x})[0], lambda y: y


def openvino(name, folder, threads):
    import openvino as ov

    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    request = ov.Core().compile_model(folder / f"{name}.onnx", "CPU", settings).create_infer_request()
    request.set_input_tensor(ov.Tensor(read_input(name, folder)))
    return request.infer, lambda result: next(iter(result.values()))


def ncnn(name, folder, threads):
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    net.load_param(str(folder / f"{name}.ncnn.param"))
    net.load_model(str(folder / f"{name}.ncnn.bin"))
    pixels = numpy.ascontiguousarray(read_input(name, folder)[0])  # an ncnn.Mat of an array does not keep it alive
    x = ncnn.Mat(pixels).clone()

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", x)
        status, y = extractor.extract("out0")
        assert status == 0
        return y

    return run, numpy.array


def main():
    runtime, name, folder, threads = sys.argv[1:5]
    run, to_numpy = globals()[runtime](name, pathlib.Path(folder), int(threads))
    run()
    print("ready", flush=True)
    for line in sys.stdin:
        command, argument = line.split(maxsplit=1)
        if command == "run":
            start = time.perf_counter()
            for _ in range(int(argument)):
                run()
            print(time.perf_counter() - start, flush=True)
        else:
            values = numpy.ascontiguousarray(to_numpy(run()), numpy.float32)
            values.tofile(argument.strip())
            print(values.size, flush=True)


if __name__ == "__main__":
    main()
