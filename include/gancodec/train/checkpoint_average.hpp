#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "gancodec/core/error.hpp"
#include "gancodec/weights/safetensors.hpp"
#include "gancodec/weights/safetensors_writer.hpp"

namespace gancodec {

/// The mean of the averaged weights of several checkpoints, of one run or of several that began alike: tensors
/// "average." + name, with the metadata of the first.
/// Requires at least one file. Errors  Error{wrong_weights} for a tensor that one of them lacks or has in another shape.
/// Paper    Izmailov, Podoprikhin, Garipov, Vetrov, Wilson: Averaging Weights Leads to Wider Optima, 2018; of several runs
///          Wortsman et al.: Model Soups, 2022.
[[nodiscard]] inline SafetensorsFile average_checkpoints(std::span<const SafetensorsFile> files) {
    SafetensorsWriter writer;
    for (const auto& [key, value] : files.front().metadata()) writer.metadata(key, value);
    std::vector<TensorRequest> requests;
    for (const auto& [name, tensor] : files.front().tensors())
        if (name.starts_with("average.")) requests.push_back({name, {tensor.shape.begin(), tensor.shape.end()}});
    for (const SafetensorsFile& file : files) require_tensors(file, requests, ExtraTensors::allow);
    for (const TensorRequest& request : requests) {
        std::vector<double> sum(files.front().read_float(request.name).size());
        for (const SafetensorsFile& file : files) {
            const std::vector<float> values = file.read_float(request.name);
            for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(values[i]);
        }
        std::vector<float> mean;
        for (const double s : sum) mean.push_back(static_cast<float>(s / static_cast<double>(files.size())));
        writer.add_float(request.name, request.shape, mean);
    }
    return SafetensorsFile::parse(writer.bytes(), files.front().where());
}

}  // namespace gancodec
