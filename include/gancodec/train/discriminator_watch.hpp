#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gancodec/autograd/tape.hpp"
#include "gancodec/core/workspace.hpp"
#include "gancodec/kernels/reduce.hpp"

namespace gancodec {

/// The mean of a discriminator's logits over all its maps.
[[nodiscard]] inline double mean_logit(const std::vector<Variable<float>>& logits) {
    double total = 0;
    for (const auto& map : logits) {
        Workspace scratch;
        total += sum(map.constant(), scratch) / static_cast<double>(map.shape().logical_size());
    }
    return total / static_cast<double>(logits.size());
}

/// How often a real patch has a higher logit than the fake one in its place.
[[nodiscard]] inline double told_apart(const std::vector<Variable<float>>& real,
                                       const std::vector<Variable<float>>& fake) {
    std::int64_t right = 0, all = 0;
    for (std::size_t i = 0; i < real.size(); ++i) {
        const Shape s = real[i].shape();
        for (int n = 0; n < s.n; ++n)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x, ++all)
                    right += real[i].constant().at(n, 0, y, x) > fake[i].constant().at(n, 0, y, x);
    }
    return static_cast<double>(right) / static_cast<double>(all);
}

/// Names a discriminator that has won or gone blind, once in a while.
class DiscriminatorWatch {
public:
    /// `share`: told_apart() of a step. The symptom and its usual cure; empty when there is none.
    [[nodiscard]] std::string observe(double share) {
        constexpr std::int64_t kWindow = 500;
        sum_ += share;
        if (++steps_ < kWindow) return {};
        const double mean = sum_ / static_cast<double>(steps_);
        *this = {};
        if (mean > 0.98)
            return "the discriminator tells nearly every patch: lower its rate, or raise r1_weight or instance_noise";
        if (mean < 0.52) return "the discriminator tells nothing: raise its rate, or lower adversarial_weight";
        return {};
    }

private:
    double sum_ = 0;
    std::int64_t steps_ = 0;
};

}  // namespace gancodec
