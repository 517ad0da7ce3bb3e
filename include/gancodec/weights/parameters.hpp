#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "gancodec/nn/layer.hpp"
#include "gancodec/weights/safetensors.hpp"
#include "gancodec/weights/safetensors_writer.hpp"

namespace gancodec {

/// Adds the name and the shape of every parameter of `layer` to a list for require_tensors().
template <class L>
void append_requests(L& layer, const std::string& prefix, std::vector<TensorRequest>& requests) {
    layer.each_parameter(
        prefix, [&](const std::string& name, const auto& parameter) { requests.push_back({name, parameter.shape}); });
}

/// Reads every parameter of `layer`; call its prepare() afterwards. Requires require_tensors() passed for them.
template <class L>
void read_parameters(const SafetensorsFile& file, L& layer, const std::string& prefix) {
    layer.each_parameter(prefix, [&](const std::string& name, auto& parameter) {
        const std::vector<float> values = file.read_float(name);
        std::transform(values.begin(), values.end(), parameter.value.begin(),
                       [](float x) { return static_cast<typename L::Scalar>(x); });
    });
}

/// Adds every parameter of `layer` to a file.
template <class L>
void write_parameters(SafetensorsWriter& writer, L& layer, const std::string& prefix, Dtype dtype = Dtype::f32) {
    layer.each_parameter(prefix, [&](const std::string& name, const auto& parameter) {
        std::vector<float> values(parameter.value.size());
        std::transform(parameter.value.begin(), parameter.value.end(), values.begin(),
                       [](auto x) { return static_cast<float>(x); });
        writer.add_float(name, parameter.shape, values, dtype);
    });
}

}  // namespace gancodec
