#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gancodec/core/half.hpp"
#include "gancodec/nn/layer.hpp"
#include "gancodec/weights/safetensors.hpp"
#include "gancodec/weights/safetensors_writer.hpp"

namespace gancodec {

/// How a file holds trained floats. f16 and bf16: two bytes each. int8: the weights of convolutions as one byte each, with
/// a step per output channel in a tensor of its own, name + "_step"; what is not a convolution's weight stays f16.
enum class WeightFormat { f16, bf16, int8 };

namespace detail {

inline bool is_stored_in_steps(const Parameter<float>& p, WeightFormat format) {
    return format == WeightFormat::int8 && p.shape.size() == 4 && p.shape[0] > 0;
}
inline Dtype float_dtype(WeightFormat format) { return format == WeightFormat::bf16 ? Dtype::bf16 : Dtype::f16; }
inline std::string step_name(const std::string& name) { return name + "_step"; }

/// The largest magnitude of an output channel becomes 127 steps. A step has 16 significant bits, so that its multiples are
/// exact: what was rounded once gives the same steps again.
inline std::vector<float> steps_of(const Parameter<float>& p) {
    std::vector<float> steps(static_cast<std::size_t>(p.shape[0]));
    const std::size_t row = p.value.size() / steps.size();
    for (std::size_t co = 0; co < steps.size(); ++co) {
        float largest = 0;
        for (std::size_t i = co * row; i < (co + 1) * row; ++i) largest = std::max(largest, std::abs(p.value[i]));
        const auto bits = std::bit_cast<std::uint32_t>(largest / 127.0f);
        steps[co] = largest > 0 ? std::bit_cast<float>((bits + 0xFFu) & ~0xFFu) : 1.0f;
    }
    return steps;
}
inline std::vector<std::int32_t> in_steps(const Parameter<float>& p, const std::vector<float>& steps) {
    std::vector<std::int32_t> counts(p.value.size());
    const std::size_t row = p.value.size() / steps.size();
    for (std::size_t i = 0; i < counts.size(); ++i)
        counts[i] = static_cast<std::int32_t>(std::clamp(std::nearbyint(p.value[i] / steps[i / row]), -127.0f, 127.0f));
    return counts;
}

}  // namespace detail

/// Changes a parameter to what a file in that format gives back.
inline void round_to_stored(Parameter<float>& p, WeightFormat format) {
    if (detail::is_stored_in_steps(p, format)) {
        const std::vector<float> steps = detail::steps_of(p);
        const std::vector<std::int32_t> counts = detail::in_steps(p, steps);
        const std::size_t row = p.value.size() / steps.size();
        for (std::size_t i = 0; i < counts.size(); ++i) p.value[i] = static_cast<float>(counts[i]) * steps[i / row];
        return;
    }
    for (float& v : p.value)
        v = format == WeightFormat::bf16 ? bf16_to_float(float_to_bf16(v)) : f16_to_float(float_to_f16(v));
}

/// Adds a parameter to a file.
inline void add_stored(SafetensorsWriter& writer, const std::string& name, const Parameter<float>& p,
                       WeightFormat format) {
    if (!detail::is_stored_in_steps(p, format)) {
        writer.add_float(name, p.shape, p.value, detail::float_dtype(format));
        return;
    }
    const std::vector<float> steps = detail::steps_of(p);
    writer.add_int(name, p.shape, detail::in_steps(p, steps), Dtype::i8);
    writer.add_float(detail::step_name(name), {p.shape[0]}, steps, Dtype::f32);
}

/// Adds what a file must hold for a parameter, in whichever format it is, to a list for require_tensors().
inline void request_stored(const SafetensorsFile& file, const std::string& name, const Parameter<float>& p,
                           std::vector<TensorRequest>& requests) {
    requests.push_back({name, p.shape});
    const TensorEntry* found = file.find(name);
    if (found != nullptr && found->dtype == Dtype::i8 && detail::is_stored_in_steps(p, WeightFormat::int8))
        requests.push_back({detail::step_name(name), {p.shape[0]}});
}

/// The numbers of a parameter in a file, in whichever format it is.
/// Requires  require_tensors() passed for what request_stored() asked.
/// Errors    Error{wrong_weights} for another dtype.
class StoredFloats {
public:
    StoredFloats(const SafetensorsFile& file, const std::string& name, const Parameter<float>& p)
        : file_(file), name_(name) {
        if (file.find(name)->dtype != Dtype::i8 || !detail::is_stored_in_steps(p, WeightFormat::int8)) {
            file.read_float(name, {});
            return;
        }
        counts_ = file.raw(name);
        steps_ = file.read_float(detail::step_name(name));
    }

    /// Those from number `first` on, as many as `out` has.
    void read(std::size_t first, std::span<float> out) const {
        if (steps_.empty()) {
            file_.read_float(name_, out, first);
            return;
        }
        const std::size_t row = counts_.size() / steps_.size(), end = first + out.size();
        for (std::size_t i = first; i < end;) {
            const float step = steps_[i / row];
            for (const std::size_t row_end = std::min(end, (i / row + 1) * row); i < row_end; ++i)
                out[i - first] = static_cast<float>(static_cast<std::int8_t>(counts_[i])) * step;
        }
    }

private:
    const SafetensorsFile& file_;
    std::string name_;
    ByteView counts_;           ///< in steps, signed
    std::vector<float> steps_;  ///< per output channel; none where the file holds floats
};

}  // namespace gancodec
